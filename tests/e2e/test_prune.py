"""es_prune: retired instances, orphans, and runs of the history that changed nothing."""

import time

import courses
import psycopg
import pytest
import test_check
import test_remove
from faults import through_proxy

pytestmark = pytest.mark.either

MASTER = courses.MASTER
FIELDS = {"id", "action", "master", "instance", "index", "result", "folded"}


def instances(app, count, active):
    """course_search-1 .. count, each active in turn up to `active`, so that all below it are retired."""
    courses.filled(app)
    for number in range(2, count + 1):
        app.ok("es_create", MASTER, "--force")
    for number in range(1, active + 1):
        app.ok("es_update", MASTER, str(number))
        app.ok("es_activate", MASTER, str(number))


def retired_since(app, number, interval):
    app.sql(
        "UPDATE esmigrate.index_instance SET deactivated_at = clock_timestamp() - %s::interval WHERE number = %s",
        (interval, number),
    )


def dropped(items):
    return [item["instance"] for item in items if item["result"] == "dropped"]


def by_index(app, items):
    return {item["index"].removeprefix(app.prefix): item["result"] for item in items}


def live(app):
    return [name.removeprefix(app.full_name(MASTER) + "-") for name in app.indices()]


# ---- retired instances


def test_what_was_replaced_longer_ago_than_it_is_retained_is_dropped(app):
    instances(app, count=4, active=3)
    assert app.ok("es_prune", MASTER, "--yes") == []
    retired_since(app, 1, "8 days")
    retired_since(app, 2, "6 days")
    [item] = app.ok("es_prune", MASTER, "--yes")
    assert set(item) == FIELDS
    assert (item["action"], item["instance"], item["index"], item["result"]) == (
        "prune", 1, app.full_name("course_search-1"), "dropped")
    assert live(app) == ["2", "3", "4"]
    row = courses.last_action(app)
    assert (str(row["id"]), row["action"], row["status"], row["result"], row["instance"]) == (
        item["id"], "prune", "complete", "dropped", 1)
    assert courses.instances(app)["course_search-1"]["state"] == "dropped"
    # The option beats the default; what is newer than the active one is never touched.
    assert dropped(app.ok("es_prune", "--all", "--older-than", "0", "--yes")) == [2]
    assert live(app) == ["3", "4"]
    assert app.alias(MASTER) == [app.full_name("course_search-3")]


def test_retain_of_master_json_counts_and_the_option_beats_it(app):
    instances(app, count=2, active=2)
    retired_since(app, 1, "8 days")
    courses.declare(app, master={"retain": "9 days"})
    assert app.ok("es_prune", MASTER, "--yes") == []
    assert dropped(app.ok("es_prune", MASTER, "--older-than", "8 days", "-n")) == [1]
    courses.declare(app, master={"retain": "1 day"})
    assert dropped(app.ok("es_prune", MASTER, "--yes")) == [1]


def test_a_retention_that_is_no_interval_is_wrong_use(app):
    instances(app, count=2, active=2)
    result = app.fails(2, "es_prune", MASTER, "--older-than", "long", "--yes")
    assert '--older-than: "long" is not an interval' in result.err and "HINT: " in result.err
    courses.declare(app, master={"retain": "long"})
    assert '"retain" in master.json: "long" is not an interval' in app.fails(2, "es_prune", MASTER, "--yes").err
    result = app.fails(2, "es_prune", "--all", "--history-older-than", "-1 day", "--older-than", "1 day", "--yes")
    assert '--history-older-than: "-1 day" is not an interval' in result.err
    assert live(app) == ["1", "2"]


def test_the_instances_that_were_active_last_can_be_retained_however_old(app):
    instances(app, count=4, active=2)
    app.ok("es_update", MASTER, "4")
    app.ok("es_activate", MASTER, "4")
    retired_since(app, 1, "30 days")
    retired_since(app, 2, "60 days")
    app.sql("UPDATE esmigrate.index_instance SET activated_at = now() - interval '90 days' WHERE number = 4")
    # 3 was never active: it goes first, and then by when the alias left it.
    words = ("es_prune", MASTER, "--older-than", "1 day", "-n", "--retain")
    assert [dropped(app.ok(*words, n)) for n in range(4)] == [[1, 2, 3], [2, 3], [3], []]


