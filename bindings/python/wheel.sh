#!/usr/bin/env bash
# wheel.sh FOLDER [PYTHON]: builds the wheel that is published, into FOLDER. It is compiled twice: one that counts which way its branches go examines what train.py has for
# it, and by the counts the other one is laid out, so that what a request needs lies together. Takes a quarter of an hour. Needs maturin, and llvm-profdata of the compiler that builds
# (`rustup component add llvm-tools`).
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: wheel.sh FOLDER [PYTHON]" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
python=${2:-python3}
cd "$(dirname "$0")"

# Beside the interpreter that is named, as a virtual environment has it.
maturin=$(dirname "$python")/maturin
[ -x "$maturin" ] || maturin=maturin
host=$(rustc -vV | sed -n 's/^host: //p')
profdata=$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata
[ -x "$profdata" ] || { echo "llvm-profdata is missing: rustup component add llvm-tools" >&2; exit 1; }
target=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build FLAGS FOLDER: for a named target, so that only what ends up in the wheel has the flags.
build() {
    RUSTFLAGS="${RUSTFLAGS:-} $1" CARGO_TARGET_DIR=$target/trained "$maturin" build --profile wheel --target "$host" --quiet --interpreter "$python" --out "$2"
}

# Always there, so that what is built for the next wheel is what was built for this one.
counts=$target/trained/counts
rm -rf "$counts"
build "-Cprofile-generate=$counts" "$work/counting"
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$work/there" "$work/counting"/*.whl
PYTHONPATH=$work/there LLVM_PROFILE_FILE=$counts/%p-%m.profraw "$python" train.py
"$profdata" merge -o "$target/trained/counts.profdata" "$counts"
build "-Cprofile-use=$target/trained/counts.profdata" "$out"
