"""Rules R3 to R6 on a bad network: a command is repeated until it succeeds, and then nothing is lost."""

import time

import pytest

import soak
from chaos import through_chaos
from faults import ITEM_DOCUMENTS, declare_items, expected_items
from writing import CHANGED

ROWS = 3000
MASTER = {"range_documents": ROWS // 6, "overlap": "0 seconds"}


def repeat(app, *command):
    """Until it succeeds. A run may fail, of the network (6) or of what it cannot know any more (1), but says so."""
    for _ in range(40):
        result = app.run(*command)
        if result.code == 0:
            return
        assert result.code in (1, 6) and "esmigrate: error: " in result.err, result
    raise AssertionError(f"no success in 40 runs\n{result}")


def change(app, chance):
    app.sql(
        "UPDATE item SET title = to_json(%s::text), changed_at = now() WHERE id %% 7 = %s",
        (f"Changed {chance.random()}", chance.randrange(7)),
    )
    app.sql(
        "WITH d AS (DELETE FROM item WHERE id IN (SELECT id FROM item ORDER BY id LIMIT 20) RETURNING id)"
        " INSERT INTO gone SELECT id FROM d"
    )


def deploy_and_back(app, chance):
    """A new instance beside the active one, readers to it, and to the one before: each once, whatever got lost."""
    app.declare("item", documents=ITEM_DOCUMENTS + " -- the next release")
    for command, active in ("es_deploy", 2), ("es_rollback", 1), ("es_deploy", 2), ("es_rollback", 1):
        change(app, chance)
        repeat(app, command, "item")
        assert app.alias("item") == [app.full_name(f"item-{active}")]
        [row] = app.sql("SELECT i.number FROM esmigrate.index_master m JOIN esmigrate.index_instance i"
                        " ON i.id = m.active_instance_id")
        assert row["number"] == active
        assert soak.differences(app.docs("item"), expected_items(app)) == 0


def through_it(app, rounds, seconds):
    chance = soak.seeded()
    app.sql("CREATE TABLE gone (id bigint, at timestamptz DEFAULT now())")
    declare_items(app, ROWS, changed=CHANGED, master=MASTER)
    app.sql("ANALYZE item")
    until = time.monotonic() + seconds
    with through_chaos(app, chance.randrange(1_000_000)) as chaos:
        repeat(app, "es_create", "item")
        repeat(app, "es_update", "item", "1")
        repeat(app, "es_activate", "item")
        for number in range(rounds):
            change(app, chance)
            repeat(app, "es_update", "item", *(["--full"] if number % 3 == 2 else []))
            # A lost answer of an earlier request is not to arrive later, either.
            lost = soak.differences(app.docs("item"), expected_items(app))
            assert lost == 0
            if time.monotonic() > until:
                break
        deploy_and_back(app, chance)
    assert chaos.count
    for fault, times in chaos.count.items():
        soak.note(fault, f"{app.engine_server.family}: create, updates, deploy, rollback", times)
    app.ok("es_update", "item")
    assert app.docs("item") == expected_items(app)
    assert app.sql("SELECT id FROM esmigrate.index_action WHERE status = 'running'") == []


def test_on_a_bad_network_nothing_is_lost(app):
    through_it(app, 3, 20)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_on_a_bad_network_nothing_is_lost_for_long(app):
    through_it(app, soak.KILLS, soak.SECONDS)
