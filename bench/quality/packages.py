#!/usr/bin/env python3
"""What the rules find on real packages: findings per GB by tier, rule and package.

    python3 bench/quality/packages.py --packages DIR           scans a folder of .tgz, .whl, .crate, .deb and prints tables
    python3 bench/quality/packages.py --packages DIR --fetch   fetches the packages of packages.txt into it first, with npm, pip, cargo and apt
    python3 bench/quality/packages.py --packages DIR --public  writes rules/public.txt: digests of what is blocked in them
    ... --set NAME      only packages of that part of packages.txt, with --fetch
    ... --peers         gitleaks and kingfisher on the same packages, unpacked
    ... --list          every finding of the block tier

Without --packages: the benches' corpora. Scans with all rules that come with the command (`--exfilter PATH`, else a release build). Nothing but the standard
library and the package managers. Bytes are those that were scanned: what the packages unpack to.
"""

import argparse
import collections
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "peers")]
import corpus  # noqa: E402

GB = 1e9
# How long a peer may take.
PEER_SECONDS = 1800
# What a scan calls high or confirmed is blocked on its way out.
TIERS = {"confirmed": "block", "high": "block", "medium": "report", "low": "low"}
PUBLIC = ROOT / "rules/public.txt"
HEAD = """# Values that are public, since test suites and documentation were published with them: the id of a rule, Rule::example_digest of the value.
# Written by bench/quality/packages.py --public, which names the package where a value was seen first; never a value itself.
"""


def wanted(part):
    """(registry, specification) of each line of packages.txt: a part, a registry, a name with its version."""
    for line in (HERE / "packages.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            of, registry, spec = line.split()
            if part in (None, of):
                yield registry, spec


def fetch(folder, part):
    folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for registry, spec in wanted(part):
        try:
            {"npm": fetch_npm, "pypi": fetch_pypi, "crates": fetch_crate, "debian": fetch_debian}[registry](folder, spec)
        except SystemExit:
            failed.append(spec)
    if failed:
        print("not fetched:", *failed)


def fetch_npm(folder, spec):
    if not (folder / corpus.npm_file(spec)).exists():
        corpus.run(["npm", "pack", "--loglevel", "error", "--ignore-scripts", "--pack-destination", str(folder), spec], folder)


def fetch_pypi(folder, spec):
    stem = spec.replace("==", "-").replace("_", "-").lower()
    if any(path.name.lower().replace("_", "-").startswith(stem + "-") for path in folder.glob("*.whl")):
        return
    platforms = [f"--platform=manylinux{version}_x86_64" for version in ("2014", "_2_17", "_2_28")]
    corpus.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:",
                *platforms, "--implementation", "cp", "--python-version", "3.12", "--dest", str(folder), spec], folder)


def fetch_debian(folder, spec):
    """A package of Debian, where apt has one: sources and test suites of Go, Python and OpenSSH."""
    if not list(folder.glob(spec.split("=")[0] + "_*.deb")):
        corpus.run(["apt-get", "download", "-qq", spec], folder)


