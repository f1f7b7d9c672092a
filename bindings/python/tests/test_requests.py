"""Requests of one session with one head: what is known of the head changes nothing of what becomes of the next one."""

from __future__ import annotations

import base64
import gzip

import pytest

import exfilter
from exfilter import testing
from exfilter._native import AnswerGate, Examined, RequestGate, Session, Substitutes, Uploads

HOST = "api.example.com"
TOKEN = testing.token("github-pat", seed=7)
SECRET = testing.secret(seed=8)
RENEWED = testing.secret(seed=10)
REAL = testing.token("anthropic-api-key", seed=9)
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
    assert isinstance(send(gate, session, SECRET.encode(), target=b"/other").verdict, exfilter.Block) and session.quarantined
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


def exchanging(real=REAL, *, policy=None, slots=("header:x-api-key",)):
    """A gate that exchanges a placeholder at home, and the placeholder."""
    known, substitutes = exfilter.KnownSecrets(), Substitutes(bytes(32))
    known.add("KEY", real)
    substitutes.add("KEY", real, bindings=[(HOST, slot) for slot in slots])
    gate = RequestGate(exfilter.Engine(known_secrets=known), uploads=Uploads(), substitutes=substitutes, policy=policy)
    return gate, dict(substitutes.placeholders)["KEY"]


def sent(answer):
    """Target and fields that are sent, where nothing else came of a request."""
    assert type(answer) is tuple, "something else came of it"
    target, fields = answer
    return target, dict(fields)


def test_a_placeholder_is_exchanged_each_time():
    gate, placeholder = exchanging()
    session = Session()
    for number in range(6):
        body = b'{"text": "%s"}' % (b"nothing " * number)
        headers = fields(body, x_api_key=placeholder, x_last="1")
        target, got = sent(send(gate, session, body, headers=headers))
        # Its own length, and all else as it came, in order.
        assert target == b"/x" and got == {**dict(headers), b"x-api-key": REAL.encode()} and list(got) == [name for name, _ in headers]
        assert got[b"content-length"] == str(len(body)).encode()
    assert REAL not in repr(session) and REAL not in repr(gate)


def test_a_body_behind_a_placeholder_is_examined():
    gate, placeholder = exchanging()
    session = Session()
    for _ in range(3):
        headers = fields(x_api_key=placeholder)
        assert sent(send(gate, session, headers=headers))[1][b"x-api-key"] == REAL.encode()
        for secret in (TOKEN, REAL, placeholder):
            found = send(gate, session, b'{"text": "%s"}' % secret.encode(), headers=headers)
            assert isinstance(found, Examined) and found.sightings[0].place == "body"
            # What is edited leaves with the real one in its head, and what is refused without.
            is_block = isinstance(found.verdict, exfilter.Block)
            assert (found.head is None) == is_block and is_block == (found.body is None)
        found = send(gate, session, headers=headers, trailers=((b"x-a", TOKEN.encode()),))
        assert isinstance(found.verdict, exfilter.Block) and found.head is None


def test_a_placeholder_is_exchanged_where_it_is_at_home_and_nowhere_else():
    gate, placeholder = exchanging()
    session = Session()
    headers = fields(x_api_key=placeholder)
    for _ in range(3):
        assert sent(send(gate, session, headers=headers))[1][b"x-api-key"] == REAL.encode()
        # Without TLS, at another host, at a host that says it is another one, in another field, and beside its own one.
        for changed in (
            {"scheme": b"http"},
            {"host": "other.example", "headers": tuple((name, b"other.example" if name == b"host" else value) for name, value in headers)},
            {"headers": fields(x_other=placeholder)},
            {"headers": fields(x_api_key=placeholder, x_copy=placeholder)},
            {"headers": fields(x_api_key=placeholder[:-1] + ("A" if placeholder[-1] != "A" else "B"))},
        ):
            answer = send(gate, session, **{"headers": headers, **changed})
            assert isinstance(answer, Examined) and answer.head is None and (answer.denied or isinstance(answer.verdict, exfilter.Block))
        assert not send(gate, session, headers=headers, host="other.example").sure
        assert not send(gate, session, headers=headers, authority=b"other.example").sure
        # Somebody else's.
        assert send(gate, session, headers=fields(x_api_key=testing.token("anthropic-api-key", seed=10))).denied[0] == "foreign"
        # Another port is another place, at which it is at home too; another target and method are another head.
        for changed in ({"port": 8443}, {"target": b"/y"}, {"method": b"PUT"}):
            assert sent(send(gate, session, headers=headers, **changed))[1][b"x-api-key"] == REAL.encode()


