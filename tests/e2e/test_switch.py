"""Rule R7: the aliases move in one atomic call, and only if they lie where the history says."""

import contextlib
import time

import courses
import pytest
import readers
import soak
from faults import switch_call, through_proxy
from readers import reading

MASTER = courses.MASTER


def put(app, index, on=True, alias=MASTER, **options):
    what = {"index": app.full_name(index), "alias": app.full_name(alias), **options}
    return {"add" if on else "remove": what}


def by_hand(app, *actions):
    app.engine_server.must("POST", "_aliases", {"actions": list(actions)})


def move_by_hand(app, origin, to, alias=MASTER, **options):
    by_hand(app, put(app, origin, on=False, alias=alias), put(app, to, alias=alias, **options))


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
    assert "to be the active one: esmigrate es_activate course_search 2" in result.err
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
    assert "someone else moved it too" in held.result.err and "Readers see all of them" in held.result.err
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
    updates = [row for row in app.history() if row["parent_id"] == activate["id"]]
    assert [(row["action"], row["instance"], row["status"]) for row in updates] == [("update", 2, "complete")] * 2


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
    """Two who start together, from course_search-3: at the end the alias is where the winner put it."""
    three(app)
    app.ok("es_update", MASTER, "3")
    met = 0
    for _ in range(rounds):
        app.ok("es_activate", MASTER, "3", "--no-update", "--no-verify")
        racers = {f"course_search-{number}": app.start("es_activate", MASTER, str(number)) for number in (1, 2)}
        results = {index: process.wait() for index, process in racers.items()}
        won = [index for index, result in results.items() if result.code == 0]
        assert won and where(app) == [courses.active_index(app)] and where(app)[0] in won, results
        for index, result in results.items():
            if index not in won:
                met += 1
                assert result.code == 7 and "another run holds the lock" in result.err, result
                # Who it is is in its row, a moment after it has the lock.
                assert (f'DETAIL: "es_activate course_search {3 - int(index[-1])}" has been running' in result.err
                        or "DETAIL: It is the PostgreSQL session with pid" in result.err), result
    assert met > rounds // 2, f"they met {met} times in {rounds} rounds"
    assert {row["status"] for row in app.history() if row["action"] == "activate"} == {"complete", "failed"}
    print(f"they met {met} times in {rounds} rounds")


def test_of_two_who_switch_at_once_one_wins(app):
    race(app, 5)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_of_two_who_switch_at_once_one_wins_fifty_times(app):
    race(app, 50)


def race_by_hand(app, rounds):
    """Against someone with curl, who moves the alias only if it is where he thinks, as the engine lets him."""
    three(app)
    app.ok("es_update", MASTER, "3")
    chance = soak.seeded()
    words = ("--no-update", "--no-verify")
    seconds = app.run("es_activate", MASTER, "2", *words, check=0).seconds
    move = [put(app, "course_search-1", on=False, **({"must_exist": True} if knows_must_exist(app) else {})),
            put(app, "course_search-3", is_write_index=True)]
    won = {"es_activate": 0, "by hand": 0}
    for turn in range(rounds):
        app.ok("es_activate", MASTER, "1", *words)
        process = app.start("es_activate", MASTER, "2", *words)
        # The first and the last rounds are no race: before it looks, and after it has ended.
        if turn < rounds - 1:
            time.sleep(seconds * chance.random() if turn else 0)
        else:
            process.wait()
        status, answer = app.engine_server.request("POST", "_aliases", {"actions": move})
        result = process.wait()
        assert (status == 200) != (result.code == 0), (status, answer, result)
        winner = "course_search-3" if status == 200 else "course_search-2"
        assert where(app) == [winner] and courses.active_index(app) == winner, result
        if status == 200:
            assert result.code == 1 and "someone else moved it" in result.err, result
        won["by hand" if status == 200 else "es_activate"] += 1
    assert all(won.values()), won
    print(won)


