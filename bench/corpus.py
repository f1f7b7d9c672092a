#!/usr/bin/env python3
"""Downloads pinned packages with the ordinary clients and lays out the benches' corpora.

    python3 bench/corpus.py            everything that is missing
    python3 bench/corpus.py --list     what there is, with sizes and SHA-256

Nothing but the standard library, npm, pip and cargo. The packages' versions are pinned and the files are taken in an order that
their paths decide, so two runs give the same bytes.

    .cache/packages/       the packages as they were published: .tgz, .whl, .crate
    .cache/corpora/        code.txt  json.txt  minjs.txt  lock.txt  b64.txt  tgz.bin
    .cache/code100/        about 100 MB of source files
"""

import argparse
import base64
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("EXFILTER_BENCH_CACHE", HERE / ".cache"))
PACKAGES, CORPORA, CODE100 = CACHE / "packages", CACHE / "corpora", CACHE / "code100"

NPM = """
typescript@5.6.3 webpack@5.96.1 @babel/core@7.26.0 @babel/parser@7.26.2 @babel/traverse@7.25.9 @babel/types@7.26.0
@babel/standalone@7.26.2 eslint@9.14.0 prettier@3.3.3 three@0.170.0 lodash@4.17.21 react-dom@18.3.1 vue@3.5.12
@angular/core@18.2.11 @angular/compiler@18.2.11 rxjs@7.8.1 date-fns@4.1.0 core-js@3.39.0 ajv@8.17.1 zod@3.23.8 d3@7.9.0
echarts@5.5.1 plotly.js-dist-min@2.35.2 mermaid@11.4.0 highlight.js@11.10.0 chart.js@4.4.6 jquery@3.7.1 swagger-ui-dist@5.18.2
ethers@6.13.4 graphql@16.9.0 svelte@5.1.15 playwright-core@1.48.2 typeorm@0.3.20 @types/node@22.9.0
@babylonjs/core@7.54.3 aws-cdk-lib@2.166.0 monaco-editor@0.52.0
""".split()

PYPI = """
Django==5.1.3 sympy==1.13.3 numpy==2.1.3 scipy==1.14.1 pandas==2.2.3 scikit-learn==1.5.2 matplotlib==3.9.2 botocore==1.35.60
SQLAlchemy==2.0.36 transformers==4.46.2 sphinx==8.1.3 networkx==3.4.2 Twisted==24.10.0 kubernetes==31.0.0 mypy==1.13.0
google-api-python-client==2.151.0 jedi==0.19.2 setuptools==75.4.0
""".split()

CRATES = """
tokio=1.41.1 rustls=0.23.16 regex-automata=0.4.9 regex-syntax=0.8.5 syn=2.0.87 hyper=1.5.0 h2=0.4.6 clap_builder=4.5.20
serde_json=1.0.132 cranelift-codegen=0.113.1 libc=0.2.162 rustix=0.38.40 image=0.25.5 naga=23.0.0 quinn-proto=0.11.9
chrono=0.4.38 diesel=2.2.4 wasmparser=0.219.1 sqlparser=0.51.0 arrow-array=53.2.0 parquet=53.2.0 nalgebra=0.33.2 bindgen=0.70.1
object=0.36.5 gimli=0.31.1 rayon=1.10.0 rkyv=0.8.8 polars-core=0.44.2 polars-lazy=0.44.2 wgpu-core=23.0.0 egui=0.29.1 bevy_ecs=0.14.2
""".split()

# Command-line tools that are published with their whole dependency tree locked.
LOCKED = """
netlify-cli@12.14.0 netlify-cli@15.11.0 netlify-cli@17.37.2 netlify-cli@21.6.0 heroku@11.3.0 @salesforce/cli@2.150.6
""".split()
LOCK_NAMES = {"npm-shrinkwrap.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "Cargo.lock", "poetry.lock", "uv.lock"}

MB = 1_000_000
CODE_QUOTA = {"rs": 4 * MB, "py": 4 * MB, "js": 3 * MB, "ts": 3 * MB, "md": 2 * MB}
TREE_QUOTA = {"py": 40 * MB, "js": 23 * MB, "ts": 17 * MB, "rs": 16 * MB, "md": 4 * MB}
KIND = {"rs": "rs", "py": "py", "pyi": "py", "js": "js", "mjs": "js", "cjs": "js", "jsx": "js", "ts": "ts", "tsx": "ts", "md": "md"}
WHOLE = 16 * MB


def say(text):
    print(f"corpus: {text}", file=sys.stderr, flush=True)


def run(command, cwd):
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-8:])
        raise SystemExit(f"corpus: `{' '.join(map(str, command[:4]))} ...` failed with {done.returncode}\n{tail}")


