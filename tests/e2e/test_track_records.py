"""What trackers did not record, or no longer have: it is noticed before an update relies on it."""

import contextlib

import courses
import pytest
from faults import through_proxy, wait_until
from test_track import DOCUMENTS, INDEX, age, assert_current, declared, recorded, role, track, tracked  # noqa: F401

pytestmark = pytest.mark.either

MASTER = courses.MASTER


def set_mark(app, interval, number=1):
    """changed_through of an instance, that much before now."""
    app.sql("UPDATE esmigrate.index_instance SET changed_through = now() - %s::interval WHERE number = %s",
            (interval, number))


# ---- what was not recorded


def test_an_index_filled_before_its_triggers_is_refused_until_a_full_update(declared):
    made = [track(declared, "course", "id"), declared.ok("es_track", MASTER, "--table", "lesson", "--id", "course_id")]
    declared.declare(MASTER, changed=" UNION ".join(one["changed_sql"] for one in made))
    declared.ok("es_create", MASTER)
    declared.ok("es_update", MASTER, "1")
    declared.sql("DELETE FROM lesson WHERE course_id = 4")  # seen by no trigger
    declared.sql(made[1]["ddl"])
    refused = declared.fails(1, "es_update", MASTER, "1")
    assert "changes of public.lesson are recorded only since" in refused.err and "course_search-1 --full" in refused.err
    declared.fails(1, "es_update", MASTER, "1", "--dry-run")
    declared.ok("es_update", MASTER, "1", "--full")
    assert_current(declared)
    declared.sql("DELETE FROM lesson WHERE course_id = 5")
    assert declared.ok("es_update", MASTER, "1")[0]["indexed"] == 1


def test_an_index_filled_while_the_migration_with_the_triggers_was_open_is_refused(declared):
    # They record since before the load by the clock, which saw neither them nor what was changed before them.
    course = track(declared, "course", "id")
    lesson = declared.ok("es_track", MASTER, "--table", "lesson", "--id", "course_id")
    declared.declare(MASTER, changed=f"{course['changed_sql']} UNION {lesson['changed_sql']}")
    with contextlib.closing(declared.connect()) as migration:
        migration.execute("BEGIN; UPDATE lesson SET name = 'New' WHERE course_id = 4")
        migration.execute(lesson["ddl"])
        declared.ok("es_deploy", MASTER)
        migration.execute("COMMIT")
    refused = declared.fails(1, "es_update", MASTER)
    assert "changes of public.lesson are recorded only since" in refused.err and "course_search-1 --full" in refused.err
    declared.ok("es_update", MASTER, "--full")
    declared.ok("es_update", MASTER)
    assert_current(declared)


def test_rights_that_come_with_the_triggers_do_not_hide_that_they_were_not_seen(declared):
    course = track(declared, "course", "id")
    with role(declared, "reader") as reader:
        declared.sql(f"GRANT SELECT ON course, lesson TO {reader}; GRANT pg_read_all_stats TO {reader};"
                     f" GRANT USAGE ON SCHEMA esmigrate_source TO {reader}")
        declared.env["ESMIGRATE_SOURCE"] = declared.conninfo.replace("user=postgres", f"user={reader}")
        lesson = declared.ok("es_track", MASTER, "--table", "lesson", "--id", "course_id")
        declared.declare(MASTER, changed=f"{course['changed_sql']} UNION {lesson['changed_sql']}")
        declared.ok("es_create", MASTER)
        with contextlib.closing(declared.connect()) as migration:
            migration.execute("BEGIN; UPDATE lesson SET name = 'New' WHERE course_id = 4")
            migration.execute(lesson["ddl"])
            declared.ok("es_update", MASTER, "1")
            migration.execute("COMMIT")
        assert "recorded only since" in declared.fails(1, "es_update", MASTER, "1").err
        declared.ok("es_update", MASTER, "1", "--full")
        declared.ok("es_update", MASTER, "1")
        assert_current(declared)


def test_of_a_full_update_of_an_older_version_the_clock_tells(declared):
    made = track(declared, "lesson", "course_id")
    declared.declare(MASTER, changed=made["changed_sql"], master={"overlap": "1 hour"})
    declared.ok("es_deploy", MASTER)
    declared.sql("UPDATE esmigrate.full_load SET trackers = NULL")
    declared.ok("es_update", MASTER)
    declared.sql("UPDATE esmigrate_source.tracker SET began_at = clock_timestamp()")
    assert "recorded only since" in declared.fails(1, "es_update", MASTER).err


