"""Known secrets: how they enter, and that they do not come out."""

import base64
import io
import os
import pickle
import subprocess
from pathlib import Path

import pytest

import exfilter
from exfilter import testing


def found(secrets, text):
    return [finding.secret for finding in exfilter.Engine(rules=exfilter.Rules(), known_secrets=secrets).scan(text).findings]


def test_by_variable_file_callable_and_value(monkeypatch, tmp_path):
    values = [testing.secret(seed=n) for n in range(5)]
    monkeypatch.setenv("SOME_TOKEN", values[0])
    path = tmp_path / "password"
    path.write_bytes(values[1].encode() + b"\r\n")
    secrets = exfilter.KnownSecrets()
    secrets.add_env("SOME_TOKEN")
    secrets.add_file(path, name="password file")
    secrets.add_from("vault", lambda: values[2])
    secrets.add("text", values[3])
    secrets.add("bytes", bytearray(values[4].encode()))
    assert secrets.names == ["SOME_TOKEN", "password file", "vault", "text", "bytes"] and len(secrets) == 5
    text = " ".join([*values[1:], base64.b64encode(values[0].encode()).decode()]).encode()
    assert set(found(secrets, text)) == {"SOME_TOKEN", "password file", "vault", "text", "bytes"}


def test_refusals_have_a_code_and_a_remedy_and_no_value(monkeypatch, tmp_path):
    secrets = exfilter.KnownSecrets()
    for value, code in (("short", "E_SHORT"), ("aaaaaaaaaaaaaaaa", "E_WEAK"), ("your_token_here_123", "E_TEMPLATE"), ("x" * 70_000, "E_LONG")):
        with pytest.raises(exfilter.RefusedError) as error:
            secrets.add("NAME", value)
        assert (error.value.code, error.value.name) == (code, "NAME")
        assert error.value.remedy and value not in str(error.value)
    monkeypatch.delenv("NOT_SET_TOKEN", raising=False)
    with pytest.raises(exfilter.RefusedError) as error:
        secrets.add_env("NOT_SET_TOKEN")
    assert error.value.code == "E_MISSING"
    with pytest.raises(FileNotFoundError) as missing:
        secrets.add_file(tmp_path / "missing")
    assert missing.value.strerror == "No such file or directory" and missing.value.filename == str(tmp_path / "missing")
    with pytest.raises(TypeError):
        secrets.add("NUMBER", 12345678901234)
    with pytest.raises(ZeroDivisionError):
        secrets.add_from("failing", lambda: 1 // 0)
    with pytest.raises(exfilter.ParseError):
        secrets.add("BOUND", testing.secret(), bindings=[("a/b", "body")])
    assert secrets.names == []


def test_a_set_serves_one_engine():
    secrets = exfilter.KnownSecrets(bytes(range(32)))
    secrets.add("A", testing.secret(seed=1))
    exfilter.Engine(known_secrets=secrets)
    with pytest.raises(exfilter.MisuseError):
        exfilter.Engine(known_secrets=secrets)
    with pytest.raises(exfilter.MisuseError):
        secrets.add("B", testing.secret(seed=2))


def test_a_bound_secret_is_at_home_in_its_slot_alone(armed, value):
    header = b"Bearer " + value.encode()
    home = exfilter.Flow.outbound("https://api.example.com", slot="header:authorization")
    scan = armed.scan(header, home)
    assert isinstance(scan.verdict, exfilter.Forward) and scan.findings[0].bound
    elsewhere = exfilter.Flow.outbound("https://api.example.org", slot="header:authorization")
    assert isinstance(armed.scan(header, elsewhere).verdict, exfilter.Block)
    assert isinstance(armed.scan(header + b" and more", home).verdict, exfilter.Block)
    assert isinstance(armed.scan(header, exfilter.Flow.outbound("https://api.example.com")).verdict, exfilter.Block)


def test_nothing_that_can_be_printed_or_kept_has_the_value(armed, value):
    secrets = exfilter.KnownSecrets()
    secrets.add("A", value)
    scan = armed.scan(value.encode(), exfilter.Flow.outbound())
    objects = [secrets, armed, scan, scan.verdict, *scan.findings, scan.coverage, armed.stream(), armed.scanner()]
    for thing in objects:
        assert value not in repr(thing) and value not in str(thing)
        for name in dir(thing):
            if not name.startswith("_") and not callable(getattr(thing, name)):
                assert value not in repr(getattr(thing, name))
        with pytest.raises(TypeError):
            pickle.dump(thing, io.BytesIO())


def test_the_environment_by_patterns(monkeypatch):
    value = testing.secret(seed=3)
    monkeypatch.setenv("EXF_TEST_API_KEY", value)
    monkeypatch.setenv("EXF_TEST_WEAK_TOKEN", "off")
    secrets = exfilter.KnownSecrets()
    refused = exfilter.secrets_from_env(secrets)
    assert "EXF_TEST_API_KEY" in secrets.names
    assert refused["EXF_TEST_WEAK_TOKEN"].startswith("E_SHORT")
    assert "EXF_TEST_API_KEY" in found(secrets, value.encode())


def made_store(folder, value):
    """A store of the command's with one secret, or a skip where there is no command."""
    targets = [os.environ.get("CARGO_TARGET_DIR", ""), str(Path(__file__).parents[3] / "target")]
    commands = [Path(target) / kind / "exfilter" for target in targets if target for kind in ("release", "debug")]
    command = next((str(path) for path in commands if path.exists()), None)
    if command is None:
        pytest.skip("the command is not built, and nothing else makes a store: cargo build -p exfilter-cli")
    store = folder / "store"
    for words in (["add", "STORED", "--stdin"], ["bind", "STORED", "api.example.com", "header:authorization:bearer"]):
        done = subprocess.run([command, "secrets", *words, "--store", str(store)], input=value.encode(), capture_output=True)
        assert done.returncode == 0, done.stderr
    return store


def test_the_commands_store(tmp_path):
    value = testing.secret(seed=9)
    store = made_store(tmp_path, value)
    secrets = exfilter.KnownSecrets.from_store(store)
    assert secrets.names == ["STORED"] and value not in repr(secrets)
    secrets.add("MORE", testing.secret(seed=10))
    engine = exfilter.Engine(rules=exfilter.Rules(), known_secrets=secrets)
    text = base64.b64encode(value.encode()) + b" " + testing.secret(seed=10).encode()
    assert {finding.secret for finding in engine.scan(text).findings} == {"STORED", "MORE"}
    home = exfilter.Flow.outbound("https://api.example.com", slot="header:authorization")
    assert isinstance(engine.scan(f"Bearer {value}".encode(), home).verdict, exfilter.Forward)
    key = tmp_path / "elsewhere.key"
    (tmp_path / "store.key").rename(key)
    assert exfilter.KnownSecrets.from_store(store, key=key).names == ["STORED"]
    with pytest.raises(exfilter.StoreError) as error:
        exfilter.KnownSecrets.from_store(store)
    assert error.value.code == "E_NOKEY" and error.value.remedy and str(store) in str(error.value)
    key.chmod(0o644)
    with pytest.raises(exfilter.StoreError, match="E_MODE"):
        exfilter.KnownSecrets.from_store(store, key=key)
    key.chmod(0o600)
    store.write_bytes(store.read_bytes()[:-1] + b"x")
    with pytest.raises(exfilter.StoreError):
        exfilter.KnownSecrets.from_store(store, key=key)


def test_a_store_that_cannot_be_opened_is_one_clear_line(tmp_path, monkeypatch):
    with pytest.raises(exfilter.StoreError) as error:
        exfilter.KnownSecrets.from_store(tmp_path / "missing")
    assert (error.value.code, error.value.path) == ("E_NOSTORE", str(tmp_path / "missing")) and "\n" not in str(error.value)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert exfilter.KnownSecrets.usual_store() == tmp_path / "exfilter" / "store"
    with pytest.raises(exfilter.StoreError, match="E_NOSTORE"):
        exfilter.KnownSecrets.from_store()
    for content in (b"", b"EXFSTORE", b"EXFSTORE" + bytes(300), b"\xff" * 5000):
        (tmp_path / "broken").write_bytes(content)
        (tmp_path / "broken.key").write_bytes(bytes(64))
        (tmp_path / "broken").chmod(0o600)
        (tmp_path / "broken.key").chmod(0o600)
        with pytest.raises(exfilter.StoreError):
            exfilter.KnownSecrets.from_store(tmp_path / "broken")


def test_saved_engines(tmp_path):
    key = bytes(range(32))
    value = testing.secret(seed=12)
    secrets = exfilter.KnownSecrets(key)
    secrets.add("KEPT", value, bindings=[("api.example.com", "query:key")])
    engine = exfilter.Engine(known_secrets=secrets, policy=exfilter.Policy(mode="observe"), profile="thorough")
    data = engine.to_bytes(key)
    assert value.encode() not in data and b"KEPT" not in data and engine.to_bytes(key) == data
    again = exfilter.Engine.from_bytes(data, key)
    text = base64.b32encode(b"some text and then " + value.encode()) + b" " + testing.token("github-pat").encode()
    assert [(f.secret or f.rule, f.start, f.path) for f in again.scan(text).findings] == [(f.secret or f.rule, f.start, f.path) for f in engine.scan(text).findings]
    assert isinstance(again.scan(value.encode(), exfilter.Flow.outbound()).verdict, exfilter.Forward) and again.rule_ids == engine.rule_ids
    for wrong, other in ((data[:-1], key), (b"", key), (data[:40] + b"x" + data[41:], key), (data, bytes(32)), (bytearray(data)[::-1], key)):
        with pytest.raises(exfilter.SavedError) as error:
            exfilter.Engine.from_bytes(wrong, other)
        assert isinstance(error.value, ValueError)
    with pytest.raises(exfilter.SavedError):
        engine.to_bytes(bytes(32))
    for wrong in (b"short", b""):
        with pytest.raises(exfilter.ParseError):
            engine.to_bytes(wrong)
        with pytest.raises(exfilter.ParseError):
            exfilter.Engine.from_bytes(data, wrong)
    with pytest.raises(TypeError):
        exfilter.Engine.from_bytes("text", key)


def test_engines_in_files(tmp_path):
    path, key_file = tmp_path / "engine", tmp_path / "key"
    exfilter.save_engine(exfilter.Engine(rules=exfilter.Rules()), path, key_file=key_file)
    assert key_file.stat().st_mode & 0o777 == 0o600 and path.stat().st_mode & 0o777 == 0o600 and len(key_file.read_bytes()) == 32
    first = exfilter.load_engine(path, key_file=key_file)
    assert first.rules == 0 and exfilter.load_engine(str(path), key_file=str(key_file)) is first
    exfilter.save_engine(exfilter.Engine(), path, key_file=key_file)
    second = exfilter.load_engine(path, key_file=key_file)
    assert second.rules > 100 and sorted(entry.name for entry in tmp_path.iterdir()) == ["engine", "key"]
    with pytest.raises(FileNotFoundError):
        exfilter.load_engine(tmp_path / "missing", key_file=key_file)
    path.write_bytes(b"no engine")
    with pytest.raises(exfilter.SavedError):
        exfilter.load_engine(path, key_file=key_file)
    key_file.write_bytes(b"short")
    with pytest.raises(exfilter.ParseError):
        exfilter.load_engine(path, key_file=key_file)
