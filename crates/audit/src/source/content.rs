//! [`Examiner`]: one content. Its bytes go through the engine, its fields through the reader of its format, and both are put together.
//!
//! ```text
//! bytes --> window --> exfilter::Stream --> hits    \
//!              |                                     >-- candidates, each value once
//!              +-----> format::read ------> fields  /
//! ```

use std::cell::RefCell;
use std::io::Read;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use exfilter::{Confidence, Engine, Event, Flow, OpaqueReason, RuleId, Scratch, Stream};
use zeroize::Zeroizing;

use super::fields::{Field, field_of, fields, sibling_expiry};
use super::window::{KEPT, Lines, REST, Window};
use crate::advice::Advice;
use crate::candidate::{Candidate, What, advice_of, is_generic};
use crate::format::Format;
use crate::grant::{Coding, Grant};
use crate::names::{Masked, Names};
use crate::place::Place;
use crate::report::{Exposure, FoundAt, SourceKind};
use crate::secret::{DigestKey, FoundValue};
use crate::{expiry, judge, keyfile};

/// Bytes per read.
const CHUNK: usize = 256 << 10;
/// The longest content whose fields are read, in bytes. Longer ones are text.
const PARSED: usize = 4 << 20;

/// What a thread reads and examines with; its memory is kept from one content to the next.
#[derive(Default)]
struct Desk {
    bytes: Zeroizing<Vec<u8>>,
    scratch: Scratch,
    events: Vec<Event>,
    /// New again, for the next content.
    stream: Option<Stream>,
}

thread_local! {
    static DESK: RefCell<Option<Box<Desk>>> = const { RefCell::new(None) };
}

/// How the fields of a content are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fields {
    /// None, or none that is read.
    None,
    /// As a file writes them.
    Of(Format),
    /// `NAME=value`, each ended by a NUL.
    Variables,
    /// Arguments, each ended by a NUL.
    Arguments,
}

/// What is known of a content before it is read.
pub(crate) struct Subject<'a> {
    pub(crate) source: SourceKind,
    pub(crate) place: Option<&'static Place>,
    pub(crate) fields: Fields,
    /// What a value opens of which only the name of its field says something.
    pub(crate) guess: &'static Grant,
    pub(crate) advice: Option<Advice>,
    /// Bytes that are read at the most.
    pub(crate) limit: u64,
    /// How long it is, if it is a regular file that the system says is not empty.
    pub(crate) len: Option<u64>,
    /// Whether an end before the end of the content is the rule and not a fault.
    pub(crate) cut: bool,
    /// Where it is: asked for only if something is found.
    pub(crate) describe: &'a dyn Fn() -> Described,
}

/// Where a content is.
pub(crate) struct Described {
    pub(crate) name: Masked,
    pub(crate) mode: Option<u32>,
    pub(crate) exposure: Exposure,
}

/// What came of a content.
#[derive(Default)]
pub(crate) struct Examined {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) bytes: u64,
    /// Findings that the engine counts only.
    pub(crate) unlisted: u64,
    /// Fields that name programs which hand out credentials.
    pub(crate) helpers: Vec<Vec<u8>>,
    /// What was not examined, each a stable word and a clause.
    pub(crate) gaps: Vec<(&'static str, String)>,
}

/// Examines contents.
pub(crate) struct Examiner<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) names: &'a Names,
    pub(crate) key: &'a DigestKey,
    pub(crate) take: &'a (dyn Fn(&FoundValue<'_>) + Sync),
}

/// A finding of the engine.
pub(super) struct Hit {
    pub(super) rule: RuleId,
    /// Where its value stands, or the bytes from which it was decoded.
    pub(super) range: Range<u64>,
    pub(super) plain: bool,
    pub(super) line: Option<(u64, u64)>,
    pub(super) lane: String,
    pub(super) confidence: Confidence,
    pub(super) documented: bool,
    pub(super) preview: String,
}