def test_one_that_never_was_active_is_retired_since_the_active_one_is_active(app):
    courses.filled(app)
    courses.second_instance(app)
    app.ok("es_update", MASTER, "2")
    app.ok("es_activate", MASTER, "2")
    assert app.ok("es_prune", MASTER, "--older-than", "1 hour", "--yes") == []
    app.sql("UPDATE esmigrate.index_instance SET activated_at = now() - interval '2 hours' WHERE number = 2")
    assert dropped(app.ok("es_prune", MASTER, "--older-than", "1 hour", "--yes")) == [1]


def test_the_kept_one_stays_until_its_time_is_over(app):
    instances(app, count=2, active=2)
    retired_since(app, 1, "30 days")
    app.sql("UPDATE esmigrate.index_instance SET kept_until = now() + interval '1 hour' WHERE number = 1")
    assert app.ok("es_prune", MASTER, "--older-than", "0", "--yes") == []
    app.sql("UPDATE esmigrate.index_instance SET kept_until = now() - interval '1 hour' WHERE number = 1")
    assert dropped(app.ok("es_prune", MASTER, "--older-than", "0", "--yes")) == [1]


def test_what_a_rollback_left_stays_until_a_newer_one_is_active(app):
    instances(app, count=3, active=2)
    app.ok("es_activate", MASTER, "1")
    assert app.ok("es_prune", MASTER, "--older-than", "0", "--yes") == []
    app.ok("es_update", MASTER, "3")
    app.ok("es_activate", MASTER, "3")
    assert dropped(app.ok("es_prune", MASTER, "--older-than", "0", "--yes")) == [1, 2]
    parent, *parts = app.history()[-3:]
    assert (parent["action"], parent["status"], parent["instance"]) == ("prune", "complete", None)
    assert {row["parent_id"] for row in parts} == {parent["id"]}


def test_without_an_active_instance_nothing_is_retired(app):
    courses.filled(app)
    courses.second_instance(app)
    assert app.ok("es_prune", MASTER, "--older-than", "0", "--yes") == []
    assert live(app) == ["1", "2"]


@pytest.mark.parametrize("alias", [MASTER, "reports"], ids=["moved", "another"])
def test_an_index_that_an_alias_points_to_stays_and_is_named(app, alias):
    """The alias was moved back by hand, or another application has one of its own."""
    instances(app, count=3, active=3)
    index = app.full_name("course_search-1")
    app.engine_server.must("POST", "_aliases", {"actions": [{"add": {"index": index, "alias": app.full_name(alias)}}]})
    result = app.run("es_prune", MASTER, "--older-than", "0", "--yes", "-o", "json", check=0)
    assert dropped(result.json) == [2]
    assert f'index "{index}" is retired, but alias "{app.full_name(alias)}" points to it: it stays' in result.err
    assert live(app) == ["1", "3"]


def test_an_index_that_someone_made_anew_stays(app):
    instances(app, count=2, active=2)
    index = app.full_name("course_search-1")
    app.engine_server.must("DELETE", index)
    app.engine_server.must("PUT", f"{index}/_doc/1?refresh=true", {"theirs": True})
    assert "not the one esmigrate made" in app.fails(1, "es_prune", MASTER, "--older-than", "0", "--yes").err
    assert app.docs(index) == {"1": {"theirs": True}}


def test_it_asks_and_changes_nothing_before(app):
    instances(app, count=2, active=2)
    before = courses.everything(app)
    result = app.fails(8, "es_prune", MASTER, "--older-than", "0", input="y\n")
    assert f"It would drop these indexes: {app.full_name('course_search-1')}." in result.err and "--yes" in result.err
    assert dropped(app.ok("es_prune", MASTER, "--older-than", "0", "--dry-run")) == [1]
    code, out, seen = test_remove.on_terminal(app, ["es_prune", MASTER, "--older-than", "0"], "n\n")
    assert (code, out) == (8, "") and app.full_name("course_search-1") in seen
    assert courses.everything(app) == before
    code, out, seen = test_remove.on_terminal(app, ["es_prune", MASTER, "--older-than", "0"], "y\n")
    assert code == 0 and "dropped" in out
    assert live(app) == ["2"]


