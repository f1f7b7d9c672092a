"""A client middleware for aiohttp (3.12 or newer) that refuses to send secrets.

>>> import exfilter.aiohttp
>>> guard = exfilter.aiohttp.guard()                              # aiohttp.ClientSession(middlewares=[guard])
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import ClientHandlerType, ClientMiddlewareType, ClientRequest, ClientResponse, payload

from ._engines import default_engine
from ._errors import BlockedError
from ._http import Guard, authority, content_encoding, raw_headers
from ._native import Engine, Finding, Opaque


def guard(
    *,
    engine: Engine | None = None,
    provider_keys: str = "at-home",
    on_event: Callable[[str, Finding | Opaque], object] | None = None,
) -> ClientMiddlewareType:
    """A middleware that raises ``BlockedError`` instead of sending. It examines each body as a whole, so one that is streamed is read into memory first."""
    examiner = Guard(engine or default_engine(), provider_keys=provider_keys, on_event=on_event)

    async def middleware(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        url = request.url
        to = authority(url.scheme, url.host or "", url.port)
        headers = raw_headers(request.headers.items())
        target = url.raw_path_qs.encode("utf-8", "surrogateescape")
        refusal = examiner.head(request.method.encode("latin-1", "replace"), to, target, headers)
        if refusal is not None:
            raise BlockedError(refusal.block)
        if isinstance(request.body, payload.Payload):
            # aiohttp compresses by itself while it sends, so what it holds is not coded yet where it says `deflate` or `gzip` of its own accord.
            data = await _whole(request.body)
            coded = None if getattr(request, "compress", None) else content_encoding(headers)
            body = examiner.body(to, data, coded, editable=True)
            if body.refusal is not None:
                raise BlockedError(body.refusal.block)
            if body.edited or not isinstance(request.body, payload.BytesPayload):
                await request.update_body(body.data)
        return await handler(request)

    return middleware


class _Collected:
    """What a payload is written to instead of a connection."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self.data += chunk

    async def write_eof(self, chunk: bytes = b"") -> None:
        self.data += chunk

    async def drain(self) -> None:
        pass


async def _whole(body: payload.Payload) -> bytes:
    """A payload's bytes as they would be sent. Writing it is the one thing that every kind of payload can, multipart with its codings too."""
    sink = _Collected()
    await body.write(sink)  # type: ignore[arg-type]
    return bytes(sink.data)
