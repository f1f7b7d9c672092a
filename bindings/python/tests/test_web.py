"""Web applications: ASGI and WSGI middlewares."""

import asyncio
import gzip
import io

import pytest

import exfilter.asgi
import exfilter.wsgi
from exfilter import testing

TOKEN = testing.token("github-pat", seed=12).encode()
CLEAN = b"a page of ordinary text, " * 2000


def asgi(messages, scope=None):
    """What leaves an ASGI application that sends these messages."""
    sent = []

    async def application(scope, receive, send):
        assert "http.response.pathsend" not in scope.get("extensions", {})
        for message in messages:
            await send(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = scope or {"type": "http", "path": "/", "headers": [], "extensions": {"http.response.pathsend": {}}}
    error = None
    try:
        asyncio.run(exfilter.asgi.ExfilterMiddleware(application)(scope, receive, send))
    except exfilter.BlockedError as blocked:
        error = blocked
    return sent, error


def start(*headers):
    return {"type": "http.response.start", "status": 200, "headers": list(headers)}


def body(data, more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


def content(sent):
    return b"".join(message.get("body", b"") for message in sent)


def test_asgi_clean_responses_are_the_same():
    sent, error = asgi([start((b"x-a", b"1")), body(CLEAN[:100], True), body(CLEAN[100:], True), body(b"")])
    assert error is None and sent[0] == start((b"x-a", b"1")) and content(sent) == CLEAN and not sent[-1]["more_body"]
    sent, _ = asgi([start(), body(b"")])
    assert sent == [start(), body(b"")]


def test_asgi_what_is_blocked_before_the_head_has_left_is_a_500():
    for messages in (
        [start(), body(TOKEN)],
        [start(), body(TOKEN[:20], True), body(TOKEN[20:] + b" " * 200, True), body(b"rest")],
        [start((b"x-key", TOKEN)), body(b"text")],
        [start((b"content-encoding", b"gzip")), body(gzip.compress(TOKEN))],
    ):
        sent, error = asgi(messages)
        assert error is None and sent[0]["status"] == 500 and len(sent) == 2
        assert b"blocked by policy" in content(sent) and TOKEN not in content(sent)


def test_asgi_what_is_blocked_later_ends_the_response():
    sent, error = asgi([start(), body(CLEAN, True), body(TOKEN[:30], True), body(TOKEN[30:] + b" " * 200, True), body(b"rest")])
    assert error is not None and CLEAN.startswith(content(sent)) and sent[-1]["more_body"]


def test_asgi_other_messages():
    _, error = asgi([start(), body(CLEAN, True), {"type": "http.response.trailers", "headers": [(b"x", TOKEN)]}])
    assert error is not None
    sent, error = asgi([{"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]}, start(), body(b"ok")])
    assert error is None and len(sent) == 3
    with pytest.raises(RuntimeError):
        asgi([start(), {"type": "http.response.pathsend", "path": "/etc/passwd"}])


def test_asgi_web_sockets():
    scope = {"type": "websocket", "path": "/"}
    accept = {"type": "websocket.accept"}
    text = [{"type": "websocket.send", "text": "hello"}, {"type": "websocket.send", "bytes": b"more"}]
    sent, error = asgi([accept, *text, {"type": "websocket.close", "code": 1000}], scope)
    assert error is None and sent == [accept, *text, {"type": "websocket.close", "code": 1000}]
    sent, error = asgi([accept, {"type": "websocket.send", "text": TOKEN.decode()}], scope)
    assert error is not None and sent[-1]["type"] == "websocket.close" and TOKEN.decode() not in str(sent)
    halves = [{"type": "websocket.send", "bytes": TOKEN[:20]}, {"type": "websocket.send", "bytes": TOKEN[20:] + b" " * 200}]
    sent, error = asgi([accept, *halves], scope)
    assert error is not None and len(sent) == 3
    with pytest.raises(exfilter.BlockedError):
        asgi([accept, {"type": "websocket.close", "reason": TOKEN.decode()}], scope)
        raise asgi([accept, {"type": "websocket.close", "reason": TOKEN.decode()}], scope)[1]


def wsgi(application):
    """What leaves a WSGI application: status, headers, body, error."""
    state = {"status": None, "headers": None}

    def start_response(status, headers, exc_info=None):
        state["status"], state["headers"] = status, headers
        return lambda data: None

    out, error = b"", None
    response = exfilter.wsgi.ExfilterMiddleware(application)({"wsgi.file_wrapper": object, "wsgi.input": io.BytesIO()}, start_response)
    try:
        for chunk in response:
            assert state["status"] is not None
            out += chunk
    except exfilter.BlockedError as blocked:
        error = blocked
    finally:
        response.close()
    return state["status"], state["headers"], out, error


def answering(*chunks, headers=(), write=b""):
    def application(environ, start_response):
        assert "wsgi.file_wrapper" not in environ
        writer = start_response("200 OK", list(headers))
        if write:
            writer(write)
        return iter(chunks)

    return application


def test_wsgi_clean_responses_are_the_same():
    assert wsgi(answering(CLEAN[:50], b"", CLEAN[50:], headers=[("x-a", "1")])) == ("200 OK", [("x-a", "1")], CLEAN, None)
    assert wsgi(answering()) == ("200 OK", [], b"", None)
    assert wsgi(answering(CLEAN[9:], write=CLEAN[:9]))[2] == CLEAN

    def lazily(environ, start_response):
        start_response("204 No Content", [])
        yield b""

    assert wsgi(lazily)[0] == "204 No Content"


def test_wsgi_secrets_stay():
    for application in (
        answering(TOKEN),
        answering(TOKEN[:20], TOKEN[20:]),
        answering(b"text", headers=[("x-key", TOKEN.decode())]),
        answering(gzip.compress(TOKEN), headers=[("content-encoding", "gzip")]),
        answering(TOKEN[9:], write=TOKEN[:9]),
    ):
        status, _, out, error = wsgi(application)
        assert status.startswith("500") and error is None and b"blocked by policy" in out and TOKEN not in out
    status, _, out, error = wsgi(answering(CLEAN, TOKEN, b" " * 300))
    assert status == "200 OK" and error is not None and CLEAN.startswith(out)


def test_wsgi_closes_what_the_application_opened():
    closed = []

    class Body:
        def __iter__(self):
            return iter([TOKEN])

        def close(self):
            closed.append(True)

    def application(environ, start_response):
        start_response("200 OK", [])
        return Body()

    wsgi(application)
    assert closed == [True]
