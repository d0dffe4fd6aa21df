"""es_verify of an index that equals its source: how many ids it compares in a second, and with how much memory."""

import json

from stage import Bench


def verify(stage, options, folder):
    """The seconds of the check "ids" alone, which reads all ids of both sides, beside those of the whole process."""
    bench = Bench(stage, options.rows, ["book"], folder / "verify")
    try:
        index = bench.create("book")
        bench.update(index)
        for number in range(options.rounds):
            measured = bench.measure("es_verify", index, "-q", "-o", "json")
            [ids] = [check for check in json.loads(measured.out) if check["check"] == "ids"]
            if (ids["verdict"], ids["numbers"]["source"], ids["numbers"]["index"]) != ("ok", *[options.rows] * 2):
                raise RuntimeError(f"es_verify {index}: {options.rows} documents expected: {measured.out}")
            yield {"case": "verify", "round": number + 1, "rows": options.rows, "name": "es_verify",
                   "documents": options.rows, "ids_seconds": ids["numbers"]["ms"] / 1000, **measured.figures()}
    finally:
        bench.clean_up()
