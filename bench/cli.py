#!/usr/bin/env python3
"""What the command costs beside the engine: cold start on 1 KB and peak memory on a large input.

    python3 bench/cli.py [--gb 10]

Goals: under 30 ms of CPU for 1 KB, under 64 MiB for 10 GB. The large input is the code corpus over and over on standard input (nothing
is written to disk), and a sparse file of zeros given by its path.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("EXFILTER_BENCH_CACHE", HERE / ".cache"))
sys.path.insert(0, str(HERE / "peers"))

import planted  # noqa: E402
import random  # noqa: E402

KIB = 1024


def binary():
    if "EXFILTER_BIN" in os.environ:
        return os.environ["EXFILTER_BIN"]
    subprocess.run(["cargo", "build", "--release", "--quiet", "--package", "exfilter-cli"], cwd=HERE.parent, check=True)
    meta = subprocess.run(["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=HERE.parent, check=True, capture_output=True)
    return str(Path(json.loads(meta.stdout)["target_directory"]) / "release/exfilter")


def measured(measure, command, work, source=None):
    """(wall, CPU, peak KiB, exit code); `source` is repeated on standard input."""
    shown = [str(measure), str(max(os.sched_getaffinity(0))), "900", str(work / "out"), str(work / "err"), *command]
    if source is None:
        out = subprocess.run(shown, stdout=subprocess.PIPE, text=True, check=True).stdout
    else:
        data, times = source
        shown[5:] = ["sh", "-c", f'i=0; while [ $i -lt {times} ]; do cat "$0"; i=$((i+1)); done | "$@"', str(data), *command]
        out = subprocess.run(shown, stdout=subprocess.PIPE, text=True, check=True).stdout
    wall, user, system, peak, code = out.split()
    return float(wall), float(user) + float(system), int(peak), int(code)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=10)
    parser.add_argument("--runs", type=int, default=15)
    args = parser.parse_args()
    program = binary()
    with tempfile.TemporaryDirectory(prefix="exfilter-cli-") as tmp:
        work = Path(tmp)
        measure = work / "measure"
        subprocess.run(["cc", "-O2", "-o", str(measure), str(HERE / "peers/measure.c")], check=True)

        small = work / "small.py"
        small.write_text((planted.source(random.Random(1), None) * 2)[:1024])
        runs = [measured(measure, [program, "scan", str(small)], work) for _ in range(args.runs)]
        cpu, wall = statistics.median(r[1] for r in runs), statistics.median(r[0] for r in runs)
        print(f"cold start, 1 KB file: {cpu * 1000:.1f} ms CPU, {wall * 1000:.1f} ms wall, {max(r[2] for r in runs) / KIB:.1f} MiB peak, "
              f"exit {runs[-1][3]} (median of {args.runs}; goal: 30 ms CPU)")

        code = CACHE / "corpora/code.txt"
        times = max(1, round(args.gb * 1e9 / code.stat().st_size))
        for label, command, source in [
            (f"{times * code.stat().st_size / 1e9:.1f} GB of code on standard input", [program, "scan", "-"], (code, times)),
            (f"{args.gb:.1f} GB of zeros in a file", [program, "scan", "--jobs", "1", str(work / "zeros")], None),
        ]:
            if source is None:
                with (work / "zeros").open("wb") as file:
                    file.truncate(int(args.gb * 1e9))
            wall, cpu, peak, code_ = measured(measure, command, work, source)
            print(f"{label}: {peak / KIB:.1f} MiB peak, {wall:.1f} s wall, {cpu:.1f} s CPU{' with cat' if source else ''}, exit {code_} "
                  "(goal: 64 MiB)")


if __name__ == "__main__":
    main()
