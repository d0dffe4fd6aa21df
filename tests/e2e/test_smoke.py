"""The path of every user, once: declare, create, fill, switch, change, update."""

import pytest

pytestmark = pytest.mark.smoke


def test_from_declaration_to_changed_documents(app):
    app.sql("CREATE TABLE course (id int PRIMARY KEY, title text, changed_at timestamptz NOT NULL DEFAULT now())")
    app.sql("INSERT INTO course SELECT n, 'Course ' || n FROM generate_series(1, 3000) n")
    app.declare(
        "course_search",
        index={"mappings": {"properties": {"title": {"type": "text"}}}},
        documents="SELECT id AS _id, changed_at AS _changed_at, title FROM course",
    )
    app.ok("es_init")
    [created] = app.ok("es_create", "course_search")
    assert (created["result"], created["index"]) == ("created", f"{app.prefix}course_search-1")
    [filled] = app.ok("es_update", "course_search", "1")
    assert (filled["mode"], filled["status"], filled["indexed"]) == ("full", "complete", 3000)
    app.ok("es_activate", "course_search")
    assert app.alias("course_search") == [f"{app.prefix}course_search-1"]
    assert app.docs("course_search") == {str(n): {"title": f"Course {n}"} for n in range(1, 3001)}

    app.sql("UPDATE course SET title = 'Changed', changed_at = now() WHERE id = 7")
    [updated] = app.ok("es_update", "course_search")
    assert (updated["mode"], updated["status"]) == ("changed", "complete")
    assert app.docs("course_search")["7"] == {"title": "Changed"}
    assert [row["action"] for row in app.history()] == ["create", "update", "activate", *["update"] * 3]
    assert {row["status"] for row in app.history()} == {"complete"}
