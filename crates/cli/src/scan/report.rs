//! What a scan found, as plain data: [`Report`], [`FileReport`], [`Row`], [`Gap`].

use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use exfilter::config::Config;
use exfilter::{
    Confidence, Engine, Finding, FindingId, KeyClass, Kind, LanePath, LaneStep, Opaque, OpaqueReason, Rule,
};

use super::walk::SkipReason;
use crate::args::{JudgeArgs, Level};
use crate::text::{self, Name};

/// Everything that a scan has to tell.
pub(crate) struct Report {
    /// The engine, for the names of rules and secrets.
    pub(crate) engine: Engine,
    /// The files with something to tell, sorted by path.
    pub(crate) files: Vec<FileReport>,
    /// What was left out, sorted by path.
    pub(crate) skipped: Vec<Skipped>,
    /// Sums.
    pub(crate) totals: Totals,
    /// What was asked for.
    pub(crate) floors: Floors,
    /// What the process will exit with.
    pub(crate) exit: u8,
    /// What was counted under files, one of it and many.
    pub(crate) unit: [&'static str; 2],
}

/// What counts, and what is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Floors {
    /// `--fail-on`.
    pub(crate) fail_on: Confidence,
    /// `--min`.
    pub(crate) shown: Confidence,
    /// `--strict-examples`.
    pub(crate) strict_examples: bool,
}

/// Sums over all files.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    /// Files examined, standard input included.
    pub(crate) files: u64,
    /// Bytes read from them.
    pub(crate) bytes: u64,
    /// Bytes that decoders produced.
    pub(crate) decoded: u64,
    /// Compressed containers.
    pub(crate) containers: u64,
    /// Members of archives.
    pub(crate) members: u64,
    /// Findings by confidence, from low to confirmed; examples apart.
    pub(crate) by_confidence: [u64; 4],
    /// Examples from documentation.
    pub(crate) examples: u64,
    /// Findings below `--min`.
    pub(crate) hidden: u64,
    /// Findings that are counted only.
    pub(crate) suppressed: u64,
    /// Findings that a baseline or an allowance accepts.
    pub(crate) accepted: u64,
    /// Ranges, files or folders that were not examined.
    pub(crate) gaps: u64,
}

/// One file with something to tell.
pub(crate) struct FileReport {
    /// Where it is; for sorting only, never printed: see `name`.
    pub(crate) path: PathBuf,
    /// Its name, safe to print.
    pub(crate) name: Name,
    /// The commit that has it first, where a history was scanned.
    pub(crate) commit: Option<String>,
    /// The findings, by place and offset.
    pub(crate) rows: Vec<Row>,
    /// What was not examined in it.
    pub(crate) gaps: Vec<Gap>,
    /// Gaps that are counted only.
    pub(crate) unlisted_gaps: u64,
    /// Findings that are counted only.
    pub(crate) suppressed: Vec<Suppressed>,
    /// The number of the guard's refusal, if it was asked and refused.
    pub(crate) refusal: Option<String>,
}

/// One finding as people see it: the surest of those that stand at one place.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The surest finding.
    pub(crate) lead: Seen,
    /// The others.
    pub(crate) also: Vec<Seen>,
}

/// A finding of the engine with its lane.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The finding.
    pub(crate) finding: Finding,
    /// Where in the file.
    pub(crate) lane: Arc<Lane>,
    /// Whether it stands in the file or in its name.
    pub(crate) place: Place,
    /// The name under which it can be accepted.
    pub(crate) id: Option<FindingId>,
}

/// Whether something stands in a file or in its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// In the last component of the path.
    Name,
    /// In the file.
    Content,
}

/// The way through decoders to some content. Member names come masked and escaped from the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lane {
    steps: Vec<LaneStep>,
    text: String,
}

/// Something that was not examined.
#[derive(Clone, Debug)]
pub(crate) struct Gap {
    /// Where in the file.
    pub(crate) lane: Arc<Lane>,
    /// From this byte of the file.
    pub(crate) start: u64,
    /// To this one; unknown where the end was never seen.
    pub(crate) end: Option<u64>,
    /// Why.
    pub(crate) reason: Reason,
}

/// Why something was not examined.
#[derive(Clone, Debug)]
pub(crate) enum Reason {
    /// The engine says so.
    Opaque(OpaqueReason),
    /// A panic was caught.
    Internal,
    /// It does not exist, and was asked for.
    Missing(String),
    /// It was there when the folder was read, and then no more.
    Vanished(String),
    /// It could not be opened or walked.
    Unreadable(String),
    /// Reading failed on the way.
    ReadError(String),
    /// It was asked for, and is nothing that has an end.
    Special(SkipReason),
    /// What is before a commit is not in this clone.
    Shallow,
    /// The guard that was asked says so.
    Guard(String),
}

