"""For tests: keys made from a seed, with valid checksums where the format has one. None of them was ever issued.

Tests that write keys into files trip every scanner, this one too; tests that make them do not.
"""

from __future__ import annotations

import functools
import random

from ._native import Engine, Flow, Rules

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@functools.lru_cache(maxsize=1)
def _all_rules() -> Rules:
    return Rules.builtin() + Rules.more()


@functools.lru_cache(maxsize=32)
def _engine_of(rule: str) -> Engine:
    rules = _all_rules()
    return Engine(rules=rules.without([other for other in rules.ids if other != rule]))


def token(rule: str = "github-pat", seed: int = 0) -> str:
    """A credential that a rule finds, alone: without the text that has to stand around it.

    >>> token("github-pat", seed=1)[:4], len(token("github-pat", seed=1))
    ('ghp_', 40)
    """
    text = _all_rules().examples(rule, seed)[0]
    found = _engine_of(rule).scan(text, Flow.at_rest(lines=False)).findings
    if found and not found[0].path:
        text = text[found[0].start : found[0].end]
    return text.decode()


def example(rule: str, seed: int = 0) -> str:
    """A text in which a rule finds something."""
    return _all_rules().examples(rule, seed)[0].decode()


def secret(seed: int = 0, length: int = 32) -> str:
    """A random value of no provider's form, strong enough to be enrolled."""
    return "".join(random.Random(f"exfilter {seed}").choices(_ALPHABET, k=length))
