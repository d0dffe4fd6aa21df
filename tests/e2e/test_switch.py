"""Rule R7: the aliases move in one atomic call, and only if they lie where the history says."""

import contextlib
import http.client
import json
import threading
import time
import urllib.parse

import courses
import pytest
from faults import switch_call, through_proxy

MASTER = courses.MASTER


def put(app, index, on=True, alias=MASTER, **options):
    what = {"index": app.full_name(index), "alias": app.full_name(alias), **options}
    return {"add" if on else "remove": what}


def by_hand(app, *actions):
    app.engine_server.must("POST", "_aliases", {"actions": list(actions)})


def move_by_hand(app, origin, to, **options):
    by_hand(app, put(app, origin, on=False), put(app, to, **options))


def three(app, active=True, **files):
    """course_search-1 (active, if so asked), -2 of other SQL, and -3, which is empty."""
    courses.filled(app, **files)
    if active:
        app.ok("es_activate", MASTER)
    courses.second_instance(app)
    app.ok("es_update", MASTER, "2")
    app.ok("es_create", MASTER, "--force")


def where(app, alias=MASTER):
    """Where it lies, without prefixes."""
    return [name.removeprefix(app.prefix) for name in app.alias(alias)]


def options_of(app, alias):
    """{index without prefix: the options of the alias there}"""
    name = app.full_name(alias)
    found = app.engine_server.must("GET", f"_alias/{name}")
    return {index.removeprefix(app.prefix): value["aliases"][name] for index, value in found.items()}


def last_activate(app):
    return [row for row in app.history() if row["action"] == "activate"][-1]


def knows_must_exist(app):
    return app.engine_server.family == "opensearch"


@contextlib.contextmanager
def at_the_switch(app, *command, first=False):
    """The command, held just before the engine sees its call; what it then ends with is .result of what is yielded.

    `first`: the alias lies nowhere, so that the call asks for no `must_exist`, which Elasticsearch 7.10 refuses once.
    """

    class Held:
        result = None

    held = Held()
    with through_proxy(app) as proxy:
        rule = proxy.hold("POST", "_aliases", "before", nth=1 if first else switch_call(app))
        process = app.start(*command)
        rule.wait()
        yield held
        rule.release()
        held.result = process.wait()


# ---- only from where the history says


def test_an_alias_that_was_moved_is_said_and_the_same_command_works_from_there(app):
    three(app)
    move_by_hand(app, "course_search-1", "course_search-3")
    result = app.fails(1, "es_activate", MASTER, "2")
    one, three_ = app.full_name("course_search-1"), app.full_name("course_search-3")
    assert f'alias "{app.full_name(MASTER)}" points to "{three_}", not to "{one}"' in result.err
    assert "run the same command again" in result.err
    assert where(app) == ["course_search-3"] and courses.active_index(app) == "course_search-3"
    assert (last_activate(app)["status"], last_activate(app)["instance"]) == ("failed", 2)
    assert app.ok("es_activate", MASTER, "2")[0]["result"] == "activated"
    assert where(app) == ["course_search-2"] and courses.active_index(app) == "course_search-2"


def test_an_alias_that_lies_nowhere_is_said_and_the_same_command_puts_it(app):
    three(app)
    by_hand(app, put(app, "course_search-1", on=False))
    result = app.fails(1, "es_activate", MASTER, "2")
    assert "points to no index, not to" in result.err
    assert where(app) == [] and courses.active_index(app) is None
    app.ok("es_activate", MASTER, "2")
    assert where(app) == ["course_search-2"] and courses.active_index(app) == "course_search-2"


def test_an_alias_on_two_indexes_is_never_left_silently(app):
    three(app)
    by_hand(app, put(app, "course_search-3"))
    result = app.fails(1, "es_activate", MASTER, "2")
    assert f'points to "{app.full_name("course_search-1")}" and "' in result.err and "Take it off all but one by hand" in result.err
    assert where(app) == ["course_search-1", "course_search-3"]
    by_hand(app, put(app, "course_search-3", on=False))
    app.ok("es_activate", MASTER, "2")
    assert where(app) == ["course_search-2"]


