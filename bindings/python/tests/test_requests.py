"""Requests of one session with one head: what is known of the head changes nothing of what becomes of the next one."""

from __future__ import annotations

import pytest

import exfilter
from exfilter import testing
from exfilter._native import RequestGate, Session, Uploads

HOST = "api.example.com"
TOKEN = testing.token("github-pat", seed=7)
SECRET = testing.secret(seed=8)
BODY = b'{"text": "nothing"}'


def fields(body=BODY, **others):
    known = {"host": HOST, "content_type": "application/json", "content_length": str(len(body)), **others}
    return tuple((name.replace("_", "-").encode(), value.encode()) for name, value in known.items())


def send(gate, session, body=BODY, *, headers=None, scheme=b"https", host=HOST, port=443, authority=b"", method=b"POST", target=b"/x", trailers=None):
    headers = fields(body) if headers is None else headers
    return gate.examine(scheme, host, port, authority, method, target, headers, body, trailers, session)


@pytest.fixture
def gate():
    return RequestGate(exfilter.default_engine(), uploads=Uploads())


def test_a_body_behind_a_known_head_is_examined(gate):
    session = Session()
    for _ in range(3):
        assert send(gate, session) is None
        found = send(gate, session, b'{"text": "%s"}' % TOKEN.encode())
        assert found.sightings[0].place == "body" and found.sightings[0].action in ("redact", "block")
        assert send(gate, session, b"x" * 70_000) is None
        # A buffer of another kind, and what is no buffer.
        assert send(gate, session, bytearray(BODY)) is None
        with pytest.raises(TypeError):
            send(gate, session, "text", headers=fields())
    with pytest.raises(exfilter.HeadError):
        send(gate, session, trailers=((b"a b", b"c"),))
    assert isinstance(send(gate, session, trailers=((b"x-a", TOKEN.encode()),)).verdict, exfilter.Block)


def test_another_head_is_another_head(gate):
    session = Session()
    token = TOKEN.encode()
    for _ in range(2):
        assert send(gate, session) is None
        for length in ("", "x", "+19", "1" * 19, "1, 1", "19 1"):
            with pytest.raises(exfilter.HeadError):
                send(gate, session, headers=fields(content_length=length))
        assert send(gate, session, headers=fields(content_length="123456789")) is None
        with pytest.raises(exfilter.HeadError):
            send(gate, session, headers=(*fields(), (b"content-length", b"19")))
        with pytest.raises(exfilter.HeadError):
            send(gate, session, headers=(*fields(), (b"transfer-encoding", b"chunked")))
        assert not send(gate, session, host="other.example").sure
        assert not send(gate, session, authority=b"other.example").sure
        assert send(gate, session, headers=fields(upgrade="h2c")).offers_h2c
        for changed in (
            {"headers": fields(x_note=TOKEN)},
            {"headers": (*fields(), (token, b""))},
            {"headers": ((b"content-length", token), *fields()[:2]), "expects": exfilter.HeadError},
            {"target": b"/" + token},
            {"target": b"/x?" + token},
        ):
            if "expects" in changed:
                with pytest.raises(changed.pop("expects")):
                    send(gate, session, **changed)
            else:
                assert isinstance(send(gate, session, **changed).verdict, exfilter.Block)
        # Where one part ends and the next one begins counts.
        assert send(gate, session, headers=((b"x", b"ab"), (b"y", b"c"))) is None
        assert send(gate, session, headers=((b"x", b"a"), (b"yb", b"c"))) is None
        # A list is a head as well.
        assert send(gate, session, headers=list(fields())) is None
        with pytest.raises((TypeError, ValueError)):
            send(gate, session, headers=((b"x", b"y", b"z"),))
        with pytest.raises((TypeError, ValueError)):
            send(gate, session, headers=(b"xy",))


def test_what_one_gate_lets_pass_another_may_not(gate):
    session = Session()
    assert send(gate, session) is None and send(gate, session) is None
    policy = exfilter.PolicyFile.parse("p", 'version = 1\n[hosts]\nallow = ["other.example"]\n')
    strict = RequestGate(exfilter.default_engine(), uploads=Uploads(), policy=policy)
    assert send(strict, session).denied == ("host", "this host may not be reached")
    known = exfilter.KnownSecrets()
    known.add("S", SECRET)
    later = RequestGate(exfilter.Engine(known_secrets=known), uploads=Uploads())
    body = b'{"text": "%s"}' % SECRET.encode()
    assert send(gate, session, body) is None and send(gate, session, body) is None
    assert send(later, session, body) is not None
    assert send(later, session) is None and send(later, session, body) is not None


def test_a_session_that_has_shown_something_goes_by_it():
    known = exfilter.KnownSecrets(fragments=True)
    known.add("S", SECRET)
    gate = RequestGate(exfilter.Engine(known_secrets=known), uploads=Uploads())
    session = Session()
    pieces = [SECRET[at : at + 8].encode() for at in range(0, len(SECRET) - 7, 8)]
    assert send(gate, session) is None and send(gate, session) is None
    assert any(send(gate, session, b"a piece: " + piece) is not None for piece in pieces)
    session = Session(hits=1)
    assert send(gate, session) is None and send(gate, session) is None
    assert isinstance(send(gate, session, SECRET.encode()).verdict, exfilter.Block) and session.quarantined
    assert send(gate, session).verdict.kind == "quarantine"
    session.lift()
    assert send(gate, session) is None


def test_credentials_that_are_at_home_are_nothing_to_tell():
    known = exfilter.KnownSecrets()
    known.add("S", SECRET, bindings=[(HOST, "header:x-api-key")])
    gate = RequestGate(exfilter.Engine(known_secrets=known), uploads=Uploads())
    session = Session(hits=0)
    at_home = fields(x_api_key=SECRET)
    for _ in range(3):
        assert send(gate, session, headers=at_home) is None
        assert isinstance(send(gate, session, headers=fields(x_other=SECRET)).verdict, exfilter.Block)
        found = send(gate, session, SECRET.encode(), headers=at_home)
        assert {sighting.place for sighting in found.sightings} == {"header:x-api-key", "body"}
    for own_keys, passes in (("report", True), ("block", False)):
        gate = RequestGate(exfilter.default_engine(), uploads=Uploads(), own_keys=own_keys)
        headers = ((b"host", b"api.github.com"), (b"authorization", b"Bearer " + TOKEN.encode()))
        for _ in range(3):
            assert (send(gate, session, host="api.github.com", headers=headers) is None) == passes
