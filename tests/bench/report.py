"""From results.json to what people read: a table, a chart (contrib/docs/bench.svg), and README's section on speed."""

import json
import pathlib
import statistics
import sys

import chart
from machine import PLACEMENTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHAPES = {"book": "small documents", "course": "nested documents"}
LOADS = ("limit", "update", "script", "sink", "postgres")
BEGIN, END = "<!-- figures: -->\n", "<!-- end of the figures -->\n"


def write(results, path):
    path.write_text(json.dumps(results, indent=1) + "\n")


def line(found):
    """One measurement, as it is made."""
    where = " ".join(str(found[key]) for key in ("placement", "shape", "rows") if key in found)
    speed = f", {found['documents'] / found['seconds']:,.0f} docs/s" if "documents" in found else ""
    return (f"{found['case']} {where}, round {found['round']}: {found['name']}: {found['seconds']:.3f} s{speed}, "
            f"CPU {found['cpu_seconds']:.3f} s, {found['rss_mib']:.0f} MiB")


# ---- medians and ratios ----


def medians(results):
    """One row per thing that was measured: what tells it apart, and the medians of its rounds."""
    groups = {}
    for found in results["figures"]:
        key = tuple(found.get(name) for name in ("case", "placement", "shape", "rows", "name"))
        groups.setdefault(key, []).append(found)
    rows = []
    for key, rounds in groups.items():
        row = dict(zip(("case", "placement", "shape", "rows", "name"), key))
        for name in ("documents", "bytes", "seconds", "posted_seconds", "cpu_seconds", "postgres_cpu_seconds",
                     "engine_cpu_seconds", "rss_mib", "ids_seconds"):
            values = [found[name] for found in rounds if name in found]
            if values:
                row[name] = statistics.median(values)
        row["spread"] = max(found["seconds"] for found in rounds) / min(found["seconds"] for found in rounds)
        if "documents" in row:
            row["per_second"] = row["documents"] / row["seconds"]
            for name in ("cpu", "postgres_cpu", "engine_cpu"):
                row[f"{name}_per_million"] = row[f"{name}_seconds"] / row["documents"] * 1e6
        if "bytes" in row:
            row["mb_per_second"] = row["bytes"] / row["seconds"] / 1e6
        rows.append(row)
    for row in rows:
        best = best_limit(rows, row["placement"], row["shape"])
        if best and row["case"] in LOADS:
            row["of_limit"] = row["per_second"] / best["per_second"]
    return rows


def best_limit(rows, placement, shape):
    limits = [row for row in rows if (row["case"], row["placement"], row["shape"]) == ("limit", placement, shape)]
    return max(limits, key=lambda row: row["per_second"], default=None)


# ---- the table ----


