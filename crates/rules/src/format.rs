//! The TOML format: [`parse`].

use std::ops::{Range, RangeInclusive};

use exfilter_engine::{Boundary, Checksum, Confidence, HostPattern, KeyClass, Lead, Rule, Slot, Veto};
use serde::Deserialize;
use toml::Spanned;

use crate::builtin::digest_of;
use crate::error::RuleError;
use crate::named::Named;

/// The lengths of literals that the engine's automaton takes, in bytes.
pub(crate) const LITERAL_LEN: RangeInclusive<usize> = 2..=32;

/// A rule with what its file says about testing it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuleEntry {
    /// The rule.
    pub rule: Rule,
    /// Templates of texts in which the rule finds something; see [`example`](crate::example).
    pub examples: Vec<String>,
    /// Templates of texts in which it finds nothing.
    pub counter_examples: Vec<String>,
    /// The name under which the text was given.
    pub file: String,
    /// Line of the `[[rule]]`, then of the fields that a checker speaks of.
    lines: Vec<(&'static str, usize)>,
}

impl RuleEntry {
    /// The line of a field, or of the rule's beginning where the rule does not have it.
    pub fn line(&self, field: &str) -> usize {
        let of = |name| self.lines.iter().find(|(field, _)| *field == name).map(|(_, line)| *line);
        of(field).or_else(|| of("")).unwrap_or(1)
    }
}

/// Reads the rules of one file. `name` is what errors call it; nothing is read from disk.
///
/// Patterns are not compiled here: [`check`](crate::check()) and the engine's builder do that.
///
/// # Errors
///
/// The first fault, with its line, its field and what to write instead. Unknown fields are faults.
///
/// # Examples
///
/// ```
/// let text = r#"
/// provider = "Acme"
///
/// [[rule]]
/// id = "acme-key"
/// opens = "the Acme API"
/// class = "service"
/// literals = ["acme_"]
/// pattern = 'acme_[0-9a-f]{32}'
/// max_len = 37
/// confidence = "high"
/// revoke = "https://acme.example/keys"
/// source = "https://docs.acme.example/keys"
/// examples = ["acme_{hex:32}"]
/// counter_examples = ["acme_{hex:31}"]
/// "#;
/// let rules = exfilter_rules::parse("acme.toml", text)?;
/// assert_eq!(rules[0].rule.id, "acme-key");
///
/// let error = exfilter_rules::parse("acme.toml", &text.replace("max_len", "maxlen")).unwrap_err();
/// assert_eq!((error.line(), error.field()), (10, "maxlen"));
/// # Ok::<(), exfilter_rules::RuleError>(())
/// ```
pub fn parse(name: &str, text: &str) -> Result<Vec<RuleEntry>, RuleError> {
    let reader = Reader { name, text };
    let file: FileText = toml::from_str(text).map_err(|error| reader.not_toml(&error))?;
    file.rule.into_iter().map(|rule| reader.entry(&file.provider, rule)).collect()
}

/// The most faulty rules of one file that [`parse_sound`] passes over.
const FAULTY: usize = 200;

/// Reads the rules of one file that can be read, and says of each other one what is wrong.
///
/// A fault within a `[[rule]]` takes that rule away and no other. What is wrong outside of rules is an error of the whole file: then there are no rules.
///
/// # Examples
///
/// ```
/// let text = exfilter_rules::builtin_files()[0].1;
/// let (rules, faults) = exfilter_rules::parse_sound("pack.toml", &text.replacen("max_len", "maxlen", 1));
/// assert_eq!((faults.len(), faults[0].field()), (1, "maxlen"));
/// assert_eq!(rules.len() + 1, exfilter_rules::parse("pack.toml", text)?.len());
/// # Ok::<(), exfilter_rules::RuleError>(())
/// ```
pub fn parse_sound(name: &str, text: &str) -> (Vec<RuleEntry>, Vec<RuleError>) {
    let mut text = text.to_string();
    let mut faults = Vec::new();
    loop {
        let fault = match parse(name, &text) {
            Ok(entries) => return (entries, faults),
            Err(fault) => fault,
        };
        let blank = blank_rule(&text, fault.line());
        faults.push(fault);
        match blank {
            Some(rest) if faults.len() < FAULTY => text = rest,
            _ => return (Vec::new(), faults),
        }
    }
}

