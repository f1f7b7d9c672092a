"""Placeholders: made, exchanged, and told apart from what others bring."""

import pytest

import exfilter
from exfilter import testing
from exfilter._http import Guard

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


def test_a_request_gets_the_real_values_in_their_slots_alone(substitutes):
    guard = Guard(exfilter.default_engine(), substitutes=substitutes)
    ((_, text),) = substitutes.placeholders
    placeholder, real = text.encode(), REAL.encode()
    to = "https://api.github.com"
    headers = [(b"Authorization", b"Bearer " + placeholder), (b"cookie", b"a=b; c=" + placeholder), (b"x-a", b"1"), (b"x-a", b"2")]
    target = b"/x/" + placeholder + b"/y?key=" + placeholder + b"&key=%20&z"
    assert guard.head(b"GET", to, target, headers) is None
    path, fields = guard.inject(to, target, headers)
    assert path == b"/x/" + real + b"/y?key=" + real + b"&key=%20&z"
    assert fields == [(b"Authorization", b"Bearer " + real), (b"cookie", b"a=b; c=" + real), (b"x-a", b"1"), (b"x-a", b"2")]
    for elsewhere in ("https://api.github.org", "http://api.github.com", None):
        assert guard.inject(elsewhere, target, headers) is None
        assert guard.head(b"GET", elsewhere, target, headers) is not None
    assert guard.inject(to, b"/", [(b"x-b", placeholder)]) is None
    assert guard.head(b"GET", to, b"/", [(b"x-b", placeholder)]).where == "header x-b"


def test_what_is_not_ours_is_refused_where_ours_is_put(substitutes):
    guard = Guard(exfilter.default_engine(), substitutes=substitutes)
    to = "https://api.github.com"
    for target, headers in (
        (b"/", [(b"authorization", b"Bearer other")]),
        (b"/", [(b"authorization", b"Bearer " + testing.token("github-pat", seed=42).encode())]),
        (b"/?key=other", []),
        (b"/", [(b"cookie", b"c=other")]),
    ):
        refusal = guard.head(b"GET", to, target, headers)
        assert refusal.block.kind == "foreign" and "other" not in refusal.block.operator_text
        assert refusal.block.subject_text == f"blocked by policy, reference {refusal.block.reference}"
        assert guard.head(b"GET", "https://example.com", target, headers if target != b"/" or b"ghp_" not in headers[0][1] else []) is None
        assert Guard(exfilter.Engine(policy=exfilter.Policy(mode="observe")), substitutes=substitutes, observe=True).head(b"GET", to, target, headers) is None
    assert guard.head(b"GET", to, b"/a/b?key=", [(b"authorization", b""), (b"cookie", b"d=1")]) is None
