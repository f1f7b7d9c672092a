"""What the mitmproxy add-on does where a hook fails: mitmproxy itself lets the flow go on."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from mitmproxy import dns, exceptions, http, tcp, tls, udp
from mitmproxy.proxy import server_hooks

from ._mitmproxy_flows import REFUSED, kill, refusal_response

if TYPE_CHECKING:
    from .mitmproxy import Exfilter


def closed(deny: Callable[[Exfilter, Any], None]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a hook that answers anything that is raised in it, or in what it gives to be awaited, with a refusal."""

    def decorate(hook: Callable[[Exfilter, Any], Any]) -> Callable[..., Any]:
        def failed(self: Exfilter, data: Any, error: BaseException) -> None:
            self.failed(hook.__name__, error)
            deny(self, data)

        async def guarded_rest(self: Exfilter, data: Any, rest: Awaitable[None]) -> None:
            try:
                await rest
            except BaseException as error:
                failed(self, data, error)
                if isinstance(error, asyncio.CancelledError):
                    raise

        @functools.wraps(hook)
        def guarded(self: Exfilter, data: Any) -> Awaitable[None] | None:
            try:
                rest = hook(self, data)
            except exceptions.AddonHalt:
                raise
            except BaseException as error:
                failed(self, data, error)
                return None
            return None if rest is None else guarded_rest(self, data, rest)

        return guarded

    return decorate


def deny_http(self: Exfilter, flow: http.HTTPFlow) -> None:
    try:
        flow.response = refusal_response("blocked by policy: the request could not be examined", None)
        if flow.request.stream:
            kill(flow)
    except BaseException:
        kill(flow)


def deny_response(self: Exfilter, flow: http.HTTPFlow) -> None:
    if not flow.metadata.get("exfilter_injected"):
        return
    try:
        flow.response = refusal_response("withheld by policy: the answer could not be examined", None, 502)
    except BaseException:
        kill(flow)


def deny_websocket(self: Exfilter, flow: http.HTTPFlow) -> None:
    if flow.websocket is not None and flow.websocket.messages:
        flow.websocket.messages[-1].drop()
    flow.metadata["exfilter_blocked"] = True
    self.hang_up(flow)


def deny_raw(self: Exfilter, flow: tcp.TCPFlow | udp.UDPFlow) -> None:
    if flow.messages:
        flow.messages[-1].content = b""
    flow.metadata["exfilter_blocked"] = True
    self.hang_up(flow)


def deny_dns(self: Exfilter, flow: dns.DNSFlow) -> None:
    flow.response = flow.request.fail(REFUSED)


def deny_connect(self: Exfilter, data: server_hooks.ServerConnectionHookData) -> None:
    data.server.error = "blocked by policy: the name could not be examined"


def deny_hello(self: Exfilter, data: tls.ClientHelloData) -> None:
    # What goes to the server is made of these, and they are kept with every flow of the connection. No certificate is for that name.
    data.context.client.sni = data.context.server.sni = "withheld.invalid"
    data.context.client.alpn_offers = []


def deny_tls(self: Exfilter, data: tls.TlsData) -> None:
    # mitmproxy's own add-on, which comes later, would make a connection; without one mitmproxy gives up.
    data.ssl_conn = None
    raise exceptions.AddonHalt
