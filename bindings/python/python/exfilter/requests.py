"""An adapter for requests that refuses to send secrets.

>>> import exfilter.requests, requests
>>> session = requests.Session()
>>> session.mount("https://", exfilter.requests.GuardAdapter())
>>> session.mount("http://", exfilter.requests.GuardAdapter())
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from ._engines import default_engine
from ._errors import BlockedError
from ._gate import Gate
from ._http import Guard, authority_of, content_encoding, raw_headers
from ._native import Engine, Finding, Flow, Opaque

_CHUNK = 64 << 10


class GuardAdapter(HTTPAdapter):
    """Sends what the engine lets out, and raises ``BlockedError`` otherwise.

    A body in memory is examined before anything is sent; a file or a generator leaves as far as it is examined, and where it is blocked the connection is broken off.
    """

    def __init__(
        self,
        *args: Any,
        engine: Engine | None = None,
        provider_keys: str = "at-home",
        on_event: Callable[[str, Finding | Opaque], object] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._guard = Guard(engine or default_engine(), provider_keys=provider_keys, on_event=on_event)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        url = request.url or ""
        parts = urlsplit(url)
        to = authority_of(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = raw_headers(request.headers.items())
        method = (request.method or "").encode("utf-8", "surrogateescape")
        refusal = self._guard.head(method, to, target.encode("utf-8", "surrogateescape"), headers)
        if refusal is not None:
            raise BlockedError(refusal.block)
        body: Any = request.body
        if body:
            encoding = content_encoding(headers)
            if isinstance(body, (str, bytes, bytearray)):
                data = body.encode() if isinstance(body, str) else bytes(body)
                examined = self._guard.body(to, data, encoding, editable=True)
                if examined.refusal is not None:
                    raise BlockedError(examined.refusal.block)
                # What was examined is what is sent.
                request.body = examined.data
            else:
                gate = Gate(self._guard.engine, Flow.outbound(to, editable=True, content_encoding=encoding))
                request.body = _GatedFile(body, gate) if hasattr(body, "read") else _gated(body, gate)  # type: ignore[assignment]
        return super().send(request, *args, **kwargs)


def _gated(chunks: Iterable[bytes | str], gate: Gate) -> Iterator[bytes]:
    for chunk in chunks:
        if out := gate.push(chunk.encode() if isinstance(chunk, str) else chunk):
            yield out
    if out := gate.finish():
        yield out


class _GatedFile:
    """A file whose reader gets what may leave."""

    def __init__(self, file: Any, gate: Gate) -> None:
        self._file = file
        self._gate = gate
        self._ready = bytearray()
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        while not self._ended and (size < 0 or len(self._ready) < size):
            chunk = self._file.read(_CHUNK)
            if isinstance(chunk, str):
                chunk = chunk.encode()
            if chunk:
                self._ready += self._gate.push(chunk)
            else:
                self._ready += self._gate.finish()
                self._ended = True
        count = len(self._ready) if size < 0 else size
        out = bytes(self._ready[:count])
        del self._ready[:count]
        return out

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(_CHUNK):
            yield chunk
