//! [`check`]: whether rules hold what they promise.

use std::collections::HashMap;
use std::fmt;

use exfilter_engine::{KeyClass, Lead, Rule};
use regex_automata::dfa::dense;
use regex_automata::nfa::thompson;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Capture, Class, ClassBytes, ClassBytesRange, Hir, HirKind, Look, Repetition};

use crate::example::expand;
use crate::format::{LITERAL_LEN, RuleEntry};
use crate::oracle::{Compiled, Oracle, class_of, dense_config, syntax};

/// The least length of a match, in bytes: what is shorter is no key.
const MIN_LEN: usize = 12;

/// The largest automaton of one pattern, in bytes: the engine owns all of them for as long as it lives.
pub(crate) const MAX_AUTOMATON: usize = 1 << 20;

/// How many texts are made of each template.
const SEEDS: u64 = 6;

/// What is wrong with a rule, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleProblem {
    rule: String,
    file: String,
    line: usize,
    field: &'static str,
    message: String,
}

impl RuleProblem {
    /// The rule's id.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The name under which the rule's text was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line of the field, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The field.
    pub fn field(&self) -> &str {
        self.field
    }

    /// What is wrong and what to write instead.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}: {}", self.file, self.line, self.rule, self.field, self.message)
    }
}

impl std::error::Error for RuleProblem {}

/// Checks rules, one by one and together. An empty answer means:
///
/// - Ids are unique. Every rule says how to revoke the credential and where its form is described, and one of class admin what gives less.
/// - Every pattern compiles without Unicode and look-around (but for `$`, the end of the stream), is bounded by the rule's `max_len`, matches at least 12
///   bytes, and has an automaton of at most 1 MiB.
/// - It is *proved* that every match of a pattern begins with one of the rule's literals, and that every
///   literal begins some match.
/// - Every example, expanded from several seeds, is found by its rule, and one verifies if the rule has a checksum; no
///   counter-example is found.
/// - No text in the files looks like a key to any of the rules.
pub fn check(entries: &[RuleEntry]) -> Vec<RuleProblem> {
    let mut problems = Vec::new();
    let mut ids = HashMap::new();
    for entry in entries {
        if let Some(other) = ids.insert(entry.rule.id.as_str(), entry) {
            let message = format!("is also the id of {}:{}; write another", other.file, other.line("id"));
            problems.push(problem(entry, "id", message));
        }
    }
    let sound: Vec<&RuleEntry> = entries
        .iter()
        .filter(|entry| {
            let before = problems.len();
            check_rule(entry, &mut problems);
            problems.len() == before
        })
        .collect();
    for entry in &sound {
        check_examples(entry, &mut problems);
    }
    check_texts(&sound, &mut problems);
    problems
}

fn problem(entry: &RuleEntry, field: &'static str, message: impl Into<String>) -> RuleProblem {
    RuleProblem {
        rule: entry.rule.id.clone(),
        file: entry.file.clone(),
        line: entry.line(field),
        field,
        message: message.into(),
    }
}

/// The fields of a rule, its examples left out.
fn check_rule(entry: &RuleEntry, problems: &mut Vec<RuleProblem>) {
    let rule = &entry.rule;
    let mut report = |field, message: String| problems.push(problem(entry, field, message));
    for (field, text) in [("revoke", &rule.revoke), ("source", &rule.source)] {
        if text.trim().is_empty() {
            report(field, "is empty; write an address or a sentence".into());
        }
    }
    if rule.class == KeyClass::Admin && rule.instead.trim().is_empty() {
        report("instead", "is empty; write what gives less than this key and would do for most tasks".into());
    }
    if !rule.source.starts_with("https://") {
        report("source", "is no address; write the https address of the page that describes the form".into());
    }
    if entry.examples.is_empty() {
        report("examples", "is empty; write a template of a key, as in \"acme_{hex:32}\"".into());
    }
    if entry.counter_examples.is_empty() {
        report("counter_examples", "is empty; write a template that comes close and is none".into());
    }
    if rule.literals.is_empty() || rule.literals.iter().any(|literal| !LITERAL_LEN.contains(&literal.len())) {
        report(
            "literals",
            "has none, or one not of 2 to 32 bytes; write the fixed beginnings of the pattern".into(),
        );
    }
    if rule.max_len > Rule::MAX_LEN {
        report("max_len", format!("is over {}; match the beginning of a longer kind", Rule::MAX_LEN));
    }
    let lead = match &rule.lead {
        None => (0, 0),
        Some(lead) => {
            if let Err(message) = check_lead(lead) {
                report("lead", message);
                return;
            }
            (usize::from(lead.min), usize::from(lead.max))
        }
    };
    match parse_pattern(&rule.pattern) {
        Err(message) => report("pattern", message),
        Ok(hir) => check_pattern(rule, &hir, lead, &mut report),
    }
}

