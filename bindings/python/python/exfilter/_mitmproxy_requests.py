"""Whole requests for the mitmproxy add-on: the facade's `Inspector`, with placeholders left out and each client answered in its own protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ._errors import HeadError
from ._http import Denied, Guard, Headers, Refusal
from ._mitmproxy_config import Config
from ._mitmproxy_flows import log
from ._native import Block, Finding, Inspector, Reply, Session, Sighting, Uploads


@dataclass(frozen=True)
class Outcome:
    """What came of a request."""

    refusal: Refusal | None = None
    reply: Reply | None = None
    """How it is refused."""
    body: bytes | None = None
    """What is sent instead of the body."""
    recoded: bool = False
    """Whether that has no coding any more."""
    refs: Inspector | None = None
    """What rewrites the answer."""


class Requests:
    """Examines the requests of one configuration."""

    def __init__(self, guard: Guard, config: Config, uploads: Uploads, *, silent: bool = False) -> None:
        self._guard = guard
        self._policy = config.policy
        self._observe = config.words["mode"] == "observe"
        self._own_keys: Literal["report", "block"] = "block" if config.words["provider_keys"] == "block" and not self._observe else "report"
        self._uploads = uploads
        self._silent = silent

    def examine(
        self, to: str, method: bytes, target: bytes, headers: Headers, body: bytes, trailers: Headers, session: Session | None = None
    ) -> Outcome:
        """Examines a request to `to`, the host of which its headers name."""
        guard = self._guard
        if not self._observe and (foreign := guard.foreign(to, target, headers)) is not None:
            return Outcome(foreign)
        blank, fields = guard.blanked(to, target, headers)
        try:
            inspector = self._open(to, method, blank, fields, session)
            return self._carry_out(inspector, body, trailers)
        except HeadError as error:
            if not self._observe:
                return Outcome(Refusal(Denied(kind="head", why=str(error)), "head"))
            log.info(f"exfilter: head: {error}: report")
            return Outcome()

    def _open(self, to: str, method: bytes, target: bytes, fields: Headers, session: Session | None) -> Inspector:
        return Inspector(
            self._guard.engine, to, method, target, fields,
            editable=True, own_keys=self._own_keys, policy=self._policy, uploads=self._uploads, session=session,
        )  # fmt: skip

    def _carry_out(self, inspector: Inspector, body: bytes, trailers: Headers) -> Outcome:
        verdict, edited = inspector.whole(body, trailers or None)
        sightings = inspector.sightings()
        if isinstance(verdict, Block):
            acting = next((sighting.location for sighting in sightings if sighting.action == "block"), "request")
            self._tell(sightings)
            return Outcome(Refusal(verdict, acting), inspector.reply())
        self._tell(sightings)
        if edited is not None and inspector.replacement is not None:
            return Outcome(body=edited, recoded=True)
        return Outcome(body=edited, refs=inspector if inspector.conversation == "git-push-refs" else None)

    def _tell(self, sightings: list[Sighting]) -> None:
        """Logs what is only reported; the request's own keys are nothing to report."""
        for sighting in sightings:
            if self._silent or sighting.own_key or sighting.action not in ("report", "redact"):
                continue
            event = sighting.event
            if not (isinstance(event, Finding) and event.bound):
                what = (event.rule or event.secret) if isinstance(event, Finding) else event.reason
                log.info(f"exfilter: {sighting.location}: {what}: {sighting.action}")
