"""Rule R4: what the engine's answers blame, and what the run does about it."""

import contextlib
import gzip

import pytest

from faults import Proxy, assert_accounted, expected_items, filled_items, instance, through_proxy, wait_until

STRANGE = "never_heard_of_exception"


class Renaming(Proxy):
    """Gives the engine's types of error another name, as a later engine may."""

    def __init__(self, engine, type):
        self.type = type
        self.bulks = []  # how many items each request had
        super().__init__(engine)

    def ask(self, method, path, headers, body):
        status, answered, answer = super().ask(method, path, headers, body)
        if "_bulk" in path:
            self.bulks.append(body.count(b'"version_type"'))
            if any(name.lower() == "content-encoding" for name, _ in answered):
                answer = gzip.decompress(answer)
                answered = [(name, value) for name, value in answered if name.lower() != "content-encoding"]
            answer = answer.replace(b"mapper_parsing_exception", self.type.encode())
        return status, answered, answer


def renaming(app, type=STRANGE):
    return through_proxy(app, Renaming(app.engine_server, type))


def spoil(app, *ids):
    app.sql("UPDATE item SET amount = 'many', changed_at = now() WHERE id = ANY (%s)", (list(ids),))


def rename(app, number):
    app.sql("UPDATE item SET title = to_json('Renamed'::text), changed_at = now() WHERE id = %s", (number,))


def rejected(app):
    return {row["doc_id"]: row["error_type"] for row in app.sql("SELECT * FROM esmigrate.rejected_document")}


# ---- a type that is not known


def test_documents_of_an_unknown_type_are_sent_alone_and_rejected(app):
    filled_items(app, 200)
    spoil(app, 3, 70, 71, 150)
    with renaming(app) as proxy:
        app.fails(4, "es_update", "item", "--full")
        assert proxy.bulks[0] == 200 and 1 in proxy.bulks[1:]
    assert rejected(app) == dict.fromkeys(["3", "70", "71", "150"], STRANGE)
    row = app.history()[-1]
    assert (row["status"], row["docs_sent"], row["docs_indexed"], row["docs_rejected"]) == ("partial", 200, 196, 4)
    assert_accounted(row)
    app.sql("UPDATE item SET amount = '1' WHERE amount = 'many'")
    app.ok("es_retry", "item")
    assert app.docs("item") == expected_items(app)


def test_an_unknown_type_that_alone_is_refused_stops_the_run_until_others_are_accepted(app):
    filled_items(app, 20)
    before = instance(app)["changed_through"]
    spoil(app, 7)
    with renaming(app):
        result = app.fails(6, "es_update", "item")
        assert f'document "7": HTTP 400 {STRANGE}: ' in result.err
        assert "DETAIL: It is not known whether the document or the index is to blame" in result.err
        assert (rejected(app), instance(app)["changed_through"]) == ({}, before)
        # Now that another one is accepted, it is known.
        rename(app, 8)
        app.fails(4, "es_update", "item")
        assert rejected(app) == {"7": STRANGE}
        assert app.docs("item")["8"]["title"] == "Renamed"
        # What an earlier run decided holds when nothing else has changed.
        app.sql("UPDATE item SET changed_at = now() - interval '1 hour'")
        app.fails(4, "es_update", "item")
        app.fails(4, "es_retry", "item")
    app.sql("UPDATE item SET amount = '1' WHERE id = 7")
    app.ok("es_update", "item")
    assert app.docs("item") == expected_items(app)


def test_an_index_that_refuses_everything_for_an_unknown_reason_loses_nothing(app):
    """An index that is wrong refuses all of them: none is taken for rejected."""
    filled_items(app, 300)
    before = instance(app)["changed_through"]
    spoil(app, *range(1, 301))
    with renaming(app):
        app.fails(6, "es_update", "item")
    assert (rejected(app), instance(app)["changed_through"]) == ({}, before)
    row = app.history()[-1]
    assert (row["status"], row["docs_rejected"], row["docs_indexed"]) == ("failed", 0, 0)


# ---- what blames the index, a block, a right, a pipeline


@pytest.mark.parametrize("type, hint", [("security_exception", "Let the user of the engine write to")])
def test_a_right_that_is_missing_stops_the_run(app, type, hint):
    filled_items(app, 20)
    spoil(app, 7)
    rename(app, 8)
    with renaming(app, type):
        result = app.fails(6, "es_update", "item")
    assert f"HINT: {hint}" in result.err
    assert rejected(app) == {}


