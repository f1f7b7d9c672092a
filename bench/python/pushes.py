"""The speed of 64 KiB pushes from Python, beside the same pushes in Rust.

    python bench/python/pushes.py [--repeat 15] [--chunk 65536] [--corpus FILE ...]

builds bench/src/bin/pushes.rs, which does a pass over a file whenever it is told to, and tells it to in turn with passes of its own: MB/s by thread processor time, medians, and the median of the ratios of neighbouring passes.
Without files, a text of code and JSON that is drawn from this repository.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import exfilter

ROOT = Path(__file__).resolve().parents[2]


def sources() -> bytes:
    """16 MB of the repository's sources, tests apart: those have archives in base64, which are another measurement."""
    found = [*sorted(ROOT.glob("crates/*/src/**/*.rs")), *sorted(ROOT.glob("bindings/python/python/**/*.py"))]
    text = b"".join(path.read_bytes() for path in found)
    return (text * (1 + (16 << 20) // max(1, len(text))))[: 16 << 20]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--repeat", type=int, default=15)
    options.add_argument("--chunk", type=int, default=65536)
    options.add_argument("--corpus", nargs="*", help="files to push")
    chosen = options.parse_args()
    engine = exfilter.Engine()
    flow = exfilter.Flow.outbound("https://upload.example")
    manifest = str(ROOT / "bench" / "Cargo.toml")
    subprocess.run(["cargo", "build", "--release", "--quiet", "--manifest-path", manifest, "--bin", "pushes"], check=True)
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "bench" / "target"))
    with tempfile.TemporaryDirectory() as temporary:
        files = [Path(name) for name in chosen.corpus or []]
        if not files:
            files = [Path(temporary) / "sources"]
            files[0].write_bytes(sources())
        for path in files:
            measure(engine, flow, str(folder / "release" / "pushes"), path, chosen)


def measure(engine: exfilter.Engine, flow: exfilter.Flow, program: str, path: Path, chosen: argparse.Namespace) -> None:
    data = path.read_bytes()
    kinds = {
        "bytes": [data[at : at + chosen.chunk] for at in range(0, len(data), chosen.chunk)],
        "bytearray": [bytearray(data[at : at + chosen.chunk]) for at in range(0, len(data), chosen.chunk)],
    }
    with subprocess.Popen([program, str(path), str(chosen.chunk)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as rust:
        assert rust.stdin is not None and rust.stdout is not None

        def native() -> float:
            rust.stdin.write("\n")
            rust.stdin.flush()
            return int(rust.stdout.readline()) / 1e9

        def ours(chunks: list[bytes] | list[bytearray]) -> float:
            begin = time.thread_time_ns()
            stream = engine.stream(flow)
            push = stream.push
            for chunk in chunks:
                push(chunk)
            stream.finish()
            return (time.thread_time_ns() - begin) / 1e9

        for name, chunks in kinds.items():
            native(), ours(chunks)
            pairs = [(native(), ours(chunks)) for _ in range(chosen.repeat)]
            rust_speed, speed = (len(data) / 1e6 / statistics.median(column) for column in zip(*pairs))
            ratio = statistics.median(a / b for a, b in pairs)
            print(f"{path.name:>12} {name:>10}: Rust {rust_speed:7.0f} MB/s, Python {speed:7.0f} MB/s, ratio {ratio:.3f}")
        rust.stdin.close()


if __name__ == "__main__":
    main()
