"""Known secrets: how they enter, and that they do not come out."""

import base64
import io
import pickle

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
    with pytest.raises(FileNotFoundError):
        secrets.add_file(tmp_path / "missing")
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
