"""The engines that helpers use when they are given none."""

from __future__ import annotations

import threading

from ._native import Engine

_lock = threading.Lock()
_engines: dict[str, Engine] = {}


def default_engine(profile: str = "inline") -> Engine:
    """The engine of the built-in rules, built once per process and profile ("inline" or "thorough")."""
    with _lock:
        engine = _engines.get(profile)
        if engine is None:
            engine = _engines[profile] = Engine(profile=profile)
        return engine
