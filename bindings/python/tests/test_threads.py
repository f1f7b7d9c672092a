"""Threads: the interpreter is released, engines are shared, streams are not; and nothing leaks."""

import gc
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import exfilter
from exfilter import testing

TEXT = b"some ordinary text of a log file, and then some more of it\n" * 40_000


def test_one_engine_many_threads(engine):
    token = testing.token("github-pat", seed=6).encode()
    texts = [b"x" * n + b" " + token + b" " + b"y" * (n * 37 % 5000) for n in range(300)]

    def work(text):
        with engine.stream(exfilter.Flow.outbound()) as stream:
            for i in range(0, len(text), 500):
                stream.push(text[i : i + 500])
            last = stream.finish()
            findings = [event for event in stream.events() if isinstance(event, exfilter.Finding)]
        scan = engine.scan(bytearray(text))
        return last.rule, [f.start for f in findings], [f.start for f in scan.findings]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, texts * 4))
    for number, result in enumerate(results):
        n = number % 300
        assert result == ("github-pat", [n + 1], [n + 1])


def test_other_threads_run_while_bytes_are_examined(engine):
    big = TEXT * 20
    turns = 0
    done = threading.Event()

    def count():
        nonlocal turns
        while not done.is_set():
            turns += 1
            time.sleep(0.0005)

    counter = threading.Thread(target=count)
    counter.start()
    interval = sys.getswitchinterval()
    try:
        before = turns
        engine.scan(big)
        during = turns - before
    finally:
        done.set()
        counter.join()
        sys.setswitchinterval(interval)
    assert during >= 3


def test_two_threads_on_one_stream_are_told(engine):
    stream = engine.stream()
    scanner = engine.scanner()
    big = TEXT * 10
    for use in (stream.push, scanner.scan):
        errors = []
        started = threading.Barrier(4)

        def work(use=use, errors=errors, started=started):
            started.wait()
            for _ in range(10):
                try:
                    use(big)
                except exfilter.MisuseError as error:
                    errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors
    # It is none the worse for it.
    assert isinstance(stream.push(b"on"), exfilter.Forward)
    assert scanner.scan(testing.token("github-pat").encode()).findings


def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_memory_does_not_grow(engine):
    token = testing.token("github-pat", seed=6)
    data = ("log " * 50 + token).encode() * 20

    def round_(times):
        for _ in range(times):
            with engine.stream(exfilter.Flow.outbound()) as stream:
                stream.push(data)
                stream.finish()
                stream.events()
            engine.scan(bytearray(data), exfilter.Flow.outbound()).findings
            exfilter.redact(token)
            abandoned = engine.stream()
            abandoned.push(data[:100])
            try:
                engine.scan("text")
            except TypeError:
                pass
        gc.collect()

    round_(300)
    before = resident()
    round_(3000)
    grown = resident() - before
    assert grown < 4 << 20, f"{grown} bytes more"


def test_engines_are_freed():
    def make():
        secrets = exfilter.KnownSecrets()
        for n in range(50):
            secrets.add(f"S{n}", testing.secret(seed=n))
        engine = exfilter.Engine(known_secrets=secrets)
        engine.scan(testing.secret(seed=1).encode())

    if not Path("/proc/self/statm").exists():
        pytest.skip("reads /proc")
    for _ in range(8):
        make()
    gc.collect()
    before = resident()
    for _ in range(25):
        make()
    gc.collect()
    assert resident() - before < 12 << 20
