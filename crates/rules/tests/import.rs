//! Tests of the import of other programs' rule files. Every file here is made up.

use exfilter_engine::{Boundary, Engine, Event, Flow, Kind, Lead};
use exfilter_rules::{
    Import, ImportOptions, RemarkKind, RuleEntry, builtin, builtin_entries, import, parse, to_toml,
};
use exfilter_testing::Rng;

/// A file of one rule with this regular expression.
fn one(regex: &str, more: &str) -> Import {
    let text = format!("[[rules]]\nid = \"acme-key\"\nregex = '''{regex}'''\n{more}\n");
    import("other.toml", &text, &ImportOptions::default()).expect("the file has rules")
}

/// Why the only rule is not imported.
fn reason(regex: &str) -> String {
    let import = one(regex, "");
    assert_eq!(import.counts(), (0, 0, 1), "{regex}");
    assert!(import.rules.is_empty());
    let lost = import.remarks.iter().find(|remark| remark.kind == RemarkKind::Lost);
    lost.expect("what is lost is named").message.clone()
}

fn changes(import: &Import) -> Vec<String> {
    let changed = import.remarks.iter().filter(|remark| remark.kind == RemarkKind::Changed);
    changed.map(|remark| format!("{}: {}", remark.field, remark.message)).collect()
}

/// What the engine finds in a text, each with the bytes of the match.
fn found<'a>(import: &Import, text: &'a str) -> Vec<&'a str> {
    let rules = import.rules.iter().map(|imported| imported.rule.clone());
    let engine = Engine::builder().rules(rules).eager(true).build().expect("what is imported builds");
    let mut stream = engine.stream(Flow::at_rest());
    for part in text.as_bytes().chunks(7) {
        let _ = stream.push(part);
    }
    let _ = stream.finish();
    let mut found = Vec::new();
    while let Some(event) = stream.poll_event() {
        if let Event::Finding(finding) = event {
            assert!(matches!(finding.kind(), Kind::Rule(_)));
            let range = finding.outer();
            found.push(&text[range.start as usize..range.end as usize]);
        }
    }
    found
}

fn hex(seed: u64, n: usize) -> String {
    String::from_utf8(Rng::new(seed).text(b"0123456789abcdef", n)).expect("digits are text")
}

#[test]
fn context_in_front_is_dropped_and_the_rule_begins_at_its_keyword() {
    let import = one(
        r#"(?i)[\w.-]{0,50}?(?:acme)(?:[ \t\w.-]{0,20})[\s'"]{0,3}(?:=|:)[\s"]{0,5}([a-f0-9]{32})(?:[\s";]|$)"#,
        "",
    );
    let rule = &import.rules[0].rule;
    assert_eq!((rule.literals.as_slice(), rule.ignore_case), (&["acme".to_string()][..], true));
    assert_eq!((rule.left, rule.right, &rule.lead), (Boundary::None, Boundary::None, &None));
    assert!(rule.pattern.starts_with("(?i:acme)") && rule.pattern.contains("(?P<value>[0-9A-Fa-f]{32})"));
    assert!(import.remarks.is_empty(), "{:?}", import.remarks);
    let key = hex(1, 32);
    for (before, after) in [("my.Acme_key = ", ";"), ("ACME: \"", "\""), ("acme=", "")] {
        assert_eq!(found(&import, &format!("x {before}{key}{after}")).len(), 1, "{before}");
    }
    for (before, after) in [("acne = ", ";"), ("acme = ", ")"), ("acme = a", ";")] {
        assert!(found(&import, &format!("x {before}{key}{after}")).is_empty(), "{before}{after}");
    }
}

#[test]
fn edges_become_boundaries_where_they_are_that() {
    let edges = |regex: &str| {
        let import = one(regex, "");
        let rule = import.rules[0].rule.clone();
        (rule.left, rule.pattern, rule.right)
    };
    let word = Boundary::Word;
    assert_eq!(edges(r"\bacme_[a-f0-9]{32}\b"), (word, "acme_[0-9a-f]{32}".into(), word));
    assert_eq!(edges(r"acme_[a-f0-9]{32}"), (Boundary::None, "acme_[0-9a-f]{32}".into(), Boundary::None));
    let dashed = (word, "acme_[0-9a-f]{32}".into(), Boundary::Dashed);
    assert_eq!(edges(r"\b(acme_[a-f0-9]{32})(?:[^\w-]|\z)"), dashed);
    assert_eq!(edges(r"(?:^|[^\w])(acme_[a-f0-9]{32})(?:[^\w-]|$)").0, Boundary::Word);
    assert_eq!(
        edges(r"\b(acme_[a-f0-9]{32})(?:[\s;]|\\[nr]|$)"),
        (word, r"(?P<value>acme_[0-9a-f]{32})(?:[\t-\r ;]|\\[nr]|\z)".into(), Boundary::None)
    );
}

