"""Requests, part by part: what the clients' helpers and the mitmproxy add-on share.

A head is examined as one text, in which nothing escapes by being cut over two headers. If something is found in it, the values that are at home where they stand are cut
out, one slot after the other, and the rest decides.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes, urlsplit

from ._errors import ParseError
from ._native import Block, Edit, Engine, Finding, Flow, Opaque, Scan, Session

Headers = Sequence[tuple[bytes, bytes]]

_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_MOST_SLOTS = 512


@dataclass(frozen=True)
class Foreign:
    """A refusal that no engine gives: somebody else's credential where one of ours is put."""

    reference: str = field(default_factory=lambda: secrets.token_hex(6))
    kind: str = "foreign"
    rule: str | None = None
    secret: str | None = None
    opaque: str | None = None

    @property
    def subject_text(self) -> str:
        return f"blocked by policy, reference {self.reference}"

    @property
    def operator_text(self) -> str:
        return f"blocked by policy: a credential that is not ours, where ours is put, reference {self.reference}"


@dataclass(frozen=True)
class Denied(Foreign):
    """A refusal of something that no byte of it has to do with: a host that may not be reached, a head that can be read in two ways."""

    why: str = ""

    @property
    def subject_text(self) -> str:
        return f"blocked by policy: {self.why}, reference {self.reference}"

    @property
    def operator_text(self) -> str:
        return self.subject_text


@dataclass(frozen=True)
class Refusal:
    """Why something is not sent, and in which part of it the reason stands."""

    block: Block | Foreign
    where: str


@dataclass(frozen=True)
class Body:
    """What came of a body: a refusal, or the bytes to send."""

    refusal: Refusal | None
    data: bytes
    edited: bool = False
    decoded: int = 0
    """Bytes that decoders produced."""
    complete: bool = True
    """Whether everything was examined."""


@functools.lru_cache(maxsize=256)
def authority(scheme: str, host: str, port: int | None) -> str | None:
    """An authority that `Flow.outbound` takes, or None, at which nothing is at home."""
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    text = f"{scheme}://{host}" if port is None else f"{scheme}://{host}:{port}"
    try:
        Flow.outbound(text)
    except ParseError:
        return None
    return text


def authority_of(url: str) -> str | None:
    """The same of a URL."""
    try:
        parts = urlsplit(url)
        return authority(parts.scheme, parts.hostname or "", parts.port)
    except ValueError:
        return None


