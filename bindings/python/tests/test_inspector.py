"""Whole requests, and the policy file."""

import gzip

import pytest

import exfilter
from exfilter import testing

TOKEN = testing.token("github-pat", seed=51).encode()


def inspect(to="https://api.example.com", method=b"POST", target=b"/", fields=(), body=b"", **options):
    host = to.partition("://")[2].encode()
    inspector = exfilter.Inspector(exfilter.default_engine(), to, method, target, [(b"host", host), *fields], **options)
    inspector.push(body)
    return inspector, inspector.finish()


def test_a_clean_request_passes():
    inspector, verdict = inspect(body=b"hello")
    assert verdict == exfilter.Forward(5)
    assert inspector.reply() is None and inspector.text() is None and inspector.sightings() == []
    assert not inspector.holds_head and inspector.conversation == "plain"
    assert inspector.forwarded_head() == (b"POST", b"/", [(b"host", b"api.example.com")])
    assert inspector.coverage.bytes >= 5
    assert isinstance(inspector.push(b"x"), exfilter.Block)


def test_a_refusal_says_where_in_the_words_of_the_client():
    inspector, verdict = inspect(
        "https://registry.npmjs.org", b"PUT", b"/demo", [(b"content-type", b"application/json"), (b"npm-command", b"publish")], b'{"readme":"' + TOKEN + b'"}'
    )
    assert isinstance(verdict, exfilter.Block) and verdict.rule == "github-pat"
    assert inspector.conversation == "npm-publish"
    reply = inspector.reply()
    assert reply is not None and reply.status == 422 and b"secret detected in body:1:12" in reply.body
    assert ("Content-Type", "application/json") in reply.headers
    [sighting] = inspector.sightings()
    assert sighting.location == "body:1:12" and sighting.place == "body" and sighting.action == "block" and not sighting.own_key
    assert isinstance(sighting.event, exfilter.Finding) and sighting.event.rule == "github-pat"
    shown = f"{inspector!r} {reply!r} {sighting!r} {reply.body!r} {inspector.text('operator')}"
    assert TOKEN.decode()[8:20] not in shown


def test_what_two_readers_may_take_differently_is_an_error():
    for fields in ([(b"content-length", b"1"), (b"transfer-encoding", b"chunked")], [(b"authorization", b"a"), (b"authorization", b"b")], [(b"x y", b"")]):
        with pytest.raises(exfilter.HeadError):
            inspect(fields=fields)
    with pytest.raises(exfilter.HeadError, match="host"):
        exfilter.Inspector(exfilter.default_engine(), "https://a.example", b"GET", b"/", [(b"host", b"b.example")])
    inspector, _ = inspect()
    with pytest.raises(exfilter.HeadError):
        inspector.trailers([(b"a b", b"")])
    assert isinstance(inspector.trailers([(b"x", TOKEN)]), exfilter.Block)


def test_bodies_are_edited_and_replaced():
    to, body = "https://api.anthropic.com", b'{"text":"use ' + TOKEN + b' now"}'
    clean = body.replace(TOKEN, b"*" * len(TOKEN))
    inspector, verdict = inspect(to, target=b"/v1/messages", body=body, editable=True)
    assert isinstance(verdict, exfilter.Edit)
    inspector = exfilter.Inspector(exfilter.default_engine(), to, b"POST", b"/", [(b"host", b"api.anthropic.com")], editable=True)
    first = inspector.push(body)
    sent = inspector.apply_edits(0, body[: first.through])
    last = inspector.finish()
    assert sent + inspector.apply_edits(first.through, body[first.through :]) == clean and last.through == len(body)
    inspector, verdict = inspect(to, fields=[(b"content-encoding", b"gzip")], body=gzip.compress(body), editable=True)
    assert isinstance(verdict, exfilter.Edit) and inspector.replacement == clean
    assert (b"content-length", str(len(clean)).encode()) in inspector.forwarded_head()[2]


def test_parts_of_an_object_share_uploads():
    uploads = exfilter.Uploads()

    def part(number):
        target = b"/b/key?partNumber=%d&uploadId=u" % number
        return not isinstance(inspect("https://s3.example", b"PUT", target, body=b"text", uploads=uploads)[1], exfilter.Block)

    assert part(1) and len(uploads) == 1 and not part(3) and part(2)
    uploads.clear()
    assert not part(3)


def test_a_provider_s_key_passes_at_its_provider_unless_forbidden():
    bearer = [(b"authorization", b"Bearer " + TOKEN)]
    foreign = exfilter.PolicyFile.parse("p.toml", 'version = 1\nforeign = "block"\n')
    for options, passes in (({}, True), ({"own_keys": "block"}, False), ({"policy": foreign}, False), ({"policy": foreign, "own_keys": "report"}, True)):
        _, verdict = inspect("https://api.github.com", b"GET", b"/user", bearer, **options)
        assert isinstance(verdict, exfilter.Forward) == passes, options


def test_a_policy_file():
    file = exfilter.PolicyFile.parse("p.toml", 'version = 1\nactions.high = "report"\nlimits.lanes = 7\nhosts.deny = ["a.example"]\nhosts.tunnel = ["b.example"]\n')
    assert (file.mode, file.foreign, file.action("high"), file.action("confirmed")) == ("enforce", "report", "report", "block")
    assert file.limits.lanes == 7 and not file.admits("a.example") and file.admits("b.example") and file.tunnels_to("b.example")
    assert file.with_mode("observe").mode == "observe" and file.mode == "enforce"
    engine = exfilter.Engine(policy=file.policy, limits=file.limits)
    assert isinstance(engine.scan(TOKEN, exfilter.Flow.outbound()).verdict, exfilter.Forward)
    with pytest.raises(exfilter.PolicyError, match="did you mean mode") as caught:
        exfilter.PolicyFile.parse("p.toml", "version = 1\nmod = 1\n")
    assert (caught.value.file, caught.value.line, caught.value.field) == ("p.toml", 2, "mod")
    with pytest.raises(exfilter.ParseError):
        file.with_mode("off")