def test_what_became_active_while_the_question_stood_is_left(app):
    instances(app, count=3, active=3)

    def meanwhile():
        app.run("es_activate", MASTER, "1", check=0)

    code, out, seen = test_remove.on_terminal(app, ["es_prune", MASTER, "--older-than", "0"], "y\n", meanwhile)
    assert code == 1, seen
    assert f'index "{app.full_name("course_search-1")}" is not retired any more' in seen
    assert live(app) == ["1", "2", "3"]
    row = courses.last_action(app)
    assert (row["action"], row["status"]) == ("prune", "failed")


def test_a_prune_that_was_killed_is_settled_by_the_next_command(app):
    """The index is deleted, and the run dies before it can say so."""
    instances(app, count=3, active=3)
    instance = courses.instances(app)["course_search-1"]
    app.sql(
        "INSERT INTO esmigrate.index_action (id, master_id, instance_id, action, argv, tool_version, os_user, host, pid)"
        " VALUES (gen_random_uuid(), %s, %s, 'prune', '{}', '0', 'u', 'h', 1)",
        (instance["master_id"], instance["id"]),
    )
    app.engine_server.must("DELETE", app.full_name("course_search-1"))
    result = app.run("es_prune", MASTER, "--older-than", "0", "--yes", "-o", "json", check=0)
    assert f'an es_prune had crashed: index "{app.full_name("course_search-1")}" was deleted' in result.err
    assert courses.instances(app)["course_search-1"]["state"] == "dropped"
    assert live(app) == ["3"]


def test_wrong_use(app):
    courses.activated(app)
    for words in ((), (MASTER, "--all"), (MASTER, "1"), ("course_search-1",), (MASTER, "--orphans"),
                  (MASTER, "--history-older-than", "1 day"), ("nothing_search",)):
        app.fails(2, "es_prune", *words, "--yes")


# ---- orphans


def copy_of_index(app, source, name):
    """An index with the mappings, and so with the mark, of another."""
    source, name = app.full_name(source), app.full_name(name)
    mappings = app.engine_server.must("GET", source)[source]["mappings"]
    app.engine_server.must("PUT", name, {"mappings": mappings})
    return name


def restored(app, number):
    """The index of an instance, dropped by es_drop, and made again as a snapshot would."""
    index = app.full_name(f"course_search-{number}")
    mappings = app.engine_server.must("GET", index)[index]["mappings"]
    app.ok("es_drop", MASTER, str(number), "--yes")
    app.engine_server.must("PUT", index, {"mappings": mappings})
    return index


def test_an_orphan_is_named_and_dropped_only_on_request(app):
    instances(app, count=2, active=2)
    index = restored(app, 1)
    result = app.run("es_prune", "--all", "--yes", "-o", "json", check=0)
    assert by_index(app, result.json) == {"course_search-1": "orphan"}
    assert "orphans are dropped with --orphans" in result.err
    assert live(app) == ["1", "2"]
    assert app.fails(8, "es_prune", "--all", "--orphans").err.count(index) == 1
    [item] = app.ok("es_prune", "--all", "--orphans", "--yes")
    assert set(item) == FIELDS and (item["master"], item["index"], item["result"]) == (MASTER, index, "dropped")
    assert live(app) == ["2"]
    [shown] = app.ok("es_history", item["id"])
    assert (shown["action"], shown["status"], shown["result"], shown["index"]) == (
        "prune", "complete", "dropped", index)
    assert app.ok("es_prune", "--all", "--orphans", "--yes") == []


def test_an_orphan_that_an_alias_points_to_stays(app):
    instances(app, count=2, active=2)
    index = restored(app, 1)
    alias = app.full_name("old_readers")
    app.engine_server.must("POST", "_aliases", {"actions": [{"add": {"index": index, "alias": alias}}]})
    result = app.run("es_prune", "--all", "--orphans", "--yes", "-o", "json", check=0)
    assert by_index(app, result.json) == {"course_search-1": "orphan_in_use"}
    assert f'index "{index}" is an orphan, but alias "{alias}" points to it' in result.err
    assert live(app) == ["1", "2"]