/// Findings that are counted and not listed.
#[derive(Clone, Debug)]
pub(crate) struct Suppressed {
    /// The id of the rule, or the name of the secret.
    pub(crate) what: String,
    /// How sure they are at the least that counts: the rule's own word, or confirmed for secrets.
    pub(crate) confidence: Confidence,
    /// How many.
    pub(crate) count: u64,
}

/// Something that was left out on purpose.
#[derive(Clone, Debug)]
pub(crate) struct Skipped {
    /// Its name.
    pub(crate) name: Name,
    /// Why.
    pub(crate) reason: SkipReason,
}

impl Report {
    /// Whether everything was examined.
    pub(crate) fn is_complete(&self) -> bool {
        self.totals.gaps == 0
    }

    /// The rows that are shown, with their files.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&FileReport, &Row)> {
        let floor = self.floors.shown;
        self.files.iter().flat_map(move |file| {
            file.rows
                .iter()
                .filter(move |row| row.lead.finding.confidence() >= floor)
                .map(move |row| (file, row))
        })
    }

    /// What was not examined, with its files.
    pub(crate) fn gaps(&self) -> impl Iterator<Item = (&FileReport, &Gap)> {
        self.files.iter().flat_map(|file| file.gaps.iter().map(move |gap| (file, gap)))
    }

    /// Findings that count at all; examples do not, unless asked for.
    pub(crate) fn findings(&self) -> u64 {
        self.totals.by_confidence.iter().sum()
    }

    /// Files that the guard refused, with the numbers of the refusals.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = (&FileReport, &str)> {
        self.files.iter().filter_map(|file| Some((file, file.refusal.as_deref()?)))
    }

    /// How many were skipped for each reason.
    pub(crate) fn skipped_by_reason(&self) -> Vec<(SkipReason, u64)> {
        let mut counts = std::collections::BTreeMap::new();
        for skipped in &self.skipped {
            *counts.entry(skipped.reason).or_insert(0) += 1;
        }
        counts.into_iter().collect()
    }
}

impl Floors {
    /// As the user says.
    pub(crate) fn of(args: &JudgeArgs, config: &Config) -> Floors {
        let strict_examples = args.strict_examples || config.strict_examples();
        Floors { fail_on: args.fail_on.into(), shown: args.min.into(), strict_examples }
    }

    /// Where the question is whether something may leave: as asked, or as the policy has it.
    pub(crate) fn of_leaving(asked: Option<Level>, config: &Config) -> Floors {
        let fail_on = asked.map(Confidence::from).or(config.acts_from()).unwrap_or(Confidence::High);
        Floors { fail_on, shown: fail_on.min(Confidence::Medium), strict_examples: config.strict_examples() }
    }

    /// Whether a finding counts for the exit code.
    pub(crate) fn fails(&self, finding: &Finding) -> bool {
        if self.strict_examples { finding.confidence() >= self.fail_on } else { finding.counts(self.fail_on) }
    }

    /// Whether a finding is no more than an example.
    pub(crate) fn is_example(&self, finding: &Finding) -> bool {
        finding.documented() && !self.strict_examples
    }
}

impl Totals {
    /// Adds a file that has something to tell.
    pub(crate) fn add(&mut self, file: &FileReport, floors: &Floors) {
        for row in &file.rows {
            let finding = &row.lead.finding;
            if floors.is_example(finding) {
                self.examples += 1;
            } else {
                self.by_confidence[finding.confidence() as usize] += 1;
            }
            if finding.confidence() < floors.shown {
                self.hidden += 1;
            }
        }
        self.suppressed += file.suppressed.iter().map(|s| s.count).sum::<u64>();
        self.gaps += file.gaps.len() as u64 + file.unlisted_gaps;
    }
}

impl Row {
    /// The findings that somebody who accepts this row accepts: the surest, and whatever is as sure.
    pub(crate) fn leads(&self) -> impl Iterator<Item = &Seen> {
        let floor = self.lead.finding.confidence();
        std::iter::once(&self.lead)
            .chain(self.also.iter().filter(move |seen| seen.finding.confidence() >= floor))
    }
}

impl FileReport {
    /// Its path as a string of TOML, for an entry that allows a finding in it. A path that is masked is not the one to be written.
    pub(crate) fn allow_path(&self) -> String {
        if self.name.is_masked() {
            return "\"...\"".into();
        }
        match self.path.to_str() {
            // As it is, or not at all: an escaped one would allow nothing.
            Some(path) if !path.contains('\'') && text::escape(path.as_bytes()) == path => {
                format!("'{path}'")
            }
            _ => "\"...\"".into(),
        }
    }

