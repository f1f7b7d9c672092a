//! The fields of a foreign rule file.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use exfilter_engine::{Confidence, Rule};
use regex_syntax::hir::{Hir, HirKind};
use toml::de::{DeTable, DeValue};

use crate::check::folded;
use crate::error::RuleError;
use crate::import::rewrite::{Rewritten, rewrite};
use crate::import::{Import, ImportOptions, ImportedRule, Remark, RemarkKind, print};
use crate::oracle::Oracle;

/// Fields that say nothing about what is found.
const SILENT: [&str; 3] = ["title", "description", "minVersion"];

/// What to do with a rule's key when the file does not say it.
const REVOKE: &str = "Ask whoever issued it; the file that the rule was imported from does not say";

/// Reads a file.
pub(super) fn read(name: &str, text: &str, options: &ImportOptions) -> Result<Import, RuleError> {
    let lines = Lines::new(text);
    let table = DeTable::parse(text).map_err(|error| {
        let line = lines.of(error.span().unwrap_or(0..0));
        let message = error.message().replace('\n', " ");
        RuleError::new(
            name,
            line,
            "",
            format!("is no TOML: {message}; give a file of rules as gitleaks reads it"),
        )
    })?;
    let mut reader = Toml { lines, reader: Reader::new(name, options) };
    reader.file(table.get_ref())?;
    Ok(reader.reader.done())
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Lines {
        Lines(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at).collect())
    }

    fn of(&self, span: Range<usize>) -> usize {
        1 + self.0.partition_point(|at| *at < span.start)
    }
}

/// A reader of TOML.
struct Toml<'a> {
    lines: Lines,
    reader: Reader<'a>,
}

/// What takes in the rules of a file, whatever it is written in.
pub(super) struct Reader<'a> {
    pub(super) name: &'a str,
    options: &'a ImportOptions,
    /// Ids, and the number that a further rule of the same one would get.
    taken: HashMap<String, u32>,
    pub(super) import: Import,
}

/// A rule while it is read.
#[derive(Default)]
pub(super) struct Foreign {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) regex: Option<String>,
    pub(super) group: Option<u32>,
    pub(super) entropy: Option<f32>,
    pub(super) keywords: Vec<String>,
    pub(super) confidence: Option<Confidence>,
    /// Texts in which the regular expression finds something, and in which it does not.
    pub(super) examples: Vec<String>,
    pub(super) counter_examples: Vec<String>,
    /// The field that holds the regular expression.
    pub(super) field: &'static str,
    /// Why it is not imported.
    pub(super) lost: Option<(&'static str, String)>,
    /// What is read otherwise: line, field, message.
    pub(super) changed: Vec<(usize, String, String)>,
}

