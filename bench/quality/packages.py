#!/usr/bin/env python3
"""What the rules find on real packages: findings per GB by tier, rule and package.

    python3 bench/quality/packages.py                      the packages of the benches' corpora (bench/corpus.py fetches them)
    python3 bench/quality/packages.py --packages DIR       those of a folder: .tgz, .whl, .crate
    python3 bench/quality/packages.py --fetch N            fetches N of each registry's first with npm and pip

Scans with all rules that come with the command (`--exfilter PATH`, else a release build), and prints a table; --list names every finding of
the block tier. Nothing but the standard library, npm and pip. Bytes are those that were scanned: what the packages unpack to.
"""

import argparse
import collections
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import corpus  # noqa: E402

GB = 1e9
# What a scan calls high or confirmed is blocked on its way out.
TIERS = {"confirmed": "block", "high": "block", "medium": "report", "low": "low"}


def fetch(n, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for spec in corpus.NPM[:n]:
        if not (folder / corpus.npm_file(spec)).exists():
            corpus.run(["npm", "pack", "--loglevel", "error", "--ignore-scripts", "--pack-destination", str(folder), spec], folder)
    have = [p.name.lower() for p in folder.glob("*.whl")]
    missing = [s for s in corpus.PYPI[:n] if not any(h.startswith(s.split("==")[0].lower().replace("-", "_") + "-") for h in have)]
    if missing:
        corpus.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                    "--only-binary", ":all:", "--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_17_x86_64",
                    "--implementation", "cp", "--python-version", "3.11", "--dest", str(folder), *missing], folder)


def scan(exfilter, packages):
    command = [exfilter, "scan", "--more-rules", "--format", "json", "--incomplete", "ok", "--fail-on", "confirmed", str(packages)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if done.returncode not in (0, 1):
        raise SystemExit(f"packages: the scan ended with {done.returncode}")
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--packages", type=Path, default=corpus.PACKAGES)
    parser.add_argument("--fetch", type=int, metavar="N")
    parser.add_argument("--exfilter", default=str(HERE.parent.parent / "target/release/exfilter"))
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    if args.fetch:
        fetch(args.fetch, args.packages)
    report = scan(args.exfilter, args.packages)
    coverage = report["coverage"]
    size = coverage["decoded"] or coverage["bytes"]
    tiers, rules, packages = collections.Counter(), collections.Counter(), collections.Counter()
    for finding in report["findings"]:
        tier = "example" if finding["example"] else TIERS[finding["confidence"]]
        tiers[tier] += 1
        rules[tier, finding["rule"]] += 1
        packages[tier, Path(finding["path"]).name] += 1
    files = coverage["files"]
    print(f"{files} packages, {coverage['bytes'] / GB:.2f} GB packed, {size / GB:.2f} GB scanned, {coverage['members']} members")
    print(f"\n{'tier':10}{'findings':>10}{'per GB':>10}")
    for tier in ("block", "report", "low", "example"):
        print(f"{tier:10}{tiers[tier]:>10}{tiers[tier] / (size / GB):>10.1f}")
    generic = sum(n for (_, rule), n in rules.items() if rule.startswith("generic-"))
    print(f"{'generic':10}{generic:>10}{generic / (size / GB):>10.1f}")
    for what, counts in (("rule", rules), ("package", packages)):
        print(f"\n{'tier':10}{'findings':>10}  {what}")
        for (tier, name), n in counts.most_common(40):
            print(f"{tier:10}{n:>10}  {name}")
    if args.list:
        print("\nblock tier:")
        for finding in report["findings"]:
            if TIERS[finding["confidence"]] == "block" and not finding["example"]:
                place = f"{Path(finding['path']).name} > {finding['lane']}:{finding['line']}:{finding['column']}"
                print(f"  {finding['rule']:32} {finding['proof']:9} {place}")


if __name__ == "__main__":
    main()
