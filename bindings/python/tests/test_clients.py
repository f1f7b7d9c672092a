"""HTTP clients that refuse to send: httpx, requests, aiohttp, each against a server that keeps what it gets."""

import asyncio
import base64
import gzip
import io
import json

import aiohttp
import httpx
import pytest
import requests
from recorder import Recorder

import exfilter
import exfilter.aiohttp
import exfilter.httpx
import exfilter.requests
from exfilter import testing

TOKEN = testing.token("github-pat", seed=11)


@pytest.fixture
def server():
    recorder = Recorder()
    yield recorder
    recorder.close()


@pytest.fixture(scope="module")
def local(value):
    """An engine whose secret is at home at the recorder."""
    secrets = exfilter.KnownSecrets()
    home = [("127.0.0.1", slot) for slot in ("header:authorization:bearer", "query:key", "cookie:session", "header:x-key", "path:1")]
    secrets.add("DEPLOY", value, bindings=home)
    return exfilter.Engine(known_secrets=secrets)


def by_httpx(engine):
    client = httpx.Client(transport=exfilter.httpx.GuardTransport(engine=engine), trust_env=False)
    return lambda method, url, **options: client.request(method, url, **options).status_code


def by_async_httpx(engine):
    def send(method, url, **options):
        async def run():
            transport = exfilter.httpx.AsyncGuardTransport(engine=engine)
            async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
                return (await client.request(method, url, **options)).status_code

        return asyncio.run(run())

    return send


def by_requests(engine):
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", exfilter.requests.GuardAdapter(engine=engine))

    def send(method, url, content=None, **options):
        return session.request(method, url, data=content, **options).status_code

    return send


def by_aiohttp(engine):
    def send(method, url, content=None, **options):
        async def run():
            async with aiohttp.ClientSession(middlewares=[exfilter.aiohttp.guard(engine=engine)]) as session:
                async with session.request(method, url, data=content, **options) as response:
                    return response.status

        return asyncio.run(run())

    return send


CLIENTS = [by_httpx, by_async_httpx, by_requests, by_aiohttp]
each_client = pytest.mark.parametrize("client", CLIENTS)


@each_client
def test_clean_requests_arrive_as_they_are(client, server, local):
    send = client(local)
    body = b"some text \x00\xff" * 5000
    assert send("POST", server.url + "/a%20b?q=1&r=%C3%A4", content=body, headers={"x-test": "1"}) == 200
    assert send("GET", server.url + "/") == 200
    assert send("POST", server.url + "/json", json={"a": [1, 2]}) == 200
    (head, got), (_, empty), (_, text) = server.requests
    assert got == body and b"/a%20b?q=1&r=%C3%A4 " in head and b"x-test: 1" in head.lower()
    assert empty == b"" and json.loads(text) == {"a": [1, 2]}


def wrappings(secret):
    raw = secret.encode()
    yield {"content": b"x=" + raw}
    yield {"content": json.dumps({"a": "\n" + secret}).encode()}
    yield {"content": base64.b64encode(b"some more text around " + raw + b" and behind")}
    yield {"content": gzip.compress(raw * 3), "headers": {"content-encoding": "gzip"}}
    yield {"content": raw.hex().encode()}
    yield {"headers": {"x-note": f"a {secret}"}}
    yield {"headers": {"cookie": f"a=b; c={secret}"}}
    yield {"params": {"q": f"note {secret}"}}
    yield {"json": {"nested": [secret]}}


@each_client
def test_nothing_of_a_secret_leaves(client, server, local, value):
    send = client(local)
    for secret in (TOKEN, value):
        for options in wrappings(secret):
            with pytest.raises(exfilter.BlockedError) as error:
                send("POST", server.url + "/", **options)
            assert secret not in str(error.value)
        with pytest.raises(exfilter.BlockedError):
            send("GET", f"{server.url}/x/y/{secret}")
    assert server.received == b""


@each_client
def test_a_secret_passes_where_it_is_at_home(client, server, local, value):
    send = client(local)
    assert send("GET", server.url + "/", headers={"authorization": f"Bearer {value}"}) == 200
    assert send("GET", server.url + "/", params={"key": value, "a": "b"}) == 200
    assert send("GET", server.url + "/", headers={"cookie": f"a=b; session={value}"}) == 200
    assert send("GET", server.url + "/", headers={"x-key": value, "x-other": "y" * 40}) == 200
    assert send("GET", f"{server.url}/hooks/{value}/run") == 200
    count = len(server.requests)
    for options in (
        {"headers": {"authorization": f"Bearer {value}", "x-note": value}},
        {"headers": {"authorization": f"Bearer {value}x"}},
        {"params": {"key": value, "note": value}},
        {"headers": {"x-key": f"{value} {value}"}},
    ):
        with pytest.raises(exfilter.BlockedError):
            send("GET", server.url + "/", **options)
    assert len(server.requests) == count


@each_client
def test_nothing_is_at_home_where_a_request_names_another_host(client, server, local, value):
    send = client(local)
    bearer = {"Authorization": f"Bearer {value}"}
    assert send("GET", server.url, headers={**bearer, "Host": server.url.partition("//")[2]}) == 200
    before = len(server.requests)
    with pytest.raises(exfilter.BlockedError):
        send("GET", server.url, headers={**bearer, "Host": "attacker.example"})
    assert len(server.requests) == before


