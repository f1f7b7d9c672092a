//! The policy file: what it says is what is done, and what is wrong in it is told with its place.

use std::time::Duration;

use exfilter::config::Config;
use exfilter::substitute::Trust;
use exfilter::wire::RequestHead;
use exfilter::{
    Action, Authority, Confidence, Engine, Flow, Inspection, Inspector, Limits, Mode, OpaqueReason,
    Quarantine,
};
use exfilter_testing::{Rng, keys};
use proptest::prelude::*;

/// Every field there is.
const FULL: &str = r#"
version = 1
mode = "enforce"
strict_examples = true
foreign = "block"
accounts = "known"

[actions]
low = "allow"
medium = "block"
high = "block"
confirmed = "block"
llm = { low = "report", medium = "report", high = "block", confirmed = "redact" }

[opaque]
encrypted = "report"
corrupt = "allow"
high-entropy = "block"

[hosts]
llm = ["llm.example", "*.llm.example"]
allow = ["*.example", "api.github.com"]
deny = ["evil.example"]
tunnel = ["ssh.example", "evil.example"]

[limits]
findings = 10
opaques = 11
lanes = 12
containers = 13
shapes = 14
ratio = 15
members = 16
ratio_grace = "17 KiB"
output = "18GiB"
window = 19
windows = "20 MiB"
bases = "21 B"

[hold]
stream = "32 KiB"
body = "1 MiB"

[quarantine]
hits = 7
minutes = 2
"#;

fn fault(text: &str) -> (usize, String, String) {
    let error = Config::parse("p.toml", text).unwrap_err();
    assert_eq!(error.file(), "p.toml");
    assert!(error.to_string().starts_with(&format!("p.toml:{}: ", error.line())));
    (error.line(), error.field().to_owned(), error.message().to_owned())
}

#[test]
fn a_file_says_what_is_done() {
    let config = Config::parse("p.toml", FULL).unwrap();
    assert_eq!((config.mode(), config.foreign()), (Mode::Enforce, Action::Block));
    assert_eq!((config.accounts(), config.models().len()), (Trust::Known, 2));
    assert!(config.strict_examples());
    let limits = config.limits();
    assert_eq!((limits.findings, limits.opaques, limits.lanes), (10, 11, 12));
    assert_eq!((limits.containers, limits.shapes, limits.ratio, limits.members), (13, 14, 15, 16));
    assert_eq!((limits.ratio_grace, limits.output, limits.window), (17 << 10, 18 << 30, 19));
    assert_eq!((limits.windows, limits.bases, limits.max_hold), (20 << 20, 21, 32 << 10));
    let quarantine = config.quarantine();
    assert_eq!((quarantine.hits(), quarantine.is_active()), (7, false));
    assert_eq!(quarantine, Quarantine::new(7, Duration::from_secs(120)));
    let policy = config.policy();
    assert_eq!(policy.action_for(Confidence::Low), Action::Allow);
    assert_eq!(policy.opaque_action(OpaqueReason::Encrypted), Action::Report);
    assert_eq!(policy.opaque_action(OpaqueReason::Corrupt), Action::Allow);
    assert_eq!(policy.opaque_action(OpaqueReason::HighEntropy), Action::Block);
    assert_eq!(policy.opaque_action(OpaqueReason::Truncated), Action::Block);
    assert_eq!(config.acts_from(), Some(Confidence::Medium));
    for (host, admitted, tunnels) in [
        ("a.example", true, false),
        ("ssh.example", true, true),
        ("evil.example", false, false),
        ("api.github.com", true, false),
        ("github.com", false, false),
    ] {
        assert_eq!((config.admits(host), config.tunnels_to(host)), (admitted, tunnels), "{host}");
    }
    // What it leaves out is the caller's.
    let mut mine = Limits::default();
    (mine.findings, mine.lanes) = (5, 6);
    let sparse = Config::parse("p.toml", "version = 1\nlimits.lanes = 7").unwrap().limits_over(mine);
    assert_eq!((sparse.findings, sparse.lanes, sparse.max_hold), (5, 7, Limits::default().max_hold));
    let empty = Config::parse("p.toml", "version = 1").unwrap();
    assert_eq!((empty.mode(), empty.foreign()), (Mode::Enforce, Action::Report));
    assert_eq!((empty.accounts(), empty.models().len()), (Trust::First, 0));
    assert_eq!(empty.acts_from(), Some(Confidence::High));
    assert!(empty.admits("any.example") && !empty.tunnels_to("any.example"));
    assert_eq!(Config::parse("p.toml", "version = 1\nmode = \"observe\"").unwrap().acts_from(), None);
}