impl Toml<'_> {
    fn file(&mut self, table: &DeTable<'_>) -> Result<(), RuleError> {
        let mut rules = None;
        for (key, value) in table {
            let line = self.lines.of(key.span());
            let field = key.get_ref().as_ref();
            match (field, value.get_ref()) {
                ("rules", DeValue::Array(array)) => rules = Some(array),
                ("rules", other) => {
                    let message = format!("is a {}; write each rule under [[rules]]", other.type_str());
                    return Err(RuleError::new(self.reader.name, line, "rules", message));
                }
                ("title", DeValue::String(title)) if !title.trim().is_empty() => {
                    self.reader.import.title = title.trim().to_string();
                }
                (field, _) if SILENT.contains(&field) => {}
                ("allowlist" | "allowlists", _) => self.reader.remark(
                    RemarkKind::Changed,
                    "",
                    line,
                    field,
                    "what it lets pass is found: exceptions are a matter of the policy, not of rules",
                ),
                ("extend", _) => {
                    let message = "the files that it names are not read; import them too";
                    self.reader.remark(RemarkKind::Changed, "", line, field, message);
                }
                _ => self.reader.remark(
                    RemarkKind::Changed,
                    "",
                    line,
                    field,
                    "is not known here, and not read",
                ),
            }
        }
        let Some(rules) = rules else {
            let message =
                "there are none; give a file that has its rules under [[rules]], as gitleaks reads it";
            return Err(RuleError::new(self.reader.name, 1, "rules", message));
        };
        for rule in rules {
            let line = self.lines.of(rule.span());
            let mut foreign = Foreign { field: "regex", ..Foreign::default() };
            match rule.get_ref() {
                DeValue::Table(table) => self.fields(table, &mut foreign),
                other => foreign.lost = Some(("rules", format!("is a {}; write a table", other.type_str()))),
            }
            self.reader.rule(foreign, line);
        }
        Ok(())
    }

    fn fields(&mut self, table: &DeTable<'_>, foreign: &mut Foreign) {
        let mut changed = Vec::new();
        for (key, value) in table {
            let line = self.lines.of(key.span());
            let field = key.get_ref().as_ref();
            let mut change = |message: &str| changed.push((line, field.to_string(), message.to_string()));
            match (field, value.get_ref()) {
                ("id", DeValue::String(id)) => foreign.id = id.trim().into(),
                ("description", DeValue::String(text)) => {
                    foreign.description = text.split_whitespace().collect::<Vec<_>>().join(" ");
                }
                ("regex", DeValue::String(regex)) if !regex.is_empty() => {
                    foreign.regex = Some(regex.to_string())
                }
                ("regex", DeValue::String(_)) => {}
                ("regex", other) => {
                    foreign.lost = Some(("regex", format!("is a {}; write a string", other.type_str())));
                }
                ("secretGroup", DeValue::Integer(number)) => {
                    match u32::from_str_radix(number.as_str(), number.radix()) {
                        Ok(0) => {}
                        Ok(group) => foreign.group = Some(group),
                        Err(_) => change("is no number of a group, and not read"),
                    }
                }
                ("entropy", DeValue::Integer(_) | DeValue::Float(_)) => {
                    let text = value.get_ref().as_float().map(|float| float.as_str());
                    let text = text.or_else(|| value.get_ref().as_integer().map(|integer| integer.as_str()));
                    match text.and_then(|text| text.parse::<f32>().ok()) {
                        Some(0.0) => {}
                        Some(least) if (0.0..=8.0).contains(&least) => foreign.entropy = Some(least),
                        _ => change("is not within 0 and 8 bits per character, and not asked for"),
                    }
                }
                ("keywords", DeValue::Array(words)) => {
                    foreign.keywords =
                        words.iter().filter_map(|word| word.get_ref().as_str()).map(str::to_owned).collect();
                }
                ("path", DeValue::String(_)) => {
                    change("it is asked for in all content: rules see no names of files");
                }
                ("allowlist" | "allowlists", _) => change("what it lets pass is found"),
                ("tags", _) => change("rules have none"),
                ("required", _) => change("it is found alone too: a rule cannot ask for another one near by"),
                ("skipReport", DeValue::Boolean(false)) => {}
                ("skipReport", DeValue::Boolean(true)) => {
                    foreign.lost = Some((
                        "skipReport",
                        "only other rules make use of it, and a rule here stands alone".into(),
                    ));
                }
                _ => change("is not known here, or of another type, and not read"),
            }
        }
        foreign.changed = changed;
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(name: &'a str, options: &'a ImportOptions) -> Reader<'a> {
        let import = Import {
            rules: Vec::new(),
            remarks: Vec::new(),
            total: 0,
            title: "Imported".into(),
            lost: 0,
            partly: 0,
        };
        Reader { name, options, taken: HashMap::new(), import }
    }

    pub(super) fn done(mut self) -> Import {
        self.import.remarks.sort_by_key(|remark| remark.line);
        self.import
    }

    /// Takes in one rule, which begins on a line.
    pub(super) fn rule(&mut self, mut foreign: Foreign, line: usize) {
        self.import.total += 1;
        if foreign.id.is_empty() {
            foreign.id = format!("rule-{}", self.import.total);
            foreign.changed.push((line, "id".into(), "there is none; it is named by its place".into()));
        }
        let outcome = match (&foreign.lost, &foreign.regex) {
            (Some((field, reason)), _) => Err((*field, reason.clone())),
            (None, None) => {
                Err((foreign.field, "there is none: it looks at the names of files, not at content".into()))
            }
            (None, Some(regex)) => rewrite(regex, foreign.group).map_err(|reason| (foreign.field, reason)),
        };
        let branches = match outcome {
            Ok(branches) => branches,
            Err((field, reason)) => {
                self.import.lost += 1;
                return self.remark(RemarkKind::Lost, &foreign.id, line, field, reason);
            }
        };
        if let [Err(reason)] = branches.as_slice() {
            self.import.lost += 1;
            return self.remark(RemarkKind::Lost, &foreign.id, line, foreign.field, reason);
        }
        self.import.partly += usize::from(branches.iter().any(Result::is_err));
        if let Some(remark) = keywords_apart(&foreign, &branches) {
            foreign.changed.push((line, "keywords".into(), remark));
        }
        for (line, field, message) in std::mem::take(&mut foreign.changed) {
            self.remark(RemarkKind::Changed, &foreign.id, line, &field, message);
        }
        if branches.len() > 1 {
            let message = format!(
                "its {} alternatives are rules of their own: a value that two of them find is found twice",
                branches.len()
            );
            self.remark(RemarkKind::Changed, &foreign.id, line, foreign.field, message);
        }
        let before = self.import.rules.len();
        let mut told = HashSet::new();
        for (at, branch) in branches.into_iter().enumerate() {
            match branch {
                Err(reason) => {
                    let message = format!("alternative {}: {reason}", at + 1);
                    self.remark(RemarkKind::Partly, &foreign.id, line, foreign.field, message);
                }
                Ok(rewritten) => {
                    for change in &rewritten.changes {
                        if told.insert(change.clone()) {
                            self.remark(RemarkKind::Changed, &foreign.id, line, foreign.field, change);
                        }
                    }
                    let id = self.free_id(&foreign.id);
                    let rule = rule(id, &foreign, rewritten, &self.import.title, self.name);
                    let regex = foreign.regex.clone().unwrap_or_default();
                    self.import.rules.push(ImportedRule {
                        rule,
                        from: foreign.id.clone(),
                        regex,
                        keywords: foreign.keywords.clone(),
                        line,
                    });
                }
            }
        }
        self.try_examples(&foreign, before, line);
    }

    /// Says which of a rule's examples what was made of it finds otherwise than they say.
    fn try_examples(&mut self, foreign: &Foreign, before: usize, line: usize) {
        if foreign.examples.is_empty() && foreign.counter_examples.is_empty() {
            return;
        }
        let rules: Vec<Rule> =
            self.import.rules[before..].iter().map(|imported| imported.rule.clone()).collect();
        let oracle = Oracle::new(&rules);
        let finds = |text: &String| !oracle.find_all(text.as_bytes()).is_empty();
        let missed = foreign.examples.iter().filter(|text| !finds(text)).count();
        let found = foreign.counter_examples.iter().filter(|text| finds(text)).count();
        for (count, field, what) in
            [(missed, "examples", "is not found"), (found, "negative_examples", "is found")]
        {
            if count > 0 {
                let message = format!("{what} as the rule is now, in {count} of them");
                self.remark(RemarkKind::Changed, &foreign.id, line, field, message);
            }
        }
    }

    /// An id of our form that no other rule has.
    fn free_id(&mut self, foreign: &str) -> String {
        let id: String = (self.options.prefix.chars().chain(foreign.chars()))
            .map(|c| match c {
                'a'..='z' | '0'..='9' => c,
                'A'..='Z' => c.to_ascii_lowercase(),
                _ => '-',
            })
            .collect();
        let mut n = self.taken.get(&id).copied().unwrap_or(1);
        let free = loop {
            let free = if n == 1 { id.clone() } else { format!("{id}-{n}") };
            n += 1;
            if !self.taken.contains_key(&free) {
                break free;
            }
        };
        self.taken.entry(free.clone()).or_insert(2);
        self.taken.insert(id, n);
        free
    }

    pub(super) fn remark(
        &mut self,
        kind: RemarkKind,
        rule: &str,
        line: usize,
        field: &str,
        message: impl Into<String>,
    ) {
        self.import.remarks.push(Remark {
            kind,
            rule: rule.into(),
            file: self.name.into(),
            line,
            field: field.into(),
            message: message.into(),
        });
    }
}