def npm_file(spec):
    name, version = spec.rsplit("@", 1)
    return f"{name.lstrip('@').replace('/', '-')}-{version}.tgz"


def fetch_npm():
    missing = [s for s in NPM + LOCKED if not (PACKAGES / npm_file(s)).exists()]
    if missing:
        say(f"npm: {len(missing)} packages")
    for spec in missing:
        run(["npm", "pack", "--loglevel", "error", "--ignore-scripts", "--pack-destination", str(PACKAGES), spec], PACKAGES)


def wheel(spec):
    name, version = spec.split("==")
    stem = name.lower().replace("-", "_")
    found = [p for p in PACKAGES.glob("*.whl") if p.name.lower().startswith(f"{stem}-{version}-")]
    return found[0] if found else None


def fetch_pypi():
    missing = [s for s in PYPI if wheel(s) is None]
    if missing:
        say(f"pip: {len(missing)} packages")
        run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:",
             "--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_17_x86_64", "--implementation", "cp",
             "--python-version", "3.11", "--dest", str(PACKAGES), *missing], PACKAGES)


def fetch_crates():
    """`cargo vendor` of a manifest with exact versions; only the named crates are kept, packed again as plain tar.gz."""
    missing = [s for s in CRATES if not (PACKAGES / f"{s.replace('=', '-')}.crate").exists()]
    if not missing:
        return
    say(f"cargo: {len(missing)} packages")
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        (tmp / "src").mkdir()
        (tmp / "src/lib.rs").write_text("")
        lines = []
        for i, spec in enumerate(missing):
            name, version = spec.split("=")
            lines.append(f'c{i} = {{ package = "{name}", version = "={version}", default-features = false }}')
        (tmp / "Cargo.toml").write_text(
            '[package]\nname = "corpus"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n' + "\n".join(lines) + "\n[workspace]\n")
        run(["cargo", "vendor", "--quiet", "--versioned-dirs", str(tmp / "vendor")], tmp)
        for spec in missing:
            stem = spec.replace("=", "-")
            with (PACKAGES / f"{stem}.crate").open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed, \
                    tarfile.open(fileobj=packed, mode="w") as out:
                for path in sorted((tmp / "vendor" / stem).rglob("*")):
                    if path.is_file() and path.name != ".cargo-checksum.json":
                        info = tarfile.TarInfo(f"{stem}/{path.relative_to(tmp / 'vendor' / stem)}")
                        info.size = path.stat().st_size
                        with path.open("rb") as data:
                            out.addfile(info, data)


def members(path):
    """(name, bytes) of every regular member of a package."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as z:
            for info in z.infolist():
                if not info.is_dir():
                    yield info.filename, (lambda i=info: z.read(i))
    else:
        with tarfile.open(path) as t:
            for info in t:
                if info.isfile():
                    yield info.name, (lambda i=info: t.extractfile(i).read())


def order(name):
    return hashlib.sha256(name.encode()).digest()


def gather():
    """Every source, JSON and minified file of the packages: {kind: {path: bytes}}, once per content."""
    found = {k: {} for k in ["rs", "py", "js", "ts", "md", "json", "min", "lock"]}
    seen = set()
    for package in sorted(PACKAGES.iterdir()):
        stem = package.name.rsplit(".", 1)[0]
        for name, read in members(package):
            ext = name.rsplit(".", 1)[-1].lower()
            lock = name.rsplit("/", 1)[-1] in LOCK_NAMES
            if ext not in KIND and ext != "json" and not lock:
                continue
            data = read()
            digest = hashlib.sha256(data).digest()
            if not data or digest in seen:
                continue
            seen.add(digest)
            kind = "lock" if lock else KIND.get(ext, ext)
            if kind == "js" and len(data) / (data.count(b"\n") + 1) > 400:
                kind = "min"
            found[kind][f"{stem}/{name}"] = data
    return found


def take(files, quota, largest):
    """Files in the order of their paths' hashes until the quota is full."""
    size = 0
    for name in sorted(files, key=order):
        data = files[name]
        if size >= quota:
            return
        if len(data) <= largest:
            size += len(data)
            yield name, data