fn check_lead(lead: &Lead) -> Result<(), String> {
    let class = class_of(&lead.class)
        .ok_or("has no valid class; write what stands between brackets, as in A-Za-z0-9_-")?;
    let token = |b: u8| b.is_ascii_alphanumeric() || b"_.+/=%~\\-".contains(&b);
    if !(0..=255u8).all(|b| !class[usize::from(b)] || token(b)) {
        return Err(r"has characters that are in no token; keep to A-Za-z0-9_.+/=%~\-".into());
    }
    if lead.min > lead.max || lead.max > Lead::MAX {
        return Err(format!("has min over max, or max over {}", Lead::MAX));
    }
    Ok(())
}

fn parse_pattern(pattern: &str) -> Result<Hir, String> {
    ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).map_err(|error| {
        let (what, column) = match &error {
            regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span().start.column),
            regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.span().start.column),
            _ => ("not a regular expression".into(), 1),
        };
        format!("{what}, at column {column} of the pattern; patterns are regular expressions without Unicode")
    })
}

fn check_pattern(
    rule: &Rule,
    hir: &Hir,
    lead: (usize, usize),
    report: &mut impl FnMut(&'static str, String),
) {
    let properties = hir.properties();
    if !properties.look_set().remove(Look::End).is_empty() {
        report("pattern", "looks around; leave out ^ (?m)$ \\b and say it with `left` and `right`".into());
    }
    if has_unicode(hir) {
        report("pattern", "switches Unicode on; leave out (?u) and write bytes".into());
    }
    let Some(longest) = properties.maximum_len() else {
        report("pattern", "has no upper bound; write {20,200} instead of {20,}, * or +".into());
        return;
    };
    if longest + lead.1 > rule.max_len as usize {
        report(
            "max_len",
            format!("is too small; write {}, the longest match with its lead", longest + lead.1),
        );
        // Its automaton may be of any size.
        return;
    }
    let shortest = properties.minimum_len().unwrap_or(0) + lead.0;
    if shortest < MIN_LEN {
        report("pattern", format!("can match {shortest} bytes; make the shortest match {MIN_LEN} at least"));
    }
    if let Err(message) = prove_literals(rule, hir) {
        report("literals", message);
    }
    let automaton = dense::Builder::new()
        .configure(
            dense_config()
                .dfa_size_limit(Some(MAX_AUTOMATON))
                .determinize_size_limit(Some(4 * MAX_AUTOMATON)),
        )
        .thompson(thompson::Config::new().nfa_size_limit(Some(4 * MAX_AUTOMATON)))
        .syntax(syntax())
        .build(&rule.pattern);
    if automaton.is_err() {
        report(
            "pattern",
            format!(
                "has an automaton over {MAX_AUTOMATON} bytes; shorten its counts, or match the head of the value only"
            ),
        );
    }
}

pub(crate) fn has_unicode(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Unicode(_)) => true,
        HirKind::Repetition(repetition) => has_unicode(&repetition.sub),
        HirKind::Capture(capture) => has_unicode(&capture.sub),
        HirKind::Concat(subs) | HirKind::Alternation(subs) => subs.iter().any(has_unicode),
        _ => false,
    }
}

/// Proves that every match begins with a literal, and that every literal begins a match.
///
/// The extractor gives a set of texts one of which begins every match. If each of them begins with a literal, so
/// does every match. Where case is ignored, the proof is made for the pattern and the literals folded to lower
/// case: folding the language of a pattern gives the language of the folded pattern.
pub(crate) fn prove_literals(rule: &Rule, hir: &Hir) -> Result<(), String> {
    let fold = |text: &[u8]| if rule.ignore_case { text.to_ascii_lowercase() } else { text.to_vec() };
    let hir = if rule.ignore_case { folded(hir) } else { hir.clone() };
    let literals: Vec<Vec<u8>> = rule.literals.iter().map(|literal| fold(literal.as_bytes())).collect();
    let longest = literals.iter().map(Vec::len).max().unwrap_or(0);
    let mut extractor = Extractor::new();
    extractor.kind(ExtractKind::Prefix).limit_class(16).limit_literal_len(longest + 8).limit_total(4096);
    let prefixes = extractor.extract(&hir);
    let Some(prefixes) = prefixes.literals() else {
        return Err(
            "cannot be proved: the pattern has no fixed beginnings; begin it with the literals".into()
        );
    };
    for prefix in prefixes {
        if !literals.iter().any(|literal| prefix.as_bytes().starts_with(literal)) {
            return Err(format!(
                "are not all: a match can begin with `{}`; add its beginning, or begin the pattern with the literals",
                prefix.as_bytes().escape_ascii()
            ));
        }
    }
    for literal in &literals {
        let begins = |prefix: &[u8]| prefix.starts_with(literal) || literal.starts_with(prefix);
        if !prefixes.iter().any(|prefix| begins(prefix.as_bytes())) {
            return Err(format!(
                "has `{}`, with which no match begins; leave it out",
                literal.escape_ascii()
            ));
        }
    }
    Ok(())
}