def test_of_es_activate_and_a_hand_one_wins(app):
    race_by_hand(app, 6)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_of_es_activate_and_a_hand_one_wins_fifty_times(app):
    race_by_hand(app, 50)


# ---- what readers see

def read_through(app, program, switches):
    three(app)
    app.engine_server.must("POST", f"{app.full_name('course_search-2')}/_refresh")
    # From then on there is one to roll back to.
    app.ok("es_activate", MASTER, "2", "--no-update")
    with reading(app, program, MASTER) as seen:
        for turn in range(switches):
            if turn % 2:
                app.ok("es_activate", MASTER, "2", "--no-update")
            else:
                app.ok("es_rollback", MASTER)
    summary = {name: value for name, value in seen.items() if name != "wrong"}
    print(f"{switches} switches: {summary}")
    assert where(app) == [f"course_search-{2 - switches % 2}"]
    assert (seen["failed"], seen["errors"], seen["empty"]) == (0, 0, 0), seen
    assert seen["requests"] > 10 * switches, summary
    assert seen["rate"] > 0.95 * readers.A_SECOND or not readers.QUIET, summary


def test_readers_never_see_an_error_or_nothing(app, reader_program):
    read_through(app, reader_program, 10)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_thousand_readers_a_second_never_see_an_error_or_nothing_through_a_hundred_switches(app, reader_program):
    read_through(app, reader_program, 100)


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


def test_an_alias_of_the_file_that_is_the_name_of_an_index_is_named(app):
    three(app)
    app.declare(MASTER, master={"read_alias": "courses_read"})
    app.engine_server.must("PUT", app.full_name("courses_read"))
    result = app.fails(1, "es_activate", MASTER, "2")
    assert f'index named "{app.full_name("courses_read")}"' in result.err
    assert "else take that name out of indexes/course_search/master.json" in result.err
    assert where(app) == ["course_search-1"]


# ---- a competitor at one of them

FILTER = {"filter": {"term": {"title": "one"}}, "index_routing": "a", "search_routing": "a,b"}


def nothing_was_switched(app, alias, result):
    assert result.code == 1, result
    assert f'alias "{app.full_name(alias)}" was moved by someone else at this moment' in result.err
    assert "run the same command again" in result.err
    assert (last_activate(app)["status"], last_activate(app)["instance"]) == ("failed", 2)
    others = {other: where(app, other) for other in [*READS, "courses_write"] if other != alias}
    assert others == {other: ["course_search-1"] for other in others}
    assert courses.active_index(app) == "course_search-1"


def all_are_on(app, index):
    assert {alias: where(app, alias) for alias in [*READS, "courses_write"]} == {
        alias: [index] for alias in [*READS, "courses_write"]}


@pytest.mark.parametrize("alias", ["courses_read", "courses_some", "courses_write"])
def test_a_further_alias_that_is_moved_at_the_moment_of_the_switch(app, alias):
    three(app, master=ALIASES)
    with at_the_switch(app, "es_activate", MASTER, "2") as held:
        move_by_hand(app, "course_search-1", "course_search-3", alias=alias, is_write_index=True, **FILTER)
    nothing_was_switched(app, alias, held.result)
    assert where(app, alias) == ["course_search-3"]
    app.ok("es_activate", MASTER, "2")
    all_are_on(app, "course_search-2")
    assert options_of(app, alias) == {"course_search-2": {"is_write_index": True, **FILTER}}


def test_one_that_is_moved_by_hand_to_where_it_was_to_go(app):
    three(app, master=ALIASES)
    with at_the_switch(app, "es_activate", MASTER, "2") as held:
        move_by_hand(app, "course_search-1", "course_search-2", alias="courses_read")
    if knows_must_exist(app):
        nothing_was_switched(app, "courses_read", held.result)
        app.ok("es_activate", MASTER, "2")
    else:
        assert held.result.code == 0, held.result
    all_are_on(app, "course_search-2")