def test_an_alias_that_is_moved_at_the_moment_of_the_switch(app):
    three(app)
    with at_the_switch(app, "es_activate", MASTER, "2") as held:
        move_by_hand(app, "course_search-1", "course_search-3")
    assert held.result.code == 1, held.result
    if knows_must_exist(app):
        assert "someone else moved it" in held.result.err
        assert where(app) == ["course_search-3"] and courses.active_index(app) == "course_search-3"
    else:
        # Nothing but the write flag could refuse it, and a move by hand has none.
        assert "someone else moved it too" in held.result.err
        assert "Take it off all but one by hand" in held.result.err
        assert where(app) == ["course_search-2", "course_search-3"]
        by_hand(app, put(app, "course_search-2", on=False))
        app.fails(1, "es_activate", MASTER, "2")
        assert courses.active_index(app) == "course_search-3"
    assert last_activate(app)["status"] == "failed"
    app.ok("es_activate", MASTER, "2")
    assert where(app) == ["course_search-2"] and courses.active_index(app) == "course_search-2"


def test_a_competitor_that_puts_it_as_the_write_index_wins(app):
    three(app)
    with at_the_switch(app, "es_activate", MASTER, "2") as held:
        move_by_hand(app, "course_search-1", "course_search-3", is_write_index=True)
    assert held.result.code == 1, held.result
    assert "someone else moved it" in held.result.err
    assert where(app) == ["course_search-3"] and courses.active_index(app) == "course_search-3"
    app.ok("es_activate", MASTER, "2")
    assert where(app) == ["course_search-2"]


def test_a_competitor_of_the_first_switch_wins(app):
    three(app, active=False)
    with at_the_switch(app, "es_activate", MASTER, "2", first=True) as held:
        by_hand(app, put(app, "course_search-3", is_write_index=True))
    assert held.result.code == 1, held.result
    assert "someone else moved it" in held.result.err
    assert where(app) == ["course_search-3"] and courses.active_index(app) == "course_search-3"


def test_an_alias_put_by_hand_at_the_moment_of_the_first_switch_is_reported(app):
    three(app, active=False)
    with at_the_switch(app, "es_activate", MASTER, "2", first=True) as held:
        by_hand(app, put(app, "course_search-3"))
    assert held.result.code == 1, held.result
    assert "someone else moved it too" in held.result.err and "Readers see both" in held.result.err
    assert where(app) == ["course_search-2", "course_search-3"]
    by_hand(app, put(app, "course_search-3", on=False))
    app.fails(1, "es_activate", MASTER, "2")
    assert app.ok("es_activate", MASTER, "2")[0]["result"] == "already_active"


def test_the_alias_is_put_as_the_write_index(app):
    three(app)
    assert options_of(app, MASTER) == {"course_search-1": {"is_write_index": True}}
    app.ok("es_activate", MASTER, "2")
    assert options_of(app, MASTER) == {"course_search-2": {"is_write_index": True}}


# ---- what is made ready before


def test_the_instance_is_brought_up_to_date_before(app):
    three(app)
    courses.rename(app, 1, "New")
    app.ok("es_activate", MASTER, "2")
    assert courses.titles(app, MASTER)["1"] == "NEW"
    activate = last_activate(app)
    [update] = [row for row in app.history() if row["parent_id"] == activate["id"]]
    assert (update["action"], update["instance"], update["status"]) == ("update", 2, "complete")


def test_no_update_switches_to_it_as_it_is(app):
    three(app)
    courses.rename(app, 1, "New")
    app.ok("es_activate", MASTER, "2", "--no-update")
    assert courses.titles(app, MASTER)["1"] == "COURSE 1"
    assert [row for row in app.history() if row["parent_id"] == last_activate(app)["id"]] == []


def reject_one(app):
    """Course 1 is what no integer field takes."""
    app.sql("ALTER TABLE course ADD COLUMN hours text DEFAULT '1'")
    app.declare(
        MASTER,
        index={"mappings": {"dynamic": "strict", "properties": {"title": {"type": "text"}, "hours": {"type": "integer"}}}},
        documents="SELECT id AS _id, changed_at AS _changed_at, title, hours FROM course",
    )
    app.sql("UPDATE course SET hours = 'many', changed_at = now() WHERE id = 1")


@pytest.mark.parametrize("option", [[], ["--no-update"]])
def test_open_rejected_documents_refuse_the_switch(app, option):
    courses.activated(app)
    reject_one(app)
    app.ok("es_create", MASTER)
    app.fails(4, "es_update", MASTER, "2")
    result = app.fails(1, "es_activate", MASTER, *option)
    assert "nothing was switched" in result.err and "1 rejected document is open" in result.err
    assert "es_retry course_search-2" in result.err and "--allow-rejected 1" in result.err
    assert where(app) == ["course_search-1"] and courses.active_index(app) == "course_search-1"
    app.ok("es_activate", MASTER, "--allow-rejected", "1", *option)
    assert where(app) == ["course_search-2"]


# ---- two at once