    /// Whether one of its findings counts for the exit code.
    pub(crate) fn fails(&self, floors: &Floors) -> bool {
        let seen = |seen: &Seen| floors.fails(&seen.finding);
        self.refusal.is_some()
            || self.rows.iter().any(|row| seen(&row.lead) || row.also.iter().any(seen))
            || self.suppressed.iter().any(|s| s.confidence >= floors.fail_on)
    }
}

impl Seen {
    /// Line and column, where known.
    pub(crate) fn line(&self) -> Option<(u64, u64)> {
        self.finding.line().filter(|_| self.place == Place::Content)
    }

    /// A finding of the engine in a lane.
    pub(crate) fn new(finding: Finding, lane: Arc<Lane>, place: Place) -> Seen {
        let id = finding.id();
        Seen { finding, lane, place, id }
    }

    /// The place as people write it: `x.tgz > gzip > package/x.js:12:5`.
    pub(crate) fn location(&self, file: &FileReport) -> String {
        let mut text = self.place_in(&file.name);
        if let Some(commit) = &file.commit {
            let _ = write!(text, " in commit {commit}");
        }
        text
    }

    /// The same without a commit.
    pub(crate) fn place_in(&self, name: &Name) -> String {
        let mut text = location(name, &self.lane);
        match (self.place, self.line()) {
            (Place::Name, _) => text.push_str(" (name)"),
            (Place::Content, Some((line, column))) => {
                let _ = write!(text, ":{line}:{column}");
            }
            (Place::Content, None) => {
                let _ = write!(text, " (byte {})", self.finding.inner().start);
            }
        }
        text
    }

    /// The id of the rule; `known-secret` for enrolled ones, `canary` for canaries.
    pub(crate) fn rule_id<'a>(&self, engine: &'a Engine) -> &'a str {
        match self.finding.kind() {
            Kind::Rule(id) => &engine.rule(id).id,
            Kind::Known(id, _) if engine.is_canary(id) => CANARY,
            Kind::Known(..) => KNOWN,
        }
    }

    /// The rule, if a rule matched.
    pub(crate) fn rule<'a>(&self, engine: &'a Engine) -> Option<&'a Rule> {
        match self.finding.kind() {
            Kind::Rule(id) => Some(engine.rule(id)),
            Kind::Known(..) => None,
        }
    }

    /// Whether it is a key that administers an account.
    pub(crate) fn is_admin(&self, engine: &Engine) -> bool {
        self.rule(engine).is_some_and(|rule| rule.class == KeyClass::Admin)
    }

    /// The name of the enrolled secret, escaped, and the form it was found in.
    pub(crate) fn secret(&self, engine: &Engine) -> Option<(String, &'static str)> {
        match self.finding.kind() {
            Kind::Rule(_) => None,
            Kind::Known(id, form) => Some((text::escape(engine.secret_name(id).as_bytes()), form.as_str())),
        }
    }

    /// What the credential opens, one clause.
    pub(crate) fn opens(&self, engine: &Engine) -> String {
        match (self.rule(engine), self.secret(engine)) {
            (Some(rule), _) if rule.opens.is_empty() => text::plain(&rule.provider),
            (Some(rule), _) => text::plain(&rule.opens),
            (None, Some((name, form))) if self.rule_id(engine) == CANARY => {
                format!("ALARM: your canary {name} is here ({form}), so it was taken")
            }
            (None, Some((name, form))) => format!("your {name} ({form})"),
            (None, None) => String::new(),
        }
    }

    /// The public prefix of the match, and a sign that it goes on.
    pub(crate) fn preview(&self) -> String {
        format!("{}\u{2026}", text::plain(self.finding.preview()))
    }
}

/// The rule id under which enrolled secrets are reported.
pub(crate) const KNOWN: &str = "known-secret";

/// The rule id under which canaries are reported.
pub(crate) const CANARY: &str = "canary";

/// A file, and the way into it.
pub(crate) fn location(name: &Name, lane: &Lane) -> String {
    let mut place = name.short().into_owned();
    if !lane.is_identity() {
        place.push_str(" > ");
        place.push_str(&text::shorten(lane.text()));
    }
    place
}

impl Lane {
    /// Describes a lane of a stream.
    pub(crate) fn new(path: &LanePath) -> Lane {
        Lane { steps: path.steps().to_vec(), text: path.to_string() }
    }

