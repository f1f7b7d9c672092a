"""Text and bytes without what is found in them."""

from __future__ import annotations

import re
from collections.abc import Callable

from ._engines import default_engine
from ._native import Engine, Finding, Flow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import AnyStr

WITHHELD = "[withheld by exfilter: more than could be redacted]"

_ROUNDS = 32
_FLOW = Flow.at_rest(lines=False)
_TOKEN_END = re.compile(rb"[^A-Za-z0-9+/=_.\-]")
_PEM_END = re.compile(rb"-----END [A-Z ]{0,40}-----")
_RANKS = ("low", "medium", "high", "confirmed")


def label(finding: Finding) -> str:
    """What stands in a value's place: ``[redacted: github-pat]``."""
    return f"[redacted: {finding.rule or finding.secret}]"


def redact(data: AnyStr, *, engine: Engine | None = None, confidence: str = "medium", mask: Callable[[Finding], str] = label) -> AnyStr:
    """Puts ``mask(finding)`` in the place of everything found at or above a confidence.

    A value that is found encoded is replaced with the text that encodes it. What the engine could not look into (an encrypted archive in base64) stays as it is.

    >>> import exfilter, exfilter.testing
    >>> token = exfilter.testing.token("github-pat", seed=1)
    >>> exfilter.redact(f"cloning with {token} now")
    'cloning with [redacted: github-pat] now'
    """
    engine = engine or default_engine()
    if isinstance(data, str):
        raw = data.encode("utf-8", "surrogatepass")
        clean = _redact(raw, engine, confidence, mask)
        return data if clean is raw else clean.decode("utf-8", "replace")
    return _redact(bytes(data), engine, confidence, mask)


def _redact(data: bytes, engine: Engine, confidence: str, mask: Callable[[Finding], str]) -> bytes:
    floor = _RANKS.index(confidence)
    # What stands in a value's place may bring together what it kept apart, and a stream lists so many findings at most.
    for _ in range(_ROUNDS):
        scan = engine.scan(data, _FLOW)
        found = [finding for finding in scan.findings if _RANKS.index(finding.confidence) >= floor]
        if not found:
            return data if not scan.suppressed else WITHHELD.encode()
        data = _without(data, found, mask)
    return WITHHELD.encode()


def _without(data: bytes, found: list[Finding], mask: Callable[[Finding], str]) -> bytes:
    out: list[bytes] = []
    at = 0
    for start, end, finding in _joined([(finding.start, _end(data, finding), finding) for finding in found]):
        out.append(data[at:start])
        out.append(mask(finding).encode("utf-8", "replace"))
        at = end
    out.append(data[at:])
    return b"".join(out)


def _joined(ranges: list[tuple[int, int, Finding]]) -> list[tuple[int, int, Finding]]:
    """Ranges of which none overlaps another, each with the surest of the findings in it."""
    joined: list[tuple[int, int, Finding]] = []
    for start, end, finding in sorted(ranges, key=lambda found: (found[0], -found[1])):
        if joined and start < joined[-1][1]:
            first, last, surest = joined[-1]
            if _RANKS.index(finding.confidence) > _RANKS.index(surest.confidence):
                surest = finding
            joined[-1] = (first, max(last, end), surest)
        else:
            joined.append((start, end, finding))
    return joined


def _end(data: bytes, finding: Finding) -> int:
    """Where a value ends: of an open-ended match only the beginning is told."""
    if not finding.open_ended:
        return finding.end
    if finding.path:
        return len(data)
    if data.startswith(b"-----BEGIN", finding.start):
        last = _PEM_END.search(data, finding.end)
    else:
        last = _TOKEN_END.search(data, finding.end)
        return last.start() if last else len(data)
    return last.end() if last else len(data)
