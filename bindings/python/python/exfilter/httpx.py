"""Transports for httpx that refuse to send secrets.

>>> import exfilter.httpx, exfilter.testing, httpx
>>> transport = exfilter.httpx.GuardTransport(httpx.MockTransport(lambda request: httpx.Response(200)))
>>> client = httpx.Client(transport=transport)
>>> client.post("https://api.example.com/notes", json={"text": "hello"}).status_code
200
>>> client.post("https://api.example.com/notes", json={"text": exfilter.testing.token("npm-access-token")})  # doctest: +ELLIPSIS
Traceback (most recent call last):
    ...
exfilter._errors.BlockedError: blocked by policy: npm-access-token (...), reference ...
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import httpx

from ._engines import default_engine
from ._errors import BlockedError
from ._gate import Gate
from ._http import Guard, authority, content_encoding
from ._native import Engine, Finding, Flow, Opaque


_WHOLE = 8 << 20


def _is_small(request: httpx.Request) -> bool:
    """Whether the whole body says that it is short enough to be read before anything is sent."""
    length = request.headers.get("content-length", "")
    return length.isascii() and length.isdigit() and int(length) <= _WHOLE


class _Examined:
    """What both transports do before anything is sent."""

    def __init__(self, engine: Engine | None, provider_keys: str, on_event: Callable[[str, Finding | Opaque], object] | None) -> None:
        self._guard = Guard(engine or default_engine(), provider_keys=provider_keys, on_event=on_event)

    def head(self, request: httpx.Request) -> Flow:
        url = request.url
        to = authority(url.scheme, url.host, url.port)
        headers = request.headers.raw
        refusal = self._guard.head(request.method.encode("latin-1", "replace"), to, url.raw_path, headers)
        if refusal is not None:
            raise BlockedError(refusal.block)
        return Flow.outbound(to, editable=True, content_encoding=content_encoding(headers))

    def whole(self, data: bytes, flow: Flow, request: httpx.Request) -> httpx.ByteStream:
        body = self._guard.body(flow.to, data, content_encoding(request.headers.raw), editable=True)
        if body.refusal is not None:
            raise BlockedError(body.refusal.block)
        return httpx.ByteStream(body.data)

    def gate(self, flow: Flow) -> Gate:
        return Gate(self._guard.engine, flow)


class GuardTransport(httpx.BaseTransport):
    """Sends through another transport (by default httpx's own) what the engine lets out, and raises ``BlockedError`` otherwise.

    A body that is in memory, or says that it has 8 MiB at most, is examined before anything is sent. Any other leaves as far as it is examined; where it is blocked the connection is broken off, and nothing of the
    blocked value has left. What the policy redacts is overwritten.
    """

    def __init__(
        self,
        transport: httpx.BaseTransport | None = None,
        *,
        engine: Engine | None = None,
        provider_keys: str = "at-home",
        on_event: Callable[[str, Finding | Opaque], object] | None = None,
    ) -> None:
        self._inner = transport or httpx.HTTPTransport()
        self._examined = _Examined(engine, provider_keys, on_event)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        flow = self._examined.head(request)
        stream: httpx.SyncByteStream
        assert isinstance(request.stream, httpx.SyncByteStream)
        if isinstance(request.stream, httpx.ByteStream) or _is_small(request):
            stream = self._examined.whole(b"".join(request.stream), flow, request)
        else:
            stream = _GatedStream(request.stream, self._examined.gate(flow))
        sent = httpx.Request(request.method, request.url, headers=request.headers, stream=stream, extensions=request.extensions)
        return self._inner.handle_request(sent)

    def close(self) -> None:
        self._inner.close()


class AsyncGuardTransport(httpx.AsyncBaseTransport):
    """The same for ``httpx.AsyncClient``."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        engine: Engine | None = None,
        provider_keys: str = "at-home",
        on_event: Callable[[str, Finding | Opaque], object] | None = None,
    ) -> None:
        self._inner = transport or httpx.AsyncHTTPTransport()
        self._examined = _Examined(engine, provider_keys, on_event)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        flow = self._examined.head(request)
        stream: httpx.AsyncByteStream
        assert isinstance(request.stream, httpx.AsyncByteStream)
        if isinstance(request.stream, httpx.ByteStream) or _is_small(request):
            stream = self._examined.whole(b"".join([chunk async for chunk in request.stream]), flow, request)
        else:
            stream = _AsyncGatedStream(request.stream, self._examined.gate(flow))
        sent = httpx.Request(request.method, request.url, headers=request.headers, stream=stream, extensions=request.extensions)
        return await self._inner.handle_async_request(sent)

    async def aclose(self) -> None:
        await self._inner.aclose()


class _GatedStream(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream, gate: Gate) -> None:
        self._inner = inner
        self._gate = gate

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._inner:
            if out := self._gate.push(chunk):
                yield out
        if out := self._gate.finish():
            yield out

    def close(self) -> None:
        self._gate.close()
        self._inner.close()


class _AsyncGatedStream(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, gate: Gate) -> None:
        self._inner = inner
        self._gate = gate

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            if out := self._gate.push(chunk):
                yield out
        if out := self._gate.finish():
            yield out

    async def aclose(self) -> None:
        self._gate.close()
        await self._inner.aclose()