def test_a_full_update_right_after_the_triggers_will_do_even_if_the_mark_stays_behind(declared):
    declared.declare(MASTER, master={"overlap": "1 hour"})
    made = track(declared, "lesson", "course_id")
    declared.declare(MASTER, changed=made["changed_sql"])
    declared.ok("es_create", MASTER)
    declared.ok("es_update", MASTER, "1")
    declared.ok("es_update", MASTER, "1")


def test_a_load_that_began_before_the_triggers_will_not_do_even_if_it_ended_after_them(declared):
    made = [track(declared, "course", "id"), declared.ok("es_track", MASTER, "--table", "lesson", "--id", "course_id")]
    declared.declare(MASTER, changed=" UNION ".join(one["changed_sql"] for one in made))
    declared.ok("es_create", MASTER)
    declared.ok("es_update", MASTER, "1")
    # A load that is killed is gone on with by the next one. The mark alone, an hour back, does not tell.
    declared.declare(MASTER, master={"overlap": "1 hour"})
    with through_proxy(declared) as proxy:
        held = proxy.hold("POST", "_refresh", "before")
        process = declared.start("es_update", MASTER, "1", "--full")
        held.wait()
        process.kill()
    declared.sql(made[1]["ddl"])
    declared.ok("es_update", MASTER, "1", "--full")
    assert "recorded only since" in declared.fails(1, "es_update", MASTER, "1").err
    declared.ok("es_update", MASTER, "1", "--full")
    declared.ok("es_update", MASTER, "1")


@pytest.mark.parametrize("loss", [
    "DROP TRIGGER {tracker}_delete ON lesson",
    "ALTER TABLE lesson DISABLE TRIGGER {tracker}_truncate",
    "ALTER TABLE lesson RENAME TO old_lesson; CREATE TABLE lesson (LIKE old_lesson INCLUDING ALL);"
    " INSERT INTO lesson SELECT * FROM old_lesson; DROP TABLE old_lesson",
    "ALTER TABLE lesson RENAME TO old_lesson; CREATE TABLE lesson (LIKE old_lesson INCLUDING ALL);"
    " INSERT INTO lesson SELECT * FROM old_lesson",
    # As restores and fixtures do.
    "ALTER TABLE lesson DISABLE TRIGGER USER; DELETE FROM lesson WHERE course_id = 4;"
    " ALTER TABLE lesson ENABLE TRIGGER USER",
])
def test_triggers_that_are_gone_are_noticed_and_made_again(app, loss):
    tracker = tracked(app)[1]
    app.sql(loss.replace("{tracker}", tracker))
    app.sql("DELETE FROM lesson WHERE course_id = 4")
    refused = app.fails(1, "es_update", MASTER)
    assert "the triggers of public.lesson that changed.sql relies on are gone, or were switched off" in refused.err
    assert "es_track course_search --table 'public.lesson' --id 'course_id' --apply" in refused.err
    track(app, "public.lesson", "course_id")
    assert "recorded only since" in app.fails(1, "es_update", MASTER).err
    app.ok("es_update", MASTER, "--full")
    app.ok("es_update", MASTER)
    app.sql("DELETE FROM lesson WHERE course_id = 5")
    assert app.ok("es_update", MASTER)[0]["indexed"] == 1
    assert_current(app)


# ---- pruning


PRUNE_FIELDS = {
    "id": courses.is_uuid, "action": courses.is_text, "master": courses.is_text, "table": courses.is_text,
    "tracker": courses.is_text, "readers": courses.is_count, "removed": courses.is_count,
    "pruned_up_to": courses.or_null(courses.is_time),
}


def prune(app, *options):
    """Records removed, by table."""
    items = app.ok("es_track", "--prune", *options)
    return {item["table"]: item["removed"] for item in items}


def old_and_new(app):
    """Of each table a record of eight days ago and one of now, both read."""
    tracked(app)
    app.sql("DELETE FROM esmigrate_source.change")
    app.sql("UPDATE course SET title = 'Old' WHERE id = 1; UPDATE lesson SET name = 'Old' WHERE id = 1")
    app.ok("es_update", MASTER)
    age(app, "8 days")
    app.sql("UPDATE course SET title = 'New' WHERE id = 2; UPDATE lesson SET name = 'New' WHERE id = 2")
    app.ok("es_update", MASTER)


