"""The examples in the documentation run."""

import doctest
import importlib
from pathlib import Path

import pytest

MODULES = [
    "exfilter", "exfilter._engines", "exfilter._gate", "exfilter._redact", "exfilter._scan", "exfilter._sources", "exfilter.aiohttp", "exfilter.asgi", "exfilter.httpx",
    "exfilter.logging", "exfilter.requests", "exfilter.structlog", "exfilter.testing", "exfilter.wsgi",
]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_modules(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0 and result.failed == 0


@pytest.mark.parametrize("page", ["README.md", "docs/corpora.md"])
def test_examples_of_pages(page):
    result = doctest.testfile(str(Path(__file__).parents[1] / page), module_relative=False)
    assert result.attempted > 0 and result.failed == 0