#[test]
fn an_engine_does_what_the_file_says() {
    let token = keys::github(&mut Rng::new(1), "ghp_");
    let verdict = |text: &str, to: &str, editable: bool| {
        let config = Config::parse("p.toml", &format!("version = 1\n{text}")).unwrap();
        let mut builder = Engine::builder();
        let engine = builder
            .rules(exfilter::rules::builtin())
            .policy(config.policy().clone())
            .limits(config.limits())
            .build()
            .unwrap();
        let flow = Flow::outbound(Authority::parse(to.as_bytes()).unwrap());
        let mut stream = engine.stream(if editable { flow.editable() } else { flow });
        let first = stream.push(&token);
        (first.is_block() || stream.finish().is_block(), !stream.edits().is_empty())
    };
    let to = "https://a.example";
    assert_eq!(verdict("", to, false), (true, false));
    assert_eq!(verdict("mode = \"observe\"", to, false), (false, false));
    assert_eq!(verdict("actions.high = \"report\"", to, false), (false, false));
    assert_eq!(verdict("hosts.llm = [\"a.example\"]", to, true), (false, true));
    assert_eq!(verdict("hosts.llm = [\"a.example\"]\nactions.llm.high = \"block\"", to, true), (true, false));
    assert_eq!(verdict("hosts.llm = []", "https://api.anthropic.com", true), (true, false));
}

#[test]
fn an_inspection_does_what_the_file_says() {
    let token = keys::github(&mut Rng::new(2), "ghp_");
    let engine = Engine::builder().rules(exfilter::rules::builtin()).build().unwrap();
    let passes = |text: &str| {
        let config = Config::parse("p.toml", &format!("version = 1\n{text}")).unwrap();
        let mut inspection = Inspection::new(Authority::parse(b"https://api.github.com").unwrap());
        config.apply(&mut inspection);
        let bearer = [b"Bearer ", &token[..]].concat();
        let head =
            RequestHead::new(b"GET", b"/", [("host", &b"api.github.com"[..]), ("authorization", &bearer)]);
        !Inspector::new(&engine, &inspection, head.unwrap()).unwrap().verdict().is_block()
    };
    assert!(passes("") && passes("foreign = \"report\""));
    assert!(!passes("foreign = \"block\""));
    assert!(passes("foreign = \"block\"\nmode = \"observe\""));
}

