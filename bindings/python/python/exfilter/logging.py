"""A filter for the standard library's logging that redacts.

>>> import io, logging, exfilter.logging, exfilter.testing
>>> out = io.StringIO()
>>> logger = logging.Logger("example")
>>> logger.addHandler(exfilter.logging.redacting(logging.StreamHandler(out)))
>>> logger.warning("pushing with %s", exfilter.testing.token("github-pat", seed=1))
>>> out.getvalue()
'pushing with [redacted: github-pat]\\n'
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from typing import TypeVar

from ._engines import default_engine
from ._native import Engine
from ._redact import redact

WITHHELD = "[withheld by exfilter: this record could not be examined]"

_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}
_Handler = TypeVar("_Handler", bound=logging.Handler)


class RedactingFilter(logging.Filter):
    """Redacts messages, their arguments, tracebacks and extra fields. Put it on handlers: a logger's filters do not see what its children log.

    A record that cannot be examined is withheld, never written as it is.
    """

    def __init__(self, *, engine: Engine | None = None, confidence: str = "medium") -> None:
        super().__init__()
        self._engine = engine or default_engine()
        self._confidence = confidence

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            self._redact_record(record)
        except Exception:
            record.msg, record.args = WITHHELD, ()
            record.exc_info = record.exc_text = record.stack_info = None
            for name in [name for name in vars(record) if name not in _STANDARD]:
                delattr(record, name)
        return True

    def _text(self, text: str) -> str:
        return redact(text, engine=self._engine, confidence=self._confidence)

    def _value(self, value: object) -> object:
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return self._text(value)
        shown = str(value)
        clean = self._text(shown)
        return value if clean == shown else clean

    def _redact_record(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, Mapping):
            record.args = {name: self._value(value) for name, value in record.args.items()}
        elif record.args:
            record.args = tuple(self._value(value) for value in record.args)
        message = record.getMessage()
        clean = self._text(message)
        if clean != message:
            record.msg, record.args = clean, ()
        elif not record.args and not isinstance(record.msg, str):
            record.msg = message
        if record.exc_info and not record.exc_text:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        if record.exc_text:
            clean = self._text(record.exc_text)
            if clean != record.exc_text:
                # Formatters of other kinds would format the exception again.
                record.exc_info = None
            record.exc_text = clean
        if record.stack_info:
            record.stack_info = self._text(record.stack_info)
        for name, value in list(vars(record).items()):
            if name not in _STANDARD:
                setattr(record, name, self._value(value))


def redacting(handler: _Handler, *, engine: Engine | None = None, confidence: str = "medium") -> _Handler:
    """Puts the filter on a handler and returns it."""
    handler.addFilter(RedactingFilter(engine=engine, confidence=confidence))
    return handler
