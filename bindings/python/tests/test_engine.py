"""Engine, rules, policy, limits: what they take and what they refuse."""

import gc
import subprocess
import sys

import pytest

import exfilter
from exfilter import testing

RULE = """
provider = "Acme"

[[rule]]
id = "acme-key"
opens = "the Acme API"
class = "service"
literals = ["acme_"]
pattern = 'acme_[0-9a-f]{32}'
max_len = 37
confidence = "high"
revoke = "https://acme.example/keys"
source = "https://docs.acme.example/keys"
examples = ["acme_{hex:32}"]
counter_examples = ["acme_{hex:31}"]
"""


def test_the_defaults_are_the_built_in_rules():
    rules = exfilter.Rules.builtin()
    engine = exfilter.Engine()
    assert engine.rules == len(rules) == len(engine.rule_ids) > 100
    assert [rule.id for rule in rules] == engine.rule_ids
    assert "rules" in repr(engine)


def test_rules_are_parsed_joined_and_left_out():
    own = exfilter.Rules.parse(RULE, "acme.toml")
    text = own.examples("acme-key", seed=3)[0]
    engine = exfilter.Engine(rules=exfilter.Rules.builtin() + own)
    assert [finding.rule for finding in engine.scan(text).findings] == ["acme-key"]
    less = (exfilter.Rules.builtin() + own).without(["acme-key"])
    assert exfilter.Engine(rules=less).scan(text).clean()
    with pytest.raises(KeyError):
        own.without(["other"])


def test_a_fault_in_a_rule_file_is_named(tmp_path):
    with pytest.raises(exfilter.RuleError) as error:
        exfilter.Rules.parse(RULE.replace("max_len", "maxlen"), "acme.toml")
    assert (error.value.file, error.value.line, error.value.field) == ("acme.toml", 10, "maxlen")
    path = tmp_path / "acme.toml"
    path.write_text(RULE)
    assert exfilter.load_rules(path).ids == ["acme-key"]
    with pytest.raises(exfilter.BuildError, match="acme-key"):
        exfilter.Engine(rules=exfilter.load_rules(path) + exfilter.load_rules(path))
    with pytest.raises(exfilter.BuildError):
        exfilter.Engine(rules=exfilter.Rules.parse(RULE.replace("acme_[0-9a-f]{32}", "acme_(["), "acme.toml"))


def test_gitleaks_rules_are_imported_and_the_rest_is_named():
    text = """
[[rules]]
id = "acme-key"
description = "A key of the Acme API"
regex = '''\\bacme_[a-f0-9]{32}\\b'''
keywords = ["acme_"]

[[rules]]
id = "forty-digits"
regex = '''\\b[0-9a-f]{40}\\b'''
"""
    rules = exfilter.Rules.from_gitleaks(text)
    assert len(rules) == 1
    assert any("forty-digits" in remark for remark in rules.remarks)


@pytest.mark.parametrize(
    "make",
    [
        lambda: exfilter.Engine(profile="fast"),
        lambda: exfilter.Policy(mode="off"),
        lambda: exfilter.Policy(actions={"sure": "block"}),
        lambda: exfilter.Policy(actions={"high": "drop"}),
        lambda: exfilter.Policy(opaque={"strange": "block"}),
        lambda: exfilter.Policy(llm_hosts=["a/b"]),
        lambda: exfilter.Flow.outbound("api.example.com"),
        lambda: exfilter.Flow.outbound("https://user@example.com"),
        lambda: exfilter.Flow.outbound("https://example.com", slot="nowhere"),
        lambda: exfilter.KnownSecrets(b"short"),
    ],
)
def test_words_and_addresses_that_are_none_raise_one_kind_of_error(make):
    with pytest.raises(exfilter.ParseError) as error:
        make()
    assert isinstance(error.value, ValueError) and isinstance(error.value, exfilter.ExfilterError)


