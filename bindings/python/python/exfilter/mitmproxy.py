"""A guard for mitmproxy: ``mitmdump -s $(exfilter-mitmproxy)``, or ``from exfilter.mitmproxy import addon`` and ``addons = [addon]`` in a script.

It examines what clients send: request lines, headers, bodies and trailers of HTTP, messages of web sockets, raw TCP and UDP, names in DNS, CONNECT and TLS. mitmproxy lets a flow go on when an
add-on fails, so every hook here answers a failure of any kind with a refusal. Bodies are examined whole before a byte of them is sent.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Awaitable, Sequence
from typing import Any

from mitmproxy import connection, ctx, dns, exceptions, flow, http, tcp, tls, udp
from mitmproxy.proxy import server_hooks

from . import _mitmproxy_config as configuration
from ._errors import ExfilterError
from ._http import Body, Denied, Guard, Refusal, content_encoding
from ._mitmproxy_answers import scrub_response, scrubbed
from ._mitmproxy_closed import closed, deny_connect, deny_dns, deny_hello, deny_http, deny_raw, deny_response, deny_tls, deny_websocket
from ._mitmproxy_config import self_test
from ._mitmproxy_flows import (
    MARKER, REFUSED, WITHHELD, RefusedName, authority_of_flow, canonical, is_address, kill, lines, log, refusal_response, scrub, tell,
)  # fmt: skip
from ._mitmproxy_requests import Head, Outcome, Requests
from ._native import Block, Flow, Inspector, Rules, Session, Stream, Uploads

DEFAULT_BODY_LIMIT = "256m"

_THREAD_FROM = 1 << 20  # Below, a thread and its way back take longer than the engine does.
_DECODE_UP_TO = 256 << 20
_OPTIONS = ("exfilter_config", "exfilter_policy", "exfilter_store", "exfilter_mode", "exfilter_rules", "exfilter_env", "exfilter_provider_keys", "exfilter_tunnels")
_CLIENTS_MAX = 1024
_TLS_OR_SSH = (b"\x16\x03", b"SSH-")


def print_path() -> None:
    """Prints the path of the script that mitmproxy loads."""
    print(os.path.join(os.path.dirname(os.path.abspath(__file__)), "mitmproxy_script", "exfilter_addon.py"))


def print_placeholders() -> None:
    """Prints the environment of a sandbox: a line for each secret of a configuration file for which it gets a placeholder."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: exfilter-placeholders CONFIGURATION")
    try:
        built = configuration.build(configuration.read(sys.argv[1], {}, [], [], store=""))
    except ExfilterError as error:
        raise SystemExit(f"exfilter: {error}") from None
    for name, placeholder in built.substitutes.placeholders:
        print(f"export {name}={shlex.quote(placeholder)}")