def fetch_crate(folder, spec):
    """The crate and what it depends on, as they were published: cargo keeps them."""
    name, version = spec.split("=")
    if (folder / f"{name}-{version}.crate").exists():
        return
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        (tmp / "src").mkdir()
        (tmp / "src/lib.rs").write_text("")
        (tmp / "Cargo.toml").write_text('[package]\nname = "fetched"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[dependencies]\n'
                                        f'{name} = {{ version = "={version}", default-features = false }}\n')
        done = subprocess.run(["cargo", "metadata", "--format-version", "1"], cwd=tmp, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(spec)
        for package in json.loads(done.stdout)["packages"]:
            if not package["source"]:
                continue
            source = Path(package["manifest_path"]).parent
            packed = source.parents[2] / "cache" / source.parent.name / f"{source.name}.crate"
            if packed.exists() and not (folder / packed.name).exists():
                shutil.copy(packed, folder)


def scan(exfilter, packages):
    command = [exfilter, "scan", "--more-rules", "--no-store", "--format", "json", "--incomplete", "ok", "--fail-on", "confirmed", str(packages)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if done.returncode not in (0, 1):
        raise SystemExit(f"packages: the scan ended with {done.returncode}")
    return json.loads(done.stdout)


def tier(finding):
    return "example" if finding["example"] else TIERS[finding["confidence"]]


def unpack(path, tree):
    tree.mkdir()
    if path.suffix == ".whl":
        zipfile.ZipFile(path).extractall(tree)
    elif path.suffix == ".deb":
        subprocess.run(["dpkg-deb", "-x", str(path), str(tree)], check=True)
    else:
        tarfile.open(path).extractall(tree, filter="data")


def write_public(report, tool):
    """Unpacks the packages in which something is blocked and has the digests of it told, package by package."""
    names = sorted({finding["path"] for finding in report["findings"] if tier(finding) == "block"}, key=lambda path: Path(path).name)
    text = PUBLIC.read_text() if PUBLIC.exists() else HEAD
    known = set(text.splitlines())
    with tempfile.TemporaryDirectory() as tmp:
        for path in map(Path, names):
            tree = Path(tmp) / path.name
            unpack(path, tree)
            done = subprocess.run([*tool, str(tree)], stdout=subprocess.PIPE, text=True, check=True)
            fresh = [line for line in done.stdout.splitlines() if line not in known]
            known.update(fresh)
            if fresh:
                text += f"# {path.name}\n" + "\n".join(fresh) + "\n"
            shutil.rmtree(tree)
    PUBLIC.write_text(text)
    print(f"{len(known)} lines in {PUBLIC}")


def peers(packages, size):
    """Peers on what the packages unpack to, for they open few of them."""
    import run as peer

    print(f"\n{'peer, unpacked':20}{'findings':>10}{'per GB':>10}  most by rule")
    with tempfile.TemporaryDirectory() as tree:
        for path in sorted(packages.iterdir()):
            if path.suffix in (".tgz", ".whl", ".crate", ".deb"):
                unpack(path, Path(tree) / path.name)
        peers_on(peer, Path(tree), size)


def peers_on(peer, packages, size):
    for tool in (peer.Gitleaks(), peer.Kingfisher(False)):
        with tempfile.TemporaryDirectory() as work:
            report, out = Path(work) / "report", Path(work) / "out"
            try:
                tool.prepare(Path(work))
            except peer.Unavailable as why:
                print(f"{tool.name:20}{why}")
                continue
            with out.open("w") as stdout:
                try:
                    subprocess.run(tool.command(packages, report), stdout=stdout, stderr=subprocess.DEVNULL, cwd=work, timeout=PEER_SECONDS)
                except subprocess.TimeoutExpired:
                    print(f"{tool.name + ' ' + tool.version:20}did not end in {PEER_SECONDS} s")
                    continue
            if tool.name == "gitleaks":
                rules = [finding["RuleID"] for finding in json.loads(report.read_text())]
            else:
                rules = [json.loads(record)["rule"]["id"] for record in tool.records(report, out)]
        most = ", ".join(f"{rule} {n}" for rule, n in collections.Counter(rules).most_common(6))
        print(f"{tool.name + ' ' + tool.version:20}{len(rules):>10}{len(rules) / (size / GB):>10.1f}  {most}")


def tables(report):
    coverage = report["coverage"]
    size = coverage["decoded"] or coverage["bytes"]
    tiers, rules, packages = collections.Counter(), collections.Counter(), collections.Counter()
    for finding in report["findings"]:
        of = tier(finding)
        tiers[of] += 1
        rules[of, finding["rule"]] += 1
        packages[of, Path(finding["path"]).name] += 1
    print(f"{coverage['files']} packages, {coverage['bytes'] / GB:.2f} GB packed, {size / GB:.2f} GB scanned, {coverage['members']} members")
    print(f"\n{'tier':10}{'findings':>10}{'per GB':>10}")
    for of in ("block", "report", "low", "example"):
        print(f"{of:10}{tiers[of]:>10}{tiers[of] / (size / GB):>10.1f}")
    generic = sum(n for (_, rule), n in rules.items() if rule.startswith("generic-"))
    print(f"{'generic':10}{generic:>10}{generic / (size / GB):>10.1f}")
    for what, counts in (("rule", rules), ("package", packages)):
        print(f"\n{'tier':10}{'findings':>10}  {what}")
        for (of, name), n in counts.most_common(40):
            print(f"{of:10}{n:>10}  {name}")
    return size


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--packages", type=Path, default=corpus.PACKAGES)
    parser.add_argument("--fetch", action="store_true")
    parser.add_argument("--set")
    parser.add_argument("--public", action="store_true")
    parser.add_argument("--digests", help="the benches' program `public`, where it is built already")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--exfilter", default=str(ROOT / "target/release/exfilter"))
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    args.packages = args.packages.resolve()
    if args.fetch:
        fetch(args.packages, args.set)
    report = scan(args.exfilter, args.packages)
    if args.public:
        build = ["cargo", "run", "--release", "--quiet", "--manifest-path", str(HERE.parent / "Cargo.toml"), "--bin", "public", "--"]
        return write_public(report, [args.digests] if args.digests else build)
    size = tables(report)
    if args.list:
        print("\nblock tier:")
        for finding in report["findings"]:
            if tier(finding) == "block":
                place = f"{Path(finding['path']).name} > {finding['lane']}:{finding['line']}:{finding['column']}"
                print(f"  {finding['rule']:32} {finding['proof']:9} {place}")
    if args.peers:
        peers(args.packages, size)


if __name__ == "__main__":
    main()