def aligned(rows):
    """Rows of texts as lines; the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(text.ljust(width) if i == 0 else text.rjust(width)
                               for i, (text, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


LOAD_HEAD = ["", "docs/s", "MB/s", "of the limit", "client CPU", "PostgreSQL CPU", "engine CPU", "peak MiB", "max/min"]


def load_row(row):
    ratio = f"{row['of_limit']:.2f}" if "of_limit" in row else ""
    # The file with the bodies is mapped: no memory of a client.
    peak = "" if row["case"] == "limit" else f"{row['rss_mib']:.0f}"
    return [row["name"], f"{row['per_second']:,.0f}", f"{row['mb_per_second']:.0f}", ratio,
            f"{row['cpu_per_million']:.2f}",
            f"{row['postgres_cpu_per_million']:.2f}", f"{row['engine_cpu_per_million']:.1f}", peak,
            f"{row['spread']:.2f}"]


def load_title(where, what, found):
    size = found[0]["bytes"] / found[0]["documents"]
    return f"Full load of {found[0]['documents']:,.0f} {what} ({size:,.0f} bytes each in the request), {where}"


def load_groups(rows):
    """(where, what, its rows) of the full loads."""
    for placement, where in PLACEMENTS.items():
        for shape, what in SHAPES.items():
            found = [row for row in rows
                     if row["case"] in LOADS and (row["placement"], row["shape"]) == (placement, shape)]
            if found:
                found.sort(key=lambda row: LOADS.index(row["case"]))
                yield where, what, found


def machine_line(results):
    machine = results["machine"]
    return (f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; "
            f"{machine['engine']} (heap {results['options']['heap']}), PostgreSQL {machine['postgres']}, "
            f"{machine['esmigrate']}")


def size_table(rows):
    return [["rows", "docs/s", "client CPU", "peak MiB"],
            *([f"{row['rows']:,}", f"{row['per_second']:,.0f}", f"{row['cpu_per_million']:.2f}",
               f"{row['rss_mib']:.1f}"] for row in rows if row["case"] == "sizes")]


def moment_table(rows):
    return [["", "rows", "ms", "max/min"],
            *([row["name"], f"{row['rows']:,}", f"{row['seconds'] * 1000:.1f}", f"{row['spread']:.2f}"]
              for row in rows if row["case"] in ("changes", "history"))]


def verify_table(rows):
    return [["rows", "ids/s", "seconds", "client CPU", "PostgreSQL CPU", "engine CPU", "peak MiB"],
            *([f"{row['rows']:,}", f"{row['documents'] / row['ids_seconds']:,.0f}", f"{row['seconds']:.1f}",
               *(f"{row[name]:.2f}" for name in ("cpu_per_million", "postgres_cpu_per_million",
                                                  "engine_cpu_per_million")),
               f"{row['rss_mib']:.1f}"] for row in rows if row["case"] == "verify")]


def sections(results):
    """(title, rows of texts, the head first) of all that was measured."""
    rows = medians(results)
    options = results["options"]
    found = [(load_title(*group), [LOAD_HEAD, *map(load_row, group[2])]) for group in load_groups(rows)]
    found.append(("Full loads of tables of several sizes, small documents", size_table(rows)))
    found.append(("es_verify of an index that equals its source: ids compared in a second; the whole process takes the "
                  "seconds, with a random sample and the edge cases field by field", verify_table(rows)))
    found.append((f"Whole processes, medians of {options['runs']} runs; rows are those of the table, or of the history",
                  moment_table(rows)))
    return [(title, lines) for title, lines in found if len(lines) > 1]


def heading(results):
    return (f"{machine_line(results)}. Medians of {results['options']['rounds']} rounds; CPU in seconds per million "
            "documents; max/min of the rounds tells how quiet the machine was.")


def table(results):
    return "\n\n".join([heading(results), *(f"{title}\n{aligned(lines)}" for title, lines in sections(results))])


# ---- README ----


def markdown(results):
    parts = [f"Measured on {heading(results)}"]
    for title, lines in sections(results):
        head, *body = (f"| {' | '.join(row)} |" for row in lines)
        parts.append(f"**{title}**\n\n" + "\n".join([head, "|---" + "|---:" * (len(lines[0]) - 1) + "|", *body]))
    return "\n\n".join(parts) + "\n"


def kind_of(row):
    return "limit" if row["case"] == "limit" else "ours" if row["case"] == "update" else "other"


def svg(results):
    """Of each kind of document, with everything on one machine: the limit, es_update, and the script."""
    rows = medians(results)
    groups = []
    for where, what, found in load_groups(rows):
        if where != PLACEMENTS["shared"]:
            continue
        best = best_limit(rows, "shared", found[0]["shape"])
        shown = [row for row in found if row is best or row["case"] in ("update", "script")]
        bars = [(kind_of(row), "the engine's limit" if row is best else row["name"], row["per_second"],
                 f"{row['per_second']:,.0f} docs/s, CPU {row['cpu_per_million']:.1f} s/million") for row in shown]
        groups.append((f"{what}, {found[0]['bytes'] / found[0]['documents']:,.0f} bytes each", bars))
    return chart.bars(groups)


def write_documents(results, root):
    """The chart, and README's figures between their two comments."""
    chart_file = "contrib/docs/bench.svg"
    (root / chart_file).write_text(svg(results))
    readme = (root / "README.md").read_text()
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    image = f"![Documents per second: the engine's limit, es_update, a Python script]({chart_file})\n"
    (root / "README.md").write_text(f"{before}{BEGIN}\n{image}\n{markdown(results)}\n{END}{after}")


if __name__ == "__main__":
    write_documents(json.loads(pathlib.Path(sys.argv[1]).read_text()), ROOT)
