"""What the mitmproxy add-on does with single flows and messages: answers, addresses, and what must not be kept."""

from __future__ import annotations

import ipaddress
import logging

from mitmproxy import dns, flow, http

from ._http import Foreign, Headers
from ._native import Block, Finding, Opaque, RequestGate

log = logging.getLogger("exfilter")

MARKER = ":no_entry_sign:"
WITHHELD = "[withheld by exfilter]"
REFUSED = 5  # RFC 1035, section 4.1.1


def kill(flow: flow.Flow) -> None:
    if flow.killable:
        flow.kill()


def refusal_response(text: str, block: Block | Foreign | None, status: int = 403) -> http.Response:
    headers = {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"}
    if block is not None:
        headers["x-exfilter-reference"] = block.reference
    return http.Response.make(status, text + "\n", headers)


def is_address(host: str) -> bool:
    # Most are names, of which none has a colon and hardly any ends with a digit; an error that is raised and caught takes longer than all else here.
    if ":" not in host and not host[-1:].isdigit():
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def authority_of_flow(flow: http.HTTPFlow, host: str) -> str | None:
    """Where a request goes: what is dialled, which is `host`, not what it says of itself. None where that is not sure, at which nothing is at home."""
    data = flow.request.data
    return RequestGate.authority(data.scheme, host, data.port, data.authority, data.headers.fields)


def canonical(host: str) -> str:
    """A host as policies compare it."""
    return host.lower().rstrip(".")


def without_h2c(request: http.Request) -> None:
    """Takes an offer of HTTP/2 back that a client has made on a connection of HTTP/1: nobody would read what follows as requests."""
    offered = [word.strip().lower() for word in ",".join(request.headers.get_all("upgrade")).split(",")]
    for name in ("upgrade", "http2-settings", "connection"):
        request.headers.pop(name, None)
    if "websocket" in offered:
        request.headers["upgrade"] = "websocket"
        request.headers["connection"] = "upgrade"


def lines(fields: Headers) -> bytes:
    return b"\n".join(name + b": " + value for name, value in fields)


def scrub(request: http.Request, where: str) -> None:
    """Takes out of a refused request what mitmproxy would show, log and save."""
    if where in ("host", "head", "header :host", "header :authority", "header host") or where.startswith(("header:host", "header:x-as-written")):
        request.host = "withheld.invalid"
    request.headers = http.Headers([(b"host", b"withheld.invalid")])
    request.path = "/withheld-by-exfilter"
    request.content = WITHHELD.encode()
    request.trailers = None


def tell(where: str, event: Finding | Opaque) -> None:
    """Logs what is only reported."""
    if event.action not in ("report", "redact"):
        return
    what = (event.rule or event.secret) if isinstance(event, Finding) else event.reason
    log.info(f"exfilter: {where}: {what}: {event.action}")


class RefusedName(dns.DNSMessage):
    """A refusal that repeats the question on the wire, or its asker would not take it for an answer, and nowhere else."""

    wire = b""

    @classmethod
    def of(cls, request: dns.DNSMessage) -> RefusedName:
        refusal = request.fail(REFUSED)
        masked = [dns.Question("withheld.invalid", question.type, question.class_) for question in request.questions]
        refused = cls(**{**vars(refusal), "questions": masked})
        refused.wire = refusal.packed
        return refused

    @property
    def packed(self) -> bytes:
        return self.wire