/// The text without the rule in which a line stands; lines keep their numbers. `None` for a line in front of all rules.
fn blank_rule(text: &str, line: usize) -> Option<String> {
    let begins = |text: &str| text.trim_start().starts_with("[[rule]]");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let first = (0..lines.len().min(line)).rev().find(|at| begins(lines[*at]))?;
    let next = (first + 1..lines.len()).find(|at| begins(lines[*at])).unwrap_or(lines.len());
    let blank = |at: usize| (first..next).contains(&at);
    Some(lines.iter().enumerate().map(|(at, line)| if blank(at) { "\n" } else { line }).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    provider: String,
    #[serde(default)]
    rule: Vec<Spanned<RuleText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    id: Spanned<String>,
    opens: String,
    class: Spanned<String>,
    literals: Option<Spanned<Vec<String>>>,
    named: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    ignore_case: bool,
    #[serde(default)]
    open_ended: bool,
    #[serde(default)]
    self_issued: bool,
    lead: Option<Spanned<LeadText>>,
    pattern: Spanned<String>,
    left: Option<Spanned<String>>,
    right: Option<Spanned<String>>,
    max_len: Option<Spanned<u32>>,
    whole_len: Option<Spanned<u32>>,
    checksum: Option<Spanned<String>>,
    min_entropy: Option<Spanned<f32>>,
    #[serde(default)]
    veto: Vec<Spanned<String>>,
    confidence: Spanned<String>,
    #[serde(default)]
    documented: Vec<Spanned<String>>,
    #[serde(default)]
    hosts: Vec<Spanned<String>>,
    #[serde(default)]
    slots: Vec<Spanned<String>>,
    revoke: Spanned<String>,
    #[serde(default)]
    instead: String,
    source: Spanned<String>,
    examples: Spanned<Vec<String>>,
    counter_examples: Spanned<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeadText {
    class: String,
    min: u16,
    max: u16,
}

pub(crate) const CLASSES: &[(&str, KeyClass)] = &[
    ("admin", KeyClass::Admin),
    ("user", KeyClass::User),
    ("service", KeyClass::Service),
    ("test", KeyClass::Test),
    ("publishable", KeyClass::Publishable),
];

pub(crate) const BOUNDARIES: &[(&str, Boundary)] = &[
    ("none", Boundary::None),
    ("word", Boundary::Word),
    ("dashed", Boundary::Dashed),
    ("base64", Boundary::Base64),
];

/// *Confirmed* is missing on purpose: only an enrolled secret is.
pub(crate) const CONFIDENCES: &[(&str, Confidence)] =
    &[("low", Confidence::Low), ("medium", Confidence::Medium), ("high", Confidence::High)];

/// How the matches of a rule begin.
struct Start {
    literals: Vec<String>,
    pattern: String,
    max_len: u32,
    /// Whether the file has the words of a name in place of literals.
    named: bool,
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn entry(&self, provider: &str, spanned: Spanned<RuleText>) -> Result<RuleEntry, RuleError> {
        let mut lines = vec![("", self.line(spanned.span()))];
        let text = spanned.into_inner();
        lines.extend([
            ("id", self.line(text.id.span())),
            ("pattern", self.line(text.pattern.span())),
            ("revoke", self.line(text.revoke.span())),
            ("source", self.line(text.source.span())),
            ("examples", self.line(text.examples.span())),
            ("counter_examples", self.line(text.counter_examples.span())),
        ]);
        let spans = [
            ("literals", text.literals.as_ref().or(text.named.as_ref()).map(Spanned::span)),
            ("max_len", text.max_len.as_ref().map(Spanned::span)),
        ];
        lines.extend(spans.into_iter().filter_map(|(field, span)| Some((field, self.line(span?)))));
        let id = text.id.as_ref();
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(self.at(
                text.id.span(),
                "id",
                "write lower-case letters, digits and dashes, as in acme-api-key",
            ));
        }
        let start = self.start(lines[0].1, text.literals, text.named, &text.pattern, text.max_len)?;
        let max_len = start.max_len;
        if let Some(entropy) = &text.min_entropy
            && !(0.0..=8.0).contains(entropy.as_ref())
        {
            return Err(self.at(entropy.span(), "min_entropy", "write bits per character, from 0.0 to 8.0"));
        }

        let mut rule = Rule::new(id, "", &start.pattern);
        rule.literals = start.literals;
        rule.provider = provider.into();
        rule.opens = text.opens;
        rule.class = self.word("class", &text.class, CLASSES)?;
        rule.ignore_case = text.ignore_case || start.named;
        if start.named {
            rule.left = Boundary::None;
        }
        rule.open_ended = text.open_ended;
        rule.self_issued = text.self_issued;
        rule.lead = text.lead.map(|lead| self.lead(lead, &mut lines)).transpose()?;
        for (field, text, boundary) in
            [("left", &text.left, &mut rule.left), ("right", &text.right, &mut rule.right)]
        {
            if let Some(text) = text {
                *boundary = self.word(field, text, BOUNDARIES)?;
            }
        }
        rule.max_len = max_len;
        if let Some(whole) = text.whole_len {
            if *whole.as_ref() > max_len {
                return Err(self.at(
                    whole.span(),
                    "whole_len",
                    "is over max_len; write how long the shortest whole value is",
                ));
            }
            rule.whole_len = whole.into_inner();
        }
        rule.checksum = text.checksum.map(|name| self.checksum(&name)).transpose()?;
        rule.min_entropy = text.min_entropy.map(Spanned::into_inner);
        rule.confidence = self.word("confidence", &text.confidence, CONFIDENCES)?;
        let vetoes = Veto::ALL.map(|veto| (veto.as_str(), veto));
        for veto in &text.veto {
            if rule.confidence == Confidence::High {
                return Err(self.at(
                    veto.span(),
                    "veto",
                    "is for rules of low and medium confidence; leave it out",
                ));
            }
            rule.vetoes.push(self.word("veto", veto, &vetoes)?);
        }
        rule.documented =
            text.documented.iter().map(|digest| self.digest(digest)).collect::<Result<_, _>>()?;
        for host in &text.hosts {
            HostPattern::parse(host.as_ref().as_bytes()).map_err(|error| {
                self.at(host.span(), "hosts", format!("{error}; write a host or *.suffix"))
            })?;
        }
        rule.hosts = text.hosts.into_iter().map(Spanned::into_inner).collect();
        for slot in &text.slots {
            Slot::parse(slot.as_ref().as_bytes())
                .map_err(|error| self.at(slot.span(), "slots", error.to_string()))?;
        }
        rule.slots = text.slots.into_iter().map(Spanned::into_inner).collect();
        rule.revoke = text.revoke.into_inner();
        rule.instead = text.instead;
        rule.source = text.source.into_inner();
        Ok(RuleEntry {
            rule,
            examples: text.examples.into_inner(),
            counter_examples: text.counter_examples.into_inner(),
            file: self.name.into(),
            lines,
        })
    }

    /// How matches begin and what they are, from `literals` or from `named`.
    fn start(
        &self,
        rule: usize,
        literals: Option<Spanned<Vec<String>>>,
        named: Option<Spanned<Vec<String>>>,
        pattern: &Spanned<String>,
        max_len: Option<Spanned<u32>>,
    ) -> Result<Start, RuleError> {
        if let Some(len) = max_len.as_ref().filter(|len| *len.as_ref() > Rule::MAX_LEN) {
            let message = format!("write at most {}; a longer kind matches its beginning", Rule::MAX_LEN);
            return Err(self.at(len.span(), "max_len", message));
        }
        let Some(terms) = named else {
            let Some(literals) = literals else {
                let message =
                    "missing field `literals`; every rule has it, or `named` and the words of a name";
                return Err(RuleError::new(self.name, rule, "literals", message));
            };
            if literals.as_ref().is_empty()
                || literals.as_ref().iter().any(|literal| !LITERAL_LEN.contains(&literal.len()))
            {
                return Err(self.at(
                    literals.span(),
                    "literals",
                    "write at least one, each of 2 to 32 bytes: the fixed beginnings of the pattern",
                ));
            }
            let Some(max_len) = max_len else {
                let message = "missing field `max_len`; every rule has it, but those with `named`";
                return Err(RuleError::new(self.name, rule, "max_len", message));
            };
            return Ok(Start {
                literals: literals.into_inner(),
                pattern: pattern.as_ref().clone(),
                max_len: max_len.into_inner(),
                named: false,
            });
        };
        if let Some(literals) = literals {
            let message = "beside `named`, which says how matches begin; leave one of them out";
            return Err(self.at(literals.span(), "literals", message));
        }
        if pattern.as_ref().contains("(?P<") {
            let message = "is the value alone where there is `named`; leave out the groups with names";
            return Err(self.at(pattern.span(), "pattern", message));
        }
        let Named { literals, pattern: whole, longest } = Named::new(terms.as_ref(), pattern.as_ref())
            .map_err(|message| self.at(terms.span(), "named", message))?;
        let max_len = max_len
            .map(Spanned::into_inner)
            // What does not parse has no length, and is told of by the checker and by the builder.
            .or_else(|| longest.and_then(|len| u32::try_from(len).ok()))
            .unwrap_or(Rule::MAX_LEN);
        if max_len > Rule::MAX_LEN {
            let message =
                format!("with its name a match may have {max_len} bytes; shorten it to {}", Rule::MAX_LEN);
            return Err(self.at(pattern.span(), "pattern", message));
        }
        Ok(Start { literals, pattern: whole, max_len, named: true })
    }

    fn lead(&self, text: Spanned<LeadText>, lines: &mut Vec<(&str, usize)>) -> Result<Lead, RuleError> {
        let span = text.span();
        lines.push(("lead", self.line(span.clone())));
        let LeadText { class, min, max } = text.into_inner();
        if min > max || max == 0 || max > Lead::MAX {
            let message = format!("write min and max with min <= max and 1 <= max <= {}", Lead::MAX);
            return Err(self.at(span, "lead", message));
        }
        Ok(Lead { class, min, max })
    }

    fn checksum(&self, name: &Spanned<String>) -> Result<Checksum, RuleError> {
        Checksum::ALL.into_iter().find(|checksum| checksum.as_str() == name.as_ref()).ok_or_else(|| {
            let names = Checksum::ALL.map(Checksum::as_str).join(", ");
            self.at(name.span(), "checksum", format!("not a known construction; write one of {names}"))
        })
    }

    fn word<T: Copy>(
        &self,
        field: &str,
        word: &Spanned<String>,
        words: &[(&str, T)],
    ) -> Result<T, RuleError> {
        words.iter().find(|(name, _)| name == word.as_ref()).map(|(_, value)| *value).ok_or_else(|| {
            let names = words.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            self.at(word.span(), field, format!("not a known word; write one of {names}"))
        })
    }

    fn digest(&self, text: &Spanned<String>) -> Result<[u8; 16], RuleError> {
        let fault = || {
            let message =
                "write the first 16 bytes of BLAKE3 of the value as 32 hex digits, never the value itself";
            self.at(text.span(), "documented", message)
        };
        digest_of(text.as_ref()).ok_or_else(fault)
    }

    /// A fault that the TOML reader found: no TOML, an unknown or missing field, a wrong type.
    fn not_toml(&self, error: &toml::de::Error) -> RuleError {
        let span = error.span().unwrap_or(0..0);
        let message = error.message();
        let quoted = message.split('`').nth(1).filter(|_| message.contains(" field `"));
        let field = quoted.or_else(|| self.key(span.start)).unwrap_or("");
        let message = match message {
            m if m.starts_with("missing field") => format!("{m}; every rule has it"),
            m => m.replace('\n', " "),
        };
        self.at(span, field, message)
    }

    /// The key of the line at an offset, if the line is `key = value`.
    fn key(&self, offset: usize) -> Option<&str> {
        let start = self.text.get(..offset)?.rfind('\n').map_or(0, |at| at + 1);
        let (key, _) = self.text.get(start..)?.lines().next()?.split_once('=')?;
        Some(key.trim()).filter(|key| key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
    }

    fn at(&self, span: Range<usize>, field: &str, message: impl Into<String>) -> RuleError {
        RuleError::new(self.name, self.line(span), field, message)
    }

    fn line(&self, span: Range<usize>) -> usize {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        1 + before.iter().filter(|b| **b == b'\n').count()
    }
}
