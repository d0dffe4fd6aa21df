"""The seed document's deploy: a new instance is warmed beside the active one, and readers are switched to it."""

import courses

INDEX_1 = {"mappings": {"dynamic": "strict", "properties": {"title": {"type": "text"}}}}
DOCUMENTS_1 = "SELECT id AS _id, changed_at AS _changed_at, title FROM course"

# strict mappings: a document made by the other instance's SQL would be refused.
INDEX_2 = {
    "mappings": {
        "dynamic": "strict",
        "properties": {"title": {"type": "text"}, "lessons": {"type": "integer"}},
    }
}
DOCUMENTS_2 = """
-- Courses with the number of their lessons.
SELECT c.id AS _id, c.changed_at AS _changed_at, c.title, count(l.id) AS lessons
FROM course c
LEFT JOIN lesson l ON l.course_id = c.id
GROUP BY c.id;
"""
CHANGED_2 = """
SELECT id AS _id FROM course WHERE changed_at >= $1
UNION SELECT course_id FROM lesson WHERE changed_at >= $1
UNION SELECT course_id FROM deleted_course WHERE deleted_at >= $1
"""

UNTOUCHED = [str(number) for number in range(6, 11)]


def course_1(number, title=None):
    return {"title": title or f"Course {number}"}


def course_2(number, title=None, lessons=1):
    return {"title": title or f"Course {number}", "lessons": lessons}


def switched_to(instance):
    """What an es_activate leaves in the history: its own row, and its updates before and after the proof."""
    return [("activate", instance, "activated"), ("update", instance, "changed"), ("update", instance, "changed")]


def expect_actions(app, expected):
    """The rows of the history, oldest first: (action, instance, result or mode), all of them complete."""
    rows = app.history()
    assert [(row["action"], row["instance"], row["result"] or row["mode"]) for row in rows] == expected
    assert {row["status"] for row in rows} == {"complete"}
    assert all(row["finished_at"] >= row["started_at"] and row["error"] is None for row in rows)
    for row in rows:
        assert row["docs_sent"] == row["docs_indexed"] + row["docs_deleted"]


def expect_state(app, active, one, two=None):
    """The alias, in the engine and in the history, and the documents of both instances."""
    assert app.alias("course_search") == [app.full_name(active)]
    assert courses.active_index(app) == active
    assert app.docs("course_search-1") == one
    if two is not None:
        assert app.docs("course_search-2") == two
    assert app.docs("course_search") == (one if active == "course_search-1" else two)


def last_evening(app):
    """course_search-1 is active and filled."""
    courses.make_courses(app, 10)
    app.sql("CREATE TABLE lesson (id int PRIMARY KEY, course_id int, changed_at timestamptz NOT NULL DEFAULT now())")
    app.sql("INSERT INTO lesson SELECT n, n, now() - interval '1 hour' FROM generate_series(1, 10) n")
    app.declare("course_search", index=INDEX_1, documents=DOCUMENTS_1)
    app.ok("es_init")
    app.ok("es_create", "course_search")
    app.ok("es_update", "course_search", "1")
    app.ok("es_activate", "course_search")
    actions = [("create", 1, "created"), ("update", 1, "full"), *switched_to(1)]
    expect_actions(app, actions)
    return actions, {str(number): course_1(number) for number in range(1, 11)}


def create_beside(app, actions, one):
    """New files: es_create makes course_search-2 and leaves -1 alone."""
    app.declare("course_search", index=INDEX_2, documents=DOCUMENTS_2, changed=CHANGED_2)
    before = courses.instances(app)["course_search-1"], courses.versions(app, "course_search-1")
    [item] = app.ok("es_create", "course_search")
    assert (item["instance"], item["index"], item["result"]) == (2, app.full_name("course_search-2"), "created")
    assert (courses.instances(app)["course_search-1"], courses.versions(app, "course_search-1")) == before
    expect_state(app, "course_search-1", one, {})
    actions.append(("create", 2, "created"))
    expect_actions(app, actions)


def fill_beside(app, actions, one):
    """es_update --latest fills -2; es_update still updates -1, with the SQL of -1."""
    [item] = app.ok("es_update", "course_search", "--latest")
    assert (item["instance"], item["mode"], item["indexed"], item["deleted"]) == (2, "full", 10, 0)
    two = {str(number): course_2(number) for number in range(1, 11)}
    expect_state(app, "course_search-1", one, two)
    [item] = app.ok("es_update", "course_search")
    assert (item["instance"], item["mode"], item["indexed"], item["deleted"]) == (1, "changed", 0, 0)
    expect_state(app, "course_search-1", one, two)
    actions += [("update", 2, "full"), ("update", 1, "changed")]
    expect_actions(app, actions)
    return two