def test_clones_copies_and_indexes_of_others_are_no_orphans(app):
    instances(app, count=2, active=2)
    copy_of_index(app, "course_search-2", "course_search-2-copy")
    copy_of_index(app, "course_search-2", "other_search-1")
    app.engine_server.must("PUT", app.full_name("course_search-9"), {})
    app.engine_server.must("PUT", app.full_name("theirs"), {})
    result = app.run("es_prune", "--all", "--orphans", "--yes", "-o", "json", check=0)
    assert by_index(app, result.json) == dict.fromkeys(
        ["course_search-2-copy", "other_search-1", "course_search-9", "theirs"], "foreign")
    assert "what bears no mark of esmigrate, or is a copy, is never dropped here" in result.err
    assert len(app.indices()) == 6


def test_without_a_prefix_only_names_of_instances_are_named(make_app):
    app = make_app()
    app.prefix, other = "", app.prefix
    app.env["ESMIGRATE_PREFIX"] = ""
    master = other + "search"
    try:
        courses.make_courses(app)
        app.ok("es_init")
        courses.declare(app, master)
        app.ok("es_create", master)
        for name in (f"{master}-7", f"{master}-copy", f"{other}theirs"):
            app.engine_server.must("PUT", name, {})
        found = by_index(app, app.ok("es_prune", "--all", "--orphans", "--yes"))
        assert {name: kind for name, kind in found.items() if name.startswith(other)} == {f"{master}-7": "foreign"}
    finally:
        app.prefix = other


def test_what_another_history_made_is_never_dropped_although_our_prefix_covers_it(make_app):
    """Prefix "a_" is the beginning of "a_b_"."""
    app, other = make_app(), make_app()
    other.prefix = other.env["ESMIGRATE_PREFIX"] = app.prefix + "b_"
    courses.activated(app)
    instances(other, count=2, active=2)
    result = app.run("es_prune", "--all", "--orphans", "--older-than", "0", "--yes", "-o", "json", check=0)
    assert by_index(app, result.json) == {
        "b_course_search-1": "other_history", "b_course_search-2": "other_history"}
    assert "what another history made is never dropped here" in result.err
    assert len(other.indices()) == 2
    assert other.ok("es_prune", "--all", "--orphans", "--yes") == []


def test_a_copied_history_prunes_nothing(app):
    """A staging copy of production's database, with production's engine."""
    instances(app, count=2, active=2)
    restored(app, 1)
    app.sql("UPDATE esmigrate.installation SET database_oid = database_oid + 1")
    for words in (("--orphans", "--yes"), ("--older-than", "0", "--yes"), ("--dry-run",)):
        assert "was copied here" in app.fails(1, "es_prune", "--all", *words).err
    assert live(app) == ["1", "2"]


def test_an_instance_without_its_index_is_named(app):
    instances(app, count=2, active=2)
    app.engine_server.must("DELETE", app.full_name("course_search-1"))
    result = app.run("es_prune", "--all", "--yes", "-o", "json", check=0)
    assert by_index(app, result.json) == {"course_search-1": "missing"}
    assert "es_create NAME --engine-only makes it again, --orphans ends it" in result.err
    assert courses.instances(app)["course_search-1"]["state"] != "dropped"


