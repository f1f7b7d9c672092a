"""A middleware for WSGI applications that holds back secrets in their responses.

>>> import exfilter.wsgi
>>> def application(environ, start_response): ...
>>> application = exfilter.wsgi.ExfilterMiddleware(application)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ._engines import default_engine
from ._errors import BlockedError
from ._gate import Gate
from ._http import Foreign, Guard, content_encoding, raw_headers
from ._native import Block, Engine, Finding, Flow, Opaque

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class ExfilterMiddleware:
    """Examines the headers and bodies of responses on their way out.

    The head waits until a byte of the body may leave. What is blocked before is answered with 500 and the reference; what is blocked later ends the response by
    ``BlockedError``. Of a blocked value nothing has left.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        engine: Engine | None = None,
        on_event: Callable[[str, Finding | Opaque], object] | None = None,
    ) -> None:
        self._app = app
        self._guard = Guard(engine or default_engine(), on_event=on_event)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # A server's wrapper for files may send what nobody examined.
        environ = {name: value for name, value in environ.items() if name != "wsgi.file_wrapper"}
        return _Response(self._guard, self._app, environ, start_response)


class _Response:
    """One response on its way."""

    def __init__(self, guard: Guard, app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse) -> None:
        self._guard = guard
        self._start_response = start_response
        self._head: tuple[str, list[tuple[str, str]], Any] | None = None
        self._gate: Gate | None = None
        self._written: list[bytes] = []
        self._started = False
        self._chunks = app(environ, self._on_start)

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._chunks:
                yield from self._push(chunk)
            if self._gate is None:
                self._on_body()
            assert self._gate is not None
            yield from self._push(b"")
            rest = self._gate.finish()
            self._begin()
            if rest:
                yield rest
        except BlockedError as blocked:
            if self._started:
                raise
            yield self._refuse(blocked.block)

    def close(self) -> None:
        if self._gate is not None:
            self._gate.close()
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()

    def _on_start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Callable[[bytes], object]:
        if exc_info is not None and self._started:
            raise exc_info[1].with_traceback(exc_info[2])
        self._head = (status, headers, exc_info)
        self._gate = None
        return self._written.append

    def _on_body(self) -> None:
        if self._head is None:
            raise RuntimeError("a body before the response's start")
        status, headers, _ = self._head
        raw = raw_headers(headers)
        text = b"\n".join([status.encode()] + [name + b": " + value for name, value in raw])
        refusal = self._guard.text(None, "head", text)
        if refusal is not None:
            raise BlockedError(refusal.block)
        self._gate = Gate(self._guard.engine, Flow.outbound(content_encoding=content_encoding(raw)))

    def _push(self, chunk: bytes) -> Iterator[bytes]:
        if self._gate is None:
            self._on_body()
        assert self._gate is not None
        # What the application wrote by `write` comes first.
        written, self._written[:] = b"".join(self._written), []
        if out := self._gate.push(written + chunk):
            self._begin()
            yield out

    def _begin(self) -> None:
        if not self._started:
            assert self._head is not None
            status, headers, exc_info = self._head
            self._started = True
            if exc_info is not None:
                self._start_response(status, headers, exc_info)
            else:
                self._start_response(status, headers)

    def _refuse(self, block: Block | Foreign) -> bytes:
        text = block.subject_text.encode() + b"\n"
        self._started = True
        self._start_response(
            "500 Internal Server Error",
            [("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(text)))],
        )
        return text