impl Examiner<'_> {
    /// Reads `reader` to its end or to the limit. What was found before a fault stands, and what comes after it is a gap.
    pub(crate) fn examine(&self, subject: &Subject<'_>, reader: &mut dyn Read) -> Examined {
        let mut examined = Examined::default();
        // What a panic leaves behind is not used again.
        let mut desk = DESK.take().unwrap_or_default();
        let whole = catch_unwind(AssertUnwindSafe(|| self.drive(subject, reader, &mut desk, &mut examined)));
        match whole {
            Ok(()) => DESK.set(Some(desk)),
            Err(_) => examined.gaps.push(("internal", "the audit failed on it".into())),
        }
        examined
    }

    /// Whether nothing is found in `bytes`, and all of them were examined.
    pub(crate) fn holds_nothing(&self, bytes: &[u8]) -> bool {
        if bytes.is_empty() {
            return true;
        }
        let mut desk = DESK.take().unwrap_or_default();
        let Desk { scratch, stream, .. } = &mut *desk;
        let clean = catch_unwind(AssertUnwindSafe(|| {
            let mut now = self.stream(stream);
            let mut events = 0_u64;
            let _verdict = now.push_with(scratch, bytes, &mut |_| events += 1);
            let _verdict = now.finish_with(scratch, &mut |_| events += 1);
            let clean = events == 0 && now.suppressed().next().is_none() && now.coverage().is_complete();
            now.reset();
            *stream = Some(now);
            clean
        }));
        // What a panic leaves behind is not used again.
        if clean.is_ok() {
            DESK.set(Some(desk));
        }
        clean.unwrap_or(false)
    }

    /// The kept stream, or a new one.
    fn stream(&self, kept: &mut Option<Stream>) -> Stream {
        let kept = kept.take().filter(|stream| stream.is_of(self.engine));
        kept.unwrap_or_else(|| self.engine.stream(Flow::at_rest().lines()))
    }

    fn drive(&self, subject: &Subject<'_>, reader: &mut dyn Read, desk: &mut Desk, examined: &mut Examined) {
        let Desk { bytes, scratch, events, stream } = desk;
        let mut stream_now = self.stream(stream);
        let mut window = Window::new(bytes);
        let mut hits: Vec<Hit> = Vec::new();
        let kept_whole =
            if subject.fields == Fields::None && subject.place.is_none() { KEPT + CHUNK } else { PARSED };
        let mut last = None;
        loop {
            let left = subject.limit - examined.bytes;
            if left == 0 {
                break;
            }
            let most = left.min(CHUNK as u64) as usize;
            match window.fill(reader, most) {
                Ok(0) => break,
                Ok(n) => {
                    examined.bytes += n as u64;
                    // At rest nothing blocks; findings are what is wanted.
                    let on_event = &mut |event| events.push(event);
                    let _verdict = stream_now.push_with(scratch, window.newest(n), on_event);
                    drain(events, &stream_now, subject, &mut hits, examined);
                    // A regular file gives less than was asked for only where it ends.
                    if n < most && subject.len.is_some_and(|len| examined.bytes >= len) {
                        break;
                    }
                }
                Err(error) => {
                    last = Some(error);
                    break;
                }
            }
            if window.bytes().len() > kept_whole {
                let ready = window.end().saturating_sub(REST as u64);
                let (mut now, later): (Vec<Hit>, _) =
                    hits.drain(..).partition(|hit: &Hit| hit.range.start <= ready);
                hits = later;
                surest(&mut now);
                self.put_together(subject, &window, now, Vec::new(), &mut examined.candidates);
                window.slide();
            }
        }
        let _verdict = stream_now.finish_with(scratch, &mut |event| events.push(event));
        drain(events, &stream_now, subject, &mut hits, examined);
        examined.unlisted = stream_now.suppressed().map(|(_, n)| n).sum();
        stream_now.reset();
        *stream = Some(stream_now);
        if let Some(error) = last {
            examined.gaps.push(("read-error", format!("reading failed: {}", error.kind())));
        }
        surest(&mut hits);
        let (fields, all) = match window.is_whole() {
            true => fields(subject, window.bytes(), &hits, &mut examined.helpers),
            false => (Vec::new(), false),
        };
        if !(all || matches!(subject.fields, Fields::None | Fields::Of(Format::Text))) {
            examined.gaps.push(("over-limit", "not all of its fields were read by their names".into()));
        }
        self.put_together(subject, &window, hits, fields, &mut examined.candidates);
    }

    /// Makes candidates of hits and fields: a field that holds a hit names it, and what describes the value best describes it.
    fn put_together(
        &self,
        subject: &Subject<'_>,
        window: &Window<'_>,
        hits: Vec<Hit>,
        fields: Vec<Field>,
        out: &mut Vec<Candidate>,
    ) {
        if hits.is_empty() && fields.is_empty() {
            return;
        }
        let described = (subject.describe)();
        let source = String::from_utf8_lossy(described.name.as_bytes()).into_owned();
        let content = Content { subject, window, fields: &fields, described, source };
        let mut explained: Vec<bool> = vec![false; fields.len()];
        for hit in &hits {
            let field = field_of(&fields, &hit.range);
            if let Some(at) = field {
                let unsure =
                    hit.confidence == Confidence::Low && !fields[at].names_only && fields[at].spec.is_none();
                if unsure {
                    // The name of the field says more than a shape that ordinary data has too.
                    continue;
                }
                explained[at] = true;
            }
            out.push(self.of_hit(&content, hit, field));
        }
        let mut lines = Lines::new(window);
        for (at, field) in fields.iter().enumerate() {
            let line = lines.at(field.range.start);
            if !(explained[at] || field.names_only || judge::is_expiry(&field.name)) {
                out.push(self.of_field(&content, at, line));
            }
        }
    }

    /// What a rule found, in a field or in text.
    fn of_hit(&self, content: &Content<'_>, hit: &Hit, field: Option<usize>) -> Candidate {
        let rule = self.engine.rule(hit.rule);
        let field = field.map(|at| (at, &content.fields[at]));
        let mut what = What::of_rule(rule, hit.confidence);
        let mut confidence = hit.confidence;
        let mut advice = advice_of(rule);
        let mut by_field = None;
        if let Some((_, field)) = field
            && let Some(spec) = field.spec
        {
            let better = What::of_grant(field.grant);
            if better.is_better(&what) {
                what = better;
                confidence = confidence.max(field.confidence);
                advice = field.grant.advice;
                by_field = Some(field);
            } else if spec.coding != Coding::Plain || !hit.plain {
                by_field = Some(field);
            }
        }
        let name = field.map(|(_, field)| self.names.mask(&field.name)).unwrap_or_default();
        let grant = field.and_then(|(_, field)| field.spec).map(|spec| spec.grant.id);
        let (mut digest, mut expires, mut locked) = (None, None, false);
        if hit.plain
            && let Some((value, whole)) = content.window.value(&hit.range, rule.open_ended)
        {
            if is_generic(rule) {
                expires = expiry::of_jwt(value).or_else(|| content.certificate());
                locked = value.starts_with(b"-----BEGIN") && keyfile::is_locked(value);
            }
            if by_field.is_none() {
                digest = Some(self.key.of(value));
                self.hand_out(value, &name, Facts { rule: Some(rule), grant, confidence, whole }, content);
            }
        }
        // Whoever describes the value gives it: what a coding hides is the secret, not its spelling.
        if let Some(field) = by_field {
            digest = Some(self.key.of(&field.value));
            self.hand_out(
                &field.value,
                &name,
                Facts { rule: Some(rule), grant, confidence, whole: true },
                content,
            );
        }
        if let Some((at, field)) = field {
            locked |= field.locked;
            expires = expires.or_else(|| sibling_expiry(content.fields, at));
        }
        Candidate {
            digest,
            what,
            confidence,
            documented: hit.documented,
            expires,
            locked,
            preview: hit.preview.clone(),
            advice: content.advice(advice),
            place: content.place(name, hit.line, &hit.lane),
        }
    }

    /// A field whose value no rule knows.
    fn of_field(&self, content: &Content<'_>, at: usize, line: Option<(u64, u64)>) -> Candidate {
        let field = &content.fields[at];
        let name = self.names.mask(&field.name);
        let grant = field.spec.map(|spec| spec.grant.id);
        let facts = Facts { rule: None, grant, confidence: field.confidence, whole: true };
        self.hand_out(&field.value, &name, facts, content);
        Candidate {
            digest: Some(self.key.of(&field.value)),
            what: match (field.spec, field.hint) {
                (None, Some(hint)) => What::of_name(field.grant, judge::provider(&field.name), hint.class),
                _ => What::of_grant(field.grant),
            },
            confidence: field.confidence,
            documented: false,
            expires: expiry::of_jwt(&field.value).or_else(|| sibling_expiry(content.fields, at)),
            locked: field.locked,
            preview: String::new(),
            advice: content.advice(field.grant.advice),
            place: content.place(name, line, ""),
        }
    }

    fn hand_out(&self, value: &[u8], name: &Masked, facts: Facts<'_>, content: &Content<'_>) {
        let field = String::from_utf8_lossy(name.as_bytes());
        let Facts { rule, grant, confidence, whole } = facts;
        let source = &content.source;
        (self.take)(&FoundValue { value, source, field: &field, grant, rule, confidence, whole });
    }
}