def test_an_instance_without_its_index_is_ended_on_request(app):
    instances(app, count=3, active=2)
    restored(app, 3)
    app.engine_server.must("DELETE", app.full_name("course_search-1"))
    assert app.fails(8, "es_prune", "--all", "--orphans").err.count("course_search-1") == 2
    before = courses.everything(app)
    words = ("es_prune", "--all", "--orphans")
    assert [(item["instance"], item["result"]) for item in app.ok(*words, "-n")] == [(3, "dropped"), (1, "dropped")]
    assert courses.everything(app) == before
    assert [(item["instance"], item["result"]) for item in app.ok(*words, "--yes")] == [(3, "dropped"), (1, "dropped")]
    assert courses.instances(app)["course_search-1"]["state"] == "dropped"
    row = courses.last_action(app)
    assert (row["action"], row["status"], row["result"], row["instance"]) == ("prune", "complete", "dropped", 1)
    assert live(app) == ["2"] and app.ok(*words, "--yes") == []
    # One that is retired goes as such, once.
    app.ok("es_create", MASTER, "--force")
    app.ok("es_update", MASTER, "4")
    app.ok("es_activate", MASTER, "4")
    app.engine_server.must("DELETE", app.full_name("course_search-2"))
    assert dropped(app.ok(*words, "--older-than", "0", "--yes")) == [2]


def test_an_instance_without_its_index_that_is_needed_is_never_ended(app):
    """Active, kept for a rollback, or another index bears its name."""
    instances(app, count=4, active=4)
    app.sql("UPDATE esmigrate.index_instance SET kept_until = now() + interval '1 hour' WHERE number = 3")
    for number in (2, 3, 4):
        app.engine_server.must("DELETE", app.full_name(f"course_search-{number}"))
    app.engine_server.must("PUT", app.full_name("course_search-2"))
    result = app.run("es_prune", "--all", "--orphans", "--yes", "-o", "json", check=0)
    assert by_index(app, result.json) == {f"course_search-{number}": "missing_in_use" for number in (2, 3, 4)}
    assert "active or kept" in result.err
    assert not [row for row in courses.instances(app).values() if row["state"] == "dropped"]


# ---- scratch indexes of es_check and es_plan


@pytest.mark.parametrize("command, method, path", [("es_check", "POST", "_bulk"), ("es_plan", "PUT", "_mapping")])
def test_a_scratch_index_of_a_crashed_run_is_removed_and_never_one_that_is_worked_with(app, command, method, path):
    instances(app, count=2, active=2)
    courses.declare(app, index={"mappings": {"properties": {"title": {"type": "text"}, "more": {"type": "text"}}}})
    theirs = app.full_name(MASTER) + "-scratch.theirs"
    app.engine_server.must("PUT", theirs, {"mappings": {"_meta": {"esmigrate": {"action": "scratch of 1/2"}}}})
    app.engine_server.must("PUT", app.full_name(MASTER) + "-scratch.nobodys")
    others = [theirs, app.full_name(MASTER) + "-scratch.nobodys"]
    with through_proxy(app) as proxy:
        held = proxy.hold(method, path, "before")
        process = app.start(command, MASTER)
        held.wait()
        scratch = {name for name in app.indices() if "-scratch." in name and name not in others}
        assert scratch
        assert app.ok("es_prune", MASTER, "--yes") == []
        foreign = {f"{MASTER}-scratch.nobodys": "foreign"}
        assert by_index(app, app.ok("es_prune", "--all", "--yes")) == foreign
        assert scratch < set(app.indices())
        process.kill()
    test_check.wait_until_free(app)
    before = courses.everything(app)
    expected = {name.removeprefix(app.prefix): "scratch" for name in scratch}
    assert by_index(app, app.ok("es_prune", MASTER, "--dry-run")) == expected
    assert courses.everything(app) == before
    app.sql("INSERT INTO esmigrate.index_master (name) VALUES ('other_search')")
    assert app.ok("es_prune", "other_search", "--yes") == []
    # Also of a master that the history does not know: nobody is asked.
    result = app.run("es_prune", "--all", "-o", "json", check=0)
    assert by_index(app, result.json) == {**expected, **foreign}
    assert all(f'removed "{name}", which a crashed run had left behind' in result.err for name in scratch)
    assert not scratch & set(app.indices()) and set(others) < set(app.indices())


# ---- the history