def test_a_providers_key_passes_at_that_provider(local):
    from exfilter._http import Guard

    guard = Guard(local)
    headers = [(b"host", b"api.github.com"), (b"authorization", b"Bearer " + TOKEN.encode())]
    assert guard.head(b"GET", "https://api.github.com", b"/user", headers) is None
    basic = base64.b64encode(b"git:" + TOKEN.encode())
    assert guard.head(b"GET", "https://github.com", b"/o/r", [(b"authorization", b"Basic " + basic)]) is None
    assert guard.head(b"GET", "https://api.github.com", b"/user", [*headers, (b"x-a", TOKEN.encode())]).where == "header x-a"
    assert guard.head(b"GET", "https://api.example.com", b"/user", headers).where == "header authorization"
    assert guard.head(b"GET", None, b"/user", headers).where == "header authorization"
    assert Guard(local, provider_keys="block").head(b"GET", "https://api.github.com", b"/user", headers) is not None
    with pytest.raises(exfilter.ParseError):
        Guard(local, provider_keys="maybe")


def test_a_secret_that_is_cut_over_two_headers_is_refused(local, value):
    from exfilter._http import Guard

    encoded = base64.b64encode(b"behold: " + value.encode() * 2).decode()
    guard = Guard(local)
    long = [(b"x-a", encoded.encode())]
    assert guard.head(b"GET", "https://example.com", b"/", long).where == "header x-a"
    assert guard.head(b"GET", "https://example.com", b"/?q=" + value.encode(), []).where == "query"
    assert guard.head(b"GET", "https://example.com", b"/" + value.encode(), []).where == "path"
    assert guard.head(value.encode(), "https://example.com", b"/", []).where == "head"
    assert guard.head(b"GET", "https://example.com", b"/", [(value.encode(), b"1")]).where == "head"


def chunks(*pieces):
    yield from pieces


def test_streamed_bodies_leave_as_far_as_they_are_examined(server, local):
    clean = b"clean text, of which there is a lot " * 3000
    httpx_client = httpx.Client(transport=exfilter.httpx.GuardTransport(engine=local), trust_env=False)
    httpx_client.post(server.url, content=chunks(clean[:1000], clean[1000:]))
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", exfilter.requests.GuardAdapter(engine=local))
    session.post(server.url, data=chunks(clean[:1000], clean[1000:]))
    session.post(server.url, data=io.BytesIO(clean))
    assert [body for _, body in server.requests] == [clean] * 3
    secret = clean + TOKEN[:20].encode(), TOKEN[20:].encode() + clean
    with pytest.raises(exfilter.BlockedError):
        httpx_client.post(server.url, content=chunks(*secret))
    with pytest.raises(exfilter.BlockedError):
        session.post(server.url, data=chunks(*secret))
    with pytest.raises(exfilter.BlockedError):
        session.post(server.url, data=io.BytesIO(b"".join(secret)))
    assert len(server.requests) == 3
    assert TOKEN[:8].encode() not in server.received


def test_multipart_forms(server, local):
    client = httpx.Client(transport=exfilter.httpx.GuardTransport(engine=local), trust_env=False)
    assert client.post(server.url, files={"f": ("a.txt", io.BytesIO(b"clean"))}).status_code == 200
    assert b"clean" in server.requests.pop()[1]
    before = len(server.received)
    with pytest.raises(exfilter.BlockedError):
        client.post(server.url, files={"f": ("a.txt", io.BytesIO(TOKEN.encode()))})
    assert len(server.received) == before

    async def run(text):
        async with aiohttp.ClientSession(middlewares=[exfilter.aiohttp.guard(engine=local)]) as session:
            form = aiohttp.FormData()
            form.add_field("file", text, filename="a.txt")
            async with session.post(server.url, data=form) as response:
                return response.status

    assert asyncio.run(run(b"clean")) == 200
    assert b"clean" in server.requests[0][1]
    with pytest.raises(exfilter.BlockedError):
        asyncio.run(run(b"a " + TOKEN.encode()))
    with pytest.raises(exfilter.BlockedError):
        session = requests.Session()
        session.mount("http://", exfilter.requests.GuardAdapter(engine=local))
        session.post(server.url, files={"f": ("a.txt", TOKEN)})
    assert len(server.requests) == 1


@each_client
def test_events_are_told(client, server):
    told = []
    weak = exfilter.Engine(policy=exfilter.Policy(actions={"high": "report"}))
    if client is by_httpx:
        transport = exfilter.httpx.GuardTransport(engine=weak, on_event=lambda where, event: told.append((where, event.rule)))
        httpx.Client(transport=transport, trust_env=False).post(server.url, content=TOKEN.encode())
        assert told == [("body", "github-pat")]
    assert client(weak)("POST", server.url, content=TOKEN.encode()) == 200
    assert server.requests[-1][1] == TOKEN.encode()


def test_what_the_policy_redacts_is_overwritten(local):
    sent = []

    def handle(request):
        sent.append(request.read())
        return httpx.Response(200)

    client = httpx.Client(transport=exfilter.httpx.GuardTransport(httpx.MockTransport(handle), engine=local))
    client.post("https://api.anthropic.com/v1/messages", json={"prompt": f"use {TOKEN} now"})
    client.post("https://api.anthropic.com/v1/messages", content=chunks(b"use " + TOKEN[:9].encode(), TOKEN[9:].encode() + b" now"))
    assert json.loads(sent[0]) == {"prompt": "use " + "*" * 40 + " now"}
    assert sent[1] == b"use " + b"*" * 40 + b" now"
