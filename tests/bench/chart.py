"""The chart of README: bars of documents per second, as SVG that is readable on light and on dark pages."""

from html import escape

WIDTH, LABEL, RIGHT, BAR, GAP, TITLE = 760, 190, 230, 20, 8, 34
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.note { fill: #59636e }
.limit { fill: #8c959f }
.ours { fill: #0969da }
.other { fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .note { fill: #9198a1 }
  .limit { fill: #656c76 }
  .ours { fill: #4493f8 }
  .other { fill: #db6d28 }
}
"""


def bars(groups):
    """SVG. `groups`: (title, [(kind: limit|ours|other, name, value, note)]); each has a scale of its own from 0."""
    parts, y = [], 0
    for title, rows in groups:
        parts.append(f'<text class="title" x="0" y="{y + 20}">{escape(title)}</text>')
        y += TITLE
        largest = max(value for _, _, value, _ in rows)
        for kind, name, value, note in rows:
            width = max(1, round(value / largest * (WIDTH - LABEL - RIGHT)))
            middle = y + BAR - 5
            parts += [
                f'<text x="{LABEL - 10}" y="{middle}" text-anchor="end">{escape(name)}</text>',
                f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{width}" height="{BAR}" rx="2"/>',
                f'<text class="note" x="{LABEL + width + 8}" y="{middle}">{escape(note)}</text>',
            ]
            y += BAR + GAP
        y += GAP
    size = f'viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}"'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n'
            f"<style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n")
