"""What a wheel is trained on: requests as the mitmproxy add-on examines them, and what programs hand over, over and over.

`wheel.sh` runs it with a wheel that counts which way its branches go, and builds the one that is published by the counts. It is no benchmark and measures nothing; the text is the sources of
the Python that runs it.
"""

from __future__ import annotations

import gzip
import json
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import exfilter
import exfilter.testing
from exfilter._native import AnswerGate, RequestGate, Session, Substitutes, Uploads

HOST = "api.example.com"


def sources(most: int) -> Iterator[str]:
    """Files of the standard library, some `most` bytes of them."""
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        text = path.read_text("utf-8", "replace")
        yield text
        most -= len(text)
        if most < 0:
            return


def conversation(rng: random.Random, texts: list[str], size: int) -> bytes:
    """What a coding agent sends: what was said, and files in JSON strings."""
    messages = []
    while size > 0:
        text = rng.choice(texts)
        at = rng.randrange(max(1, len(text) - 3000))
        piece = text[at : at + rng.randrange(200, 3000)]
        messages.append({"role": rng.choice(["user", "assistant"]), "content": [{"type": "text", "text": piece}]})
        size -= len(piece)
    return json.dumps({"model": "a-model", "stream": True, "max_tokens": 8192, "messages": messages}).encode()


def form(rng: random.Random, texts: list[str]) -> bytes:
    parts = [f'--cut\r\nContent-Disposition: form-data; name="f{n}"; filename="f{n}.py"\r\n\r\n{rng.choice(texts)}\r\n' for n in range(3)]
    return "".join([*parts, "--cut--\r\n"]).encode()


def request(gate: RequestGate, session: Session, headers: dict[str, str], body: bytes, path: bytes = b"/v1/messages") -> None:
    fields = {"host": HOST, "user-agent": "a-client/1.0", "accept": "application/json", "accept-encoding": "gzip", "connection": "keep-alive", **headers, "content-length": str(len(body))}
    raw = tuple((name.encode(), value.encode()) for name, value in fields.items())
    gate.examine(b"https", HOST, 443, b"", b"POST" if body else b"GET", path, raw, body, None, session)


def main() -> None:
    rng = random.Random(1)
    texts = list(sources(3_000_000))
    bindings = [(HOST, "header:authorization:bearer"), (HOST, "header:x-api-key")]
    known = exfilter.KnownSecrets()
    substitutes = Substitutes(bytes(32))
    for number in range(20):
        known.add(f"KNOWN_{number}", exfilter.testing.secret(seed=number))
    placeholder = substitutes.add("KEY", exfilter.testing.secret(seed=100), bindings=bindings)
    engine, plain = exfilter.Engine(known_secrets=known), exfilter.default_engine()
    token = exfilter.testing.token("github-pat", seed=1)
    real = exfilter.KnownSecrets()
    real.add("KEY", exfilter.testing.secret(seed=100))
    answers = AnswerGate(exfilter.Engine(rules=exfilter.Rules(), known_secrets=real))
    answered = ((b"content-type", b"application/json"), (b"date", b"Mon, 30 Nov 2026 12:00:00 GMT"), (b"request-id", b"req_011"), (b"server", b"a-server"))

    for of in (plain, engine):
        gate = RequestGate(of, uploads=Uploads(), substitutes=substitutes if of is engine else None)
        session = Session()
        for turn in range(400):
            key = {"x-api-key": placeholder if turn % 2 else "a-placeholder", "x-client-version": "2026-01-01"}
            body = conversation(rng, texts, rng.choice([2_000, 20_000, 20_000, 40_000]))
            request(gate, session, {"content-type": "application/json", **key}, body)
            answers.is_clean(answered, None, b"OK", conversation(rng, texts, rng.choice([100, 2_000, 10_000])))
            if turn % 8 == 0:
                request(gate, session, {"content-type": "application/json", "content-encoding": "gzip", **key}, gzip.compress(body, 6))
                request(gate, session, {"content-type": "multipart/form-data; boundary=cut", **key}, form(rng, texts))
                request(gate, session, {"cookie": "a=b; c=d"}, b"", b"/v1/models?limit=20&after=abc")
            if turn % 20 == 0:
                request(gate, session, {"content-type": "application/json", **key}, conversation(rng, texts, 500_000))
        # What is refused, once in a while.
        for secret in (token, exfilter.testing.secret(seed=3)):
            request(gate, Session(), {"content-type": "text/plain"}, f"key = {secret}".encode())

    for of in (plain, engine):
        for text in texts:
            data = text.encode()
            of.scan(data)
            stream = of.stream(exfilter.Flow.outbound(f"https://{HOST}"))
            for at in range(0, len(data), 1 << 16):
                stream.push(data[at : at + (1 << 16)])
            stream.finish()
        packed = gzip.compress("".join(texts).encode(), 6)
        of.scan(packed)
        editable = exfilter.Flow.outbound(f"https://{HOST}", editable=True)
        of.scan(json.dumps({"text": texts[0] + token}).encode(), editable)


if __name__ == "__main__":
    main()
