"""The add-on in a real mitmproxy, where most requests have the same head with a placeholder in it."""

from __future__ import annotations

import http.client
import json
import ssl
import time

import pytest

pytest.importorskip("mitmproxy", reason="mitmproxy is not installed: test.sh --mitmproxy installs it")

from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.test import taddons, tflow
from real_mitmproxy import TOKEN, certificate, start
from recorder import Recorder
from wrappings import needles

from exfilter import _mitmproxy_config as configuration
from exfilter import testing
from exfilter.mitmproxy import Exfilter

OLD, NEW = testing.secret(seed=51), testing.secret(seed=52)


def write_config(folder, substitute=True):
    path = folder / "exfilter.toml"
    text = """
        [[secret]]
        name = "API_KEY"
        file = "key"
        at = ["localhost header:authorization:bearer"]
    """
    path.write_text(text + ("substitute = true\n" if substitute else ""))
    path.parent.joinpath("key").touch()
    return path


def placeholder_of(path):
    ((_, placeholder),) = configuration.build(configuration.read(str(path), {}, [], [], store="")).substitutes.placeholders
    return placeholder


def holds(text, value):
    return any(needle in text for needle in needles(value))


def test_the_same_head_again_and_again(tmp_path):
    chain, trusted = certificate(tmp_path)
    (tmp_path / "key").write_text(OLD)
    config = write_config(tmp_path)
    placeholder = placeholder_of(config)
    echo = Recorder(certificate=chain, echo=True)
    bench = start(tmp_path, config.read_text(), [f"ssl_verify_upstream_trusted_ca={trusted}"])
    try:
        client = http.client.HTTPSConnection("127.0.0.1", bench.port, timeout=30, context=ssl.create_default_context(cafile=str(bench.proxy.ca)))
        client.set_tunnel("localhost", echo.port)

        def ask(body, key=placeholder):
            client.request("POST", "/v1", body=body, headers={"authorization": f"Bearer {key}", "content-type": "application/json"})
            response = client.getresponse()
            return response.status, response.headers.get("x-seen", ""), response.read()

        def at_server():
            head, body = echo.requests[-1]
            return next(line for line in head.split(b"\r\n") if line.lower().startswith(b"authorization:")).split()[-1].decode(), body

        for number in range(6):
            body = json.dumps({"text": "nothing " * 10 * number}).encode()
            status, seen, text = ask(body)
            assert status == 200 and at_server() == (OLD, body)
            assert seen == f"Bearer {placeholder}" and placeholder.encode() in text and not holds(text, OLD)
        # What stands behind the head is examined each time, and a head with another value is another head.
        count = len(echo.requests)
        for body in (TOKEN, OLD):
            assert ask(json.dumps({"text": body}).encode())[0] == 403
        assert ask(b"{}", key=NEW)[0] == 403
        assert len(echo.requests) == count
        assert ask(b"{}")[0] == 200 and at_server() == (OLD, b"{}")
        # A new key, for which the placeholder is the same: the old one is sent no more.
        (tmp_path / "key").write_text(NEW)
        assert placeholder_of(config) == placeholder
        bench.proxy.wait_for("the configuration was read again")
        for _ in range(3):
            status, seen, text = ask(b"{}")
            assert status == 200 and at_server() == (NEW, b"{}")
            assert seen == f"Bearer {placeholder}" and not holds(text, NEW)
        # Nothing is put there any more.
        write_config(tmp_path, substitute=False)
        bench.proxy.wait_for("the configuration was read again", 2)
        for _ in range(3):
            status, seen, text = ask(b"{}")
            assert status != 200 or at_server() == (placeholder, b"{}")
        client.close()
    finally:
        bench.proxy.stop()
        bench.server.close()
        echo.close()
    time.sleep(0.1)
    for kept in (bench.proxy.log().encode(), bench.proxy.flows.read_bytes()):
        assert not holds(kept, OLD)
        # One request had it from the client itself, and was refused.
        assert not holds(kept, NEW)


@pytest.fixture
def addon(tmp_path):
    (tmp_path / "key").write_text(OLD)
    write_config(tmp_path)
    addon = Exfilter()
    with taddons.context(Proxyserver(), addon, loadcore=False) as context:
        context.configure(addon, exfilter_config=str(tmp_path / "exfilter.toml"), exfilter_policy="", exfilter_store="")
        yield addon


def request(addon, placeholder, body=b"{}"):
    """A flow with a request that was examined, and the bearer that leaves."""
    flow = tflow.tflow()
    flow.request.scheme, flow.request.host, flow.request.port, flow.request.authority = "https", "localhost", 443, ""
    flow.request.headers.fields = ((b"host", b"localhost"), (b"authorization", b"Bearer " + placeholder.encode()), (b"content-length", b"%d" % len(body)))
    flow.request.raw_content = body
    assert addon.request(flow) is None
    return flow, flow.request.headers["authorization"].removeprefix("Bearer ")


def answer(addon, flow, content, **headers):
    flow.response = tflow.tresp(content=content)
    flow.response.headers.update(headers)
    addon.responseheaders(flow)
    assert not flow.response.stream
    addon.response(flow)
    return flow.response


def test_an_answer_is_searched_for_what_was_put_into_its_request(addon, tmp_path):
    placeholder = placeholder_of(tmp_path / "exfilter.toml")
    for _ in range(3):
        flows = [request(addon, placeholder) for _ in range(2)]
        assert [bearer for _, bearer in flows] == [OLD, OLD]
        for flow, _ in flows:
            response = answer(addon, flow, f"said {OLD}".encode(), seen=OLD)
            assert response.content == f"said {placeholder}".encode() and response.headers["seen"] == placeholder
            # What mitmproxy keeps has the placeholder.
            assert flow.request.headers["authorization"] == f"Bearer {placeholder}" and flow.metadata["exfilter_scrubbed"]
        # Where nothing was put into a request, nothing is looked for.
        assert answer(addon, tflow.tflow(), f"said {OLD}".encode()).content == f"said {OLD}".encode()
    clean = answer(addon, request(addon, placeholder)[0], b"nothing")
    assert clean.content == b"nothing"
    # A new key comes while a request with the old one is under way.
    flow, bearer = request(addon, placeholder)
    assert bearer == OLD
    (tmp_path / "key").write_text(NEW)
    addon.reload()
    later, bearer = request(addon, placeholder)
    assert bearer == NEW
    assert answer(addon, flow, f"said {OLD}".encode()).content == f"said {placeholder}".encode()
    assert answer(addon, later, f"said {NEW}".encode()).content == f"said {placeholder}".encode()
    # One that fails, and one that cannot be examined.
    failed, _ = request(addon, placeholder)
    addon.error(failed)
    withheld, _ = request(addon, placeholder)
    assert answer(addon, withheld, b"no gzip", **{"content-encoding": "gzip"}).status_code == 502
    assert not addon._injected and not addon._before


def test_no_placeholder_is_exchanged_where_anybody_may_answer(addon, tmp_path):
    placeholder = placeholder_of(tmp_path / "exfilter.toml")
    for insecure in (False, True, False):
        addon._insecure = insecure
        for _ in range(2):
            flow, bearer = request(addon, placeholder)
            assert bearer == (placeholder if insecure else OLD)
            addon.error(flow)