#[test]
fn characters_in_front_of_the_fixed_text_become_a_lead() {
    let import = one(r"\b([a-z]{3}\dQ~[a-z0-9]{30})\b", "");
    let rule = &import.rules[0].rule;
    assert_eq!(rule.lead, Some(Lead { class: "a-z".into(), min: 3, max: 3 }));
    assert_eq!((rule.literals.len(), rule.literals[0].as_str()), (10, "0Q~"));
    assert_eq!(found(&import, &format!("k abc7Q~{} ", hex(2, 30))).len(), 1);
    assert_eq!(found(&import, &format!("k bc7Q~{} ", hex(2, 30))).len(), 0);
}

#[test]
fn repetitions_get_an_end_and_matches_that_may_be_anything_end_early() {
    let import = one(r"acme_[a-z0-9]{20,}", "");
    assert_eq!(import.rules[0].rule.pattern, "acme_[0-9a-z]{20,532}");
    assert!(changes(&import)[0].contains("end 512 after their least"));
    let import = one(r"-----BEGIN ACME [A-Z ]{0,20}KEY-----[\s\S]{64,}?-----END", "");
    let rule = &import.rules[0].rule;
    assert_eq!(rule.pattern, "-----BEGIN ACME [ A-Z]{0,20}KEY-----");
    assert!(rule.open_ended && changes(&import)[0].contains("ends with its beginning"));
}

#[test]
fn alternatives_of_different_shape_become_rules() {
    let import = one(r"(?i)[\w.]{0,9}?acme=([a-f0-9]{32})\b|\b(acmetok_[a-f0-9]{32})\b", "");
    let ids: Vec<&str> = import.rules.iter().map(|imported| imported.rule.id.as_str()).collect();
    assert_eq!(ids, ["imported-acme-key", "imported-acme-key-2"]);
    assert_eq!(import.counts(), (1, 0, 0));
    let import = one(r"\b(acmetok_[a-f0-9]{32}|[a-f0-9]{40})\b", "");
    assert_eq!((import.counts(), import.rules.len()), ((0, 1, 0), 1));
    let partly = import.remarks.iter().find(|remark| remark.kind == RemarkKind::Partly).unwrap();
    assert!(partly.message.starts_with("alternative 2: begins with no fixed text"), "{partly}");
}

#[test]
fn the_group_is_the_value() {
    let pattern = |regex: &str, more: &str| one(regex, more).rules[0].rule.pattern.clone();
    assert_eq!(pattern("acme=(a|b)=([0-9]{20})", "secretGroup = 2"), "acme=[ab]=(?P<value>[0-9]{20})");
    assert_eq!(pattern("acme=(a|b)=([0-9]{20})", ""), "acme=(?P<value>[ab])=[0-9]{20}");
    assert_eq!(pattern("(acme=([0-9]{20}))", ""), "acme=[0-9]{20}");
    let several = one("acme=(?:a([0-9]{20})|b([a-f]{20}))", "");
    assert!(changes(&several)[0].contains("several groups"));
}

#[test]
fn fields_are_mapped_or_named() {
    let import = one(
        "acme_[0-9a-f]{32}",
        "entropy = 3\nkeywords = ['acme_', 'other']\ntags = ['a']\npath = 'x'\nfancy = 1\n\
         [rules.allowlist]\nregexes = ['y']\n[[rules.required]]\nid = 'z'",
    );
    let rule = &import.rules[0].rule;
    assert_eq!(
        (rule.min_entropy, rule.opens.as_str(), rule.provider.as_str()),
        (Some(3.0), "acme-key", "Imported")
    );
    let mut fields: Vec<&str> = import.remarks.iter().map(|remark| remark.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["allowlist", "fancy", "path", "required", "tags"]);
    let apart = one("acme_[0-9a-f]{32}", "keywords = ['other']\nentropy = 9.5");
    assert_eq!(changes(&apart).len(), 2);
    let text = "colour = 'red'\n[extend]\nuseDefault = true\n[allowlist]\npaths = []\n[[rules]]\nregex = 'acme_[0-9]{20}'\n";
    let import = import_of(text);
    assert_eq!(import.rules[0].rule.id, "imported-rule-1");
    assert_eq!(changes(&import).len(), 4);
}