def race(app, rounds):
    three(app)
    app.ok("es_update", MASTER, "3")
    app.ok("es_activate", MASTER, "3")
    refused = 0
    for _ in range(rounds):
        racers = {f"course_search-{number}": app.start("es_activate", MASTER, str(number)) for number in (1, 2)}
        results = {index: process.wait() for index, process in racers.items()}
        won = [index for index, result in results.items() if result.code == 0]
        for result in results.values():
            assert result.code in (0, 7), result
            assert result.code == 0 or "another run" in result.err or "lock" in result.err, result
        assert won and where(app)[0] in won and len(where(app)) == 1
        assert courses.active_index(app) == where(app)[0]
        refused += 2 - len(won)
    assert refused > 0, "they never met"
    assert [row for row in app.history() if row["status"] == "running"] == []


def test_of_two_who_switch_at_once_one_wins(app):
    race(app, 5)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_of_two_who_switch_at_once_one_wins_fifty_times(app):
    race(app, 50)


class Reader(threading.Thread):
    """Searches through a name as fast as it can: how often, and what was no document (when, status, answer)."""

    def __init__(self, app, name):
        super().__init__(daemon=True)
        self.address = urllib.parse.urlsplit(app.engine_server.url)
        self.path = f"/{urllib.parse.quote(app.full_name(name))}/_search?size=1"
        self.searches, self.wrong = 0, []
        self._end = threading.Event()

    def run(self):
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=60)
        while not self._end.is_set():
            connection.request("GET", self.path)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200 or not json.loads(text)["hits"]["hits"]:
                self.wrong.append((time.monotonic(), answer.status, text.decode()[:300]))
            self.searches += 1
        connection.close()

    def end(self):
        self._end.set()
        self.join()


@contextlib.contextmanager
def readers(app, name, count=2):
    found = [Reader(app, name) for _ in range(count)]
    for reader in found:
        reader.start()
    try:
        yield found
    finally:
        for reader in found:
            reader.end()


def read_through(app, switches):
    three(app)
    app.engine_server.must("POST", f"{app.full_name('course_search-2')}/_refresh")
    begun = time.monotonic()
    with readers(app, MASTER) as found:
        for turn in range(switches):
            app.ok("es_activate", MASTER, str(2 - turn % 2), "--no-update")
    seconds = time.monotonic() - begun
    searches = sum(reader.searches for reader in found)
    print(f"{searches} searches, {searches / seconds:.0f} a second, through {switches} switches")
    assert [wrong for reader in found for wrong in reader.wrong] == []
    assert searches > 10 * switches


def test_readers_never_see_an_error_or_nothing(app):
    read_through(app, 20)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_readers_never_see_an_error_or_nothing_through_a_hundred_switches(app):
    read_through(app, 100)


# ---- the aliases of the application

ALIASES = {"read_alias": "courses_read", "write_alias": "courses_write", "aliases": ["courses_some", "courses_all"]}
READS = ["courses_read", "courses_some", "courses_all", MASTER]


def test_the_aliases_of_master_json_move_together_with_what_they_were_put_with(app):
    three(app, master=ALIASES)
    for alias in [*READS, "courses_write"]:
        assert options_of(app, alias) == {"course_search-1": {"is_write_index": True}}
    filtered = {"filter": {"term": {"title": "one"}}, "index_routing": "a", "search_routing": "a,b"}
    by_hand(app, put(app, "course_search-1", alias="courses_some", **filtered))
    with through_proxy(app) as proxy:
        app.ok("es_activate", MASTER, "2")
        calls = [path for method, path in proxy.seen if (method, path) == ("POST", "/_aliases")]
    assert len(calls) == switch_call(app)
    for alias in ["courses_read", "courses_all", MASTER, "courses_write"]:
        assert options_of(app, alias) == {"course_search-2": {"is_write_index": True}}
    assert options_of(app, "courses_some") == {"course_search-2": {"is_write_index": True, **filtered}}


@pytest.mark.parametrize("name", ["course_search-1.W1", MASTER])
def test_an_alias_that_is_something_else_is_never_moved(app, name):
    """The private alias of an instance is its fence (rule R2)."""
    three(app)
    before = app.engine_server.must("GET", f"{app.prefix}*/_alias")
    courses.declare(app, master={"read_alias": name})
    assert f'"{name}" cannot be a further alias' in app.fails(2, "es_deploy", MASTER).err
    assert app.engine_server.must("GET", f"{app.prefix}*/_alias") == before
    app.ok("es_activate", MASTER, "2")
    assert where(app, "course_search-1.W1") == ["course_search-1"] and where(app) == ["course_search-2"]


