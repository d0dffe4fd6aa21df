"""Rule R8: only what is ours is touched, and R5's settings of an index, which others can change behind our back."""

import contextlib

import pytest
from faults import ITEM_INDEX, declare_items, expected_items, filled_items, gated_items, instance, through_proxy

WRITING = {
    "update": ["es_update", "item"],
    "update_full": ["es_update", "item", "1", "--full"],
    "update_since": ["es_update", "item", "--since", "2001-01-01T00:00:00Z"],
    "activate": ["es_activate", "item", "1"],
    "activate_unproved": ["es_activate", "item", "1", "--no-update", "--no-verify"],
    "deploy": ["es_deploy", "item"],
    "verify_repair": ["es_verify", "item-1", "--repair"],
    "create": ["es_create", "item"],
    "engine_only": ["es_create", "item", "--engine-only"],
    "clear": ["es_clear", "item-1", "--yes", "--force"],
    "drop": ["es_drop", "item", "1", "--yes", "--force"],
}
NOT_OURS = "in the engine is not the one esmigrate made"


def index_name(app, number=1):
    return app.full_name(f"item-{number}")


def uuid_of(app, index):
    return app.engine_server.must("GET", f"{index}/_settings")[index]["settings"]["index"]["uuid"]


def made_again(app, aliases=()):
    """The index of item-1, dropped and made by someone else with a document of their own in it: its uuid."""
    index = index_name(app)
    app.engine_server.must("DELETE", index)
    app.engine_server.must("PUT", index, {"aliases": {app.full_name(alias): {} for alias in aliases}})
    app.engine_server.must("PUT", f"{index}/_doc/theirs?refresh=true", {"theirs": True})
    return uuid_of(app, index)


def last(app):
    return app.history()[-1]


# ---- an index of the same name that someone else made


@pytest.mark.parametrize("aliases", [[], ["item", "item-1.W1"]], ids=["plain", "with_our_aliases"])
def test_every_writing_command_refuses_an_index_made_again_and_says_what_to_do(app, aliases):
    """A restored snapshot has our aliases too: the uuid alone tells that it is another index."""
    filled_items(app, 5)
    app.sql("UPDATE item SET title = '\"Changed\"', changed_at = now()")
    ours = instance(app)
    theirs = made_again(app, aliases)
    for command in WRITING.values():
        result = app.fails(1, *command)
        assert f'index "{index_name(app)}" {NOT_OURS}\n' in result.err, result
        assert f"DETAIL: Its uuid is {theirs}, the history has {ours['index_uuid']}." in result.err, result
        assert "delete it by hand, then: esmigrate es_create item --engine-only" in result.err, result
    assert app.docs("item-1") == {"theirs": {"theirs": True}}
    assert uuid_of(app, index_name(app)) == theirs
    assert app.alias("item") == ([index_name(app)] if aliases else [])
    now = instance(app)
    same = ("index_uuid", "state", "changed_through", "dropped_at")
    assert [now[name] for name in same] == [ours[name] for name in same]
    # What the hint says leads out of it.
    app.engine_server.must("DELETE", index_name(app))
    app.ok("es_create", "item", "--engine-only")
    app.ok("es_update", "item", "1")
    app.ok("es_activate", "item", "1")
    assert app.docs("item") == expected_items(app)


def test_the_way_back_to_an_index_made_again_is_refused_and_it_is_not_pruned(app):
    filled_items(app, 5)
    app.ok("es_create", "item", "--force")
    app.ok("es_update", "item", "2")
    app.ok("es_activate", "item", "2")
    ours = instance(app)
    theirs = made_again(app)
    for command in (["es_rollback", "item"], ["es_rollback", "item", "--allow-stale"],
                    ["es_rollback", "item", "--rehearse"], ["es_prune", "item", "--older-than", "0", "--yes"]):
        result = app.fails(1, *command)
        assert f'index "{index_name(app)}" {NOT_OURS}\n' in result.err, result
        assert f"DETAIL: Its uuid is {theirs}, the history has {ours['index_uuid']}." in result.err, result
    assert app.docs("item-1") == {"theirs": {"theirs": True}}
    assert uuid_of(app, index_name(app)) == theirs
    assert app.alias("item") == [index_name(app, 2)]
    assert instance(app)["dropped_at"] is None


def test_an_index_made_again_is_not_altered_in_place(app):
    filled_items(app, 5)
    made_again(app)
    before = app.engine_server.must("GET", index_name(app))
    more = {**ITEM_INDEX["mappings"]["properties"], "level": {"type": "integer"}}
    app.declare("item", index={**ITEM_INDEX, "mappings": {**ITEM_INDEX["mappings"], "properties": more}})
    for command in (["es_create", "item", "--in-place"], ["es_create", "item", "--in-place", "--dry-run"]):
        assert NOT_OURS in app.fails(1, *command).err
    assert app.engine_server.must("GET", index_name(app)) == before


def test_an_index_made_again_is_not_taken_for_ours_by_a_dry_run_or_a_list(app):
    filled_items(app, 3)
    made_again(app)
    for command in ("update", "activate", "clear", "drop"):
        result = app.run(*WRITING[command], "--dry-run", check=1)
        assert NOT_OURS in result.err, result
    result = app.run("es_list", "-o", "json", check=0)
    assert [item["state"] for item in result.json] == ["missing"], result


# ---- while a load runs


def loading(app, rows=4000, at=3000):
    """A first load of item-1 that has stopped in the middle: (gate, process)."""
    gate = gated_items(app, rows, at)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "1")
    gate.wait()
    return gate, process


