"""Whole requests for the mitmproxy add-on: the native `RequestGate`, with what it says in the add-on's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from mitmproxy import http

from ._errors import HeadError
from ._http import Denied, Foreign, Refusal
from ._mitmproxy_config import Built
from ._mitmproxy_flows import log, without_h2c
from ._native import Block, Examined, Finding, Inspector, Reply, RequestGate, Session, Sighting, Uploads

Head: TypeAlias = tuple[bytes, tuple[tuple[bytes, bytes], ...]]
"""Target and fields with real credentials."""


@dataclass(frozen=True)
class Outcome:
    """What came of a request that is not simply sent as it is."""

    refusal: Refusal | None = None
    reply: Reply | None = None
    """How it is refused."""
    sure: bool = True
    """Whether it is sure where it goes. If not, it was not examined."""
    body: bytes | None = None
    """What is sent instead of the body."""
    recoded: bool = False
    """Whether that has no coding any more."""
    refs: Inspector | None = None
    """What rewrites the answer."""
    head: Head | None = None


class Requests:
    """Examines the requests of one configuration."""

    def __init__(self, built: Built, uploads: Uploads, *, is_test: bool = False) -> None:
        words, policy = built.config.words, built.config.policy
        self._observe = words["mode"] == "observe"
        own_keys: Literal["report", "block"] = "block" if words["provider_keys"] == "block" and not self._observe else "report"
        substitutes = None if is_test else built.substitutes
        self._gate = RequestGate(built.engine, uploads=uploads, policy=policy, own_keys=own_keys, substitutes=substitutes, observe=self._observe)
        self._silent = is_test
        self.built = built
        """The configuration."""

    def examine(self, request: http.Request, host: str, session: Session | None = None) -> Outcome | Head | None:
        """Examines a request that goes to `host`; None if it is sent as it is, and a head if that is all that is to be put into it."""
        data = request.data
        body = data.content
        if body is None:
            raise RuntimeError("the body is not at hand")
        trailers = data.trailers.fields if data.trailers else None
        try:
            examined = self._gate.examine(
                data.scheme, host, data.port, data.authority, data.method, data.path, data.headers.fields, body, trailers, session
            )
            if examined is None or isinstance(examined, tuple):
                return examined
            if examined.offers_h2c:
                without_h2c(request)
                return self.examine(request, host, session)
            return self._outcome(examined)
        except HeadError as error:
            if not self._observe:
                return Outcome(Refusal(Denied(kind="head", why=str(error)), "head"))
            log.info(f"exfilter: head: {error}: report")
            return None

    def _outcome(self, examined: Examined) -> Outcome:
        if not examined.sure:
            return Outcome(sure=False)
        if examined.denied is not None:
            kind, text = examined.denied
            return Outcome(Refusal(Foreign(), text) if kind == "foreign" else Refusal(Denied(kind=kind, why=text), kind))
        sightings, inspector, verdict = examined.sightings, examined.inspector, examined.verdict
        assert inspector is not None
        self._tell(sightings)
        if isinstance(verdict, Block):
            acting = next((sighting.location for sighting in sightings if sighting.action == "block"), "request")
            return Outcome(Refusal(verdict, acting), inspector.reply())
        refs = inspector if inspector.conversation == "git-push-refs" else None
        return Outcome(body=examined.body, recoded=examined.recoded, refs=refs, head=examined.head)

    def _tell(self, sightings: list[Sighting]) -> None:
        """Logs what is only reported; the request's own keys are nothing to report."""
        for sighting in sightings:
            if self._silent or sighting.own_key or sighting.action not in ("report", "redact"):
                continue
            event = sighting.event
            if not (isinstance(event, Finding) and event.bound):
                what = (event.rule or event.secret) if isinstance(event, Finding) else event.reason
                log.info(f"exfilter: {sighting.location}: {what}: {sighting.action}")