def test_the_policy_decides(engine):
    token = testing.token("github-pat", seed=1).encode()
    flow = exfilter.Flow.outbound("https://api.example.com")
    assert isinstance(engine.scan(token, flow).verdict, exfilter.Block)
    observing = exfilter.Engine(policy=exfilter.Policy(mode="observe"))
    assert isinstance(observing.scan(token, flow).verdict, exfilter.Forward)
    mild = exfilter.Engine(policy=exfilter.Policy(actions={"high": "report"}))
    assert isinstance(mild.scan(token, flow).verdict, exfilter.Forward)
    assert mild.scan(token, flow).findings[0].action == "report"
    broken = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + bytes(range(256))
    assert isinstance(engine.scan(broken, exfilter.Flow.outbound(content_encoding="gzip")).verdict, exfilter.Block)
    lax = exfilter.Engine(policy=exfilter.Policy(opaque={"corrupt": "report", "truncated": "report"}))
    scan = lax.scan(broken, exfilter.Flow.outbound(content_encoding="gzip"))
    assert isinstance(scan.verdict, exfilter.Forward)
    assert not scan.complete and scan.coverage.opaque and not scan.clean()


def test_limits_are_what_they_are_set_to():
    limits = exfilter.Limits(findings=2, max_hold=1 << 10)
    assert (limits.findings, limits.max_hold, limits.containers) == (2, 1 << 10, exfilter.Limits().containers)
    engine = exfilter.Engine(limits=limits)
    many = b" ".join(testing.token("npm-access-token", seed=n).encode() for n in range(5))
    scan = engine.scan(many)
    assert len(scan.findings) == 2
    assert scan.suppressed == {"npm-access-token": 3}
    assert not scan.clean("confirmed")
    with pytest.raises(OverflowError):
        exfilter.Limits(containers=1000)
    with pytest.raises(TypeError):
        exfilter.Limits(speed=1)


def test_findings_say_where_and_what(engine):
    token = testing.token("github-pat", seed=2).encode()
    scan = engine.scan(b"first line\n  key = " + token + b"\n")
    (finding,) = scan.findings
    assert (finding.rule, finding.secret, finding.start, finding.end) == ("github-pat", None, 19, 59)
    assert (finding.line, finding.column, finding.preview, finding.path) == (2, 9, "ghp_", "")
    assert (finding.confidence, finding.proof, finding.action) == ("high", "verified", "report")
    assert finding.counts("medium") and not finding.counts("confirmed")
    assert "GitHub" in finding.opens and finding.revoke
    assert token.decode() not in repr(finding) + repr(scan) + repr(scan.verdict)


def test_values_of_the_front_outlive_their_engine():
    engine = exfilter.Engine()
    token = testing.token("github-pat", seed=2).encode()
    scan = engine.scan(token, exfilter.Flow.outbound())
    del engine
    gc.collect()
    assert scan.findings[0].rule == "github-pat"
    assert "github-pat" in scan.verdict.operator_text


def test_the_import_is_quick_and_small():
    # The ratio to an import of the standard library, so that a busy machine does not matter.
    code = (
        "import time\n"
        "a = time.perf_counter(); import email.mime.multipart, http.client, unittest.mock; b = time.perf_counter()\n"
        "import exfilter; c = time.perf_counter()\n"
        "import sys; print((c - b) / (b - a), 'httpx' in sys.modules, 'asyncio.events' in sys.modules and 0)"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() for _ in range(3)]
    assert min(float(run[0]) for run in runs) < 2
    assert runs[0][1] == "False"


def test_a_flow_that_is_kept_whole_leaves_at_its_end(engine):
    token = testing.token("github-pat", seed=3).encode()
    text = b"some text\n" * 20_000
    stream = engine.stream(exfilter.Flow.outbound(whole=True))
    for at in range(0, len(text), 60_000):
        assert stream.push(text[at : at + 60_000]) == exfilter.Forward(0)
    assert stream.finish() == exfilter.Forward(len(text))
    stream = engine.stream(exfilter.Flow.outbound(whole=True))
    assert isinstance(stream.push(b"key = " + token + b"\n" + text), exfilter.Block)
