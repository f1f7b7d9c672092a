"""Where rules and secrets come from: files and the environment."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase

from ._errors import RefusedError
from ._native import KnownSecrets, Rules

ENV_PATTERNS = (
    "*_TOKEN", "*_API_KEY", "*_APIKEY", "*_ACCESS_KEY", "*_SECRET", "*_SECRET_KEY", "*_PASSWORD", "*_PASSPHRASE", "*_PRIVATE_KEY", "*_CREDENTIALS",
    "*_DSN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD", "MYSQL_PWD", "SSHPASS", "TOKEN", "SECRET", "PASSWORD",
)  # fmt: skip
"""Names of environment variables that hold secrets by custom."""


def load_rules(path: str | os.PathLike[str]) -> Rules:
    """Reads a rule file."""
    with open(path, encoding="utf-8") as file:
        return Rules.parse(file.read(), os.fspath(path))


def secrets_from_env(
    secrets: KnownSecrets, patterns: Iterable[str] = ENV_PATTERNS, *, bindings: dict[str, list[tuple[str, str]]] | None = None
) -> dict[str, str]:
    """Enrols the variables whose names match a pattern, and returns why the others that match were not: name to code and remedy.

    ``bindings`` says of a variable where its value is at home, as pairs of a host pattern and a slot.

    >>> import exfilter, os, exfilter.testing
    >>> os.environ["DEPLOY_TOKEN"] = exfilter.testing.secret(seed=1)
    >>> os.environ["DEBUG_TOKEN"] = "off"
    >>> secrets = exfilter.KnownSecrets()
    >>> exfilter.secrets_from_env(secrets, ["DEPLOY_*", "DEBUG_*"])
    {'DEBUG_TOKEN': 'E_SHORT: use a longer secret, or protect it by a key pattern'}
    >>> secrets.names
    ['DEPLOY_TOKEN']
    """
    wanted = [pattern.upper() for pattern in patterns]
    refused: dict[str, str] = {}
    for name in sorted(os.environ):
        if not any(fnmatchcase(name.upper(), pattern) for pattern in wanted):
            continue
        try:
            secrets.add_env(name, bindings=(bindings or {}).get(name))
        except RefusedError as error:
            refused[name] = f"{error.code}: {error.remedy}"
    return refused