#[test]
fn faults_are_told_with_line_field_and_remedy() {
    let known = |text: &str, line, field: &str, part: &str| {
        let (at, name, message) = fault(text);
        assert_eq!((at, name.as_str()), (line, field), "{message}");
        assert!(message.contains(part), "{message}");
    };
    known("", 1, "version", "write version = 1");
    known("# text\nmode = \"observe\"", 1, "version", "is missing");
    known("\nversion = 2", 2, "version", "from 1 to 1");
    known("version = \"1\"", 1, "version", "whole number");
    known("version = 1\nmod = \"observe\"", 2, "mod", "did you mean mode?");
    known("version = 1\n\n[action]\nhigh = \"block\"", 3, "action", "did you mean actions?");
    known("version = 1\n[actions]\nhihg = \"block\"", 3, "actions.hihg", "did you mean high?");
    known(
        "version = 1\n[actions.llm]\nllm = \"block\"",
        3,
        "actions.llm.llm",
        "low, medium, high and confirmed",
    );
    known("version = 1\n[opaque]\ntunel = \"block\"", 3, "opaque.tunel", "did you mean tunnel?");
    known("version = 1\nactions = 3", 2, "actions", "write [actions]");
    known("version = 1\n[actions]\nllm = \"redact\"", 3, "actions.llm", "write [actions.llm]");
    known("version = 1\nmode = \"off\"", 2, "mode", "\"enforce\" or \"observe\"");
    known("version = 1\nmode = 1", 2, "mode", "\"enforce\" or \"observe\"");
    known("version = 1\nforeign = \"redact\"", 2, "foreign", "\"report\" or \"block\"");
    known("version = 1\naccounts = \"own\"", 2, "accounts", "\"first\", \"known\" or \"any\"");
    known("version = 1\nopaque.depth = \"redact\"", 2, "opaque.depth", "\"allow\", \"report\" or \"block\"");
    known("version = 1\nstrict_examples = \"yes\"", 2, "strict_examples", "true or false");
    known("version = 1\n[limits]\nlanes = 0", 3, "limits.lanes", "from 1 to 1024");
    known("version = 1\n[limits]\nlanes = -1", 3, "limits.lanes", "from 1 to 1024");
    known("version = 1\n[limits]\nwindow = \"8 MB\"", 3, "limits.window", "from 0 to 2 GiB");
    known("version = 1\n[limits]\nwindow = \"99999999999 TiB\"", 3, "limits.window", "65536 or \"64 KiB\"");
    known("version = 1\n[hold]\nstream = 0", 3, "hold.stream", "from 1 KiB to 1 GiB");
    known("version = 1\n[quarantine]\nhits = 1001", 3, "quarantine.hits", "from 0 to 1000");
    known("version = 1\n[quarantine]\nminutes = 0", 3, "quarantine.minutes", "from 1 to 10080");
    known("version = 1\n[hosts]\nallow = \"a.example\"", 3, "hosts.allow", "a list of hosts");
    known(
        "version = 1\n[hosts]\ndeny = [\n  \"a.example\",\n  \"https://b\",\n]",
        5,
        "hosts.deny",
        "is no host",
    );
    known("version = 1\n[hosts]\ndeny = [\"a.example\", 3]", 3, "hosts.deny", "a list of hosts");
    known("version = 1\nversion = 1", 2, "", "duplicate key");
    known("version = 1\nmode = ", 2, "", "is no TOML");
    known(&format!("version = 1\n#{}", "x".repeat(300 << 10)), 1, "", "longer than 256 KiB");
}

proptest! {
    /// Whatever is read, it is read or refused, and no fault repeats what stands there.
    #[test]
    fn reading_is_total_and_mute(seed in any::<u64>(), junk in "[ -~\n]{0,60}", at in 0..FULL.len(), how in 0..5) {
        let secret = String::from_utf8(keys::secret(&mut Rng::new(seed))).unwrap();
        let at = (at..).find(|at| FULL.is_char_boundary(*at)).unwrap();
        let (before, behind) = FULL.split_at(at);
        let text = match how {
            0 => format!("{before}{secret}{behind}"),
            1 => format!("{before}\n{secret} = \"{secret}\"\n{behind}"),
            2 => format!("{before}\n[{secret}]\n{behind}"),
            3 => format!("{before}\"{secret}\"{junk}{behind}"),
            _ => format!("{junk}{secret}{junk}"),
        };
        if let Err(error) = Config::parse("p.toml", &text) {
            let shown = format!("{error} {error:?}");
            prop_assert!(!secret.as_bytes().windows(8).any(|part| shown.as_bytes().windows(8).any(|w| w == part)), "{}", shown);
            prop_assert!(error.line() <= 1 + text.matches('\n').count());
        }
    }
}

#[test]
fn in_mode_observe_no_quarantine_begins() {
    let hits = |text: &str| Config::parse("p.toml", text).unwrap().quarantine().hits();
    assert_eq!(hits("version = 1"), Quarantine::HITS);
    assert_eq!(hits("version = 1\n[quarantine]\nminutes = 5"), Quarantine::HITS);
    assert_eq!(hits("version = 1\nmode = \"observe\"\n[quarantine]\nhits = 3"), 0);
}