/// Takes what a push brought.
fn drain(
    events: &mut Vec<Event>,
    stream: &Stream,
    subject: &Subject<'_>,
    hits: &mut Vec<Hit>,
    examined: &mut Examined,
) {
    for event in events.drain(..) {
        match event {
            Event::Finding(finding) => {
                let exfilter::Kind::Rule(rule) = finding.kind() else { continue };
                let path = stream.path(finding.path());
                hits.push(Hit {
                    rule,
                    range: finding.outer(),
                    plain: path.steps().is_empty(),
                    line: finding.line(),
                    lane: path.to_string(),
                    confidence: finding.confidence(),
                    documented: finding.documented(),
                    preview: finding.preview().into(),
                });
            }
            Event::Opaque(opaque) => {
                // Whatever a container lacks because the file was not read on is told of as that.
                let own_cut =
                    subject.cut && matches!(opaque.reason(), OpaqueReason::Truncated | OpaqueReason::Corrupt);
                if !own_cut {
                    examined.gaps.push((opaque.reason().as_str(), opaque.reason().describe().into()));
                }
            }
            _ => {}
        }
    }
}

/// What is known of a value that is handed out.
struct Facts<'a> {
    rule: Option<&'a exfilter::Rule>,
    grant: Option<&'a str>,
    confidence: Confidence,
    whole: bool,
}

