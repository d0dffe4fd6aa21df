"""es_create: a new instance if no live one has the declaration."""

import shutil

import courses

MASTER = courses.MASTER


def drop_by_hand(app, index):
    app.engine_server.must("DELETE", app.full_name(index))


# ---- created


def test_create_makes_an_empty_instance_that_nobody_reads(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app)
    items = app.ok("es_create", MASTER, "--tag", "release 7")
    courses.assert_fields(items, courses.RESULT_FIELDS)
    [item] = items
    assert item["action"] == "create"
    assert (item["master"], item["instance"], item["result"]) == (MASTER, 1, "created")
    assert item["index"] == app.full_name("course_search-1")

    assert app.indices() == [item["index"]]
    assert app.docs("course_search-1") == {}
    assert app.alias(MASTER) == []
    assert courses.active_index(app) is None
    row = courses.instances(app)["course_search-1"]
    assert (row["number"], row["state"], row["changed_through"]) == (1, "empty", None)
    assert (row["tag"], row["documents_sql"], row["changed_sql"]) == ("release 7", courses.DOCUMENTS, None)
    [action] = app.history()
    assert (str(action["id"]), action["action"], action["status"]) == (item["id"], "create", "complete")
    assert (action["result"], action["instance"], action["tag"]) == ("created", 1, "release 7")


def test_the_index_is_created_as_declared_plus_write_alias_mark_and_gc_deletes(app):
    courses.created(app)
    index = app.engine_server.must("GET", app.full_name("course_search-1"))[app.full_name("course_search-1")]
    row = courses.instances(app)["course_search-1"]
    assert index["settings"]["index"]["uuid"] == row["index_uuid"]
    assert index["settings"]["index"]["gc_deletes"] == "10m"
    assert list(index["aliases"]) == [app.full_name("course_search-1.W1")]
    assert index["mappings"]["properties"] == courses.INDEX["mappings"]["properties"]
    assert index["mappings"]["_meta"]["esmigrate"]["action"] == str(app.history()[0]["id"])


def test_gc_deletes_of_the_body_stays_in_any_spelling(app):
    courses.make_courses(app)
    app.ok("es_init")
    spellings = [{"gc_deletes": "77s"}, {"index.gc_deletes": "77s"}, {"index": {"gc_deletes": "77s"}}]
    for number, settings in enumerate(spellings, 1):
        courses.declare(app, index={**courses.INDEX, "settings": settings})
        index = app.ok("es_create", MASTER)[0]["index"]
        assert index == app.full_name(f"course_search-{number}")
        answer = app.engine_server.must("GET", f"{index}/_settings")
        assert answer[index]["settings"]["index"]["gc_deletes"] == "77s", settings


def test_create_says_that_deletes_are_found_only_by_full_without_changed_sql(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app)
    assert "--full" in app.run("es_create", MASTER, check=0).err
    courses.declare(app, changed=courses.CHANGED)
    assert "--full" not in app.run("es_create", MASTER, check=0).err
    assert [row["deletes"] for row in courses.instances(app).values()] == ["full only", "tracked"]


# ---- unchanged


def test_an_unchanged_declaration_is_left_alone_and_leaves_a_row(app):
    courses.created(app)
    result = app.run("es_create", MASTER, "-o", "json", check=0)
    courses.assert_fields(result.json, courses.RESULT_FIELDS)
    assert [(item["instance"], item["result"]) for item in result.json] == [(1, "unchanged")]
    assert "instance 1 has this declaration; nothing is to be done" in result.err
    assert list(courses.instances(app)) == ["course_search-1"]
    row = courses.last_action(app)
    assert (row["status"], row["result"], row["instance"]) == ("complete", "unchanged", 1)
    assert str(row["id"]) == result.json[0]["id"]


def test_number_tokens_and_sql_texts_count_and_key_order_and_white_space_do_not(app):
    courses.created(app, index='{"settings": {"number_of_shards": 1}, "mappings": {"dynamic": "strict"}}')
    courses.declare(app, index='{ "mappings":\n{"dynamic":"strict"},\n"settings":{"number_of_shards":1} }\n')
    assert app.ok("es_create", MASTER)[0]["result"] == "unchanged"
    index = '{"settings": {"number_of_shards": "1"}}'
    courses.declare(app, index=index)
    assert app.ok("es_create", MASTER)[0]["instance"] == 2
    courses.declare(app, index=index, documents=courses.DOCUMENTS + " -- as before")
    assert app.ok("es_create", MASTER)[0]["instance"] == 3
    courses.declare(app, index=index, changed=courses.CHANGED)
    assert app.ok("es_create", MASTER)[0]["instance"] == 4


