"""The morning and the afternoon of a deploy while the application writes and searches, and the way back."""

import soak
from faults import expected_items
from readers import reading
from writing import CHANGED, DOCUMENTS, Writers, make_items

ROWS = 3000
SEARCHES_A_SECOND = 200
WITH_LENGTH = DOCUMENTS.replace("amount", "amount, length(title::text) AS title_length")


def with_length(app):
    items = expected_items(app)
    rows = app.sql("SELECT id, length(title::text) AS title_length FROM item")
    return {str(row["id"]): {**items[str(row["id"])], "title_length": row["title_length"]} for row in rows}


def declare(app, documents):
    app.declare("item", index={"mappings": {"dynamic": "true"}}, documents=documents, changed=CHANGED)


def steps(app, *steps):
    for *words, expected in steps:
        [*_, last] = app.ok(*words)
        assert (last["instance"], last.get("result") or last["mode"]) == expected, (words, last)


def expect_all(app, writers, number, expected):
    """An update of an instance brings all that was committed before it."""
    with writers.paused():
        app.ok("es_update", "item", str(number))
        assert soak.differences(app.docs(f"item-{number}"), expected(app)) == 0


def test_a_deploy_while_others_write_and_search_and_the_way_back(app, reader_program):
    make_items(app, ROWS)
    declare(app, DOCUMENTS)
    app.ok("es_init")
    chance = soak.seeded()
    with Writers(app, ROWS, chance.randrange(1_000_000)) as writers:
        steps(app, ("es_deploy", "item", (1, "activated")))
        with reading(app, reader_program, "item", SEARCHES_A_SECOND) as seen:
            declare(app, WITH_LENGTH)
            steps(
                app,
                # The morning: a new instance, and what runs every hour.
                ("es_create", "item", (2, "created")),
                ("es_update", "item", (1, "changed")),
                ("es_update", "item", "--latest", (2, "full")),
                ("es_update", "item", (1, "changed")),
                ("es_update", "item", "--latest", (2, "changed")),
                # The afternoon.
                ("es_create", "item", "2", (2, "unchanged")),
                ("es_update", "item", "2", (2, "changed")),
                ("es_activate", "item", (2, "activated")),
                ("es_update", "item", (2, "changed")),
            )
            expect_all(app, writers, 2, with_length)
            steps(app, ("es_rollback", "item", (1, "activated")))
            expect_all(app, writers, 1, expected_items)
            # The next release, in one command each; then the one before once more.
            declare(app, WITH_LENGTH.replace("title_length", "letters"))
            steps(app, ("es_deploy", "item", "--warm", (3, "verified")), ("es_deploy", "item", (3, "activated")))
            declare(app, WITH_LENGTH)
            steps(app, ("es_deploy", "item", (2, "activated")))
            expect_all(app, writers, 2, with_length)
    print(f"{seen['requests']} searches")
    assert (seen["failed"], seen["errors"], seen["empty"]) == (0, 0, 0), seen
    assert seen["requests"] > SEARCHES_A_SECOND