fn import_of(text: &str) -> Import {
    import("other.toml", text, &ImportOptions::default()).expect("the file has rules")
}

#[test]
fn what_cannot_be_expressed_is_named_with_the_reason() {
    for (regex, why) in [
        (r"[0-9a-f]{40}", "begins with no fixed text"),
        (r"acme_(?=x)[0-9]{20}", "look-around"),
        (r"acme_([0-9])\1", "backreferences"),
        (r"acme_\pL{20}", "Unicode"),
        (r"(?u)acme_\w{20}", "Unicode"),
        (r"acme_[0-9]{20}$", "at the end of a file"),
        (r"^acme_[0-9]{20}", "at the beginning of a file"),
        (r"acme_(?:^[0-9]{20}|x)", "^ or $ in its middle"),
        (r"acme_([0-9]{20}", "column"),
        (r"acme_[a-z]{3000}", "3005 bytes"),
        (r"acme_[a-c]{10,200}b[a-c]{10,200}b[a-c]{10,200}ca[a-c]{10,200}z", "automaton is over"),
    ] {
        let reason = reason(regex);
        assert!(reason.contains(why), "{regex}: {reason}");
    }
    let odd = import_of(
        "[[rules]]\nid = 'a'\nregex = 5\n[[rules]]\nid = 'b'\nskipReport = true\nregex = 'acme_[0-9]{20}'\n[[rules]]\nid = 'c'\nsecretGroup = 3\nregex = 'acme_([0-9]{20})'\n",
    );
    assert_eq!(odd.counts(), (0, 0, 3));
    let named: Vec<(&str, &str, usize)> =
        odd.remarks.iter().map(|remark| (remark.rule.as_str(), remark.field.as_str(), remark.line)).collect();
    assert_eq!(named, [("a", "regex", 1), ("b", "skipReport", 4), ("c", "regex", 8)]);
}

#[test]
fn braces_that_are_no_repetition_stand_for_themselves() {
    assert_eq!(found(&one(r"acme\$\{{[a-z]{20}}}", ""), "acme${{abcdefghijklmnopqrst}}").len(), 1);
}

#[test]
fn ids_are_of_our_form_and_unique() {
    let text =
        "[[rules]]\nid = 'A b'\nregex = 'acme_[0-9]{20}'\n[[rules]]\nid = 'a_b'\nregex = 'acme-[0-9]{20}'\n";
    let ids: Vec<String> = import_of(text).rules.iter().map(|imported| imported.rule.id.clone()).collect();
    assert_eq!(ids, ["imported-a-b", "imported-a-b-2"]);
}

#[test]
fn what_is_written_is_read_back() {
    let rules = builtin();
    for (provider, own) in rules.iter().fold(std::collections::BTreeMap::new(), |mut all, rule| {
        all.entry(rule.provider.clone()).or_insert_with(Vec::new).push(rule.clone());
        all
    }) {
        let read = parse("again.toml", &to_toml(&provider, &own)).unwrap();
        assert!(read.iter().map(|entry| &entry.rule).eq(&own), "{provider}");
    }
}