def test_master_json_is_operation_and_does_not_count_but_for_changed_at_zone(app):
    courses.created(app)
    courses.declare(app, master={"overlap": "72 hours"})
    assert app.ok("es_create", MASTER)[0]["result"] == "unchanged"
    [row] = app.sql("SELECT options FROM esmigrate.index_master")
    assert row["options"] == {"overlap": "72 hours"}
    courses.declare(app, master={"overlap": "72 hours", "changed_at_zone": "UTC"})
    assert (app.ok("es_create", MASTER)[0]["instance"]) == 2


def test_every_live_instance_counts_and_the_number_of_a_dropped_one_is_not_used_again(app):
    courses.created(app)
    courses.second_instance(app)
    courses.declare(app)
    [item] = app.ok("es_create", MASTER)
    assert (item["instance"], item["result"]) == (1, "unchanged")
    app.ok("es_drop", MASTER, "--all", "--yes")
    [item] = app.ok("es_create", MASTER)
    assert (item["instance"], item["result"]) == (3, "created")


def test_force_always_creates(app):
    courses.created(app)
    [item] = app.ok("es_create", MASTER, "--force")
    assert (item["instance"], item["result"]) == (2, "created")
    one, two = courses.instances(app).values()
    assert one["fingerprint"] == two["fingerprint"]


# ---- NAME N


def test_name_n_asserts_that_instance_n_has_the_declaration(app):
    courses.created(app)
    [item] = app.ok("es_create", MASTER, "1")
    assert (item["instance"], item["result"]) == (1, "unchanged")
    [item] = app.ok("es_create", "course_search-1")
    assert (item["instance"], item["result"]) == (1, "unchanged")

    courses.declare(app, documents=courses.OTHER_DOCUMENTS)
    result = app.fails(1, "es_create", MASTER, "1")
    assert "instance 1 has another declaration" in result.err
    assert "HINT: " in result.err and "esmigrate es_create course_search" in result.err
    assert app.indices() == [app.full_name("course_search-1")]
    assert list(courses.instances(app)) == ["course_search-1"]
    assert courses.last_action(app)["status"] == "failed"
    result = app.fails(1, "es_create", MASTER, "2")
    assert "there is no live instance 2" in result.err
    assert list(courses.instances(app)) == ["course_search-1"]

    app.ok("es_create", MASTER)
    result = app.fails(1, "es_create", MASTER, "1")
    assert "HINT: Instance 2 has this declaration" in result.err


# ---- several masters


def test_all_creates_every_declared_master_under_a_parent_row(app):
    courses.make_courses(app)
    app.ok("es_init")
    for name in ("author_search", "book_search", MASTER):
        courses.declare(app, name)
    items = app.ok("es_create", "--all")
    courses.assert_fields(items, courses.RESULT_FIELDS)
    assert [(item["master"], item["instance"], item["result"]) for item in items] == [
        ("author_search", 1, "created"),
        ("book_search", 1, "created"),
        (MASTER, 1, "created"),
    ]
    [parent] = [row for row in app.history() if row["parent_id"] is None]
    parts = [row for row in app.history() if row["parent_id"] is not None]
    assert (parent["action"], parent["status"]) == ("create", "complete")
    assert (parent["master_id"], parent["instance_id"]) == (None, None)
    assert {row["parent_id"] for row in parts} == {parent["id"]}
    assert [str(row["id"]) for row in parts] == [item["id"] for item in items]


def test_names_are_created_in_the_order_given(app):
    courses.make_courses(app)
    app.ok("es_init")
    for name in ("a", "b", "c"):
        courses.declare(app, name)
    items = app.ok("es_create", "c", "a")
    assert [(item["master"], item["result"]) for item in items] == [("c", "created"), ("a", "created")]
    assert app.indices() == [app.full_name("a-1"), app.full_name("c-1")]
    assert len([row for row in app.history() if row["parent_id"] is None]) == 1


def test_all_and_names_exclude_each_other_and_one_of_them_is_needed(app):
    app.ok("es_init")
    assert "--all" in app.fails(2, "es_create", "--all", MASTER).err
    assert "HINT: Name a master, or give --all" in app.fails(2, "es_create").err
    assert app.history() == []


# ---- refused