def test_what_is_put_into_a_request_is_the_gates():
    """A gate is made for each configuration: what another one knew is nothing to it."""
    (old, placeholder), (new, same) = exchanging(SECRET), exchanging(RENEWED)
    assert same == placeholder, "the form, the name and the seed are the same"
    session = Session()
    headers = fields(x_api_key=placeholder)

    def value(gate):
        return sent(send(gate, session, headers=headers))[1][b"x-api-key"].decode()

    for _ in range(3):
        assert [value(old), value(old), value(new), value(new)] == [SECRET, SECRET, RENEWED, RENEWED]
        # Taken away: in the sandbox there is no more than the placeholder.
        assert send(RequestGate(exfilter.default_engine(), uploads=Uploads()), session, headers=headers) is None
        # A host that may not be reached any more, and one to which it is not bound any more.
        policy = exfilter.PolicyFile.parse("p", 'version = 1\n[hosts]\nallow = ["other.example"]\n')
        assert send(exchanging(SECRET, policy=policy)[0], session, headers=headers).denied == ("host", "this host may not be reached")
        assert send(exchanging(SECRET, slots=["header:authorization"])[0], session, headers=headers) is None
        session.renew(Session())


def test_what_is_put_into_a_request_is_the_sessions():
    gate, placeholder = exchanging()
    session, other = Session(hits=1), Session(hits=1)
    headers = fields(x_api_key=placeholder)
    for _ in range(2):
        sent(send(gate, session, headers=headers))
        sent(send(gate, other, headers=headers))
    # In quarantine nothing leaves, however often it left before; another session is not in it. What has led to it was another head: this one is still known.
    assert isinstance(send(gate, session, REAL.encode(), target=b"/other").verdict, exfilter.Block) and session.quarantined
    for _ in range(2):
        answer = send(gate, session, headers=headers)
        assert answer.verdict.kind == "quarantine" and answer.head is None
        assert sent(send(gate, other, headers=headers))[1][b"x-api-key"] == REAL.encode()
    session.lift()
    sent(send(gate, session, headers=headers))


def test_every_slot_is_exchanged_each_time():
    slots = ("header:authorization:bearer", "header:authorization:basic.password", "cookie:key", "query:key", "path:1")
    gate, placeholder = exchanging(slots=slots)

    def basic(value):
        return b"Basic " + base64.b64encode(b"me:" + value.encode())

    session = Session()
    for _ in range(3):
        for target, extra, expected, field in (
            (b"/x", (b"authorization", b"Bearer " + placeholder.encode()), b"/x", b"Bearer " + REAL.encode()),
            (b"/x", (b"authorization", basic(placeholder)), b"/x", basic(REAL)),
            (b"/x", (b"cookie", b"a=b; key=" + placeholder.encode()), b"/x", b"a=b; key=" + REAL.encode()),
            (b"/x?a=1&key=" + placeholder.encode(), (b"x-last", b"1"), b"/x?a=1&key=" + REAL.encode(), b"1"),
            (b"/a/" + placeholder.encode(), (b"x-last", b"1"), b"/a/" + REAL.encode(), b"1"),
        ):
            for host_first in (True, False):
                headers = (*fields(), extra) if host_first else (extra, *fields())
                got_target, got = sent(send(gate, session, headers=headers, target=target))
                assert got_target == expected and got[extra[0]] == field and got[b"host"] == HOST.encode()
    # Fields of a list are those of a tuple.
    assert sent(send(gate, session, headers=[*fields(), (b"authorization", b"Bearer " + placeholder.encode())]))[1][b"authorization"].endswith(REAL.encode())


def test_answers_in_which_a_real_value_stands_are_told():
    known = exfilter.KnownSecrets()
    known.add("KEY", REAL)
    everything = dict.fromkeys(("encrypted", "corrupt", "truncated"), "report")
    gate = AnswerGate(exfilter.Engine(rules=exfilter.Rules(), known_secrets=known, policy=exfilter.Policy(actions={"confirmed": "redact"}, opaque=everything)))
    real = REAL.encode()
    head = ((b"content-type", b"application/json"), (b"x-id", b"1"))
    for body in (b"", b"{}", b"text " * 20_000, bytearray(b"{}")):
        assert gate.is_clean(head, None, b"OK", body) is True and gate.is_clean(head, ((b"x-a", b"b"),), b"", body) is True
    for fields_, trailers, reason, body in (
        ((*head, (b"x-seen", real)), None, b"OK", b""),
        ((*head, (real, b"")), None, b"OK", b""),
        ((*head, (b"x-seen", base64.b64encode(b"Bearer " + real))), None, b"OK", b""),
        (head, ((b"x-seen", real),), b"OK", b""),
        (head, None, real, b""),
        (head, None, b"OK", b'{"said": "' + real + b'"}'),
        (head, None, b"OK", b"text " * 20_000 + real),
        (head, None, b"OK", bytearray(real)),
        (head, None, b"OK", gzip.compress(real)),
        (head, None, b"OK", real.hex().encode()),
    ):
        assert gate.is_clean(fields_, trailers, reason, body) is False
        assert gate.is_clean(head, None, b"OK", b"clean") is True
    # What has a coding is to be decoded first.
    coded = (*head, (b"Content-Encoding", b"gzip"))
    assert gate.is_clean(coded, None, b"OK", gzip.compress(real)) is None
    assert gate.is_clean(coded, None, b"OK", real, plain=True) is False and gate.is_clean(coded, None, b"OK", b"{}", plain=True) is True
    assert REAL not in repr(gate)