def test_reads_first_and_writes_later(app):
    three(app, master=ALIASES)
    assert app.ok("es_activate", MASTER, "2", "--reads-only")[0]["result"] == "activated"
    assert {alias: where(app, alias) for alias in READS} == {alias: ["course_search-2"] for alias in READS}
    assert where(app, "courses_write") == ["course_search-1"]
    assert courses.active_index(app) == "course_search-2"
    assert app.ok("es_activate", MASTER, "2", "--writes-only")[0]["result"] == "writes_switched"
    assert where(app, "courses_write") == ["course_search-2"]


def test_writes_first_and_reads_later(app):
    three(app, master=ALIASES)
    assert app.ok("es_activate", MASTER, "2", "--writes-only")[0]["result"] == "writes_switched"
    assert where(app, "courses_write") == ["course_search-2"]
    assert {alias: where(app, alias) for alias in READS} == {alias: ["course_search-1"] for alias in READS}
    assert courses.active_index(app) == "course_search-1"
    app.ok("es_activate", MASTER, "2")
    assert {where(app, alias)[0] for alias in [*READS, "courses_write"]} == {"course_search-2"}


def test_parts_of_a_switch_exclude_each_other_and_need_their_alias(app):
    three(app)
    app.fails(2, "es_activate", MASTER, "2", "--reads-only", "--writes-only")
    result = app.fails(2, "es_activate", MASTER, "2", "--writes-only")
    assert "write_alias" in result.err
    assert where(app) == ["course_search-1"]


def test_an_alias_added_to_the_file_is_put_by_the_same_command_again(app):
    courses.activated(app)
    app.declare(MASTER, master=ALIASES)
    assert app.ok("es_activate", MASTER)[0]["result"] == "already_active"
    assert where(app, "courses_read") == ["course_search-1"]


def test_an_alias_that_lies_on_an_index_of_someone_else_refuses_all(app):
    three(app, master=ALIASES)
    app.engine_server.must("PUT", app.full_name("theirs"))
    by_hand(app, put(app, "theirs", alias="courses_all"))
    result = app.fails(1, "es_activate", MASTER, "2")
    assert "which is no instance of course_search" in result.err and "master.json" in result.err
    assert where(app) == ["course_search-1"] and where(app, "courses_read") == ["course_search-1"]


# ---- an index that bears the alias's name


def in_the_way(app):
    """The application had an index before esmigrate; it has a document of its own."""
    app.engine_server.must("PUT", f"{app.full_name(MASTER)}/_doc/1?refresh=true", {"title": "Old"})
    courses.filled(app)
    app.engine_server.must("POST", f"{app.full_name('course_search-1')}/_refresh")


def test_an_index_of_the_aliass_name_is_replaced_when_that_is_asked_for(app):
    in_the_way(app)
    result = app.fails(1, "es_activate", MASTER)
    assert "--replace-index" in result.err
    app.fails(8, "es_activate", MASTER, "--replace-index")
    assert app.full_name(MASTER) in app.indices()
    with readers(app, MASTER) as found:
        time.sleep(0.3)
        app.ok("es_activate", MASTER, "--replace-index", "--yes")
        time.sleep(0.3)
    # Engines delete the shards a moment before the name leads elsewhere. No search finds nothing, or no name.
    wrong = sorted(wrong for reader in found for wrong in reader.wrong)
    assert [one for one in wrong if one[1] != 503 or "all shards failed" not in one[2]] == []
    assert not wrong or wrong[-1][0] - wrong[0][0] < 1, wrong
    assert sum(reader.searches for reader in found) > 10 + len(wrong)
    assert app.indices() == [app.full_name("course_search-1")]
    assert where(app) == ["course_search-1"] and courses.active_index(app) == "course_search-1"


def test_on_a_terminal_it_is_asked_for(app):
    in_the_way(app)
    code, shown = app.terminal("es_activate", MASTER, "--replace-index", answers=[("[y/N]", "n\n")])
    assert code == 8 and app.full_name(MASTER) in shown
    assert app.full_name(MASTER) in app.indices()
    code, shown = app.terminal("es_activate", MASTER, "--replace-index", answers=[("[y/N]", "y\n")])
    assert code == 0, shown
    assert app.indices() == [app.full_name("course_search-1")]


def test_with_nothing_to_replace_it_is_an_ordinary_switch(app):
    three(app)
    app.ok("es_activate", MASTER, "2", "--replace-index", "--yes")
    assert where(app) == ["course_search-2"]