def test_one_that_is_moved_without_its_write_flag_never_lies_on_two_unsaid(app):
    three(app, master=ALIASES)
    with at_the_switch(app, "es_activate", MASTER, "2") as held:
        move_by_hand(app, "course_search-1", "course_search-3", alias="courses_read")
    if knows_must_exist(app):
        nothing_was_switched(app, "courses_read", held.result)
    else:
        assert held.result.code == 1, held.result
        assert f'alias "{app.full_name("courses_read")}" was put on "' in held.result.err
        assert "someone else moved it too" in held.result.err and "Readers see all of them" in held.result.err
        assert where(app, "courses_read") == ["course_search-2", "course_search-3"]
        assert where(app) == [courses.active_index(app)] == ["course_search-2"]
    app.ok("es_activate", MASTER, "2")
    all_are_on(app, "course_search-2")


def test_a_competitor_at_the_write_alias_when_it_moves_alone(app):
    three(app, master=ALIASES)
    with at_the_switch(app, "es_activate", MASTER, "2", "--writes-only") as held:
        move_by_hand(app, "course_search-1", "course_search-3", alias="courses_write", is_write_index=True)
    nothing_was_switched(app, "courses_write", held.result)
    assert app.ok("es_activate", MASTER, "2", "--writes-only")[0]["result"] == "writes_switched"
    assert where(app, "courses_write") == ["course_search-2"]
    assert where(app) == ["course_search-1"]


def test_an_answer_that_is_lost_is_not_taken_for_a_competitor(app):
    three(app, master=ALIASES)
    for words in (["--writes-only"], ["--reads-only"]):
        with through_proxy(app) as proxy:
            proxy.lose("POST", "_aliases", "after", nth=switch_call(app))
            app.ok("es_activate", MASTER, "2", *words)
    all_are_on(app, "course_search-2")


# ---- an index that bears the alias's name


def in_the_way(app):
    """The application had an index before esmigrate; it has a document of its own."""
    app.engine_server.must("PUT", f"{app.full_name(MASTER)}/_doc/1?refresh=true", {"title": "Old"})
    courses.filled(app)
    app.engine_server.must("POST", f"{app.full_name('course_search-1')}/_refresh")


def replace_index(app, program):
    """What readers saw while the index was deleted and the alias put there."""
    with reading(app, program, MASTER) as seen:
        time.sleep(0.3)
        app.ok("es_activate", MASTER, "--replace-index", "--yes")
        time.sleep(0.3)
    # Engines delete the shards a moment before the name leads elsewhere. No search finds nothing, or no name.
    wrong = [one for one in seen["wrong"] if one["status"] != 503 or "all shards failed" not in one["answer"]]
    assert (wrong, seen["failed"], seen["empty"]) == ([], 0, 0), seen
    assert not seen["errors"] or seen["last_wrong"] - seen["first_wrong"] < 30, seen
    assert seen["requests"] > 10 + seen["errors"]
    assert app.indices() == [app.full_name("course_search-1")]
    assert where(app) == ["course_search-1"] and courses.active_index(app) == "course_search-1"
    return seen


def test_an_index_of_the_aliass_name_is_replaced_when_that_is_asked_for(app, reader_program):
    in_the_way(app)
    result = app.fails(1, "es_activate", MASTER)
    assert "--replace-index" in result.err
    app.fails(8, "es_activate", MASTER, "--replace-index")
    assert app.full_name(MASTER) in app.indices()
    replace_index(app, reader_program)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_what_readers_see_of_twenty_replacements(make_app, reader_program):
    lengths, refused = [], []
    for _ in range(20):
        app = make_app()
        in_the_way(app)
        seen = replace_index(app, reader_program)
        refused.append(seen["errors"])
        lengths.append(1000 * (seen["last_wrong"] - seen["first_wrong"]))
        print(f"{seen['rate']:.0f} a second: {seen['errors']} refused within {lengths[-1]:.1f} ms")
    print(f"refused: {sorted(refused)}; ms: {[round(length, 1) for length in sorted(lengths)]}")


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
