"""What a client shows in many requests: pieces of secrets, and refusals."""

import threading

import pytest

import exfilter
from exfilter import testing

VALUE = testing.secret(seed=71)
TO = "https://api.example.com"


@pytest.fixture(scope="module")
def engine():
    secrets = exfilter.KnownSecrets(fragments=True)
    secrets.add("DEPLOY", VALUE)
    return exfilter.Engine(known_secrets=secrets)


def request(engine, session, body=b"", target=b"/"):
    inspector = exfilter.Inspector(engine, TO, b"POST", target, [(b"host", b"api.example.com")], session=session)
    return inspector.whole(body)[0]


def test_pieces_in_many_requests_are_put_together(engine):
    session, third = exfilter.Session(), len(VALUE) // 3
    begin, middle, end = (VALUE[at : at + third].encode() for at in (0, third, 2 * third))
    assert isinstance(request(engine, session, b"first " + begin), exfilter.Forward)
    assert len(session) == 1 and session
    # In another part of a request, by a stream and by a scan: they are one session.
    assert isinstance(request(engine, exfilter.Session(), b"then " + middle), exfilter.Forward), "of somebody else"
    assert isinstance(engine.scan(b"then " + middle, exfilter.Flow.outbound(TO), session=session).verdict, exfilter.Block)
    with engine.stream(exfilter.Flow.outbound(TO), session=session) as stream:
        stream.push(b"last " + end)
        assert isinstance(stream.finish(), exfilter.Block)
    assert isinstance(request(engine, session, target=b"/?part=" + begin), exfilter.Block)
    assert isinstance(request(engine, None, b"alone " + end), exfilter.Forward)


def test_a_stream_that_is_closed_has_shown_its_piece(engine):
    session = exfilter.Session()
    stream = engine.stream(exfilter.Flow.outbound(TO), session=session)
    stream.push(VALUE[:12].encode() + b" and more " * 20)
    assert len(session) == 0
    stream.close()
    assert len(session) == 1


def test_some_refusals_are_a_quarantine(engine):
    session = exfilter.Session(hits=3, within=3600)
    token = testing.token("github-pat", seed=72).encode()
    for _ in range(4):
        assert isinstance(request(engine, session, token), exfilter.Block)
    assert not session.quarantined, "a rule's finding is no guess at a secret"
    assert isinstance(request(engine, session, VALUE.encode()), exfilter.Block)
    assert isinstance(engine.scan(VALUE.encode(), exfilter.Flow.outbound(TO), session=session).verdict, exfilter.Block)
    assert not session.quarantined
    stream = engine.stream(exfilter.Flow.outbound(TO), session=session)
    stream.push(VALUE.encode())
    stream.finish()
    stream.finish()
    stream.close()
    assert session.quarantined and "active" in repr(session)
    verdict = request(engine, session, b"clean")
    assert isinstance(verdict, exfilter.Block) and verdict.kind == "quarantine"
    assert "quarantine" in verdict.operator_text and "quarantine" not in verdict.subject_text
    assert isinstance(engine.scan(b"clean", exfilter.Flow.outbound(TO), session=session).verdict, exfilter.Block)
    assert isinstance(request(engine, exfilter.Session(), b"clean"), exfilter.Forward)
    session.lift()
    assert not session.quarantined and isinstance(request(engine, session, b"clean"), exfilter.Forward)


def test_one_refusal_counts_once(engine):
    session = exfilter.Session(hits=2)
    inspector = exfilter.Inspector(engine, TO, b"POST", b"/", [(b"host", b"api.example.com")], session=session)
    inspector.push(VALUE.encode())
    inspector.push(VALUE.encode())
    inspector.finish()
    assert inspector.verdict and not session.quarantined
    assert isinstance(request(engine, session, VALUE.encode()), exfilter.Block) and session.quarantined


def test_a_policy_says_how_many(engine):
    policy = exfilter.PolicyFile.parse("policy.toml", "version = 1\n[quarantine]\nhits = 1\n")
    session = exfilter.Session(policy=policy)
    request(engine, session, VALUE.encode())
    assert session.quarantined
    observed = exfilter.Session(policy=policy.with_mode("observe"))
    request(engine, observed, VALUE.encode())
    assert not observed.quarantined
    for wrong in ({"policy": policy, "hits": 2}, {"within": -1.0}, {"within": float("nan")}):
        with pytest.raises(exfilter.MisuseError):
            exfilter.Session(**wrong)
    never = exfilter.Session(hits=0)
    for _ in range(9):
        request(engine, never, VALUE.encode())
    assert not never.quarantined


def test_other_limits_count_what_was_counted(engine):
    session = exfilter.Session(hits=2)
    for _ in range(2):
        request(engine, session, VALUE.encode())
    session.renew(exfilter.Session(hits=0))
    assert not session.quarantined and isinstance(request(engine, session, b"clean"), exfilter.Forward)
    session.renew(exfilter.Session(hits=5))
    assert session.quarantined, "nobody has lifted it"
    session.lift()
    session.renew(exfilter.Session(hits=1))
    assert not session.quarantined


def test_threads_share_a_session(engine):
    session = exfilter.Session(hits=20, within=3600)
    threads = [threading.Thread(target=lambda: [request(engine, session, VALUE.encode()) for _ in range(5)]) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert session.quarantined