def test_a_refused_mapping_leaves_no_row_and_no_index_and_does_not_use_up_the_number(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app, index={"mappings": {"properties": {"title": {"type": "textt"}}}})
    result = app.fails(2, "es_create", MASTER, "-o", "json")
    assert "textt" in result.err
    assert [(item["master"], item["instance"], item["index"], item["result"]) for item in result.json] == [
        (MASTER, None, None, None)
    ]
    assert courses.instances(app) == {}
    assert app.indices() == []
    [row] = app.history()
    assert (row["action"], row["status"], row["master"], row["instance"]) == ("create", "failed", MASTER, None)
    assert "textt" in row["error"]

    courses.declare(app)
    [item] = app.ok("es_create", MASTER)
    assert (item["instance"], item["result"]) == (1, "created")


def test_an_index_of_that_name_that_is_not_ours_is_not_touched(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app)
    app.engine_server.must("PUT", app.full_name("course_search-1") + "/_doc/1?refresh=true", {"theirs": True})
    result = app.fails(1, "es_create", MASTER)
    assert app.full_name("course_search-1") in result.err and "not of this history" in result.err
    assert app.docs("course_search-1") == {"1": {"theirs": True}}
    assert courses.instances(app) == {}


def test_an_index_under_the_name_of_the_alias_is_said_at_once(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app)
    app.engine_server.must("PUT", app.full_name(MASTER))
    result = app.run("es_create", MASTER, check=0)
    assert "warning: " in result.err and f'"{app.full_name(MASTER)}"' in result.err
    assert "--replace-index" in result.err
    assert app.indices() == [app.full_name(MASTER), app.full_name("course_search-1")]


def test_an_unknown_master_is_wrong_use(app):
    app.ok("es_init")
    result = app.fails(2, "es_create", "nothing_search")
    assert "nothing_search" in result.err and "HINT: " in result.err
    assert app.history() == []


def test_with_the_engine_down_create_ends_with_6_and_leaves_no_instance(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app)
    app.fails(6, "es_create", MASTER, "--engine", "http://127.0.0.1:1")
    assert courses.instances(app) == {}
    assert courses.last_action(app)["status"] == "failed"
    assert app.ok("es_create", MASTER)[0]["instance"] == 1


# ---- --engine-only


def test_an_unchanged_declaration_whose_index_is_gone_hints_at_engine_only(app):
    courses.created(app)
    drop_by_hand(app, "course_search-1")
    result = app.fails(1, "es_create", MASTER)
    assert "gone from the engine" in result.err
    assert "esmigrate es_create course_search --engine-only" in result.err
    assert app.indices() == []


def test_engine_only_recreates_from_the_history_only_what_is_gone(app):
    courses.filled(app)
    courses.second_instance(app)
    app.ok("es_update", MASTER, "2")
    drop_by_hand(app, "course_search-1")
    # From the history: the files are those of instance 2, and in the end not even there.
    shutil.rmtree(app.indexes)
    before = courses.instances(app)
    items = app.ok("es_create", MASTER, "--engine-only")
    recreated = [(item["instance"], item["index"]) for item in items if item["result"] == "recreated"]
    assert recreated == [(1, app.full_name("course_search-1"))]

    after = courses.instances(app)
    assert after["course_search-2"] == before["course_search-2"]
    assert len(app.docs("course_search-2")) == 3
    one = after["course_search-1"]
    assert (one["number"], one["state"], one["changed_through"]) == (1, "empty", None)
    assert one["index_uuid"] != before["course_search-1"]["index_uuid"]
    index = app.engine_server.must("GET", app.full_name("course_search-1"))[app.full_name("course_search-1")]
    assert index["mappings"]["properties"] == courses.INDEX["mappings"]["properties"]

    [item] = app.ok("es_update", MASTER, "1")
    assert (item["mode"], item["indexed"]) == ("full", 3)
    assert courses.titles(app, "course_search-1") == {"1": "Course 1", "2": "Course 2", "3": "Course 3"}


def test_a_recreated_instance_is_not_activated_before_it_is_filled(app):
    courses.activated(app)
    drop_by_hand(app, "course_search-1")
    app.ok("es_create", MASTER, "--engine-only")
    assert app.alias(MASTER) == []
    app.fails(1, "es_activate", MASTER, "1")
    app.ok("es_update", MASTER, "1")
    assert app.ok("es_activate", MASTER, "1")[0]["result"] == "activated"
    assert app.alias(MASTER) == [app.full_name("course_search-1")]
