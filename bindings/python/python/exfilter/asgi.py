"""A middleware for ASGI applications that holds back secrets in their responses.

>>> import exfilter.asgi
>>> async def application(scope, receive, send): ...
>>> application = exfilter.asgi.ExfilterMiddleware(application)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ._engines import default_engine
from ._errors import BlockedError
from ._gate import Gate
from ._http import Foreign, Guard, content_encoding
from ._native import Block, Engine, Finding, Flow, Opaque

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class ExfilterMiddleware:
    """Examines the headers and bodies of responses, and the messages of web sockets, on their way out.

    The head of a response waits until a byte of its body may leave. What is blocked before is answered with 500 and the reference; what is blocked later ends the
    connection, by ``BlockedError``. Of a blocked value nothing has left.
    """

    def __init__(
        self, app: Application, *, engine: Engine | None = None, on_event: Callable[[str, Finding | Opaque], object] | None = None
    ) -> None:
        self._app = app
        self._guard = Guard(engine or default_engine(), on_event=on_event)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            # Servers that send a file by its name would send what nobody examined.
            extensions = {k: v for k, v in (scope.get("extensions") or {}).items() if k not in _UNSEEN}
            response = _Response(self._guard, send)
            await self._app({**scope, "extensions": extensions}, receive, response.send)
        elif scope["type"] == "websocket":
            socket = _Socket(self._guard, send)
            await self._app(scope, receive, socket.send)
        else:
            await self._app(scope, receive, send)


_UNSEEN = frozenset({"http.response.pathsend", "http.response.zerocopysend"})


class _Response:
    """One response on its way."""

    def __init__(self, guard: Guard, send: Send) -> None:
        self._guard = guard
        self._send = send
        self._start: Message | None = None
        self._gate: Gate | None = None
        self._started = False
        self._refused: Block | Foreign | None = None

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if self._refused is not None:
            # The refusal has been sent; what the application says further leads nowhere.
            return
        if kind == "http.response.start":
            await self._head(message)
        elif kind == "http.response.body":
            await self._body(message)
        elif kind == "http.response.trailers":
            self._check("trailers", _lines(message.get("headers", ())))
            await self._send(message)
        elif kind == "http.response.push":
            self._check("push", str(message.get("path", "")).encode() + b"\n" + _lines(message.get("headers", ())))
            await self._send(message)
        elif kind in ("http.response.debug", "http.response.early_hint"):
            self._check("hint", _lines(message.get("headers", ())) + b"\n".join(message.get("links", ())))
            await self._send(message)
        else:
            raise RuntimeError("exfilter does not know this kind of message, and lets none pass unexamined")

    def _check(self, where: str, text: bytes) -> None:
        refusal = self._guard.text(None, where, text)
        if refusal is not None:
            raise BlockedError(refusal.block)

    async def _head(self, message: Message) -> None:
        headers = list(message.get("headers", ()))
        refusal = self._guard.text(None, "head", _lines(headers))
        if refusal is not None:
            await self._refuse(refusal.block)
            return
        self._start = message
        self._gate = Gate(self._guard.engine, Flow.outbound(content_encoding=content_encoding(headers)))

    async def _body(self, message: Message) -> None:
        if self._gate is None:
            raise RuntimeError("a body before the response's start")
        more = bool(message.get("more_body", False))
        try:
            out = self._gate.push(bytes(message.get("body", b"")))
            if not more:
                out += self._gate.finish()
        except BlockedError as blocked:
            await self._refuse(blocked.block)
            return
        if not self._started and (out or not more):
            assert self._start is not None
            await self._send(self._start)
            self._started = True
        if out or not more:
            await self._send({"type": "http.response.body", "body": out, "more_body": more})
        if not more:
            self._gate.close()

    async def _refuse(self, block: Block | Foreign) -> None:
        if self._started:
            raise BlockedError(block)
        self._refused = block
        text = block.subject_text.encode() + b"\n"
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
        await self._send({"type": "http.response.start", "status": 500, "headers": headers})
        await self._send({"type": "http.response.body", "body": text, "more_body": False})


class _Socket:
    """A web socket: each message is examined, and all of them as one stream, so that two do not share a secret."""

    def __init__(self, guard: Guard, send: Send) -> None:
        self._guard = guard
        self._send = send
        self._stream = guard.engine.stream(Flow.outbound())

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            text = message.get("text")
            data = text.encode("utf-8", "surrogatepass") if text is not None else bytes(message.get("bytes") or b"")
            refusal = self._guard.text(None, "message", data)
            verdict = self._stream.push(data)
            block = refusal.block if refusal is not None else verdict
            if isinstance(block, (Block, Foreign)):
                await self._send({"type": "websocket.close", "code": 1008, "reason": f"reference {block.reference}"})
                raise BlockedError(block)
        elif message["type"] in ("websocket.accept", "websocket.http.response.start"):
            refusal = self._guard.text(None, "head", _lines(message.get("headers", ())))
            if refusal is not None:
                raise BlockedError(refusal.block)
        else:
            rest = bytes(message.get("body", b"")) + str(message.get("reason") or "").encode()
            refusal = self._guard.text(None, "message", rest)
            if refusal is not None:
                raise BlockedError(refusal.block)
        await self._send(message)


def _lines(headers: Any) -> bytes:
    return b"\n".join(bytes(name) + b": " + bytes(value) for name, value in headers)
