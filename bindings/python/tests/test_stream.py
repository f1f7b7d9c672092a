"""The stream: chunks, verdicts, edits, misuse."""

import array
import base64
import gzip
import json
import random

import pytest

import exfilter
from exfilter import Block, Edit, Forward, testing


def texts(value):
    """Bytes in which something is found, in several wrappings."""
    token = testing.token("github-pat", seed=5).encode()
    filler = random.Random(5).randbytes(40).hex().encode()
    yield b"nothing " + filler
    yield b"raw " + token + b" end " + value.encode()
    yield json.dumps({"a": base64.b64encode(b"x" + token + b"y" * 40).decode()}).encode()
    yield filler + gzip.compress(b"inside " * 50 + token + filler)
    yield token.hex().encode() + b"\n" + base64.b64encode(value.encode())
    yield gzip.compress(token)[:-9]


def outcome(engine, flow, chunks):
    """What must not depend on chunks."""
    with engine.stream(flow) as stream:
        events = []
        through = 0
        for chunk in chunks:
            verdict = stream.push(chunk)
            if not isinstance(verdict, Block):
                assert verdict.through >= through
                through = verdict.through
            events += stream.events()
        last = stream.finish()
        events += stream.events()
        kind = (type(last), last.kind if isinstance(last, Block) else last.through)
        findings = sorted(
            (e.rule or e.secret, e.form, e.start, e.end, e.path) for e in events if isinstance(e, exfilter.Finding)
        )
        opaques = sorted((e.reason, e.start, e.end, e.path) for e in events if isinstance(e, exfilter.Opaque))
        return kind, findings, opaques, stream.coverage


def test_where_chunks_end_changes_nothing(armed, value):
    rng = random.Random(1)
    for text in texts(value):
        for flow in (exfilter.Flow.outbound("https://example.com"), exfilter.Flow.at_rest()):
            whole = outcome(armed, flow, [text])
            assert outcome(armed, flow, [text[i : i + 1] for i in range(len(text))]) == whole
            for _ in range(8):
                cuts = sorted(rng.sample(range(len(text) + 1), 4))
                chunks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
                chunks.insert(rng.randrange(5), b"")
                assert outcome(armed, flow, chunks) == whole
            scan = armed.scan(text, flow)
            assert (type(scan.verdict), scan.coverage) == (whole[0][0], whole[3])


def test_no_byte_of_a_blocked_value_is_before_through(engine):
    token = testing.token("github-pat", seed=9).encode()
    text = b"a clean beginning, then " + token
    stream = engine.stream(exfilter.Flow.outbound("https://example.com"))
    released = 0
    for i in range(len(text)):
        match stream.push(text[i : i + 1]):
            case Forward(through):
                released = through
            case Edit():
                raise AssertionError("the flow is not editable")
            case Block(kind, reference):
                assert (kind, reference) == ("rule", stream.reference)
    assert released <= 24
    last = stream.finish()
    assert isinstance(last, Block) and last.rule == "github-pat"
    assert stream.through == released


def test_edits_overwrite_what_the_policy_redacts(engine):
    token = testing.token("github-pat", seed=4).encode()
    body = json.dumps({"prompt": "use " + token.decode() + " please"}).encode()
    stream = engine.stream(exfilter.Flow.outbound("https://api.anthropic.com", editable=True))
    stream.push(body)
    last = stream.finish()
    assert last == Edit(len(body)) and hash(last) == hash(Edit(len(body)))
    edited = stream.apply_edits(0, body)
    assert len(edited) == len(body) and token not in edited and b"use *" in edited
    assert edited == stream.apply_edits(0, body[:20]) + stream.apply_edits(20, body[20:])
    (edit,) = stream.edits()
    assert body[edit[0] : edit[1]] == token and edit[2] == ord("*")
    assert engine.scan(body, exfilter.Flow.outbound("https://api.anthropic.com", editable=True)).apply_edits(body) == edited


def test_a_whole_buffer_is_edited_wherever_a_value_stands(engine):
    """A verdict has the edits of what it lets go: those of a push are not those of the end."""
    flow = exfilter.Flow.outbound("https://api.anthropic.com", editable=True)
    tokens = [testing.token("github-pat", seed=seed).encode() for seed in range(3)]
    for tail in (b"", b" and a long end" * 500):
        body = tokens[0] + b" a beginning " * 500 + tokens[1] + b" " + tokens[2] + tail
        scan = engine.scan(body, flow)
        assert scan.verdict == Edit(len(body)) and len(scan.edits) == 3
        edited = scan.apply_edits(body)
        assert len(edited) == len(body) and edited.count(b"*" * 40) == 3 and not any(token in edited for token in tokens)
        gate = exfilter.Gate(engine, flow)
        pieces = [gate.push(body[i : i + 700]) for i in range(0, len(body), 700)]
        assert b"".join(pieces) + gate.finish() == edited


