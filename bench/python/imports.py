"""How long `import exfilter` takes: processor time of an interpreter that imports it, less that of one that does nothing, in turn.

    python bench/python/imports.py [--runs 40] [--modules]

Processor time of a child is what the system has counted for it. `--modules` lists what the import is made of, of one run. Importing a package for the first time writes its bytecode; runs before the first one that counts do that.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys


def spent(code: str) -> float:
    """Seconds of processor time of an interpreter that runs this."""
    child = subprocess.Popen([sys.executable, "-I", "-c", code])
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"python failed on: {code}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--runs", type=int, default=40)
    options.add_argument("--modules", action="store_true", help="the slowest of the modules that are imported, with their own time in microseconds")
    chosen = options.parse_args()
    for _ in range(3):
        spent("import exfilter")
    bare, whole = [], []
    for _ in range(chosen.runs):
        bare.append(spent("pass"))
        whole.append(spent("import exfilter"))
    added = statistics.median(after - before for before, after in zip(bare, whole))
    nothing = statistics.median(bare)
    print(f"an interpreter that does nothing {nothing * 1e3:.1f} ms; import exfilter adds {added * 1e3:.1f} ms ({added / nothing:.2f} of it); least {(min(whole) - min(bare)) * 1e3:.1f} ms")
    if chosen.modules:
        listed = subprocess.run([sys.executable, "-I", "-X", "importtime", "-c", "import exfilter"], capture_output=True, text=True, check=True).stderr
        rows = [line.removeprefix("import time:").split("|") for line in listed.splitlines() if line.startswith("import time:") and "self" not in line]
        for own, _, name in sorted(rows, key=lambda row: -int(row[0]))[:25]:
            print(f"{int(own):>8} {name.strip()}")


if __name__ == "__main__":
    main()
