"""Placeholders: made, exchanged, and told apart from what others bring."""

import pytest

import exfilter
from exfilter import testing
from exfilter._native import RequestGate

REAL = testing.token("github-pat", seed=41)
HOME = [("api.github.com", "header:authorization:bearer"), ("api.github.com", "query:key"), ("api.github.com", "cookie:c"), ("api.github.com", "path:1")]


@pytest.fixture
def substitutes():
    substitutes = exfilter.Substitutes(bytes(32))
    substitutes.add("GH", REAL, bindings=HOME)
    return substitutes


def test_they_enter_as_secrets_do(monkeypatch, tmp_path):
    monkeypatch.setenv("GH_TOKEN", REAL)
    path = tmp_path / "token"
    path.write_text(REAL + "\n")
    substitutes = exfilter.Substitutes(bytes(range(32)))
    made = [
        substitutes.add_env("GH_TOKEN", bindings=HOME),
        substitutes.add_file(path, name="file", bindings=HOME),
        substitutes.add_from("vault", lambda: REAL, bindings=HOME),
        substitutes.add("value", REAL.encode(), bindings=HOME),
    ]
    assert len(set(made)) == 4 == len(substitutes)
    assert substitutes.placeholders == list(zip(["GH_TOKEN", "file", "vault", "value"], made, strict=True))
    for placeholder in made:
        (finding,) = exfilter.default_engine().scan(placeholder.encode()).findings
        assert (finding.rule, finding.proof) == ("github-pat", "verified")
    again = exfilter.Substitutes(bytes(range(32)))
    assert again.add_env("GH_TOKEN", bindings=HOME) == made[0]
    assert exfilter.Substitutes().add("GH_TOKEN", REAL, bindings=HOME) != made[0]
    assert REAL not in repr(substitutes)
    for name, value, bindings, code in (("value", REAL, HOME, "E_TWICE"), ("x", "a b" * 20, HOME, "E_UNPRINTABLE"), ("y", REAL, [], "E_UNBOUND"), ("z", "short", HOME, "E_SHORT")):
        with pytest.raises(exfilter.RefusedError) as error:
            substitutes.add(name, value, bindings=bindings)
        assert error.value.code == code and value not in str(error.value)
    with pytest.raises(exfilter.ParseError):
        exfilter.Substitutes(b"short")


def examine(substitutes, to, target, headers, **options):
    """What the gate says of a request without a body."""
    gate = RequestGate(exfilter.default_engine(), uploads=exfilter.Uploads(), substitutes=substitutes, own_keys="report", **options)
    scheme, host, port = to
    return gate.examine(scheme, host, port, b"", b"GET", target, headers, b"")


HUB = (b"https", "api.github.com", 443)


def test_a_request_gets_the_real_values_in_their_slots_alone(substitutes):
    ((_, text),) = substitutes.placeholders
    placeholder, real = text.encode(), REAL.encode()
    host = (b"Host", b"api.github.com")
    headers = [(b"Authorization", b"Bearer " + placeholder), host, (b"cookie", b"a=b; c=" + placeholder), (b"x-a", b"1"), (b"x-a", b"2")]
    target = b"/x/" + placeholder + b"/y?key=" + placeholder + b"&key=%20&z"
    path, fields = examine(substitutes, HUB, target, headers)
    assert path == b"/x/" + real + b"/y?key=" + real + b"&key=%20&z"
    assert fields == ((b"Authorization", b"Bearer " + real), host, (b"cookie", b"a=b; c=" + real), (b"x-a", b"1"), (b"x-a", b"2"))
    for elsewhere in ((b"https", "api.github.org", 443), (b"http", "api.github.com", 80)):
        examined = examine(substitutes, elsewhere, target, [field for field in headers if field != host])
        assert examined.head is None and isinstance(examined.verdict, exfilter.Block)
    examined = examine(substitutes, HUB, b"/", [(b"x-b", placeholder)])
    assert examined.head is None and {sighting.place for sighting in examined.sightings} == {"header:x-b"}
    with pytest.raises(exfilter.ExfilterError):
        gate = RequestGate(exfilter.default_engine(), uploads=exfilter.Uploads(), substitutes=substitutes)
        substitutes.add("late", REAL, bindings=HOME)
    del gate


def test_what_is_not_ours_is_refused_where_ours_is_put(substitutes):
    elsewhere = (b"https", "example.com", 443)
    for target, headers in (
        (b"/", [(b"authorization", b"Bearer other")]),
        (b"/", [(b"authorization", b"Bearer " + testing.token("github-pat", seed=42).encode())]),
        (b"/?key=other", []),
        (b"/", [(b"cookie", b"c=other")]),
    ):
        kind, place = examine(substitutes, HUB, target, headers).denied
        assert kind == "foreign" and place in ("header", "query", "cookie")
        if REAL[:4].encode() not in target + b"".join(value for _, value in headers):
            assert examine(substitutes, elsewhere, target, headers) is None
        observed = examine(substitutes, HUB, target, headers, observe=True)
        assert observed is None or observed.denied is None
    assert examine(substitutes, HUB, b"/a/b?key=", [(b"authorization", b""), (b"cookie", b"d=1")]) is None


def test_a_gate_says_what_it_has_not_examined():
    assert not examine(None, HUB, b"/", [(b"host", b"example.com")]).sure
    assert not examine(None, (b"\xff", "example.com", 21), b"/", []).sure
    assert examine(None, HUB, b"/", [(b"Upgrade", b"websocket, H2C")]).offers_h2c
    with pytest.raises(exfilter.HeadError):
        examine(None, HUB, b"/", [(b"host", b"api.github.com"), (b"host", b"api.github.com")])
    policy = exfilter.PolicyFile.parse("p", 'version = 1\n[hosts]\nallow = ["example.com"]\n')
    assert examine(None, HUB, b"/", [], policy=policy).denied == ("host", "this host may not be reached")