def write(name, parts):
    path = CORPORA / name
    with path.open("wb") as out:
        for part in parts:
            out.write(part)
    say(f"{name}: {path.stat().st_size / MB:.1f} MB")


def interleave(found):
    """Source files of all languages, mixed as a repository is."""
    files = {}
    for kind, quota in CODE_QUOTA.items():
        files.update(take(found[kind], quota, 600_000))
    return [files[name] for name in sorted(files, key=order)]


def request_bodies(sources, quota):
    """Bodies in the shape of a coding agent's requests: a long messages array with files as tool results."""
    size, turn, messages = 0, 0, []
    for data in sources:
        if size >= quota:
            break
        text = data.decode("utf-8", "replace")
        call = f"toolu_{hashlib.sha256(data).hexdigest()[:24]}"
        messages.append({"role": "assistant", "content": [
            {"type": "text", "text": "Let me read that file."},
            {"type": "tool_use", "id": call, "name": "Read", "input": {"file_path": f"src/file{turn}"}}]})
        messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": text}]})
        turn += 1
        if turn % 12 == 0:
            body = {"model": "model-1", "max_tokens": 32000, "stream": True, "messages": messages}
            out = json.dumps(body, ensure_ascii=turn % 24 == 0, separators=(",", ":")).encode() + b"\n"
            size += len(out)
            messages = []
            yield out


def build():
    CORPORA.mkdir(parents=True, exist_ok=True)
    found = gather()
    for kind, files in found.items():
        say(f"{kind}: {len(files)} files, {sum(map(len, files.values())) / MB:.1f} MB in the packages")
    code = interleave(found)
    write("code.txt", code)
    bodies = list(request_bodies(code, WHOLE // 2))
    plain = [data + b"\n" for _, data in take(found["json"], WHOLE // 2, 2 * MB)]
    write("json.txt", bodies + plain)
    write("minjs.txt", (data + b"\n" for _, data in take(found["min"], WHOLE, 8 * MB)))
    write("lock.txt", (data + b"\n" for _, data in take(found["lock"], WHOLE, 4 * MB)))
    raw = b"".join(p.read_bytes() for p in sorted(PACKAGES.glob("*.tgz"), key=lambda p: order(p.name)) if p.stat().st_size < 4 * MB)
    write("tgz.bin", [raw[: 8 * MB]])
    write("b64.txt", [base64.b64encode(raw[: 12 * MB])])

    shutil.rmtree(CODE100, ignore_errors=True)
    total = count = 0
    for kind, quota in TREE_QUOTA.items():
        for name, data in take(found[kind], quota, 12 * MB):
            path = CODE100 / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            total, count = total + len(data), count + 1
    say(f"code100: {count} files, {total / MB:.1f} MB")


def listing():
    for path in sorted(CORPORA.glob("*")):
        data = path.read_bytes()
        print(f"{path.name:12} {len(data):>10} {hashlib.sha256(data).hexdigest()}")
    tree = sorted(p for p in CODE100.rglob("*") if p.is_file())
    digest = hashlib.sha256()
    for path in tree:
        digest.update(str(path.relative_to(CODE100)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    print(f"{'code100/':12} {sum(p.stat().st_size for p in tree):>10} {digest.hexdigest()}  ({len(tree)} files)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print what there is")
    parser.add_argument("--rebuild", action="store_true", help="lay the corpora out anew from the downloaded packages")
    args = parser.parse_args()
    stamp = CACHE / "corpora.done"
    wanted = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    if args.list:
        return listing()
    if args.rebuild or not stamp.exists() or stamp.read_text() != wanted:
        PACKAGES.mkdir(parents=True, exist_ok=True)
        fetch_npm()
        fetch_pypi()
        fetch_crates()
        build()
        stamp.write_text(wanted)


if __name__ == "__main__":
    main()