def change_rows(app, actions, one, two):
    """Rows change; a transaction that stamped course 3 commits only after both instances were updated."""
    late = app.connect()
    late.execute("BEGIN")
    late.execute("UPDATE course SET title = 'Three, late', changed_at = now() WHERE id = 3")
    began = late.execute("SELECT now() AS t").fetchone()["t"]
    courses.rename(app, 1, "One")
    courses.rename(app, 2, "Two")
    app.sql("DELETE FROM course WHERE id = 4")
    app.sql("INSERT INTO deleted_course VALUES (4)")
    app.sql("INSERT INTO lesson VALUES (11, 5)")

    # -1 has neither the joins nor the deletes: they came with the SQL of -2.
    [item] = app.ok("es_update", "course_search")
    assert (item["instance"], item["mode"], item["indexed"], item["deleted"]) == (1, "changed", 2, 0)
    one |= {"1": course_1(1, "One"), "2": course_1(2, "Two")}
    [item] = app.ok("es_update", "course_search", "--latest")
    assert (item["instance"], item["mode"], item["indexed"], item["deleted"]) == (2, "changed", 3, 1)
    two |= {"1": course_2(1, "One"), "2": course_2(2, "Two"), "5": course_2(5, lessons=2)}
    del two["4"]
    expect_state(app, "course_search-1", one, two)
    # What the open transaction has stamped is still to be read: the mark may not pass its beginning.
    assert all(row["changed_through"] < began for row in courses.instances(app).values())
    late.execute("COMMIT")
    late.close()
    actions += [("update", 1, "changed"), ("update", 2, "changed")]
    expect_actions(app, actions)


def deploy(app, actions, one, two):
    """Nothing is to be created; only what changed since the morning is sent; the alias moves."""
    morning = courses.instances(app)["course_search-2"]
    app.sql("INSERT INTO course VALUES (11, 'Course 11')")
    result = app.run("es_create", "course_search", "2", "-o", "json", check=0)
    assert [(item["instance"], item["result"]) for item in result.json] == [(2, "unchanged")]
    assert "nothing is to be done" in result.err
    assert sorted(courses.instances(app)) == ["course_search-1", "course_search-2"]

    before = courses.versions(app, "course_search-2")
    [item] = app.ok("es_update", "course_search", "2")
    # 1, 2, 5 and the delete of 4 are younger than the transaction of 3, before which the morning's update stopped.
    assert (item["instance"], item["mode"], item["indexed"], item["deleted"]) == (2, "changed", 5, 1)
    assert courses.moment(item["changed_from"]) == morning["changed_through"]
    after = courses.versions(app, "course_search-2")
    assert [number for number in UNTOUCHED if after[number] != before[number]] == []
    assert {number for number in after if after[number] != before.get(number)} == {"1", "2", "3", "5", "11"}
    two |= {"3": course_2(3, "Three, late"), "11": course_2(11, lessons=0)}
    expect_state(app, "course_search-1", one, two)

    [item] = app.ok("es_activate", "course_search")
    assert (item["instance"], item["result"]) == (2, "activated")
    expect_state(app, "course_search-2", one, two)
    actions += [("create", 2, "unchanged"), ("update", 2, "changed"), *switched_to(2)]
    expect_actions(app, actions)


def later_updates(app, actions, one, two):
    """They go to -2; -1 stays as it was."""
    before = courses.instances(app)["course_search-1"], courses.versions(app, "course_search-1")
    courses.rename(app, 6, "Six")
    [item] = app.ok("es_update", "course_search")
    assert (item["instance"], item["mode"]) == (2, "changed")
    two["6"] = course_2(6, "Six")
    expect_state(app, "course_search-2", one, two)
    assert (courses.instances(app)["course_search-1"], courses.versions(app, "course_search-1")) == before
    actions.append(("update", 2, "changed"))
    expect_actions(app, actions)


def test_the_deploy_of_the_seed_document(app):
    actions, one = last_evening(app)
    expect_state(app, "course_search-1", one)
    create_beside(app, actions, one)
    two = fill_beside(app, actions, one)
    change_rows(app, actions, one, two)
    deploy(app, actions, one, two)
    later_updates(app, actions, one, two)


def test_a_late_commit_reaches_the_active_instance_too(app):
    courses.activated(app)
    late = app.connect()
    late.execute("BEGIN")
    late.execute("UPDATE course SET title = 'Late', changed_at = now() WHERE id = 1")
    courses.rename(app, 2, "Prompt")
    app.ok("es_update", "course_search")
    app.ok("es_update", "course_search")
    assert courses.titles(app, "course_search") == {"1": "Course 1", "2": "Prompt", "3": "Course 3"}
    late.execute("COMMIT")
    late.close()
    app.ok("es_update", "course_search")
    assert courses.titles(app, "course_search") == {"1": "Late", "2": "Prompt", "3": "Course 3"}