def test_only_old_records_are_pruned(app):
    old_and_new(app)
    assert prune(app, "--dry-run") == {"public.course": 1, "public.lesson": 1}
    assert len(recorded(app)) == 4
    items = app.ok("es_track", MASTER, "--prune")
    courses.assert_fields(items, PRUNE_FIELDS)
    assert [(item["removed"], item["readers"]) for item in items] == [(1, 1), (1, 1)]
    row = courses.last_action(app)
    assert (row["action"], row["status"], row["result"], row["master"]) == ("track", "complete", "pruned", MASTER)
    assert recorded(app) == ["2", "3"]
    assert prune(app) == {"public.course": 0, "public.lesson": 0}
    assert prune(app, "--keep", "0 seconds") == {"public.course": 1, "public.lesson": 1}
    app.ok("es_update", MASTER)
    assert_current(app)


def test_what_a_live_instance_has_not_read_is_kept(app):
    old_and_new(app)
    app.ok("es_create", MASTER, "--force")
    app.ok("es_update", MASTER, "2")
    app.ok("es_activate", MASTER, "2")
    app.ok("es_create", MASTER, "--force")  # not filled: it needs no old record
    set_mark(app, "9 days")
    kept = app.run("es_track", "--prune", check=0)
    assert 'index "' + app.prefix + 'course_search-1" has read changes up to' in kept.err
    assert len(recorded(app)) == 4
    app.ok("es_update", MASTER, "1")  # the way back is still there
    assert_current(app)
    set_mark(app, "9 days")
    app.ok("es_drop", "course_search-1", "--yes")
    assert prune(app) == {"public.course": 1, "public.lesson": 1}


def test_an_instance_behind_what_was_pruned_is_refused_until_a_full_update(app):
    old_and_new(app)
    assert prune(app)["public.course"] == 1
    set_mark(app, "9 days")  # as from a dump of the history
    for options in ([], ["--dry-run"]):
        refused = app.fails(1, "es_update", MASTER, *options)
        assert "no longer recorded in the source" in refused.err and "course_search-1 --full" in refused.err
    app.ok("es_update", MASTER, "--full")
    app.ok("es_update", MASTER)
    assert_current(app)
    [earlier] = app.sql("SELECT to_char(now() - interval '9 days', 'YYYY-MM-DD\"T\"HH24:MI:SSOF\":00\"') AS time")
    assert "no longer recorded" in app.fails(1, "es_update", MASTER, "--since", earlier["time"]).err


def test_another_history_on_the_same_source_sees_what_was_pruned_and_prunes_only_its_own(app, make_app):
    old_and_new(app)
    other = make_app()
    other.ok("es_init")
    other.declare("other", index="{}", documents="SELECT 1 AS _id")
    env = {"ESMIGRATE_SOURCE": app.conninfo}
    other.ok("es_create", "other", env=env)
    assert other.ok("es_track", "--prune", env=env) == []
    assert len(recorded(app)) == 4
    other.declare(MASTER, index=INDEX, documents=DOCUMENTS, changed=(app.indexes / MASTER / "changed.sql").read_text())
    other.ok("es_create", MASTER, env=env)
    other.ok("es_update", MASTER, "1", env=env)
    set_mark(other, "9 days")
    prune(app)
    assert "no longer recorded" in other.fails(1, "es_update", MASTER, "1", env=env).err


def test_pruning_between_the_check_and_the_reading_is_noticed(app):
    """The check is made again in the snapshot that is read: a lock holds the update before it."""
    old_and_new(app)
    set_mark(app, "7 days 23 hours")
    gate = app.connect()
    with contextlib.closing(gate):
        gate.execute("BEGIN; LOCK TABLE esmigrate.horizon")
        process = app.start("es_update", MASTER, "--lock-timeout", "60")
        wait_until(lambda: app.sql("SELECT 1 FROM pg_locks WHERE relation = 'esmigrate.horizon'::regclass AND NOT granted"))
        app.sql("UPDATE esmigrate_source.tracker SET pruned_up_to = now() - interval '1 day'")
        gate.execute("COMMIT")
    assert "no longer recorded" in process.wait(check=1).err


def test_the_database_of_a_master_that_tracks_nothing_is_left_alone(app):
    courses.filled(app, changed=courses.CHANGED)
    result = app.run("es_track", "--prune", check=0)
    assert "there is nothing to do" in result.err
    assert app.history()[-1]["action"] == "update"