fn rule(id: String, foreign: &Foreign, rewritten: Rewritten, title: &str, file: &str) -> Rule {
    let mut rule = Rule::new(&id, "", &rewritten.pattern);
    rule.provider = title.into();
    rule.opens =
        if foreign.description.is_empty() { foreign.id.clone() } else { foreign.description.clone() };
    rule.literals = rewritten.literals;
    rule.ignore_case = rewritten.ignore_case;
    rule.lead = rewritten.lead;
    rule.left = rewritten.left;
    rule.right = rewritten.right;
    rule.open_ended = rewritten.open_ended;
    rule.max_len = rewritten.max_len;
    rule.min_entropy = foreign.entropy;
    if let Some(confidence) = foreign.confidence {
        rule.confidence = confidence;
    }
    rule.revoke = REVOKE.into();
    rule.source = file.into();
    rule
}

/// What is lost with the keywords: content without any of them was not looked at.
fn keywords_apart(foreign: &Foreign, branches: &[Result<Rewritten, String>]) -> Option<String> {
    let words: Vec<String> = foreign.keywords.iter().map(|word| word.to_ascii_lowercase()).collect();
    let hir = folded(&print::parse(foreign.regex.as_deref()?).ok()?);
    let of_literals = branches.iter().flatten().all(|branch| {
        branch
            .literals
            .iter()
            .all(|literal| words.iter().any(|word| literal.to_ascii_lowercase().contains(word)))
    });
    (!words.is_empty() && !of_literals && !holds_one(&hir, &words))
        .then(|| "it is asked for everywhere, not only in files that hold one of them".into())
}

/// Whether every match holds one of the words. May say no where it is so.
fn holds_one(hir: &Hir, words: &[String]) -> bool {
    let holds = |text: &[u8]| {
        words.iter().any(|word| text.windows(word.len().max(1)).any(|part| part == word.as_bytes()))
    };
    match hir.kind() {
        HirKind::Literal(literal) => holds(&literal.0),
        HirKind::Capture(capture) => holds_one(&capture.sub, words),
        HirKind::Repetition(repetition) => repetition.min > 0 && holds_one(&repetition.sub, words),
        HirKind::Concat(subs) => subs.iter().any(|sub| holds_one(sub, words)),
        HirKind::Alternation(subs) => subs.iter().all(|sub| holds_one(sub, words)),
        _ => false,
    }
}
