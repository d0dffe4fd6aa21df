"""es_verify: each kind of difference is found and mended, and what is under way is none."""

import json

import courses
import pytest
from faults import filled_items, instance

# What esmigrate would not do is done by hand, straight in the engine.


def put(app, index, doc_id, document, **parameters):
    query = "&".join(f"{name}={value}" for name, value in {"refresh": "true", **parameters}.items())
    app.engine_server.must("PUT", f"{app.full_name(index)}/_doc/{doc_id}?{query}", document)


def remove(app, index, doc_id):
    app.engine_server.must("DELETE", f"{app.full_name(index)}/_doc/{doc_id}?refresh=true")


def verified(app, *args):
    """The checks of a run that finds nothing wrong, by name."""
    return by_name(app.ok("es_verify", courses.MASTER, *args))


def found(app, *args):
    """The checks of a run that fails, by name."""
    return by_name(app.fails(1, "es_verify", courses.MASTER, *args, "-o", "json").json)


def by_name(rows):
    return {row["check"]: row for row in rows}


def failed(checks):
    return sorted(name for name, row in checks.items() if row["verdict"] == "failed")


def ids(check):
    return sorted(sample["id"] for sample in check["samples"])


def kept(app):
    return app.sql("SELECT * FROM esmigrate.verification ORDER BY checked_at")


# ---- nothing wrong


def test_an_instance_that_equals_its_source(app):
    courses.activated(app, 5)
    checks = verified(app)
    assert failed(checks) == []
    assert {name: checks["ids"]["numbers"][name] for name in ("source", "index", "missing", "left_over")} == {
        "source": 5, "index": 5, "missing": 0, "left_over": 0,
    }
    assert checks["counts"]["numbers"] == {"expected": 5, "found": 5}
    action = courses.last_action(app)
    assert (action["action"], action["status"], action["instance"]) == ("verify", "complete", 1)
    rows = kept(app)
    assert {row["check_name"]: row["numbers"] for row in rows} == {
        name: row["numbers"] for name, row in checks.items()
    }
    assert {row["action_id"] for row in rows} == {action["id"]}


# ---- ids


def test_missing_and_left_over_documents_are_found_and_mended(app):
    courses.activated(app, 50)
    remove(app, "course_search-1", 7)
    put(app, "course_search-1", "4711", {"title": "by hand"})
    put(app, "course_search-1", "no-number", {"title": "by hand"})
    checks = found(app)
    assert failed(checks) == ["counts", "ids"]
    assert ids(checks["ids"]) == ["4711", "7", "no-number"]
    assert (checks["ids"]["numbers"]["missing"], checks["ids"]["numbers"]["left_over"]) == (1, 2)
    action = courses.last_action(app)
    assert action["status"] == "failed"
    checks = verified(app, "--repair")
    assert failed(checks) == []
    assert len(app.docs("course_search-1")) == 50
    verify, retry = app.history()[-2:]
    assert (verify["action"], verify["status"]) == ("verify", "complete")
    assert (retry["action"], retry["status"], retry["parent_id"]) == ("retry", "complete", verify["id"])
    assert (retry["docs_indexed"], retry["docs_deleted"]) == (1, 2)
    verdicts = [row["verdict"] for row in kept(app) if row["action_id"] == verify["id"] and row["check_name"] == "ids"]
    assert verdicts == ["failed", "ok"]
    assert failed(verified(app)) == []