def idle_runs(app, count, first, step, **columns):
    """Updates of course_search-1 that changed nothing, from `first` on."""
    given = {"tag": None, "docs": 0, "mode": "changed", "status": "complete", "host": "host", "argv": "{es_update}",
             "parent": None, **columns}
    app.sql(
        """
        INSERT INTO esmigrate.index_action (id, parent_id, master_id, instance_id, action, mode, status, started_at, finished_at,
            argv, tag, tool_version, os_user, host, pid, docs_sent, docs_indexed)
        SELECT gen_random_uuid(), %(parent)s, i.master_id, i.id, 'update', %(mode)s, %(status)s, t, t + interval '1 second',
               %(argv)s::text[], %(tag)s, '0.1.0', 'user', %(host)s, n, %(docs)s, %(docs)s
        FROM esmigrate.index_instance i, generate_series(0, %(count)s - 1) n,
             LATERAL (SELECT %(first)s::timestamptz + n * %(step)s::interval AS t) s
        WHERE i.number = 1
        """,
        {**given, "count": count, "first": first, "step": step},
    )


def history_size(app):
    return app.sql("SELECT count(*) AS n FROM esmigrate.index_action")[0]["n"]


def fold(app, *words, older_than="30 days"):
    return app.ok("es_prune", "--all", "--history-older-than", older_than, "--yes", *words)


def old_updates(app):
    return [item for item in app.ok("es_history", MASTER, "--until", "2021-01-01T00:00:00Z", "--limit", "10000")]


def test_runs_that_changed_nothing_are_folded_to_one_a_day_that_says_so(app):
    courses.activated(app)
    idle_runs(app, 48, "2020-05-01T00:00:00Z", "30 minutes")
    idle_runs(app, 10, "2020-05-02T08:00:00Z", "1 minute")
    [item] = fold(app)
    assert (item["result"], item["folded"], item["index"]) == ("folded", 47 + 9, None)
    assert app.ok("es_history", item["id"])[0]["status"] == "complete"
    second, first = old_updates(app)
    assert (first["started_at"], first["folded_runs"], first["folded_from"]) == (
        "2020-05-01T23:30:00Z", 47, "2020-05-01T00:00:00Z")
    assert (second["started_at"], second["folded_runs"], second["folded_from"]) == (
        "2020-05-02T08:09:00Z", 9, "2020-05-02T08:00:00Z")
    assert "changed, and 47 more" in app.run("es_history", MASTER, "--until", "2021-01-01T00:00:00Z").out
    assert fold(app) == []
    assert [item["folded_runs"] for item in old_updates(app)] == [9, 47]


def test_what_comes_late_is_counted_too(app):
    """A run of that day that was still open when it was folded."""
    courses.activated(app)
    idle_runs(app, 5, "2020-05-01T00:00:00Z", "1 minute")
    fold(app)
    idle_runs(app, 3, "2020-05-01T01:00:00Z", "1 minute")
    fold(app)
    rows = old_updates(app)
    assert sum(1 + (item["folded_runs"] or 0) for item in rows) == 8


def test_only_equal_runs_that_changed_nothing_are_folded(app):
    courses.activated(app)
    day = "2020-05-01T{:02}:00:00Z"
    differing = [{"docs": 1}, {"status": "failed"}, {"mode": "full"}, {"status": "partial"}]
    for hour, columns in enumerate(differing):
        idle_runs(app, 3, day.format(hour), "1 minute", **columns)
    before = history_size(app)
    assert fold(app) == []
    kinds = [{"tag": "v1"}, {"tag": None}, {"host": "other"}, {"argv": "{es_update,--rate,5}"}]
    for hour, columns in enumerate(kinds):
        idle_runs(app, 3, day.format(10 + hour), "1 minute", **columns)
    [item] = fold(app)
    assert item["folded"] == 2 * len(kinds)
    rows = old_updates(app)
    assert len(rows) == 3 * len(differing) + len(kinds)
    assert {(row["tag"], row["host"]) for row in rows if row["folded_runs"]} == {
        ("v1", "host"), (None, "host"), (None, "other")}
    assert history_size(app) == before + len(kinds) + 2