/// A content that was read, as far as it is at hand.
struct Content<'a> {
    subject: &'a Subject<'a>,
    window: &'a Window<'a>,
    fields: &'a [Field],
    described: Described,
    /// Its name for those who enrol.
    source: String,
}

impl Content<'_> {
    fn place(&self, field: Masked, line: Option<(u64, u64)>, lane: &str) -> FoundAt {
        FoundAt {
            source: self.subject.source,
            tool: self.subject.place.map_or("", |place| place.tool),
            name: self.described.name.clone(),
            // Names of fields are content: JSON has keys that are secrets.
            field,
            line: line.filter(|_| self.subject.source == SourceKind::File),
            lane: lane.into(),
            mode: self.described.mode,
            exposure: self.described.exposure,
        }
    }

    /// What to do about the kind, and about where it stands.
    fn advice(&self, kind: Advice) -> Vec<Advice> {
        let mut advice = vec![kind];
        advice.extend(self.subject.advice);
        advice.extend(self.subject.place.map(|place| place.advice));
        advice
    }

    /// The end that a certificate beside a key tells, in a file of keys.
    fn certificate(&self) -> Option<i64> {
        (self.window.is_whole()).then(|| expiry::of_certificate(self.window.bytes())).flatten()
    }
}

/// Of hits that overlap, one is kept: the surest.
fn surest(hits: &mut Vec<Hit>) {
    let strength = |hit: &Hit| (!hit.documented, hit.confidence, hit.plain, hit.range.end - hit.range.start);
    hits.sort_by_key(|hit| (hit.range.start, hit.range.end, hit.rule));
    let mut kept: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits.drain(..) {
        match kept.last_mut() {
            Some(last)
                if last.range.end > hit.range.start && (last.plain || hit.plain || last.lane == hit.lane) =>
            {
                if strength(&hit) > strength(last) {
                    *last = hit;
                }
            }
            _ => kept.push(hit),
        }
    }
    *hits = kept;
}
