#!/usr/bin/env python3
"""The history of one repository through exfilter and its peers: time, memory and findings.

    python3 bench/peers/history.py [--packages 165] [--commits 1500] [--seed 1] [--repeat 3] [--only exfilter kingfisher gitleaks]
    python3 bench/peers/history.py --packs      packs through `exfilter scan` and `git index-pack --threads=1` instead: the whole one, and those of the last commits

The repository is made of packages that corpus.py downloads, 165 MB of them: each is one commit, in an order that a seed draws; then come commits that a seed draws, each of
which changes some lines of one to four text files. Two lines of two hundred drawn commits hold a made-up GitHub token, and a later commit takes half of them out again. It is packed by
`git repack -adf --window=50` and kept in the cache. Every command is pinned to one CPU and asked for one thread; `--threads 2` lets them have both.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

import run

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LONGEST = 4 << 20


def token(draw):
    """A GitHub token with its checksum that nobody issued."""
    body = "".join(draw.choice(LETTERS) for _ in range(30))
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = LETTERS[digit] + digits
    return f"ghp_{body}{digits}"


def members(package):
    """Names and contents of the regular files of a package, archives within left as they are."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            for info in archive.infolist():
                if not info.is_dir() and info.file_size <= LONGEST:
                    yield info.filename, archive.read(info)
    else:
        with tarfile.open(package) as archive:
            for info in archive:
                if info.isfile() and info.size <= LONGEST:
                    yield info.name, archive.extractfile(info).read()


class History:
    """Writes a stream for `git fast-import`."""

    def __init__(self, out):
        self.out, self.when = out, 1_700_000_000

    def commit(self, message, files):
        self.when += 60
        who = f"A <a@example.org> {self.when} +0000"
        self.out.write(f"commit refs/heads/main\nauthor {who}\ncommitter {who}\n".encode())
        self.data(message.encode())
        for name, content in files:
            self.out.write(b"M 100644 inline " + name.encode() + b"\n")
            self.data(content)

    def data(self, content):
        self.out.write(b"data %d\n" % len(content) + content + b"\n")


def make(folder, packed, commits, seed):
    draw = random.Random(seed)
    packages = [path for path in sorted((run.CACHE / "packages").rglob("*")) if path.suffix in (".tgz", ".whl", ".crate", ".gz")]
    draw.shuffle(packages)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", folder], check=True)
    importer = subprocess.Popen(["git", "-C", folder, "fast-import", "--quiet"], stdin=subprocess.PIPE)
    history, texts, planted = History(importer.stdin), {}, []
    for package in packages:
        packed -= package.stat().st_size / run.MB
        if packed < 0:
            break
        files = []
        for name, content in members(package):
            name = f"{package.stem}/{name}"
            if ".." in name or "\n" in name or '"' in name or name.startswith("/"):
                continue
            files.append((name, content))
            if b"\0" not in content and 500 < len(content) < 100_000:
                texts[name] = content.split(b"\n")
        history.commit(package.name, files)
    names = sorted(texts)
    for number in range(commits):
        changed = []
        for name in draw.sample(names, draw.randint(1, 4)):
            lines = texts[name]
            for _ in range(draw.randint(1, 6)):
                at = draw.randrange(len(lines))
                lines[at:at + draw.randint(0, 2)] = [draw.choice(texts[draw.choice(names)]) for _ in range(draw.randint(0, 3))]
                if not lines:
                    lines.append(b"")
            changed.append(name)
        if number % 8 == 3 and len(planted) < 200:
            value = token(draw)
            planted.append((value, changed[0]))
            texts[changed[0]].insert(0, b"token = '" + value.encode() + b"'")
        if number % 16 == 15 and planted:
            value, name = planted[draw.randrange(len(planted))]
            texts[name] = [line for line in texts[name] if value.encode() not in line]
            changed.append(name)
        history.commit(f"change {number}", [(name, b"\n".join(texts[name])) for name in dict.fromkeys(changed)])
    importer.stdin.close()
    if importer.wait() != 0:
        raise SystemExit("git fast-import failed")
    subprocess.run(["git", "-C", folder, "repack", "-q", "-a", "-d", "-f", "--window=50"], check=True)
    Path(folder, "planted.txt").write_text("".join(f"{value}\n" for value, _ in planted))


class Exfilter(run.Exfilter):
    def history(self, repository, threads, report):
        return [self.program, "scan", "--git", repository, "--no-store", "--format", "json", "--jobs", str(threads), "--incomplete", "ok"]

    def findings(self, report, out):
        return out.read_text()


class Kingfisher(run.Kingfisher):
    def history(self, repository, threads, report):
        return [self.program, "scan", repository, *self.flags, "--git-history", "full", "--no-validate", "--no-update-check", "--quiet",
                "--jobs", str(threads), "--format", "jsonl", "--output", report]

    def findings(self, report, out):
        return report.read_text(errors="replace")


class Gitleaks(run.Gitleaks):
    def history(self, repository, threads, report):
        return ["env", f"GOMAXPROCS={threads}", self.program, "git", repository, "--no-banner", "--report-format", "json", "--report-path", report,
                "--log-level", "error"]

    def findings(self, report, out):
        return report.read_text(errors="replace")


