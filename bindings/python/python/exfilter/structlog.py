"""A processor for structlog that redacts. Put it last before the renderer, behind what formats exceptions.

>>> import exfilter.structlog, exfilter.testing
>>> processor = exfilter.structlog.RedactingProcessor()
>>> processor(None, "info", {"event": "push", "auth": {"token": exfilter.testing.token("github-pat", seed=1)}, "count": 3})
{'event': 'push', 'auth': {'token': '[redacted: github-pat]'}, 'count': 3}
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from ._engines import default_engine
from ._native import Engine
from ._redact import redact

WITHHELD = "[withheld by exfilter: this event could not be examined]"

_DEEPEST = 8


class RedactingProcessor:
    """Redacts keys and values of an event, in dictionaries and lists too. What is deeper than eight levels is examined as text."""

    def __init__(self, *, engine: Engine | None = None, confidence: str = "medium") -> None:
        self._engine = engine or default_engine()
        self._confidence = confidence

    def __call__(self, logger: Any, method: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        try:
            return {self._text(key): self._value(value, 0) for key, value in event_dict.items()}
        except Exception:
            return {"event": WITHHELD}

    def _text(self, text: str) -> str:
        return redact(text, engine=self._engine, confidence=self._confidence)

    def _value(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bytes):
            return redact(value, engine=self._engine, confidence=self._confidence)
        if depth < _DEEPEST:
            if isinstance(value, Mapping):
                return {self._value(key, depth + 1): self._value(item, depth + 1) for key, item in value.items()}
            if type(value) in (list, tuple, set, frozenset):
                return type(value)(self._value(item, depth + 1) for item in value)
        shown = repr(value)
        clean = self._text(shown)
        return value if clean == shown else clean