def test_an_index_dropped_while_it_is_loaded_does_not_come_back(app):
    gate, process = loading(app)
    app.engine_server.must("DELETE", index_name(app))
    gate.open()
    result = process.wait()
    assert result.code in (1, 6), result
    assert f'index "{index_name(app)}" is gone from the engine' in result.err, result
    assert "esmigrate es_create item --engine-only" in result.err, result
    assert app.indices() == []
    row = last(app)
    assert (row["status"], row["changed_through"], instance(app)["changed_through"]) == ("failed", None, None)

    app.ok("es_create", "item", "--engine-only")
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


@pytest.mark.parametrize("aliases", [[], ["item-1.W1"]], ids=["plain", "with_the_write_alias"])
def test_an_index_made_again_while_it_is_loaded_never_counts_as_loaded(app, aliases):
    gate, process = loading(app)
    made_again(app, aliases)
    gate.open()
    result = process.wait()
    assert result.code in (1, 6), result
    assert NOT_OURS in result.err, result
    assert last(app)["status"] == "failed" and instance(app)["changed_through"] is None
    if not aliases:
        assert app.docs("item-1") == {"theirs": {"theirs": True}}
    app.fails(1, "es_activate", "item", "1", "--force")


def test_an_index_dropped_before_the_mark_does_not_move_it(app):
    """All is accepted; then the index is lost, just before changed_through would be written."""
    filled_items(app, 5)
    before = instance(app)["changed_through"]
    with through_proxy(app) as proxy:
        rule = proxy.hold("POST", r"_refresh")
        process = app.start("es_update", "item")
        assert rule.reached.wait(60)
        made_again(app)
        rule.release()
        result = process.wait(check=1)
    assert NOT_OURS in result.err, result
    assert instance(app)["changed_through"] == before


# ---- the alias


def test_an_alias_of_the_same_name_on_someone_elses_index_is_left_alone(app):
    declare_items(app, 3)
    other = app.full_name("theirs")
    app.engine_server.must("PUT", other, {"aliases": {app.full_name("item"): {}}})
    result = app.run("es_create", "item", check=0)
    assert f'alias "{app.full_name("item")}" points to "{other}", which esmigrate did not make' in result.err, result
    app.ok("es_update", "item", "1")
    for options in ([], ["--force"]):
        result = app.fails(1, "es_activate", "item", "1", *options)
        assert f'points to "{other}", which is no instance of item' in result.err, result
        assert "HINT: " in result.err
    assert app.alias("item") == [other]
    # Neither does removing ours take it away.
    app.ok("es_drop", "item", "1", "--yes")
    assert app.alias("item") == [other] and app.indices() == [other]


# ---- the settings that rules R3 and R5 rely on


@contextlib.contextmanager
def template(app, settings):
    """An index template that gives the app's indexes these settings."""
    path = f"_template/{app.prefix}settings"
    app.engine_server.must("PUT", path, {"index_patterns": [f"{app.prefix}*"], "settings": settings})
    try:
        yield
    finally:
        app.engine_server.must("DELETE", path)


def index_settings(app, number=1):
    index = index_name(app, number)
    return app.engine_server.must("GET", f"{index}/_settings?flat_settings=true")[index]["settings"]


def test_a_template_does_not_make_an_index_that_loses_documents(app):
    declare_items(app, 3)
    with template(app, {"index.translog.durability": "async", "index.gc_deletes": "1s"}):
        app.ok("es_create", "item")
    settings = index_settings(app)
    assert settings["index.translog.durability"] == "request"
    assert settings["index.gc_deletes"] == "10m"


@pytest.mark.parametrize("settings", [
    {"translog": {"durability": "async"}}, {"translog.durability": "async"}, {"index.translog.durability": "async"},
    {"index": {"translog.durability": "async"}}, {"index": {"translog": {"durability": "async"}}},
], ids=lambda settings: next(iter(settings)) if isinstance(settings, dict) else None)
def test_a_declaration_that_loses_documents_is_wrong(app, settings):
    declare_items(app, 3)
    app.declare("item", index={"settings": settings})
    result = app.fails(2, "es_create", "item")
    assert 'translog.durability "async" would lose acknowledged documents' in result.err, result
    assert "HINT: Remove the setting" in result.err
    assert app.indices() == []


def test_a_durable_declaration_is_taken_in_every_spelling(app):
    declare_items(app, 3)
    spellings = [{"translog": {"durability": "request"}}, {"index.translog.durability": "request"},
                 {"index": {"translog": {"durability": "REQUEST"}}}]
    for number, settings in enumerate(spellings, 1):
        app.declare("item", index={"settings": settings})
        app.ok("es_create", "item", "--force")
        assert index_settings(app, number)["index.translog.durability"].lower() == "request"


def set_durability(app, value):
    settings = {"index": {"translog": {"durability": value}}}
    app.engine_server.must("PUT", f"{index_name(app)}/_settings", settings)


def test_an_index_that_someone_makes_unsafe_during_an_update_keeps_its_mark(app):
    filled_items(app, 5)
    before = instance(app)["changed_through"]
    with through_proxy(app) as proxy:
        rule = proxy.hold("POST", r"_refresh")
        process = app.start("es_update", "item")
        assert rule.reached.wait(60)
        set_durability(app, "async")
        rule.release()
        result = process.wait(check=1)
    assert "index.translog.durability" in result.err, result
    assert instance(app)["changed_through"] == before
