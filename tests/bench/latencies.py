"""What does not depend on how much is loaded, or should not: tables of several sizes, start-up, a long history."""

import time

from stage import Bench  # sets the path of what follows

from many_actions import FILL_HISTORY, FILL_MASTERS

ROWS_CHANGED = 100
LONGER_THAN_OVERLAP = 0.05  # seconds; "overlap" in the declarations is 10 milliseconds


def sizes(stage, options, folder):
    """Full loads of tables of several sizes; then updates of few rows in each. Tables one by one: each in turn has
    all of the page cache, as it would have in use."""
    for rows in options.sizes:
        bench = Bench(stage, rows, ["book"], folder / f"size{rows}")
        try:
            for number in range(options.rounds):
                index = bench.create("book")
                measured = bench.update(index)
                yield {"case": "sizes", "round": number + 1, "rows": rows, "name": "full load", "documents": rows,
                       **measured.figures()}
                if number + 1 < options.rounds:
                    bench.drop(index)
            bench.ok("es_activate", index)
            yield from changes(bench, options, index, rows)
        finally:
            bench.clean_up()


def changes(bench, options, index, rows):
    """Rows all over the table, and none: the whole process, with all that it asks history, source and engine."""
    changed = min(rows, ROWS_CHANGED)
    ids = [rows // changed * (i + 1) for i in range(changed)]
    for number in range(options.runs):
        bench.sql("UPDATE book SET updated_at = clock_timestamp() WHERE id = ANY (%s)", (ids,))
        time.sleep(LONGER_THAN_OVERLAP)
        found = bench.update(index, rows=changed)
        yield {"case": "changes", "round": number + 1, "rows": rows, "name": f"es_update, {changed} changed",
               **found.figures()}
        time.sleep(LONGER_THAN_OVERLAP)
        found = bench.update(index, rows=0)
        yield {"case": "changes", "round": number + 1, "rows": rows, "name": "es_update, none changed",
               **found.figures()}


def history(stage, options, folder):
    """Start-up alone, and the commands that read the history, with a million actions in it."""
    bench = Bench(stage, 0, [], folder / "history")
    try:
        bench.sql(FILL_MASTERS)
        bench.sql(FILL_HISTORY, (options.actions,))
        bench.sql("VACUUM ANALYZE")
        for number in range(options.runs):
            for words in (["--version"], ["es_list"], ["es_history"], ["es_history", "m7"],
                          ["es_history", "--status", "failed"]):
                found = bench.measure(*words)
                yield {"case": "history", "round": number + 1, "rows": options.actions, "name": " ".join(words),
                       **found.figures()}
        words = ["es_prune", "--all", "--history-older-than", "1 day", "--yes"]
        yield {"case": "history", "round": 1, "rows": options.actions, "name": " ".join(words),
               **bench.measure(*words).figures()}
    finally:
        bench.clean_up()