/// The pattern of the lower-cased texts.
pub(crate) fn folded(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => hir.clone(),
        HirKind::Literal(literal) => Hir::literal(literal.0.to_ascii_lowercase()),
        HirKind::Class(Class::Bytes(class)) => {
            let bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            let ranges = bytes.map(|b| ClassBytesRange::new(b.to_ascii_lowercase(), b.to_ascii_lowercase()));
            Hir::class(Class::Bytes(ClassBytes::new(ranges)))
        }
        HirKind::Class(Class::Unicode(_)) => hir.clone(),
        HirKind::Repetition(repetition) => Hir::repetition(Repetition {
            min: repetition.min,
            max: repetition.max,
            greedy: repetition.greedy,
            sub: Box::new(folded(&repetition.sub)),
        }),
        HirKind::Capture(capture) => Hir::capture(Capture {
            index: capture.index,
            name: capture.name.clone(),
            sub: Box::new(folded(&capture.sub)),
        }),
        HirKind::Concat(subs) => Hir::concat(subs.iter().map(folded).collect()),
        HirKind::Alternation(subs) => Hir::alternation(subs.iter().map(folded).collect()),
    }
}

/// Examples hit, counter-examples do not.
fn check_examples(entry: &RuleEntry, problems: &mut Vec<RuleProblem>) {
    let compiled = Compiled::new(&entry.rule);
    let mut verified = entry.rule.checksum.is_none();
    for (field, templates, wanted) in
        [("examples", &entry.examples, true), ("counter_examples", &entry.counter_examples, false)]
    {
        for template in templates {
            let fault = (0..SEEDS).find_map(|seed| {
                let text = match expand(template, entry.rule.checksum, seed) {
                    Ok(text) => text,
                    Err(error) => return Some(format!("`{template}`: {error}")),
                };
                let mut found = Vec::new();
                compiled.find_all(0, &text, &mut found);
                verified |= found.iter().any(|found| found.verified);
                match (wanted, found.first()) {
                    (true, None) => Some(format!("`{template}` is not found; change it or the pattern")),
                    (true, Some(first)) if template.contains("{checksum:") && !first.verified => {
                        Some(format!("`{template}` does not verify; put {{checksum:N}} at its place"))
                    }
                    (false, Some(_)) => {
                        Some(format!("`{template}` is found; narrow the pattern or its boundaries"))
                    }
                    _ => None,
                }
            });
            if let Some(message) = fault {
                problems.push(problem(entry, field, message));
            }
        }
    }
    if !verified {
        problems.push(problem(
            entry,
            "examples",
            "verify in none; write one with {checksum:N}, or leave out `checksum`",
        ));
    }
}

/// No text of a rule looks like a key to any rule.
fn check_texts(entries: &[&RuleEntry], problems: &mut Vec<RuleProblem>) {
    let rules: Vec<Rule> = entries.iter().map(|entry| entry.rule.clone()).collect();
    let oracle = Oracle::new(&rules);
    for entry in entries {
        let rule = &entry.rule;
        let texts = [
            ("pattern", std::slice::from_ref(&rule.pattern)),
            ("revoke", std::slice::from_ref(&rule.revoke)),
            ("instead", std::slice::from_ref(&rule.instead)),
            ("source", std::slice::from_ref(&rule.source)),
            ("examples", entry.examples.as_slice()),
            ("counter_examples", entry.counter_examples.as_slice()),
        ];
        for (field, texts) in texts {
            for found in texts.iter().flat_map(|text| oracle.find_all(text.as_bytes())) {
                let message = format!(
                    "looks like a key to {}; write a template with placeholders",
                    rules[found.rule].id
                );
                problems.push(problem(entry, field, message));
            }
        }
    }
}