    /// `gzip > package/x.js`; empty for the file itself.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is the file itself.
    pub(crate) fn is_identity(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether one of the two leads to the other.
    pub(crate) fn on_one_way(&self, other: &Lane) -> bool {
        // What stands in one frame is found beside the framing too.
        let [a, b] = [self, other].map(|lane| lane.steps.iter().filter(|step| !step.is_framing()));
        a.zip(b).all(|(a, b)| a == b)
    }

    /// Whether offsets in it say where something is in the file, to the byte or nearly: no compression on the way.
    pub(crate) fn is_plain(&self) -> bool {
        self.steps.iter().all(|step| {
            step.is_framing()
                || matches!(
                    step,
                    LaneStep::Base64
                        | LaneStep::Base32
                        | LaneStep::Base58
                        | LaneStep::Base85
                        | LaneStep::Hex
                        | LaneStep::Utf16
                        | LaneStep::Utf32
                        | LaneStep::Uuencode
                        | LaneStep::Dump
                        | LaneStep::Codes
                        | LaneStep::Escapes
                        | LaneStep::Joined
                        | LaneStep::Member(_)
                )
        })
    }

    /// How many decoders deep.
    pub(crate) fn depth(&self) -> usize {
        self.steps.len()
    }
}

impl Gap {
    /// A range that the engine did not examine.
    pub(crate) fn opaque(opaque: &Opaque, lane: Arc<Lane>) -> Gap {
        let Range { start, end } = opaque.outer();
        Gap { lane, start, end: Some(end), reason: Reason::Opaque(opaque.reason()) }
    }

    /// Everything from an offset on.
    pub(crate) fn tail(start: u64, reason: Reason) -> Gap {
        Gap { lane: Arc::default(), start, end: None, reason }
    }

    /// The range for people: `bytes 10..20`, `from byte 10`, or nothing for a whole file.
    pub(crate) fn range(&self) -> String {
        match (self.start, self.end) {
            (start, Some(end)) => format!("bytes {start}..{end}"),
            (0, None) => "all of it".into(),
            (start, None) => format!("from byte {start}"),
        }
    }
}

impl Reason {
    /// The reason for an error while opening or walking.
    pub(crate) fn of_open(error: &io::Error) -> Reason {
        if error.kind() == io::ErrorKind::NotFound {
            Reason::Vanished(error.to_string())
        } else {
            Reason::Unreadable(error.to_string())
        }
    }

    /// The reason for an error while reading.
    pub(crate) fn of_read(error: &io::Error) -> Reason {
        Reason::ReadError(error.to_string())
    }

    /// A stable word for reports.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Reason::Opaque(reason) => reason.as_str(),
            Reason::Internal => "internal",
            Reason::Missing(_) => "missing",
            Reason::Vanished(_) => "vanished",
            Reason::Unreadable(_) => "unreadable",
            Reason::ReadError(_) => "read-error",
            Reason::Special(_) => "special-file",
            Reason::Shallow => "shallow",
            Reason::Guard(_) => "guard",
        }
    }

    /// One clause for people.
    pub(crate) fn describe(&self) -> String {
        match self {
            Reason::Opaque(reason) => reason.describe().into(),
            Reason::Internal => "the scanner failed on it; please report this".into(),
            Reason::Missing(error) => format!("there is no such file ({error})"),
            Reason::Vanished(error) => format!("it vanished while the scan ran ({error})"),
            Reason::Unreadable(error) => format!("it cannot be read ({error})"),
            Reason::ReadError(error) => format!("reading it failed ({error})"),
            Reason::Special(reason) => format!("it is no regular file: {}", reason.describe()),
            Reason::Guard(why) => format!("the guard could not examine all of it ({why})"),
            Reason::Shallow => {
                "what is before it is not in this shallow clone; `git fetch --unshallow` gets it".into()
            }
        }
    }

    /// Whether it is told on standard error too: what stands in the way is outside the file.
    pub(crate) fn is_fault(&self) -> bool {
        !matches!(self, Reason::Opaque(_))
    }
}

impl Suppressed {
    /// Findings of a rule. A checksum may have raised them; the surest that they can be is what counts.
    pub(crate) fn rule(rule: &Rule, count: u64) -> Suppressed {
        let raised = if rule.checksum.is_some() { Confidence::High } else { Confidence::Low };
        Suppressed { what: rule.id.clone(), confidence: rule.confidence.max(raised), count }
    }

    /// Findings of an enrolled secret.
    pub(crate) fn secret(name: &str, count: u64) -> Suppressed {
        Suppressed { what: text::escape(name.as_bytes()), confidence: Confidence::Confirmed, count }
    }
}
