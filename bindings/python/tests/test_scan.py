"""What is at rest, and redaction."""

import base64
import gzip
import io
import os
import random
import tarfile

import pytest

import exfilter
from exfilter import testing


@pytest.fixture
def tree(tmp_path):
    token = testing.token("github-pat", seed=8).encode()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "clean.txt").write_bytes(b"nothing\n" * 100_000)
    (tmp_path / "a" / "key.txt").write_bytes(b"line\nkey = " + token + b"\n")
    with tarfile.open(tmp_path / "b.tgz", "w:gz") as archive:
        member = tarfile.TarInfo("deep/config.js")
        member.size = len(token)
        archive.addfile(member, io.BytesIO(token))
    (tmp_path / "broken.gz").write_bytes(gzip.compress(random.Random(1).randbytes(100_000))[:-1000])
    git = tmp_path / ".git"
    (git / "refs").mkdir(parents=True)
    (git / "objects").mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "objects" / "x").write_bytes(token)
    (tmp_path / "link").symlink_to("a/key.txt")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def test_a_folder(tree):
    calls = []
    result = exfilter.scan_path(tree, progress=lambda state, path: calls.append((state.files, path)), workers=3)
    assert [number for number, _ in calls] == [1, 2, 3, 4, 5] and result.files == 5
    assert result.bytes == sum(os.path.getsize(path) for _, path in calls)
    names = {os.path.relpath(report.path, tree): report for report in result.reports}
    assert sorted(names) == ["a/key.txt", "b.tgz", "broken.gz"]
    (finding,) = names["a/key.txt"].findings
    assert (finding.rule, finding.line, finding.column) == ("github-pat", 2, 7)
    assert names["b.tgz"].findings[0].path == "gzip > deep/config.js"
    assert names["broken.gz"].opaques[0].reason == "truncated"
    skipped = {os.path.relpath(path, tree): reason for path, reason in result.skipped}
    assert skipped == {"link": "symlink", "pipe": "special", ".git/objects": "git-objects"}
    assert not result.complete and not result.clean()
    assert exfilter.scan_path(tree / "a" / "clean.txt").clean()


def test_a_progress_that_raises_ends_the_scan(tree):
    def stop(state, path):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exfilter.scan_path(tree, progress=stop)


def test_a_file_by_path_or_open(tree, tmp_path):
    by_path = exfilter.scan_file(tree / "a" / "key.txt")
    with open(tree / "a" / "key.txt", "rb") as file:
        opened = exfilter.scan_file(file)
    assert by_path.findings[0].start == opened.findings[0].start == 11
    assert exfilter.scan_file(io.BytesIO(b"")).clean()
    with pytest.raises(FileNotFoundError):
        exfilter.scan_file(tmp_path / "missing")

    class Failing(io.RawIOBase):
        reads = 0

        def read(self, size=-1):
            self.reads += 1
            if self.reads > 1:
                raise OSError(5, "Input/output error")
            return b"beginning"

    failed = exfilter.scan_file(Failing())
    assert failed.error == "Input/output error" and not failed.complete and not failed.clean()


def test_a_folder_that_is_not_there_is_not_clean(tmp_path):
    result = exfilter.scan_path(tmp_path / "missing")
    assert not result.clean() and len(result.skipped) == 1


def test_the_thorough_profile_is_used_at_rest():
    value = testing.secret(seed=4)
    secrets = exfilter.KnownSecrets()
    secrets.add("A", value)
    engine = exfilter.Engine(known_secrets=secrets, profile="thorough")
    apart = "-".join(value[i : i + 4] for i in range(0, len(value), 4)).encode()
    assert exfilter.scan_bytes(apart, engine=engine).findings[0].form == "scattered"


def test_redaction(armed, value):
    token = testing.token("github-pat", seed=1)
    assert exfilter.redact("nothing here") == "nothing here"
    assert exfilter.redact(f"a {token} b {token}") == "a [redacted: github-pat] b [redacted: github-pat]"
    assert exfilter.redact(f"a {token}".encode()) == b"a [redacted: github-pat]"
    assert exfilter.redact(f"π {value} π", engine=armed) == "π [redacted: DEPLOY] π"
    wrapped = base64.b64encode(f"the value is {value}, isn't it".encode()).decode()
    clean = exfilter.redact(f"before {wrapped} after", engine=armed)
    assert clean.startswith("before ") and clean.endswith(" after") and "redacted: DEPLOY" in clean
    assert exfilter.redact(f"{token}", mask=lambda finding: "#" * 3) == "###"
    assert exfilter.redact("\udcff lone \ud800 surrogates") == "\udcff lone \ud800 surrogates"
    assert exfilter.redact(bytearray(token.encode())) == b"[redacted: github-pat]"


def test_open_ended_values_are_redacted_to_their_end():
    body = base64.b64encode(random.Random(3).randbytes(1200)).decode()
    lines = "\n".join(body[i : i + 64] for i in range(0, len(body), 64))
    kind = "RSA PRIVATE" + " KEY"
    pem = f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"
    clean = exfilter.redact(f"before\n{pem}\nafter")
    assert clean.startswith("before\n[redacted: ") and clean.endswith("]\nafter")
    cut = exfilter.redact(f"before\n{pem[:900]}")
    assert cut.startswith("before\n[redacted: ") and not any(line in cut for line in lines.splitlines())


def test_more_findings_than_a_stream_lists_are_redacted_all_the_same():
    tokens = [testing.token("npm-access-token", seed=n) for n in range(600)]
    clean = exfilter.redact(" ".join(tokens))
    assert not any(token in clean for token in tokens)
    assert clean == " ".join(["[redacted: npm-access-token]"] * 600)


def test_redaction_never_fails_on_bytes():
    rng = random.Random(2)
    token = testing.token("github-pat", seed=1).encode()
    for _ in range(300):
        data = rng.randbytes(rng.randrange(200)) + (token if rng.random() < 0.5 else b"") + rng.randbytes(rng.randrange(200))
        assert token not in exfilter.redact(data)
        assert token.decode() not in exfilter.redact(data.decode("utf-8", "surrogateescape"))


def test_examples_for_tests_are_found_and_are_the_same_everywhere():
    assert testing.token("github-pat", seed=1) == testing.token("github-pat", seed=1) != testing.token("github-pat", seed=2)
    for rule in ("github-pat", "npm-access-token", "slack-bot-token", "stripe-secret-key", "aws-access-key-id"):
        if rule in exfilter.Rules.builtin().ids:
            assert exfilter.default_engine().scan(testing.example(rule, seed=3).encode()).findings
    with pytest.raises(KeyError):
        testing.token("no-such-rule")
    assert testing.secret(seed=1) != testing.secret(seed=2) and len(testing.secret(length=20)) == 20