def test_a_gate_lets_through_what_may_leave(engine):
    token = testing.token("github-pat", seed=4).encode()
    clean = b"nothing secret " * 1000
    gate = exfilter.Gate(engine, exfilter.Flow.outbound())
    out = b"".join(gate.push(clean[i : i + 100]) for i in range(0, len(clean), 100)) + gate.finish()
    assert out == clean and gate.held == 0
    gate = exfilter.Gate(engine, exfilter.Flow.outbound())
    out = gate.push(clean + token[:20])
    assert out == clean[: len(out)]
    with pytest.raises(exfilter.BlockedError) as error:
        gate.push(token[20:] + b" " * 200)
    assert gate.held == 0
    with pytest.raises(exfilter.BlockedError):
        gate.push(b"more")
    assert token.decode() not in str(error.value) and error.value.block.rule == "github-pat"
    gate = exfilter.Gate(engine, exfilter.Flow.outbound("https://api.openai.com", editable=True))
    out = b"".join(gate.push(bytes([byte])) for byte in b"key: " + token + b" end") + gate.finish()
    assert out == b"key: " + b"*" * len(token) + b" end"


def test_every_kind_of_buffer_is_taken_and_text_is_not(engine):
    token = testing.token("github-pat", seed=4).encode()
    big = b"." * 100_000 + token
    for data in (token, bytearray(token), memoryview(token), memoryview(bytearray(token)), array.array("B", token), big, bytearray(big)):
        assert len(engine.scan(data).findings) == 1
    assert engine.scan(memoryview(big)[::-1]).findings == []
    for wrong in ("text", 5, None, [1, 2], object()):
        with pytest.raises(TypeError):
            engine.scan(wrong)
        with pytest.raises(TypeError):
            engine.stream().push(wrong)
    with pytest.raises(TypeError):
        engine.stream("https://example.com")


def test_misuse_raises(engine):
    stream = engine.stream()
    assert stream.push(b"") == Forward(0)
    assert stream.finish() == Forward(0)
    assert stream.finish() == Forward(0)
    for call in (lambda: stream.push(b"x"), lambda: stream.gap(1)):
        with pytest.raises(exfilter.MisuseError):
            call()
    stream.reset()
    stream.push(b"again")
    assert stream.finish() == Forward(5)
    with stream as same:
        assert same is stream
    assert stream.closed and stream.through == 5 and stream.coverage.bytes == 5
    stream.close()
    for call in (lambda: stream.push(b"x"), stream.finish, stream.events, stream.reset, stream.discard, lambda: stream.memory):
        with pytest.raises(exfilter.MisuseError):
            call()


def test_a_gap_is_not_examined(engine):
    stream = engine.stream(exfilter.Flow.outbound())
    stream.push(b"before")
    verdict = stream.gap(1000)
    assert isinstance(verdict, Block) and verdict.opaque == "gap" and verdict.kind == "opaque"
    assert not stream.coverage.complete and stream.coverage.opaque == {"gap": 1}
    stream.discard()
    assert isinstance(stream.push(b"more"), Block)


def test_a_block_says_no_more_than_its_reader_may_know(armed, value):
    block = armed.scan(value.encode(), exfilter.Flow.outbound()).verdict
    assert block.kind == "known" and block.secret == "DEPLOY" and block.rule is None
    assert block.subject_text == f"blocked by policy, reference {block.reference}"
    assert "DEPLOY" in block.operator_text and value not in block.operator_text
    assert "DEPLOY" not in repr(block) and value not in repr(block)


def test_no_content_makes_a_push_raise():
    """Whatever comes, in whatever pieces: an answer, and the same one at the end."""
    rng = random.Random(3)
    starts = [b"", b"\x1f\x8b\x08\x00", b"PK\x03\x04", b"BZh9", b"\xfd7zXZ\x00", b"(\xb5/\xfd", b"PACK\x00\x00\x00\x02", b"{", b"\xff\xfe", b"\x78\x9c", b"-----BEGIN "]
    engine = exfilter.Engine(limits=exfilter.Limits(lanes=4, output=1 << 16))
    for _ in range(300):
        text = rng.choice(starts) + rng.choice([rng.randbytes, lambda n: rng.randbytes(n).hex().encode(), lambda n: base64.b64encode(rng.randbytes(n))])(rng.randrange(3000))
        stream = engine.stream(exfilter.Flow.outbound(content_encoding=rng.choice([None, "gzip", "br", "zstd, gzip", "\x00", "unknown"])))
        at = 0
        while at < len(text):
            size = rng.choice([0, 1, 7, 1000])
            assert isinstance(stream.push(text[at : at + size]), (Forward, Edit, Block))
            at += size
        last = stream.finish()
        assert stream.finish() == last and (isinstance(last, Block) or last.through == len(text))
        stream.events()


def test_a_chunk_may_be_huge_and_empty_ones_are_nothing(engine):
    token = testing.token("github-pat", seed=4).encode()
    stream = engine.stream(exfilter.Flow.outbound())
    for _ in range(1000):
        assert stream.push(b"") == Forward(0)
    huge = b"some ordinary text of a log file\n" * (100 << 20 >> 5)
    assert stream.push(huge) == Forward(len(huge))
    assert stream.push(bytearray(0)).through == len(huge)
    assert isinstance(stream.push(token + b" " * 200), Block) and stream.through == len(huge)


def test_large_chunks_and_long_streams(engine):
    token = testing.token("github-pat", seed=4).encode()
    stream = engine.stream(exfilter.Flow.at_rest())
    chunk = b"some ordinary text of a log file\n" * 64_000
    for _ in range(4):
        stream.push(chunk)
    stream.push(token)
    assert stream.finish() == Forward(4 * len(chunk) + len(token))
    assert [event.line for event in stream.events()] == [256_001]
    assert stream.memory < 64 << 10
