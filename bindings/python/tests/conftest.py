import pytest

import exfilter
from exfilter import testing


@pytest.fixture(scope="session")
def engine():
    return exfilter.Engine()


@pytest.fixture(scope="session")
def value():
    """The value of the enrolled secret DEPLOY."""
    return testing.secret(seed=7)


@pytest.fixture(scope="session")
def armed(value):
    """An engine that knows a secret, at home in one header of one host."""
    secrets = exfilter.KnownSecrets()
    secrets.add("DEPLOY", value, bindings=[("api.example.com", "header:authorization:bearer"), ("api.example.com", "query:key")])
    return exfilter.Engine(known_secrets=secrets)