def test_a_closed_index_stops_the_run_and_says_how_to_open_it(app):
    filled_items(app, 20)
    rename(app, 8)
    index = f"{app.prefix}item-1"
    app.engine_server.must("POST", f"{index}/_close")
    result = app.fails(6, "es_update", "item")
    assert rejected(app) == {}
    app.engine_server.must("POST", f"{index}/_open")
    app.engine_server.must("GET", f"_cluster/health/{index}?wait_for_status=yellow")
    assert "clos" in result.err
    app.ok("es_update", "item")
    assert app.docs("item") == expected_items(app)


@pytest.mark.parametrize("block", ["write", "read_only"])
def test_a_block_stops_the_run_and_says_how_to_lift_it(app, block):
    filled_items(app, 20)
    rename(app, 8)
    index = f"{app.prefix}item-1"
    app.engine_server.must("PUT", f"{index}/_settings", {f"index.blocks.{block}": True})
    result = app.fails(6, "es_update", "item")
    lift = f'PUT /{index}/_settings {{"index.blocks.{block}": null}}'
    assert lift in result.err and rejected(app) == {}
    app.engine_server.must("PUT", f"{index}/_settings", {f"index.blocks.{block}": None})
    app.ok("es_update", "item")
    assert app.docs("item") == expected_items(app)


def test_a_pipeline_that_is_gone_stops_the_run_and_rejects_nothing(app):
    filled_items(app, 20)
    before = instance(app)["changed_through"]
    rename(app, 8)
    index, pipeline = f"{app.prefix}item-1", f"{app.prefix}gone"
    app.engine_server.must("PUT", f"{index}/_settings", {"index.default_pipeline": pipeline})
    result = app.fails(6, "es_update", "item")
    assert f"pipeline with id [{pipeline}] does not exist" in result.err
    assert f'PUT /{index}/_settings {{"index.default_pipeline": null' in result.err
    assert (rejected(app), instance(app)["changed_through"]) == ({}, before)
    app.engine_server.must("PUT", f"{index}/_settings", {"index.default_pipeline": None})
    app.ok("es_update", "item")
    assert app.docs("item") == expected_items(app)


def test_a_flood_stage_block_that_is_lifted_is_waited_for(app):
    filled_items(app, 20)
    rename(app, 8)
    index = f"{app.prefix}item-1"
    app.engine_server.must("PUT", f"{index}/_settings", {"index.blocks.read_only_allow_delete": True})
    process = app.start("es_update", "item", "-v")
    wait_until(lambda: "trying again" in process.err)
    app.engine_server.must("PUT", f"{index}/_settings", {"index.blocks.read_only_allow_delete": None})
    process.wait(check=0)
    row = app.history()[-1]
    assert (row["status"], row["docs_rejected"], row["retries"] > 0) == ("complete", 0, True)
    assert app.docs("item") == expected_items(app)


# ---- conflicts (rule R3)


def test_a_version_that_esmigrate_never_issued_is_an_error_with_both_numbers(app):
    filled_items(app, 20)
    before = instance(app)
    foreign = before["read_version"] + 10**15
    body = [{"index": {"_id": "8", "version": foreign, "version_type": "external_gte"}}, {"title": "theirs"}]
    answer = app.engine_server.must("POST", f"{app.prefix}item-1/_bulk?refresh=true", body)
    assert not answer["errors"]
    rename(app, 8)
    result = app.fails(1, "es_update", "item")
    issued = instance(app)["read_version"]
    assert f"version {foreign} in the engine, but the newest that esmigrate has issued is {issued}" in result.err
    assert instance(app)["changed_through"] == before["changed_through"]
    assert app.history()[-1]["status"] == "failed"


def test_a_version_that_was_issued_meanwhile_is_superseded(app):
    filled_items(app, 20)
    issued = instance(app)["read_version"] + 10**15
    body = [{"index": {"_id": "8", "version": issued, "version_type": "external_gte"}}, {"title": "newer"}]
    rename(app, 8)
    with contextlib.closing(Proxy(app.engine_server)) as proxy:
        name = f"{app.engine_server.family.upper()}_URL"
        held = proxy.hold("POST", "_bulk", "before")
        process = app.start("es_update", "item", env={name: proxy.url})
        held.wait()
        # Another read, of a writer that shares the load, has taken its version and written.
        app.engine_server.must("POST", f"{app.prefix}item-1/_bulk?refresh=true", body)
        app.sql("UPDATE esmigrate.index_instance SET read_version = %s", (issued,))
        held.release()
        process.wait(check=0)
    row = app.history()[-1]
    assert (row["status"], row["docs_superseded"]) == ("complete", 1)
    assert_accounted(row)
    assert app.docs("item")["8"] == {"title": "newer"}