class Guard:
    """Examines requests with one engine.

    ``provider_keys`` says what becomes of a provider's key that a rule finds where that provider takes it ("at-home": it may pass; "block": it may not, only enrolled secrets are at home
    anywhere). ``on_event`` is told of every finding and of every range that was not examined, with the part of the request.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        provider_keys: str = "at-home",
        on_event: Callable[[str, Finding | Opaque], object] | None = None,
    ) -> None:
        if provider_keys not in ("at-home", "block"):
            raise ParseError("provider_keys is one of at-home, block")
        self.engine = engine
        self._at_home = provider_keys == "at-home"
        self._on_event = on_event

    def head(self, method: bytes, to: str | None, target: bytes, headers: Headers, session: Session | None = None) -> Refusal | None:
        """Examines a request's line and headers."""
        to = _sure(to, headers)
        flow = Flow.outbound(to, whole=True)
        # A credential at home is no hit, so what the first look refuses does not count.
        text = _joined(method, target, headers)
        scan = self.engine.scan(text, flow)
        if isinstance(scan.verdict, Block):
            return self._head_in_parts(method, to, flow, target, headers, session)
        if session is not None:
            scan = self.engine.scan(text, flow, session=session)
        self._tell("head", scan)
        return Refusal(scan.verdict, "head") if isinstance(scan.verdict, Block) else None

    def _head_in_parts(
        self, method: bytes, to: str | None, flow: Flow, target: bytes, headers: Headers, session: Session | None
    ) -> Refusal | None:
        where: str | None = None
        rest: list[tuple[bytes, bytes]] = []
        for name, value in headers:
            word = name.decode("latin-1").lower()
            if word == "cookie":
                value, refused = self._cut(to, "cookie", value, b";")
                where = where or refused
            elif self._is_home(to, f"header:{word}" if set(name) <= _TOKEN and name else "body", value):
                value = b""
            elif where is None and isinstance(self.engine.scan(value, flow).verdict, Block):
                where = f"header {word}"
            rest.append((name, value))
        path, mark, query = target.partition(b"?")
        query, refused = self._cut(to, "query", query, b"&")
        where = where or refused
        path = self._cut_path(to, path)
        scan = self.engine.scan(_joined(method, path + mark + query, rest), flow, session=session)
        self._tell("head", scan)
        if not isinstance(scan.verdict, Block):
            return None
        if where is None and isinstance(self.engine.scan(path, flow).verdict, Block):
            where = "path"
        return Refusal(scan.verdict, where or "head")

    def _cut(self, to: str | None, kind: str, text: bytes, separator: bytes) -> tuple[bytes, str | None]:
        """`name=value` pairs without the values that are at home, and where another one is refused."""
        kept: list[bytes] = []
        where: str | None = None
        for number, pair in enumerate(text.split(separator)):
            name, equals, value = pair.partition(b"=")
            word = _word(name)
            if kind == "query":
                word = _decoded(name)
                value = unquote_to_bytes(value.replace(b"+", b" "))
            if equals and word and number < _MOST_SLOTS:
                if self._is_home(to, f"{kind}:{word}", value):
                    pair = name + equals
                elif where is None and isinstance(self.engine.scan(value, Flow.outbound(to)).verdict, Block):
                    where = kind
            kept.append(pair)
        return separator.join(kept), where

    def _cut_path(self, to: str | None, path: bytes) -> bytes:
        segments = path.split(b"/")
        for number, segment in enumerate(segments[1:_MOST_SLOTS], 1):
            if len(segment) >= 12 and self._is_home(to, f"path:{number - 1}", unquote_to_bytes(segment)):
                segments[number] = b""
        return b"/".join(segments)

    def _is_home(self, to: str | None, slot: str, value: bytes) -> bool:
        """Whether what stands in a slot is a credential in its place."""
        if to is None:
            return False
        flow = Flow.outbound(to, slot=slot)
        scan = self.engine.scan(value, flow)
        if not isinstance(scan.verdict, Block):
            return any(finding.bound for finding in scan.findings)
        if not self._at_home or scan.suppressed or any(opaque.action == "block" for opaque in scan.opaques):
            return False
        acted = [finding for finding in scan.findings if finding.action in ("block", "redact")]
        return bool(acted) and all(finding.at_home(flow, value) for finding in acted)

    def text(self, to: str | None, where: str, data: bytes, session: Session | None = None) -> Refusal | None:
        """Examines a text of its own: a host name, trailers, a message."""
        scan = self.engine.scan(data, Flow.outbound(to, whole=True), session=session)
        self._tell(where, scan)
        return Refusal(scan.verdict, where) if isinstance(scan.verdict, Block) else None

    def body(
        self, to: str | None, data: bytes, content_encoding: str | None = None, *, editable: bool = False, session: Session | None = None
    ) -> Body:
        """Examines a whole body."""
        flow = Flow.outbound(to, editable=editable, whole=True, content_encoding=content_encoding)
        scan = self.engine.scan(data, flow, session=session)
        self._tell("body", scan)
        if isinstance(scan.verdict, Block):
            return Body(Refusal(scan.verdict, "body"), b"", decoded=scan.coverage.decoded, complete=scan.complete)
        if isinstance(scan.verdict, Edit):
            return Body(None, scan.apply_edits(data), edited=True)
        return Body(None, data)

    def _tell(self, where: str, scan: Scan) -> None:
        if self._on_event is not None:
            for event in _events(scan):
                self._on_event(where, event)


def _sure(to: str | None, headers: Headers) -> str | None:
    """Where a request goes, unless it says of itself that it goes elsewhere: a front end that serves many hosts goes by that."""
    if to is None:
        return None
    host = Flow.outbound(to).host
    said = [value.decode("latin-1").strip() for name, value in headers if name.lower() == b"host"]
    return to if all(_hostname(name).lower().rstrip(".") == host for name in said) else None


def _hostname(text: str) -> str:
    name, colon, port = text.rpartition(":")
    return name if colon and port.isascii() and port.isdigit() else text


def _word(name: bytes) -> str:
    return name.strip().decode("latin-1")


def _decoded(name: bytes) -> str:
    return unquote_to_bytes(_word(name)).decode("utf-8", "replace")


def _events(scan: Scan) -> Iterator[Finding | Opaque]:
    yield from scan.findings
    yield from scan.opaques


def _joined(method: bytes, target: bytes, headers: Headers) -> bytes:
    lines = [method + b" " + target]
    lines.extend(name + b": " + value for name, value in headers)
    return b"\n".join(lines)


def raw_headers(headers: Iterable[tuple[str | bytes, str | bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers as bytes."""
    return [(_raw(name), _raw(value)) for name, value in headers]


def _raw(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def content_encoding(headers: Headers) -> str | None:
    """The value of `Content-Encoding`, several joined."""
    values = [value.decode("latin-1") for name, value in headers if name.lower() == b"content-encoding"]
    return ", ".join(values) or None