def test_younger_runs_stay_and_a_dry_run_folds_none(app):
    courses.activated(app)
    idle_runs(app, 5, "2020-05-01T00:00:00Z", "1 minute")
    [recent] = app.sql("SELECT date_trunc('day', now()) - interval '3 days' AS day")
    idle_runs(app, 5, recent["day"], "1 minute")
    before = courses.everything(app)
    assert [item["folded"] for item in fold(app, "--dry-run")] == [4]
    assert courses.everything(app) == before
    assert [item["folded"] for item in fold(app)] == [4]
    assert [item["folded"] for item in fold(app, older_than="1 day")] == [4]
    # Today's never are: the day is not over.
    idle_runs(app, 5, app.sql("SELECT now() AS now")[0]["now"], "0")
    assert fold(app, older_than="0") == []


def test_parents_whose_parts_are_folded_are_folded_too(app):
    courses.activated(app)
    app.declare("other", index={}, documents="SELECT 1 AS _id, now() - interval '1 day' AS _changed_at")
    app.ok("es_create", "other")
    app.ok("es_update", "other", "1")
    app.ok("es_activate", "other")
    for _ in range(4):
        app.ok("es_update", "--all-active")
    app.sql("ALTER TABLE esmigrate.index_action DISABLE TRIGGER protect_action")
    app.sql("UPDATE esmigrate.index_action SET started_at = started_at - interval '1000 days'"
            ", finished_at = finished_at - interval '1000 days'")
    app.sql("ALTER TABLE esmigrate.index_action ENABLE TRIGGER protect_action")
    before = app.history()
    [item] = fold(app)
    gone = {row["id"] for row in before} - {row["id"] for row in app.history()}
    assert len(gone) == item["folded"]
    for row in before:
        if row["id"] in gone:
            assert (row["action"], row["status"], row["docs_sent"]) == ("update", "complete", 0)
    parents = [row for row in before if row["action"] == "update" and row["master_id"] is None]
    assert len(parents) == 4 and 0 < len([row for row in parents if row["id"] in gone]) < 4


def test_an_update_that_is_a_part_of_another_action_stays(app):
    courses.activated(app)
    [activate] = [row["id"] for row in app.history() if row["action"] == "activate"]
    idle_runs(app, 3, "2020-05-01T00:00:00Z", "1 minute", parent=activate)
    assert fold(app) == []


def test_the_database_lets_no_other_row_go_and_none_uncounted(app):
    courses.activated(app)
    idle_runs(app, 3, "2020-05-01T00:00:00Z", "1 minute")
    old = "FROM esmigrate.index_action WHERE started_at < '2021-01-01'"
    with pytest.raises(psycopg.IntegrityError, match="one has to stay"):
        app.sql(f"DELETE {old}")
    with pytest.raises(psycopg.IntegrityError, match="never changed or deleted"):
        app.sql("DELETE FROM esmigrate.index_action WHERE action = 'activate'")
    with pytest.raises(psycopg.IntegrityError, match="never changed"):
        app.sql("UPDATE esmigrate.index_action SET tag = 'x' WHERE started_at < '2021-01-01'")
    assert history_size(app) == len(app.history())
    app.sql(f"DELETE {old} AND pid = 0")
    assert app.sql("SELECT runs FROM esmigrate.action_fold") == [{"runs": 1}]


def test_many_rows_are_folded_day_by_day_and_looked_at_once(app):
    """What is folded costs next to nothing when the next es_prune passes it."""
    count = 50_000
    courses.activated(app)
    idle_runs(app, count, "2019-01-01T00:00:00Z", "1 minute")
    app.sql("ANALYZE")
    begun = time.monotonic()
    [item] = fold(app)
    seconds = time.monotonic() - begun
    days = app.sql("SELECT count(DISTINCT (started_at AT TIME ZONE 'UTC')::date) AS n FROM esmigrate.index_action"
                   " WHERE started_at < '2022-01-01'")[0]["n"]
    assert item["folded"] == count - days
    assert app.sql("SELECT sum(runs) AS n FROM esmigrate.action_fold") == [{"n": count - days}]
    passes = []
    for _ in range(3):
        begun = time.monotonic()
        assert fold(app) == []
        passes.append(time.monotonic() - begun)
    again = min(passes)
    print(f"{item['folded']} rows folded in {seconds:.1f} s, passed in {again:.1f} s")
    assert again < seconds / 2