def packs(folder, repeat, measure, work):
    """Processor time of a scan of a pack, start-up taken off, and of `git index-pack`; by turns, the medians and the ratio of the least."""
    tool = run.Exfilter()
    tool.prepare(work)
    whole = next(folder.glob("objects/pack/*.pack"))
    files = [("whole", whole)]
    for commits in (1000, 100):
        name = run.text(["sh", "-c", f"printf 'main\n^main~{commits}\n' | git -C {folder} pack-objects -q --revs {work}/last"])
        files.append((f"last {commits}", work / f"last-{name}.pack"))
    empty = work / "empty"
    empty.write_text("nothing\n")
    cpu = str(min(os.sched_getaffinity(0)))

    def cost(*command):
        line = run.text([measure, cpu, "900", str(work / "out"), str(work / "err"), *map(str, command)])
        wall, user, system, peak, code = line.split()[:5]
        return float(user) + float(system), int(peak) / 1024

    print(f"{'pack':10} {'MB':>8} {'scan s':>8} {'start s':>8} {'index s':>8} {'ratio':>6} {'of least':>9} {'peak MiB':>9}")
    for name, pack in files:
        scans, starts, indexes, peaks = [], [], [], []
        for _ in range(repeat):
            scan = [tool.program, "scan", "--no-store", "--jobs", "1", "--incomplete", "fail", "--format", "json"]
            seconds, peak = cost(*scan, pack)
            scans.append(seconds)
            peaks.append(peak)
            summary = json.loads((work / "out").read_text())["summary"]
            starts.append(cost(*scan, empty)[0])
            indexes.append(cost("git", "index-pack", "--threads=1", "-o", work / "index.idx", pack)[0])
            (work / "index.idx").unlink()
        net = [scan - statistics.median(starts) for scan in scans]
        missed = f"  {summary['not_examined']} ranges not examined" if summary["not_examined"] else ""
        print(f"{name:10} {pack.stat().st_size / run.MB:8.1f} {statistics.median(scans):8.2f} {statistics.median(starts):8.2f} {statistics.median(indexes):8.2f} "
              f"{statistics.median(net) / statistics.median(indexes):6.2f} {min(net) / min(indexes):9.2f} {max(peaks):9.0f}{missed}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=int, default=165, help="megabytes of packages, as they were published")
    parser.add_argument("--commits", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=900)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--packs", action="store_true")
    args = parser.parse_args()
    folder = run.CACHE / f"history-{args.packages}-{args.commits}-{args.seed}.git"
    if not folder.exists():
        print("history: making the repository", file=sys.stderr)
        unfinished = folder.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        make(str(unfinished), args.packages, args.commits, args.seed)
        unfinished.rename(folder)
    counts = run.text(["git", "-C", str(folder), "count-objects", "-v"])
    counts = dict(line.split(": ") for line in counts.splitlines())
    sizes = run.text(["git", "-C", str(folder), "cat-file", "--batch-all-objects", "--batch-check=%(objectsize)"])
    content = sum(map(int, sizes.split()))
    planted = (folder / "planted.txt").read_text().split()
    print(f"{int(counts['in-pack'])} objects, pack {int(counts['size-pack']) * 1024 / run.MB:.1f} MB, content {content / run.MB:.1f} MB, {len(planted)} tokens planted\n")
    print(f"{'tool':20} {'version':>8} {'cpu s':>8} {'wall s':>8} {'peak MiB':>9} {'tokens':>8}")
    tools = [Exfilter(), Kingfisher(False), Kingfisher(True), Gitleaks()]
    tools = [tool for tool in tools if not args.only or tool.name.split()[0] in args.only]
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        measure = str(work / "measure")
        run.text(["cc", "-O2", "-o", measure, str(run.HERE / "measure.c")])
        if args.packs:
            return packs(folder, args.repeat, measure, work)
        cpu = str(min(os.sched_getaffinity(0))) if args.threads == 1 else "-1"
        samples = {tool.name: [] for tool in tools}
        found = {}
        for tool in list(tools):
            try:
                tool.prepare(work)
            except run.Unavailable as why:
                print(f"{tool.name:20} absent: {why}")
                tools.remove(tool)
        for _ in range(args.repeat):
            for tool in tools:
                report, out, err = work / "report", work / "out", work / "err"
                report.write_text("")
                line = run.text([measure, cpu, str(args.timeout), str(out), str(err), *map(str, tool.history(str(folder), args.threads, str(report)))])
                wall, user, system, peak, code = line.split()[:5]
                samples[tool.name].append((float(user) + float(system), float(wall), int(peak) / 1024))
                text = tool.findings(report, out)
                found[tool.name] = (tokens(tool, text, planted), code)
        for tool in tools:
            cpus, walls, peaks = zip(*samples[tool.name])
            told, code = found[tool.name]
            late = "  did not end in time" if code == "124" else ""
            print(f"{tool.name:20} {tool.version:>8} {statistics.median(cpus):8.2f} {statistics.median(walls):8.2f} {max(peaks):9.0f} {told:>8}{late}")


def tokens(tool, text, planted):
    """How many of the planted tokens a report tells of: by their values, or where it has none, by the ids of findings of that kind."""
    if tool.name == "exfilter":
        return len({finding["id"] for finding in json.loads(text)["findings"] if finding["rule"] == "github-pat"})
    return sum(value in text for value in planted)


if __name__ == "__main__":
    main()
