#!/usr/bin/env python3
"""Draws the tables that `matchers` and `known` print.

    cargo run ... --bin matchers >matchers.txt; python3 bench/plot.py matchers.txt -o bench/plots/matchers.svg

One panel for each corpus, a bar for each matcher (or number of secrets), in MB/s of thread CPU time; memchr, which is farther out, is said in words. The pictures
follow the reader's light or dark.
"""

import argparse
import html
import pathlib
import re
import sys

WIDTH, LABEL, ROW, PAD = 720, 150, 20, 14
STYLE = """text{font:12px system-ui,sans-serif;fill:#1d1f21}.h{font-weight:600;font-size:13px}.f{fill:#5f6670}
.ours{fill:#2f6f9f}.other{fill:#b8bec6}
@media (prefers-color-scheme:dark){text{fill:#e6e7e8}.f{fill:#9aa3ad}.ours{fill:#7cc0ee}.other{fill:#565d66}}"""
OTHERS = {"memchr", "AC-DFA", "keywords", "VS-written", "VS-import"}
NAMES = {
    "AC-DFA": "aho-corasick, DFA", "keywords": "keywords, then regex", "identity": "exfilter, identity",
    "inline": "exfilter, inline", "ship+id": "own rules + known, identity", "ship+in": "own rules + known, inline",
    "VS-written": "Vectorscan, as written", "VS-import": "Vectorscan, as imported",
}


def table(text):
    """The table that begins with `MB/s`, as (matcher, {corpus: speed}) in the order of its columns or rows."""
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if line.lstrip().startswith("MB/s")), None)
    if start is None:
        sys.exit("there is no table that begins with MB/s: give what matchers or known has printed")
    heads = lines[start].split("  and as")[0].replace("MB/s", "").split()
    rows = []
    for line in lines[start + 1:]:
        if not line.strip():
            break
        rows.append(re.sub(r"\s*±\S+", "", line).split())
    if heads[0] in NAMES or heads[0] == "memchr":
        return [(head, {row[0]: float(row[at + 1]) for row in rows}) for at, head in enumerate(heads)]
    heads = [head for head in heads if head != "and"]
    out = []
    for row in rows:
        words = [word for word in row if not re.fullmatch(r"[0-9.]+", word)]
        numbers = [float(word) for word in row if re.fullmatch(r"[0-9.]+", word)]
        name = "no secrets" if numbers[0] == 0 else f"{int(numbers[0]):,} {' '.join(words)}".replace(",", " ")
        out.append((name, dict(zip(heads, numbers[1:]))))
    return out


def draw(title, series):
    corpora = list(series[0][1])
    shown = [(name, speeds) for name, speeds in series if name != "memchr"]
    beside = dict(series).get("memchr", {})
    panel = PAD + 18 + ROW * len(shown)
    height = 30 + panel * len(corpora) + PAD
    most = max(speed for _, speeds in shown for speed in speeds.values())
    scale = (WIDTH - LABEL - 90) / most
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'aria-label="{html.escape(title)}"><style>{STYLE}</style>',
        f'<text class="h" x="8" y="20">{html.escape(title)}</text>',
    ]
    y = 30
    for corpus in corpora:
        note = f" (memchr {beside[corpus]:.0f})" if corpus in beside else ""
        out.append(f'<text class="h" x="8" y="{y + 24}">{corpus}<tspan class="f">{note}</tspan></text>')
        top = y + 32
        for at, (name, speeds) in enumerate(shown):
            speed, line = speeds[corpus], top + ROW * at
            kind = "other" if name in OTHERS else "ours"
            out.append(f'<text x="{LABEL - 6}" y="{line + 12}" text-anchor="end">{html.escape(NAMES.get(name, name))}</text>')
            out.append(f'<rect class="{kind}" x="{LABEL}" y="{line + 2}" width="{max(speed * scale, 1):.1f}" height="13" rx="2"/>')
            out.append(f'<text class="f" x="{LABEL + max(speed * scale, 1) + 6:.1f}" y="{line + 12}">{speed:.0f}</text>')
        y += panel
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output_of", type=pathlib.Path, help="what matchers or known has printed")
    parser.add_argument("-o", type=pathlib.Path, required=True, metavar="SVG")
    parser.add_argument("--title", default="MB/s of thread CPU time; longer is faster")
    args = parser.parse_args()
    picture = draw(args.title, table(args.output_of.read_text(encoding="utf-8")))
    args.o.parent.mkdir(parents=True, exist_ok=True)
    args.o.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
