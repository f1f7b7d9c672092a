"""What the mitmproxy add-on takes out of answers of servers that got a real credential: an echo must not tell the sandbox."""

from __future__ import annotations

from mitmproxy import http

from ._mitmproxy_config import Built
from ._mitmproxy_flows import lines
from ._native import Block, Flow

_ROUNDS = 8


def scrub_response(built: Built, response: http.Response) -> bool:
    """Takes real values out of an answer; whether there was one in its body."""
    if _is_clean(built, response):
        return False
    parts = [*response.headers.fields, *(response.trailers.fields if response.trailers else ()), (b"", response.reason.encode("utf-8", "replace"))]
    if scrubbed(built, lines(parts)) is not None:
        response.reason = ""
        response.headers = http.Headers([(name, scrubbed(built, value) or value) for name, value in response.headers.fields])
        response.trailers = None
        if scrubbed(built, lines(response.headers.fields)) is not None:
            raise RuntimeError("a header's name, or two headers, have it")
    if response.raw_content is None:
        raise RuntimeError("the body is not at hand")
    plain = response.get_content(strict=True)
    clean = scrubbed(built, plain or b"")
    if clean is not None:
        response.content = clean
    return clean is not None


def _is_clean(built: Built, response: http.Response) -> bool:
    """Whether it is known at once that no real value stands in an answer."""
    data = response.data
    if built.answers is None or data.content is None:
        return False
    fields, trailers = data.headers.fields, data.trailers.fields if data.trailers else None
    is_clean = built.answers.is_clean(fields, trailers, data.reason, data.content)
    if is_clean is None:
        is_clean = built.answers.is_clean(fields, trailers, data.reason, response.get_content(strict=True) or b"", plain=True)
    return is_clean is True


def scrubbed(built: Built, data: bytes) -> bytes | None:
    """The data without real values, a placeholder for each where it stands as it is; None if there are none."""
    if built.scrubber is None or not data:
        return None
    # Findings in one form hide what overlaps them, so until there are none.
    placeholders = dict(built.substitutes.placeholders)
    clean = data
    for _ in range(_ROUNDS):
        scan = built.scrubber.scan(clean, Flow.outbound(editable=True))
        blocked = isinstance(scan.verdict, Block)
        if not scan.findings and not scan.suppressed and not blocked:
            return clean if clean is not data else None
        edited = bytearray(scan.apply_edits(clean))
        for finding in scan.findings:
            if blocked:
                # Coded twice, or compressed: no byte fits there, so what it is coded in breaks.
                edited[finding.start : finding.end] = b"*" * (finding.end - finding.start)
            placeholder = placeholders.get(finding.secret or "", "").encode()
            if finding.form == "raw" and not finding.path and len(placeholder) == finding.end - finding.start:
                edited[finding.start : finding.end] = placeholder
        clean = bytes(edited)
    raise RuntimeError("it stands there too often")
