#!/usr/bin/env python3
"""`exfilter audit` of a home with 200 000 files, beside a program that only opens, reads and closes them: processor time, and the ratio.

    python3 bench/audit.py [--files 200000] [--runs 5] [--home DIR] [--text DIR]

Goals: at most twice the time of the reader, under 200 MB. The home is made of text of the corpora (or of --text), cut into files of some 2.5 KB, with ten credential files among
them; the same seed gives the same home. Runs alternate, and each figure is a median.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cli import CACHE, binary, measured  # noqa: E402

CREDENTIALS = {
    ".aws/credentials": "[work]\naws_access_key_id = AKIA{upper}\naws_secret_access_key = {long}\n",
    ".npmrc": "//registry.example/:_authToken={long}\n",
    ".git-credentials": "https://me:{long}@git.example\n",
    ".netrc": "machine git.example login me password {short}\n",
    ".docker/config.json": '{{"auths": {{"registry.example": {{"identitytoken": "{long}"}}}}}}\n',
    ".kube/config": "users:\n- name: me\n  user:\n    token: {long}\n",
    ".pypirc": "[pypi]\nusername = me\npassword = {short}\n",
    ".cargo/credentials.toml": '[registry]\ntoken = "{long}"\n',
    ".env": "DB_PASSWORD={short}\n",
    ".pgpass": "localhost:5432:main:me:{short}\n",
}


def make(home, files, source):
    """A tree of `files` files: forty to a folder, forty folders to a folder."""
    drawn = random.Random(7)
    kinds = {".rs", ".py", ".js", ".ts", ".md", ".txt"}
    text, at = bytearray(), 0
    for path in sorted(source.rglob("*")):
        if path.suffix in kinds and path.is_file() and len(text) < 500_000_000:
            text += path.read_bytes()
    for number in range(files):
        length = min(int(drawn.lognormvariate(7.6, 0.7)), 60_000)
        if at + length > len(text):
            at = drawn.randrange(4096)
        folder = home / f"d{number // 64_000}/e{number // 1600 % 40}/f{number // 40 % 40}"
        if number % 40 == 0:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file{number}.{drawn.choice(['rs', 'py', 'js', 'ts', 'md', 'txt'])}").write_bytes(text[at : at + length])
        at += length
    for name, form in CREDENTIALS.items():
        word = lambda n, letters: "".join(drawn.choices(letters, k=n))  # noqa: E731
        both = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(form.format(upper=word(16, both[:26]), long=word(40, both), short=word(20, both)))
        path.chmod(0o600)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--home", type=Path, help="where the home is made, or is already; default: a temporary folder")
    parser.add_argument("--text", type=Path, default=CACHE / "code100", help="a folder of source text")
    args = parser.parse_args()
    program = binary()
    with tempfile.TemporaryDirectory(prefix="exfilter-audit-") as tmp:
        work = Path(tmp)
        home = args.home or work / "home"
        if not home.exists():
            make(home, args.files, args.text)
        for name in ("reader", "measure"):
            subprocess.run(["cc", "-O2", "-o", str(work / name), str(HERE / "peers" / f"{name}.c")], check=True)
        audit = [program, "audit", "--home", str(home), "--only", "places", "--only", "files", "--jobs", args.jobs, "--incomplete", "ok"]
        os.chdir(home)
        commands = {"reader": [str(work / "reader"), str(home)], "audit": audit}
        rows = {name: [] for name in commands}
        # The first round warms the page cache.
        for number in range(args.runs + 1):
            for name, command in commands.items():
                _, cpu, peak, code = measured(work / "measure", command, work)
                said = (work / "out").read_text(errors="replace").splitlines()
                if code not in (0, 1):
                    sys.exit(f"{name} ended with {code}")
                if number > 0:
                    rows[name].append((cpu, peak))
                else:
                    print(f"{name}: {said[-1] if said else 'nothing'}")
        for name, times in rows.items():
            cpu, peak = (statistics.median(column) for column in zip(*times))
            print(f"{name:8} {cpu:6.2f} s of processor time, {peak / 1024:5.0f} MB")
        ratios = [a[0] / r[0] for r, a in zip(rows["reader"], rows["audit"])]
        print(f"audit / reader, run beside run: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