/// The built-in patterns written as another program has them come back as rules that find what the originals find.
#[test]
fn our_own_patterns_come_back() {
    let mut compared = 0;
    // A rule of a name begins with more ways to write it than another program has, and a word boundary in front of it means something else.
    let plain = |entry: &&RuleEntry| entry.rule.lead.is_none() && !entry.rule.ignore_case;
    for entry in builtin_entries().iter().filter(plain) {
        let regex = format!(r#"\b(?:{})(?:[\s"]|$)"#, entry.rule.pattern);
        let import = one(&regex, "");
        if import.rules.is_empty() {
            continue;
        }
        let original = original(&regex).unwrap();
        for template in entry.examples.iter().chain(&entry.counter_examples) {
            let text = exfilter_rules::example::expand(template, entry.rule.checksum, 3).unwrap();
            let Ok(text) = String::from_utf8(text) else { continue };
            let padded = format!(" {text} ");
            if original.is_match(padded.as_bytes()) {
                assert!(!found(&import, &padded).is_empty(), "{}: {template}", entry.rule.id);
                compared += 1;
            }
        }
    }
    assert!(compared > 60, "{compared}");
}

/// A regular expression as its author means it, but for bytes.
fn original(regex: &str) -> Option<regex_automata::meta::Regex> {
    let syntax = regex_automata::util::syntax::Config::new().unicode(false).utf8(false);
    regex_automata::meta::Regex::builder().syntax(syntax).build(regex).ok()
}

/// What stands for any regular expression: pieces put together from a seed.
fn regex(rng: &mut Rng) -> String {
    const PIECES: [&str; 28] = [
        r"\b",
        "(?i)",
        "acme",
        "_",
        "(?:ab|c)",
        "[a-f0-9]{8}",
        r"[\w.-]{0,9}?",
        "([a-z]{4})",
        "x+",
        "y*",
        "[^\\s]{2,}",
        "(?:^|[\\s\"])",
        "(?:[\\s;]|$)",
        "|",
        ".",
        "$",
        "^",
        r"\d{3}",
        "(?:",
        ")",
        "(",
        "k=",
        "z{2,3}?",
        "(?i:Key)",
        "-",
        r"\z",
        "\u{e9}",
        "{",
    ];
    (0..1 + rng.below(7)).map(|_| PIECES[rng.below(PIECES.len())]).collect()
}

/// Whatever the regular expression: the rule is imported or named; what is imported is written, read back and built, and the whole-buffer
/// matcher of the original finds something wherever an imported rule that was not changed does.
#[test]
fn any_regular_expression_is_imported_or_named() {
    let cases: u64 = std::env::var("EXFILTER_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    let mut imported = 0;
    for case in 0..cases {
        let mut rng = Rng::new(case);
        let regex = regex(&mut rng);
        let import = one(&regex, "");
        let (whole, partly, lost) = import.counts();
        assert_eq!(whole + partly + lost, 1, "case {case}: {regex}");
        assert_eq!(import.rules.is_empty(), lost == 1, "case {case}: {regex}");
        let read =
            parse("again.toml", &import.to_toml()).unwrap_or_else(|e| panic!("case {case}: {regex}: {e}"));
        assert!(
            read.iter().map(|entry| &entry.rule).eq(import.rules.iter().map(|i| &i.rule)),
            "case {case}: {regex}"
        );
        let rules = read.into_iter().map(|entry| entry.rule);
        if let Err(error) = Engine::builder().rules(rules).eager(true).build() {
            panic!("case {case}: {regex}: {error}");
        }
        imported += whole + partly;
        let Some(original) = original(&regex) else { continue };
        let text: String = (0..12)
            .map(|_| {
                *rng.pick(&["acme", "_", "ab", "k=", "key", " ", "x", "zz", "0123", "abcd", ";", "-", "\n"])
            })
            .collect();
        if whole == 1 && import.remarks.is_empty() && !regex.contains("(?:^|") {
            let ours = !found(&import, &text).is_empty();
            assert_eq!(ours, original.is_match(text.as_bytes()), "case {case}: {regex} in {text:?}");
        }
    }
    assert!(imported > cases as usize / 8, "{imported} of {cases} are imported");
}

/// A file as Kingfisher writes it, and one as Nosey Parker does. Both are made up.
const KINGFISHER: &str = r#"
rules:
  - name: Acme API key
    id: kingfisher.acme.1
    pattern: |
      (?xi)
      \\b
      acme
      (?:.|[\\n\\r]){0,16}?
      \\b
      (
        [A-Z0-9]{32}
      )
      \\b
    min_entropy: 3.0
    confidence: high
    pattern_requirements:
      min_digits: 2
      checksum:
        actual:
          template: x
        expected: y
    examples:
      - "ACME_KEY=@KEY@"
      - "nothing of the kind"
    validation:
      type: Http
  - name: Half of a pair
    id: kingfisher.acme.2
    visible: false
    pattern: "acme_id_[0-9]{12}"
  - name: Digits
    id: kingfisher.digits
    pattern: '[0-9]{40}'
"#;

#[test]
fn yaml_of_kingfisher() {
    let text = KINGFISHER.replace("\\\\", "\\").replace("@KEY@", &hex(3, 32).to_uppercase());
    let import = import("rules.yml", &text, &ImportOptions::default()).unwrap();
    assert_eq!(import.counts(), (1, 0, 2), "{:#?}", import.remarks);
    let imported = &import.rules[0];
    assert_eq!((imported.from.as_str(), imported.line), ("kingfisher.acme.1", 3));
    assert_eq!(imported.rule.id, "imported-kingfisher-acme-1");
    assert_eq!((imported.rule.opens.as_str(), imported.rule.min_entropy), ("Acme API key", Some(3.0)));
    assert_eq!(imported.rule.literals, ["acme"]);
    let told: Vec<String> = import.remarks.iter().map(|remark| remark.to_string()).collect();
    for what in [
        "rules.yml:16: kingfisher.acme.1: changed: confidence: is read as medium",
        "rules.yml:18: kingfisher.acme.1: changed: pattern_requirements.min_digits: ",
        "kingfisher.acme.1: changed: pattern_requirements.checksum: it is not verified",
        "kingfisher.acme.1: changed: examples: is not found as the rule is now, in 1 of them",
        "kingfisher.acme.1: changed: validation: nothing is asked over the network",
        "rules.yml:28: kingfisher.acme.2: not imported: visible: ",
        "kingfisher.digits: not imported: pattern: begins with no fixed text",
    ] {
        assert!(told.iter().any(|remark| remark.contains(what)), "{what}: {told:#?}");
    }
    assert_eq!(found(&import, &format!("acme_key = '{}'", hex(4, 32))).len(), 1);
}

#[test]
fn yaml_of_nosey_parker() {
    let text = format!(
        "rules:\n- name: Acme Token\n  id: np.acme.1\n  pattern: |\n    (?x)\n    \\b\n    ( acmetok_[a-z0-9]{{24}} )\n    \\b\n  categories: [api, secret]\n  references:\n  - https://acme.example\n  examples:\n  - 'k = acmetok_{}'\n  negative_examples:\n  - 'acmetok_'\nrulesets: []\n",
        hex(5, 24)
    );
    let import = import("np.YAML", &text, &ImportOptions::default()).unwrap();
    assert_eq!((import.counts(), import.remarks.len()), ((1, 0, 0), 1), "{:#?}", import.remarks);
    assert_eq!(import.remarks[0].field, "rulesets");
    assert_eq!(found(&import, &format!("k = acmetok_{}", hex(6, 24))).len(), 1);
}

/// Two rules of one name on one line are two.
#[test]
fn rules_are_counted_by_themselves() {
    let import = import(
        "flow.yml",
        "rules: [{id: a, pattern: '[0-9]{40}'}, {id: a, pattern: '[0-9]{40}'}]",
        &ImportOptions::default(),
    );
    assert_eq!(import.expect("it has rules").counts(), (0, 0, 2));
}

#[test]
fn yaml_that_is_none_says_where() {
    for (text, line, says) in [
        ("rules: 1", 1, "is no list"),
        ("a: 1\n", 1, "there are none"),
        ("rules:\n- a: [\n", 3, "is no YAML"),
        ("x: &a 1\nrules:\n- *a\n", 3, "has an alias"),
        ("rules:\n- ? [a]\n  : b\n", 2, "key that is no text"),
        ("", 1, "ends too soon"),
        ("- a\n", 1, "there are none"),
    ] {
        let error = import("bad.yml", text, &ImportOptions::default()).unwrap_err();
        assert!(error.message().contains(says), "{text:?}: {error}");
        assert_eq!(error.line(), line, "{text:?}: {error}");
    }
    let deep = format!("rules:\n{}", "- ".repeat(80) + "a");
    assert!(import("bad.yml", &deep, &ImportOptions::default()).unwrap_err().message().contains("too deep"));
}

/// No text makes the reader panic, and the work is bounded.
#[test]
fn any_yaml_ends() {
    let mut rng = Rng::new(9);
    for _ in 0..3000 {
        let n = rng.below(60);
        let text = rng.text(b"rules:- {}[]&*!|>'\"#,?\n\n  abc\\%@`", n);
        let text = format!("rules:\n- id: {}", String::from_utf8_lossy(&text));
        let _ = import("x.yml", &text, &ImportOptions::default());
    }
}

/// Work that grows with the square of a regular expression's length, or of the number of rules of one name, has an end.
#[test]
fn long_and_equal_ones_end() {
    let text = format!("[[rules]]\nid = 'long'\nregex = '{}'\n", "{".repeat(4_000_000));
    let import = import("x.toml", &text, &ImportOptions::default()).unwrap();
    assert_eq!(import.counts(), (0, 0, 1));
    assert!(import.remarks[0].message.contains("over 16384 bytes"), "{:?}", import.remarks[0].message);

    let rule = |id: &str| format!("[[rules]]\nid = '{id}'\nregex = 'acme_[0-9a-f]{{8}}'\n");
    let text = [rule("a-2"), rule("a"), rule("a"), rule("a"), rule("a-2"), rule("A")].concat();
    let import = exfilter_rules::import("x.toml", &text, &ImportOptions::default()).unwrap();
    let ids: Vec<&str> = import.rules.iter().map(|imported| imported.rule.id.as_str()).collect();
    assert_eq!(
        ids,
        ["imported-a-2", "imported-a", "imported-a-3", "imported-a-4", "imported-a-2-2", "imported-a-5"]
    );
}
