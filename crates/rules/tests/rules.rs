//! Tests of the rule format, of its checker and of the built-in pack.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{self, RefUnwindSafe, UnwindSafe};
use std::path::{Path, PathBuf};
use std::thread;

use exfilter_engine::{Checksum, Confidence, Engine, Event, Flow, Kind, Rule};
use exfilter_rules::example::{TemplateError, expand};
use exfilter_rules::oracle::{Oracle, OracleMatch, find_all};
use exfilter_rules::{
    RuleEntry, RuleError, RuleProblem, builtin, builtin_entries, builtin_files, check, more, more_entries,
    more_files, page, parse, parse_sound, schema,
};

/// How many texts are made of each template.
const SEEDS: u64 = 24;

const GOOD: &str = r#"provider = "Acme"

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
"#;

/// The built-in rules, and the further ones.
fn all_entries() -> Vec<RuleEntry> {
    let mut all = builtin_entries();
    all.extend(more_entries());
    all
}

#[test]
fn builtin_pack_parses() {
    for (name, text) in builtin_files().iter().chain(more_files()) {
        if let Err(error) = parse(name, text) {
            panic!("{error}");
        }
    }
    assert_eq!(builtin().len() + more().len(), all_entries().len());
}

#[test]
fn builtin_pack_is_sound() {
    let problems: Vec<String> = check(&all_entries()).iter().map(RuleProblem::to_string).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn examples_are_found_wherever_they_stand() {
    let places = [
        ("", ""),
        ("=", ""),
        (": ", "\n"),
        ("{\"k\":\"", "\"}"),
        ("'", "'"),
        ("`", "`"),
        ("?key=", "&x=1"),
        ("a=1&key=", "&x=1"),
        (r"\n", r"\n"),
        (r#"{\"k\":\""#, r#"\"}"#),
        (r"\u000a", r"\u000a"),
        ("%3D", "%26"),
        ("%3d", "%26"),
        ("=3D", ""),
        ("\n", "\r\n"),
        ("<b>", "</b>"),
        ("(", ")"),
        ("[", ", "),
    ];
    for entry in all_entries() {
        let oracle = Oracle::new(std::slice::from_ref(&entry.rule));
        for template in &entry.examples {
            for seed in 0..SEEDS {
                let text = expand(template, entry.rule.checksum, seed).unwrap();
                let bare = oracle.find_all(&text);
                let id = &entry.rule.id;
                assert!(!bare.is_empty(), "{id}: {template} from seed {seed} is not found bare");
                for (before, after) in places {
                    let placed = [before.as_bytes(), &text, after.as_bytes()].concat();
                    let found = oracle.find_all(&placed);
                    let same = |a: &OracleMatch, b: &OracleMatch| {
                        placed[a.value_start..a.value_end].starts_with(&text[b.value_start..b.value_end])
                            && a.verified == b.verified
                    };
                    assert!(
                        bare.iter().all(|b| found.iter().any(|a| same(a, b))),
                        "{id}: {template} from seed {seed} is not found between {before:?} and {after:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn verified_keys_need_no_boundary() {
    for entry in all_entries() {
        let fixed = Checksum::ALL
            .into_iter()
            .any(|checksum| entry.rule.checksum == Some(checksum) && checksum.ends_token());
        let one_length = !entry.rule.pattern.contains(',') && !entry.rule.pattern.contains('|');
        if !fixed || !one_length {
            continue;
        }
        let sealed = |template: &&String| template.contains("{checksum:") || template.contains("{spelled:");
        let template = entry.examples.iter().find(sealed).unwrap();
        let text = expand(template, entry.rule.checksum, 5).unwrap();
        let glued = [b"x7", &text[..], b"x7"].concat();
        let found = find_all(std::slice::from_ref(&entry.rule), &glued);
        assert_eq!(found.len(), 1, "{}", entry.rule.id);
        assert_eq!((found[0].start, found[0].end), (2, 2 + text.len()), "{}", entry.rule.id);
    }
}

#[test]
fn every_checksum_is_used_and_verified() {
    let entries = all_entries();
    for checksum in Checksum::ALL {
        let users: Vec<&RuleEntry> =
            entries.iter().filter(|entry| entry.rule.checksum == Some(checksum)).collect();
        assert!(!users.is_empty(), "no rule uses {}", checksum.as_str());
        for entry in users {
            let verified = entry.examples.iter().any(|template| {
                let text = expand(template, entry.rule.checksum, 3).unwrap();
                find_all(std::slice::from_ref(&entry.rule), &text).iter().any(|found| found.verified)
            });
            assert!(verified, "no example of {} verifies", entry.rule.id);
        }
    }
}

/// Matches that are a long run of token characters go through the fast gate; the other literals are to stay few.
#[test]
fn literals_outside_the_gate_are_few() {
    // The further rules, which are read when they are asked for, have more.
    for (entries, most) in [(builtin_entries(), 8), (all_entries(), 56)] {
        let slow = slow_literals(&entries);
        assert!(slow.len() <= most, "{slow:?}");
    }
}

fn slow_literals(entries: &[RuleEntry]) -> BTreeSet<String> {
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"_.+/=%~\\-".contains(b);
    let mut slow = BTreeSet::new();
    for entry in entries {
        for template in &entry.examples {
            for seed in 0..4 {
                let text =
                    expand(template, entry.rule.checksum, seed).expect("the pack's templates are some");
                for literal in &entry.rule.literals {
                    let places = (0..text.len()).filter(|at| {
                        text[*at..]
                            .get(..literal.len())
                            .is_some_and(|t| t.eq_ignore_ascii_case(literal.as_bytes()))
                    });
                    for at in places {
                        if text[at..].iter().take_while(|b| token(b)).count() < 10 {
                            slow.insert(literal.clone());
                        }
                    }
                }
            }
        }
    }
    slow
}

#[test]
fn no_key_stands_in_the_sources() {
    let rules = [builtin(), more()].concat();
    let oracle = Oracle::new(&rules);
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "rules", "../../rules"] {
        sources(&here.join(folder), &mut files);
    }
    files.extend(
        ["build.rs", "../engine/src/checksum.rs"]
            .map(|file| here.join(file))
            .into_iter()
            .filter(|f| f.is_file()),
    );
    assert!(files.len() > 10);
    for file in files {
        let text = fs::read(&file).unwrap();
        if let Some(found) = oracle.find_all(&text).first() {
            let line = 1 + text[..found.start].iter().filter(|b| **b == b'\n').count();
            panic!("{}:{line} looks like a key to {}", file.display(), rules[found.rule].id);
        }
    }
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "toml") {
            files.push(path);
        }
    }
}

#[test]
fn the_builtin_pack_knows_documented_examples() {
    // Assembled so that no key-shaped text stands here.
    for (id, parts) in [
        ("aws-access-key-id", ["AKIA", "IOSFODNN7EXAMPLE"]),
        ("aws-secret-access-key", ["wJalrXUtnFEMI/K7MDENG/", "bPxRfiCYEXAMPLEKEY"]),
        ("stripe-test-key", ["sk_test_", "4eC39HqLyjWDarjtT1zdp7dc"]),
    ] {
        let rule = builtin().into_iter().find(|rule| rule.id == id).unwrap();
        assert!(rule.documented.contains(&Rule::example_digest(None, parts.concat().as_bytes())), "{id}");
    }
}

/// What is generated from the pack stands in the tree as it would be generated now.
#[test]
fn generated_files_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let (builtin, more) = (builtin_entries(), more_entries());
    let packs = [("Built in", &builtin[..]), ("Read with `--more-rules`", &more[..])];
    for (file, now, command) in [("README.md", page(&packs), "page"), ("schema.json", schema(), "schema")] {
        let Ok(then) = fs::read_to_string(folder.join(file)) else { continue };
        assert!(then == now, "rules/{file} is out of date: cargo run -- rules {command} -o rules/{file}");
    }
}

#[test]
fn a_faulty_rule_takes_no_other_with_it() {
    let second = GOOD.split_once("\n\n").unwrap().1.replace("acme-key", "acme-token");
    let bad = second.replace("acme-token", "acme-bad").replace("max_len", "maxlen");
    let broken = second.replace("acme-token", "acme-broken").replace("= 37", "= ");
    let text = format!("{GOOD}\n{bad}\n{broken}\n{second}");
    let (entries, faults) = parse_sound("acme.toml", &text);
    let ids: Vec<&str> = entries.iter().map(|entry| entry.rule.id.as_str()).collect();
    assert_eq!(ids, ["acme-key", "acme-token"]);
    // The text that is no TOML is seen first.
    assert_eq!(faults.iter().map(RuleError::line).collect::<Vec<_>>(), [35, 22]);
    assert_eq!(entries[1].line("id"), 43);
    let (entries, faults) = parse_sound("acme.toml", &GOOD.replace("provider", "prov"));
    assert_eq!((entries.len(), faults.len()), (0, 1));
    let (entries, faults) = parse_sound("acme.toml", "a = ");
    assert_eq!((entries.len(), faults.len()), (0, 1));
}

/// A file with one thing changed, and what has to be said about it.
struct Fault {
    from: &'static str,
    to: &'static str,
    line: usize,
    field: &'static str,
    says: &'static str,
}

#[test]
fn faults_of_the_format_name_line_field_and_remedy() {
    let faults = [
        Fault { from: "max_len", to: "maxlen", line: 9, field: "maxlen", says: "expected one of" },
        Fault { from: "max_len = 37\n", to: "", line: 3, field: "max_len", says: "every rule has it" },
        Fault { from: "= 37", to: "= \"37\"", line: 9, field: "max_len", says: "expected" },
        Fault { from: "= 37", to: "= 4096", line: 9, field: "max_len", says: "at most 2048" },
        Fault { from: "\"service\"", to: "\"root\"", line: 6, field: "class", says: "admin, user, service" },
        Fault {
            from: "\"high\"",
            to: "\"confirmed\"",
            line: 10,
            field: "confidence",
            says: "low, medium, high",
        },
        Fault { from: "\"acme-key\"", to: "\"Acme Key\"", line: 4, field: "id", says: "lower-case" },
        Fault { from: "[\"acme_\"]", to: "[\"a\"]", line: 7, field: "literals", says: "2 to 32 bytes" },
        Fault { from: "[\"acme_\"]", to: "[]", line: 7, field: "literals", says: "at least one" },
        Fault { from: "[\"acme_\"]", to: "7", line: 7, field: "literals", says: "expected" },
        Fault { from: "max_len", to: "left = \"line\"\nmax_len", line: 9, field: "left", says: "none, word" },
        Fault {
            from: "max_len",
            to: "checksum = \"md5\"\nmax_len",
            line: 9,
            field: "checksum",
            says: "crc32-base62",
        },
        Fault {
            from: "max_len",
            to: "min_entropy = 9.0\nmax_len",
            line: 9,
            field: "min_entropy",
            says: "0.0 to 8.0",
        },
        Fault {
            from: "max_len",
            to: "veto = [\"words\"]\nmax_len",
            line: 9,
            field: "veto",
            says: "low and medium",
        },
        Fault {
            from: "max_len = 37\nconfidence = \"high\"",
            to: "veto = [\"names\"]\nmax_len = 37\nconfidence = \"low\"",
            line: 9,
            field: "veto",
            says: "uuid, digest",
        },
        Fault {
            from: "max_len",
            to: "documented = [\"ab\"]\nmax_len",
            line: 9,
            field: "documented",
            says: "BLAKE3",
        },
        Fault { from: "max_len", to: "hosts = [\"*\"]\nmax_len", line: 9, field: "hosts", says: "*.suffix" },
        Fault {
            from: "max_len",
            to: "slots = [\"head:x\"]\nmax_len",
            line: 9,
            field: "slots",
            says: "header:NAME",
        },
        Fault {
            from: "max_len",
            to: "lead = { class = \"a-z\", min = 4, max = 200 }\nmax_len",
            line: 9,
            field: "lead",
            says: "max <= 96",
        },
        Fault { from: "[[rule]]", to: "[[rule]", line: 3, field: "", says: "" },
    ];
    assert!(parse("acme.toml", GOOD).is_ok());
    for fault in faults {
        let error = parse("acme.toml", &GOOD.replacen(fault.from, fault.to, 1)).unwrap_err();
        assert_eq!(
            (error.file(), error.line(), error.field()),
            ("acme.toml", fault.line, fault.field),
            "{error}"
        );
        assert!(error.message().contains(fault.says), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn faults_of_rules_name_line_field_and_remedy() {
    let faults = [
        Fault { from: "{32}'", to: "{32,}'", line: 8, field: "pattern", says: "upper bound" },
        Fault { from: "{32}'", to: "{32'", line: 8, field: "pattern", says: "column" },
        Fault { from: "{32}'", to: "{32}\\b'", line: 8, field: "pattern", says: "`left` and `right`" },
        Fault {
            from: "'acme_[0-9a-f]{32}'",
            to: "'acme_(?u:\\w){20}'",
            line: 8,
            field: "pattern",
            says: "Unicode",
        },
        Fault { from: "{32}'", to: "{4}'", line: 8, field: "pattern", says: "12 at least" },
        Fault { from: "= 37", to: "= 36", line: 9, field: "max_len", says: "write 37" },
        Fault { from: "'acme_", to: "'acm[ei]_", line: 7, field: "literals", says: "acmi_" },
        Fault { from: "'acme_", to: "'[a-z]{4}_", line: 7, field: "literals", says: "begin" },
        Fault {
            from: "[\"acme_\"]",
            to: "[\"acme_\", \"acmf_\"]",
            line: 7,
            field: "literals",
            says: "leave it out",
        },
        Fault {
            from: "max_len = 37",
            to: "max_len = 47\nlead = { class = \"a-z \", min = 4, max = 10 }",
            line: 10,
            field: "lead",
            says: "keep to",
        },
        Fault {
            from: "max_len = 37",
            to: "max_len = 47\nlead = { class = \"z-a\", min = 4, max = 10 }",
            line: 10,
            field: "lead",
            says: "between brackets",
        },
        Fault { from: "acme_{hex:32}", to: "acme_{hex:30}", line: 13, field: "examples", says: "not found" },
        Fault {
            from: "acme_{hex:32}",
            to: "acme_{hexx:32}",
            line: 13,
            field: "examples",
            says: "placeholder",
        },
        Fault {
            from: "[\"acme_{hex:32}\"]",
            to: "[]",
            line: 13,
            field: "examples",
            says: "write a template",
        },
        Fault {
            from: "acme_{hex:31}",
            to: "x acme_{hex:32}",
            line: 14,
            field: "counter_examples",
            says: "is found",
        },
        Fault {
            from: "[\"acme_{hex:31}\"]",
            to: "[]",
            line: 14,
            field: "counter_examples",
            says: "comes close",
        },
        Fault {
            from: "https://docs.acme.example/keys",
            to: "a friend",
            line: 12,
            field: "source",
            says: "https",
        },
        Fault { from: "\"service\"", to: "\"admin\"", line: 3, field: "instead", says: "gives less" },
        Fault {
            from: "https://acme.example/keys",
            to: "",
            line: 11,
            field: "revoke",
            says: "write an address",
        },
        Fault {
            from: "acme_{hex:32}",
            to: "acme_0123456789abcdef0123456789abcdef",
            line: 13,
            field: "examples",
            says: "placeholders",
        },
    ];
    assert_eq!(check(&parse("acme.toml", GOOD).unwrap()), []);
    for fault in faults {
        let text = GOOD.replacen(fault.from, fault.to, 1);
        assert_ne!(text, GOOD, "{}", fault.from);
        let problems = check(&parse("acme.toml", &text).unwrap());
        let told = problems.iter().any(|problem| {
            (problem.rule(), problem.file(), problem.line(), problem.field())
                == ("acme-key", "acme.toml", fault.line, fault.field)
                && problem.message().contains(fault.says)
        });
        assert!(told, "{}: {problems:#?}", fault.to);
    }
}

#[test]
fn a_large_automaton_is_refused() {
    let text = GOOD.replace("[0-9a-f]{32}", "[a-z]{0,200}a[a-z]{14}").replace("= 37", "= 220");
    let problems = check(&parse("acme.toml", &text).unwrap());
    assert!(problems.iter().any(|problem| problem.message().contains("automaton")), "{problems:#?}");
}

#[test]
fn ids_are_unique_across_files() {
    let mut entries = parse("a.toml", GOOD).unwrap();
    entries.extend(parse("b.toml", GOOD).unwrap());
    let problems = check(&entries);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert_eq!((problems[0].file(), problems[0].line(), problems[0].field()), ("b.toml", 4, "id"));
    assert!(problems[0].message().contains("a.toml:4"));
}

#[test]
fn literals_without_case_are_proved() {
    let text = GOOD
        .replace("'acme_[0-9a-f]{32}'", "'(?i:acme_key|acme-key)=[0-9a-f]{32}'")
        .replace("= 37", "= 41")
        .replace("[\"acme_\"]", "[\"acme_key\", \"ACME-KEY\"]\nignore_case = true")
        .replace("acme_{hex:32}", "AcMe_KeY={hex:32}");
    assert_eq!(check(&parse("acme.toml", &text).unwrap()), []);
    let unproved = text.replace("\"ACME-KEY\"", "\"acme_keys\"");
    assert!(!check(&parse("acme.toml", &unproved).unwrap()).is_empty());
}

#[test]
fn templates() {
    let text = |template: &str| String::from_utf8(expand(template, None, 9).unwrap()).unwrap();
    assert_eq!(text(r#"{"a":{"b":[1]}} ${HOME} {"#), r#"{"a":{"b":[1]}} ${HOME} {"#);
    assert_eq!(text("{b64:{\"a\":1}}|{b64url:{\"a\":1}}|{b64:abc}"), "eyJhIjoxfQ==|eyJhIjoxfQ|YWJj");
    assert_eq!(text("{chars:x:3}-{chars:a:b:0}"), "xxx-");
    assert_eq!(text("{uuid}").len(), 36);
    assert_ne!(expand("{alnum:40}", None, 1), expand("{alnum:40}", None, 2));
    for bad in
        ["{alnum}", "{alnum:}", "{alnum:9999999}", "{nothing:3}", "{alnum:3", "{chars::3}", "x_{checksum:6}"]
    {
        assert!(expand(bad, None, 1).is_err(), "{bad}");
    }
    assert!(expand("x_{checksum:6}{alnum:9}", Some(Checksum::Crc32Base62), 1).is_err());
    let token = expand("key = {token:x_{alnum:9}{checksum:6}};", Some(Checksum::Crc32Base62), 1).unwrap();
    assert!(Checksum::Crc32Base62.verify(&token[6..23]));
    assert!(expand("{token:{checksum:6}} {token:x_{alnum:9}}", Some(Checksum::Crc32Base62), 1).is_err());
    assert!(Checksum::Bip39.verify(&expand("{spelled::20}", Some(Checksum::Bip39), 1).unwrap()));
    let wif = expand("{spelled:80:32:01}", Some(Checksum::Base58Check), 1).unwrap();
    assert!(matches!(wif[0], b'K' | b'L') && wif.len() == 52);
    assert!(expand("{spelled::20}", None, 1).is_err());
    assert!(expand("{spelled:8:20}", Some(Checksum::Base58Check), 1).is_err());
}

#[test]
fn public_types_cross_threads() {
    fn everywhere<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    everywhere::<RuleEntry>();
    everywhere::<RuleError>();
    everywhere::<RuleProblem>();
    everywhere::<TemplateError>();
    everywhere::<Oracle>();
    everywhere::<OracleMatch>();
}

/// Half of a key is none: what a rule takes for one in half of its own examples is reported, not blocked.
#[test]
fn half_of_no_example_blocks() {
    let but = [
        // A macaroon, a password and a symmetric key may have any length.
        "fly-token",
        "git-credential",
        "jwk-symmetric-key",
        // Half of an RSA key's exponent gives the key away.
        "jwk-rsa-private-key",
    ];
    let entries = all_entries();
    let rules: Vec<Rule> = entries.iter().map(|entry| entry.rule.clone()).collect();
    let engine = Engine::builder().rules(rules).build().unwrap();
    let whole = entries.iter().filter(|entry| !but.contains(&entry.rule.id.as_str())).collect::<Vec<_>>();
    let blocked = thread::scope(|scope| {
        let (engine, (one, other)) = (&engine, whole.split_at(whole.len() / 2));
        let halves = [one, other].map(|some| scope.spawn(move || blocked_halves(engine, some)));
        halves.map(|half| half.join().unwrap_or_else(|panic| panic::resume_unwind(panic))).concat()
    });
    assert!(blocked.is_empty(), "{blocked:#?}");
}

/// In which halves of these examples something blocks, and by which rule.
fn blocked_halves(engine: &Engine, entries: &[&RuleEntry]) -> Vec<String> {
    let mut blocked = BTreeSet::new();
    for entry in entries {
        for template in &entry.examples {
            for seed in 0..4 {
                let text = expand(template, entry.rule.checksum, seed).expect("the template is sound");
                let found = find_all(std::slice::from_ref(&entry.rule), &text);
                let Some(found) = found.first() else { continue };
                let middle = found.value_start + (found.value_end - found.value_start) / 2;
                let half = [&text[..middle], &text[found.value_end..]].concat();
                let mut scanner = engine.scanner(Flow::outbound_unknown());
                let _ = scanner.scan(&half, &mut |event| {
                    if let Event::Finding(finding) = event
                        && finding.confidence() >= Confidence::High
                        // What stands in the half as a whole, as the id of a key does in a signed request, is found with reason.
                        && finding.outer().end + 4 > middle as u64
                        && let Kind::Rule(id) = finding.kind()
                    {
                        blocked.insert(format!("{} by {}: {template}", entry.rule.id, engine.rule(id).id));
                    }
                });
            }
        }
    }
    blocked.into_iter().collect()
}

/// Every digest of a public value is of a rule that there is, and is listed once.
#[test]
fn public_values_belong_to_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let text = fs::read_to_string(folder.join("public.txt")).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let unique: BTreeSet<&str> = lines.iter().copied().collect();
    assert_eq!((lines.len(), lines.len() > 400), (unique.len(), true));
    let rules: Vec<Rule> = all_entries().into_iter().map(|entry| entry.rule).collect();
    let listed = |rule: &Rule| lines.iter().filter(|line| line.starts_with(&format!("{} ", rule.id))).count();
    assert_eq!(rules.iter().map(listed).sum::<usize>(), lines.len());
    assert!(rules.iter().all(|rule| rule.documented.len() >= listed(rule)));
}