class Exfilter:
    """The add-on."""

    def __init__(self) -> None:
        self._built: configuration.Built | None = None
        self._guard: Guard | None = None
        self._requests: Requests | None = None
        self._uploads = Uploads()
        self._refs: dict[str, Inspector] = {}
        self._stamps: tuple[tuple[str, int, int], ...] = ()
        self._watcher: asyncio.Task[None] | None = None
        self._streams: dict[str, Stream] = {}
        self._before: dict[str, tuple[bytes, tuple[tuple[bytes, bytes], ...]]] = {}
        self._injected: dict[str, configuration.Built] = {}
        self._sessions: dict[str, Session] = {}
        self._insecure = False

    # What mitmproxy tells of itself

    def load(self, loader: Any) -> None:
        loader.add_option("exfilter_config", str, "", "exfilter: a configuration file in TOML; it is read again when it changes.")
        loader.add_option(
            "exfilter_policy", str, configuration.USUAL_POLICY,
            "exfilter: the policy file; usual is ~/.config/exfilter/policy.toml, if there is one, and nothing is none. It is read again when it changes.",
        )  # fmt: skip
        loader.add_option(
            "exfilter_store", str, configuration.USUAL_STORE,
            "exfilter: the command's store of known secrets; usual is that of this user, if there is one, and nothing is none. It is read again when it changes.",
        )  # fmt: skip
        loader.add_option("exfilter_mode", str, "", "exfilter: enforce or observe; wins over the files.")
        loader.add_option("exfilter_rules", Sequence[str], [], "exfilter: rule files, and the word more for the further rules.")
        loader.add_option("exfilter_env", Sequence[str], [], "exfilter: variables of the proxy's environment to enrol (* is any text).")
        loader.add_option("exfilter_provider_keys", str, "", "exfilter: at-home or block, for providers' keys at that provider.")
        loader.add_option("exfilter_tunnels", str, "", "exfilter: block or allow, for connections that nobody can look into.")
        loader.add_option("exfilter_scrub", bool, True, "exfilter: take refused content out of the flows that mitmproxy keeps and shows.")
        loader.add_option("exfilter_reload", int, 2, "exfilter: seconds between looks at the configuration's files; 0 for none.")
        loader.add_command("exfilter.reload", self.reload)
        loader.add_command("exfilter.placeholders", self.placeholders)
        loader.add_command("exfilter.quarantined", self.quarantined)
        loader.add_command("exfilter.lift", self.lift)

    def configure(self, updated: set[str]) -> None:
        if self._built is None or any(name in updated for name in _OPTIONS):
            try:
                self._rebuild()
            except ExfilterError as error:
                raise exceptions.OptionsError(f"exfilter: {error}") from None
        self._insecure = bool(ctx.options.ssl_insecure)
        if ctx.options.stream_large_bodies:
            raise exceptions.OptionsError(
                "exfilter: stream_large_bodies sends bodies before they can be examined; leave it unset and use body_size_limit"
            )
        if not ctx.options.body_size_limit:
            ctx.options.body_size_limit = DEFAULT_BODY_LIMIT

    def running(self) -> None:
        built = self._built
        if built is not None:
            enrolled = f", {len(built.enrolled)} enrolled secrets" if built.enrolled else ""
            policy = ", policy file" if built.config.policy is not None else ""
            log.info(f"exfilter: {built.config.words['mode']}, {built.engine.rules} rules{enrolled}{policy}")
        if built is not None and len(built.substitutes) and ctx.options.ssl_insecure:
            log.error("exfilter: ssl_insecure is set, so no placeholder is exchanged")
        for option in ("ignore_hosts", "allow_hosts"):
            if getattr(ctx.options, option, None):
                log.warning(f"exfilter: {option} is set: what it passes by is not examined")
        if ctx.options.exfilter_reload > 0 and self._watcher is None:
            self._watcher = asyncio.get_running_loop().create_task(self._watch())

    def done(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None
        self._streams.clear()

    def reload(self) -> None:
        """Reads the configuration again. One that cannot be used changes nothing."""
        try:
            self._rebuild()
            log.info("exfilter: the configuration was read again")
        except ExfilterError as error:
            log.error(f"exfilter: the old configuration stays: {error}")
        except Exception as error:
            # Nor does whatever else is wrong with it end the watch over it.
            log.error(f"exfilter: the old configuration stays: reading it failed with {type(error).__name__}")

    def placeholders(self) -> Sequence[str]:
        """Names and placeholders: what a sandbox gets."""
        built = self._built
        return [f"{name}={placeholder}" for name, placeholder in built.substitutes.placeholders] if built is not None else []

    def quarantined(self) -> Sequence[str]:
        """The clients of which nothing may leave any more."""
        return [client for client, session in self._sessions.items() if session.quarantined]

    def lift(self, client: str) -> None:
        """Ends the quarantine of a client, by its address."""
        session = self._sessions.get(client)
        if session is None or not session.quarantined:
            raise exceptions.CommandError(f"exfilter: {client} is not in quarantine; exfilter.quarantined lists who is")
        session.lift()
        log.warning(f"exfilter: {client}: the quarantine was lifted")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(max(1, ctx.options.exfilter_reload))
            built = self._built
            if built is None:
                continue
            now = configuration.stamps(built.config)
            if now != self._stamps:
                self._stamps = now
                self.reload()

    def _rebuild(self) -> None:
        words = {name: getattr(ctx.options, f"exfilter_{name}") for name in ("mode", "provider_keys", "tunnels")}
        options = ctx.options
        config = configuration.read(options.exfilter_config, words, list(options.exfilter_rules), list(options.exfilter_env), options.exfilter_policy, options.exfilter_store)
        stamps = configuration.stamps(config)
        built = configuration.build(config)
        guard = Guard(
            built.engine,
            provider_keys=config.words["provider_keys"],
            on_event=tell,
        )
        self_test(guard, config)
        self._test_requests(built)
        # Only now, all at once: until here the old ones serve.
        self._requests = Requests(built, self._uploads)
        self._built, self._guard, self._stamps = built, guard, stamps
        for session in self._sessions.values():
            session.renew(configuration.session_of(config))
        for name, why in built.refused.items():
            log.warning(f"exfilter: {name} is not enrolled: {why}")

    def _test_requests(self, built: configuration.Built) -> None:
        """Runs requests through what examines requests."""
        requests = Requests(built, Uploads(), is_test=True)
        token = Rules.builtin().examples("github-pat", 1)[0]

        def is_refused(method: str, target: bytes, body: bytes) -> bool:
            request = http.Request.make(method, "https://self-test.invalid/", body)
            request.data.path = target
            outcome = requests.examine(request, request.data.host)
            return isinstance(outcome, Outcome) and (outcome.refusal is not None or not outcome.sure)

        clean = is_refused("POST", b"/?q=1", b"nothing secret")
        found = is_refused("GET", b"/?q=" + token, b"") and is_refused("POST", b"/", b'{"text": "' + token + b'"}')
        if clean or (configuration.blocks(built.config) and not found):
            raise ExfilterError("the self-test failed: with this configuration a key is let out, or a clean request refused")

    def _ready(self) -> Guard:
        if self._guard is None:
            raise RuntimeError("no configuration could be read")
        return self._guard

    def failed(self, hook: str, error: BaseException) -> None:
        # The text of an error may have content in it; its kind has none.
        log.error(f"exfilter: refused, for {hook} failed with {type(error).__name__}")

    # HTTP

    @closed(deny_http)
    def http_connect(self, flow: http.HTTPFlow) -> None:
        request = flow.request
        head = request.authority.encode("utf-8", "surrogateescape") + b"\n" + request.pretty_host.encode("utf-8", "surrogateescape")
        guard = self._ready()
        session = self._session(flow.client_conn)
        refusal = self._admitted(request.host) or guard.text(None, "host", head, session)
        refusal = refusal or guard.head(b"CONNECT", None, b"", request.headers.fields, session)
        if refusal is not None:
            self._refuse(flow, refusal)

    @closed(deny_http)
    def requestheaders(self, flow: http.HTTPFlow) -> None:
        # Whoever asked for streaming: what is streamed cannot be held back. The head is examined with the body, for mitmproxy answers only then anyway.
        flow.request.stream = False

    @closed(deny_http)
    def request(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        # mitmproxy awaits what it is given; mostly there is nothing to wait for, and a coroutine would be made for every request.
        if flow.response is not None or flow.error is not None:
            return None
        request, requests = flow.request, self._requests
        body = request.data.content
        if requests is None or request.stream or body is None:
            raise RuntimeError("the body is not at hand")
        host = self._dialled(flow)
        session = self._session(flow.client_conn)
        if len(body) >= _THREAD_FROM:
            return self._examine_beside(flow, requests, host, session)
        outcome = requests.examine(request, host, session)
        return None if outcome is None else self._act(flow, outcome, requests.built)

    async def _examine_beside(self, flow: http.HTTPFlow, requests: Requests, host: str, session: Session) -> None:
        """Examines a request in a thread of its own."""
        outcome = await asyncio.to_thread(requests.examine, flow.request, host, session)
        rest = None if outcome is None else self._act(flow, outcome, requests.built)
        if rest is not None:
            await rest

    def _act(self, flow: http.HTTPFlow, outcome: Outcome | Head, built: configuration.Built) -> Awaitable[None] | None:
        """Does what came of a request that is not simply sent as it is."""
        if isinstance(outcome, tuple):
            self._inject(flow, built, *outcome)
        elif not outcome.sure:
            return self._anywhere(flow)
        elif outcome.refusal is not None:
            self._refuse(flow, outcome.refusal, outcome)
        else:
            self._change(flow, outcome, built)
        return None

    def _dialled(self, flow: http.HTTPFlow) -> str:
        """The name of the host that a request goes to."""
        host = flow.request.data.host
        if flow.request.data.scheme == b"https" and not self._insecure and is_address(host):
            # In transparent modes the address is all that is dialled, and the certificate decides.
            host = flow.server_conn.sni or flow.client_conn.sni or host
        return host

    def _change(self, flow: http.HTTPFlow, outcome: Outcome, built: configuration.Built) -> None:
        """What is changed in a request that may leave."""
        request = flow.request
        examined = request.headers.fields
        if outcome.body is not None:
            if outcome.recoded:
                del request.headers["content-encoding"]
            request.content = outcome.body
        if outcome.refs is not None:
            # What is coded cannot be rewritten.
            request.headers.pop("accept-encoding", None)
            self._refs[flow.id] = outcome.refs
        if outcome.head is not None:
            target, fields = outcome.head
            # Lengths and codings are those of what is sent.
            exchanged = {field: sent for field, sent in zip(examined, fields, strict=True) if field != sent}
            self._inject(flow, built, target, tuple(exchanged.get(field, field) for field in request.headers.fields))

    async def _anywhere(self, flow: http.HTTPFlow) -> None:
        """A request of which it is not sure where it goes: nothing is at home there."""
        request = flow.request
        refusal = self._admitted(request.host) or self._head(flow)
        if refusal is None and request.raw_content:
            if len(request.raw_content) < _THREAD_FROM:
                refusal = self._body(flow)
            else:
                refusal = await asyncio.to_thread(self._body, flow)
        if refusal is None and request.trailers:
            refusal = self._ready().text(None, "trailers", lines(request.trailers.fields), self._session(flow.client_conn))
        if refusal is not None:
            self._refuse(flow, refusal)

    def _admitted(self, host: str) -> Refusal | None:
        """Whether the policy lets a host be reached."""
        self._ready()
        policy = self._built.config.policy if self._built is not None else None
        if policy is None or policy.admits(canonical(host)):
            return None
        return Refusal(Denied(kind="host", why="this host may not be reached"), "host")

    def _head(self, flow: http.HTTPFlow) -> Refusal | None:
        request = flow.request
        # What HTTP/2 sends as a pseudo header, and absolute forms.
        host = request.data.host.encode("utf-8", "surrogateescape")
        pseudo = [(b":scheme", request.data.scheme), (b":authority", request.data.authority), (b":host", host)]
        headers = [*request.headers.fields, *((name, value) for name, value in pseudo if value)]
        return self._ready().head(request.data.method, None, request.data.path, headers, self._session(flow.client_conn))

    def _body(self, flow: http.HTTPFlow) -> Refusal | None:
        guard, request = self._ready(), flow.request
        raw = request.raw_content or b""
        coding = content_encoding(request.headers.fields)
        body = guard.body(None, raw, coding, editable=True, session=self._session(flow.client_conn))
        if body.refusal is not None and coding is not None:
            recoded = self._decoded(flow, guard, body)
            if recoded is not None:
                request.content = recoded.data
                return None
        if body.refusal is None and body.edited:
            request.raw_content = body.data
        return body.refusal

    def _decoded(self, flow: http.HTTPFlow, guard: Guard, body: Body) -> Body | None:
        """A coded body that may leave once it is decoded and edited: redaction does not reach into compressed bytes."""
        if body.refusal is None or body.refusal.block.kind not in ("rule", "known") or body.decoded > _DECODE_UP_TO or not body.complete:
            return None
        try:
            plain = flow.request.get_content(strict=True)
        except ValueError:
            return None
        if plain is None:
            return None
        edited = guard.body(None, plain, None, editable=True)
        return edited if edited.refusal is None and edited.edited else None

    def _refuse(self, flow: http.HTTPFlow, refusal: Refusal, outcome: Outcome | None = None) -> None:
        """The one place where a request is answered instead of sent."""
        block = refusal.block
        self._mark(flow, refusal)
        if ctx.options.exfilter_scrub:
            scrub(flow.request, refusal.where)
        reply = outcome.reply if outcome is not None else None
        if reply is None:
            flow.response = refusal_response(block.subject_text, block)
            return
        flow.response = http.Response.make(reply.status, reply.body, dict(reply.headers))
        flow.response.reason = reply.reason
        flow.response.headers["x-exfilter-reference"] = block.reference

    # Placeholders

    def _inject(self, flow: http.HTTPFlow, built: configuration.Built, target: bytes, fields: tuple[tuple[bytes, bytes], ...]) -> None:
        """Puts real credentials into a request that may leave, last of all: nothing but the server is to see them."""
        if self._insecure:
            # Whoever answers may be anybody.
            return
        data = flow.request.data
        self._before[flow.id] = (data.path, data.headers.fields)
        # What was put into it is looked for in what comes back, whatever the configuration says by then.
        self._injected[flow.id] = built
        flow.metadata["exfilter_injected"] = True
        data.path, data.headers.fields = target, fields

    def _restore(self, flow: http.HTTPFlow) -> None:
        """Puts the placeholders back: the request has left, and mitmproxy keeps and shows it."""
        before = self._before.pop(flow.id, None)
        if before is not None:
            data = flow.request.data
            data.path, data.headers.fields = before

    @closed(deny_response)
    def responseheaders(self, flow: http.HTTPFlow) -> None:
        if not self._injected and not self._refs:
            # Nothing was put into any request that is under way.
            return
        self._restore(flow)
        if (flow.id in self._injected or flow.id in self._refs) and flow.response is not None:
            flow.response.stream = False

    @closed(deny_response)
    def response(self, flow: http.HTTPFlow) -> None:
        if not self._injected and not self._refs:
            return
        self._restore(flow)
        refs, response = self._refs.pop(flow.id, None), flow.response
        if refs is not None and response is not None and response.raw_content and "content-encoding" not in response.headers:
            response.content = refs.rewrite_refs(response.raw_content)
        # Messages of WebSocket come behind some.
        built = self._injected.pop(flow.id, None) if flow.websocket is None else self._injected.get(flow.id)
        if built is not None and response is not None:
            flow.metadata["exfilter_scrubbed"] = scrub_response(built, response)

    def error(self, flow: http.HTTPFlow) -> None:
        self._restore(flow)
        self._refs.pop(flow.id, None)
        self._injected.pop(flow.id, None)

    # Web sockets

    @closed(deny_websocket)
    def websocket_message(self, flow: http.HTTPFlow) -> None:
        assert flow.websocket is not None
        message = flow.websocket.messages[-1]
        if flow.metadata.get("exfilter_blocked"):
            message.drop()
            return
        if not message.from_client:
            built = self._injected.get(flow.id)
            if built is not None and (clean := scrubbed(built, message.content)) is not None:
                message.content = clean
            return
        # By itself, to its end, and as part of all that was sent: two messages must not share a secret.
        refusal = self._ready().text(authority_of_flow(flow, self._dialled(flow)), "message", message.content, self._session(flow.client_conn))
        verdict = self._stream(flow).push(message.content)
        if refusal is None and isinstance(verdict, Block):
            refusal = Refusal(verdict, "messages")
        if refusal is not None:
            self._mark(flow, refusal)
            deny_websocket(self, flow)
            if ctx.options.exfilter_scrub:
                for sent in flow.websocket.messages:
                    sent.content = WITHHELD.encode() if sent.from_client else sent.content

    def websocket_end(self, flow: http.HTTPFlow) -> None:
        self._injected.pop(flow.id, None)
        self._forget(flow)

    # TCP, UDP

    @closed(deny_raw)
    def tcp_message(self, flow: tcp.TCPFlow) -> None:
        self._raw(flow)

    @closed(deny_raw)
    def udp_message(self, flow: udp.UDPFlow) -> None:
        self._raw(flow)

    def tcp_end(self, flow: tcp.TCPFlow) -> None:
        self._forget(flow)

    def tcp_error(self, flow: tcp.TCPFlow) -> None:
        self._forget(flow)

    def udp_end(self, flow: udp.UDPFlow) -> None:
        self._forget(flow)

    def udp_error(self, flow: udp.UDPFlow) -> None:
        self._forget(flow)

    def _raw(self, flow: tcp.TCPFlow | udp.UDPFlow) -> None:
        guard, message = self._ready(), flow.messages[-1]
        if flow.metadata.get("exfilter_blocked"):
            message.content = b""
            return
        if not message.from_client:
            return
        first = not any(earlier.from_client for earlier in flow.messages[:-1])
        built = self._built
        assert built is not None
        host = canonical(flow.server_conn.address[0]) if flow.server_conn.address else ""
        policy = built.config.policy
        tunnel = first and message.content.startswith(_TLS_OR_SSH) and not (policy is not None and policy.tunnels_to(host))
        refusal = self._admitted(host) or guard.text(None, "message", message.content, self._session(flow.client_conn))
        verdict = self._stream(flow).push(message.content)
        if refusal is None and isinstance(verdict, Block):
            refusal = Refusal(verdict, "messages")
        refuse_tunnel = tunnel and built.config.words["tunnels"] == "block" and built.config.words["mode"] == "enforce"
        if refusal is None and not refuse_tunnel:
            return
        if refusal is not None:
            self._mark(flow, refusal)
        else:
            flow.marked, flow.comment = MARKER, "blocked by policy: a tunnel that nobody can look into"
            log.warning(f"exfilter: {flow.comment}")
        scrub = ctx.options.exfilter_scrub and refusal is not None
        deny_raw(self, flow)
        if scrub:
            for earlier in flow.messages[:-1]:
                earlier.content = WITHHELD.encode() if earlier.from_client else earlier.content

    # Names: DNS, and what is dialled

    @closed(deny_dns)
    def dns_request(self, flow: dns.DNSFlow) -> None:
        request = flow.request
        names = [question.name for question in request.questions]
        joined = [name.replace(".", "") for name in names]
        text = "\n".join([*names, *joined]).encode("utf-8", "surrogateescape")
        guard = self._ready()
        session = self._session(flow.client_conn)
        refusal = guard.text(None, "name", text, session) or guard.text(None, "message", request.packed, session)
        if refusal is not None:
            self._mark(flow, refusal)
            flow.response = RefusedName.of(request) if ctx.options.exfilter_scrub else request.fail(REFUSED)
            if ctx.options.exfilter_scrub:
                request.questions = list(flow.response.questions)
                request.answers = request.authorities = request.additionals = []

    @closed(deny_connect)
    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        names = [data.server.address[0] if data.server.address else "", data.server.sni or "", data.client.sni or ""]
        refusal = self._names(names, data.client)
        if refusal is not None:
            data.server.error = refusal.block.subject_text

    @closed(deny_hello)
    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        client = data.context.client
        if self._names([client.sni or "", *(offer.decode("latin-1") for offer in client.alpn_offers or ())], client) is not None:
            deny_hello(self, data)

    @closed(deny_tls)
    def tls_start_server(self, data: tls.TlsData) -> None:
        # mitmproxy says to the server what the client has said to it.
        client = data.context.client
        offers = [*(data.conn.alpn_offers or ()), *(client.alpn_offers or ())]
        names = [data.conn.sni or "", client.sni or "", *(offer.decode("latin-1") for offer in offers)]
        if self._names(names, client) is not None:
            deny_tls(self, data)

    def _names(self, names: list[str], client: connection.Client) -> Refusal | None:
        joined = [name.replace(".", "") for name in names]
        text = "\n".join([*names, *joined]).encode("utf-8", "surrogateescape")
        refusal = self._ready().text(None, "host", text, self._session(client))
        if refusal is not None:
            log.warning(f"exfilter: {client.peername}: {refusal.where}: {refusal.block.operator_text}")
        return refusal

    # What they share

    def _mark(self, flow: flow.Flow, refusal: Refusal) -> None:
        """Says why, to whoever runs the proxy: in the log, and at the flow."""
        text = f"{refusal.where}: {refusal.block.operator_text}"
        flow.marked, flow.comment = MARKER, f"exfilter: {text}"
        flow.metadata["exfilter"] = {"where": refusal.where, "reference": refusal.block.reference, "rule": refusal.block.rule}
        peer = flow.client_conn.peername[0] if flow.client_conn.peername else "?"
        log.warning(f"exfilter: {peer}: {text}")

    def _session(self, client: connection.Client) -> Session:
        """What a client has shown so far: by its address, which is all of it that it does not choose. Behind so many clients, all others count as one."""
        name = client.peername[0] if client.peername else ""
        if name not in self._sessions and len(self._sessions) >= _CLIENTS_MAX:
            name = ""
        session = self._sessions.get(name)
        if session is None:
            built = self._built
            assert built is not None
            session = self._sessions[name] = configuration.session_of(built.config)
        return session

    def _stream(self, flow: flow.Flow) -> Stream:
        """The stream of all that a client has sent on a flow. It keeps the engine with which it began."""
        stream = self._streams.get(flow.id)
        if stream is None:
            stream = self._streams[flow.id] = self._ready().engine.stream(Flow.outbound())
        return stream

    def _forget(self, flow: flow.Flow) -> None:
        stream = self._streams.pop(flow.id, None)
        if stream is not None:
            stream.close()

    def hang_up(self, flow: flow.Flow) -> None:
        """Closes a client's connection. mitmproxy has no call for it, and goes on with flows of messages that are killed."""
        self._forget(flow)
        kill(flow)
        try:
            server = ctx.master.addons.get("proxyserver")
            for handler in list(server.connections.values()):
                transport = handler.transports.get(flow.client_conn)
                if transport is not None and transport.handler is not None:
                    transport.handler.cancel("blocked by exfilter")
        except Exception as error:
            # What is refused is not sent in any case: it was dropped or emptied.
            log.debug(f"exfilter: the connection stays open: {type(error).__name__}")


addon = Exfilter()
"""The add-on of this process, for scripts: ``addons = [addon]``."""
