"""Rules R3 and R5: what the engine acknowledged is durable, whatever templates and people say; tombstones live long."""

import contextlib

import courses
import pytest
from faults import gated_items, instance
from messages import at_home, said

ASYNC = {"index.translog.durability": "async"}
MASTER = courses.MASTER


def settings_of(app, name):
    index = app.full_name(name)
    return app.engine_server.must("GET", f"{index}/_settings")[index]["settings"]["index"]


def set_durability(app, name, value):
    app.engine_server.must("PUT", f"{app.full_name(name)}/_settings", {"index.translog.durability": value})


@contextlib.contextmanager
def template(app, settings):
    """An index template of the engine for every index of the app."""
    name = f"_index_template/{app.full_name('template')}"
    body = {"index_patterns": [f"{app.prefix}*"], "priority": 900, "template": {"settings": settings}}
    app.engine_server.must("PUT", name, body)
    try:
        yield
    finally:
        app.engine_server.must("DELETE", name)


def test_a_template_makes_neither_the_translog_asynchronous_nor_gc_deletes_short(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app)
    with template(app, {**ASYNC, "index.gc_deletes": "5s", "index.translog.sync_interval": "7s"}):
        app.ok("es_create", MASTER)
        app.engine_server.must("PUT", app.full_name("unaided"))
        assert settings_of(app, "unaided")["translog"]["durability"] == "async"
        index = settings_of(app, "course_search-1")
        assert index["translog"] == {"durability": "request", "sync_interval": "7s"}
        assert index["gc_deletes"] == "10m"

        app.engine_server.must("DELETE", app.full_name("course_search-1"))
        app.ok("es_create", MASTER, "--engine-only")
        assert settings_of(app, "course_search-1")["translog"]["durability"] == "request"
        app.ok("es_update", MASTER, "1")
    # What es_create adds is not declared, and so not part of the fingerprint.
    assert app.ok("es_create", MASTER)[0]["result"] == "unchanged"


@pytest.mark.parametrize(
    "settings", [{"translog": {"durability": "request"}}, {"index": {"translog.durability": "REQUEST"}},
                 {"index.translog.durability": "request"}, {"translog.durability": "request"}])
def test_a_body_that_says_request_is_created_in_any_spelling(app, settings):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app, index={**courses.INDEX, "settings": settings})
    with template(app, ASYNC):
        app.ok("es_create", MASTER)
        assert settings_of(app, "course_search-1")["translog"]["durability"].lower() == "request"


def test_update_refuses_an_index_that_someone_made_asynchronous(app):
    school = at_home(app)
    courses.filled(school, changed=courses.CHANGED)
    before = courses.instances(school)["course_search-1"]["changed_through"]
    courses.rename(school, 1, "Renamed")
    set_durability(school, "course_search-1", "async")
    expected = f"""
        esmigrate: error: index "qa_course_search-1" has translog.durability "async": it would lose acknowledged documents
        DETAIL: changed_through would say that they are there. Someone changed the setting.
        HINT: Set it back: curl -X PUT -H 'Content-Type: application/json' 'ENGINE/qa_course_search-1/_settings' -d '{{"index.translog.durability":"request"}}'. Then, in case documents were lost: esmigrate es_update course_search 1 --restart
        exit code 1
        """
    for options in ([], ["--full"], ["--dry-run"]):
        said(school, school.run("es_update", MASTER, "1", *options), expected)
    assert courses.instances(school)["course_search-1"]["changed_through"] == before
    assert school.docs("course_search-1")["1"]["title"] != "Renamed"

    set_durability(school, "course_search-1", "request")
    school.ok("es_update", MASTER, "1", "--restart")
    assert school.docs("course_search-1")["1"]["title"] == "Renamed"


def test_a_translog_made_asynchronous_during_an_update_stops_the_mark(app):
    gate = gated_items(app, 10, at=5)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "1")
    gate.wait()
    set_durability(app, "item-1", "async")
    gate.open()
    result = process.wait(check=1)
    assert 'has translog.durability "async"' in result.err
    assert instance(app)["changed_through"] is None
    assert app.history()[-1]["status"] == "failed"
    set_durability(app, "item-1", "request")
    app.ok("es_update", "item", "1", "--restart")
    assert instance(app)["changed_through"] is not None
