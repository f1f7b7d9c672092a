//! [`Examiner`]: one content. Its bytes go through the engine, its fields through the reader of its format, and both are put together.
//!
//! ```text
//! bytes --> window --> exfilter::Stream --> hits    \
//!              |                                     >-- candidates, each value once
//!              +-----> format::read ------> fields  /
//! ```

use std::io::{self, Read};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use exfilter::{Confidence, Engine, Event, Flow, OpaqueReason, RuleId, Stream};
use zeroize::Zeroizing;

use crate::advice::Advice;
use crate::candidate::{Candidate, What, advice_of, is_generic};
use crate::format::{self, Format, Sink};
use crate::grant::{Coding, FieldSpec, Grant};
use crate::names::{Masked, Names};
use crate::place::{Kind, Place};
use crate::report::{Exposure, FoundAt, SourceKind};
use crate::secret::{DigestKey, FoundValue};
use crate::{expiry, grant, judge, keyfile};

/// Bytes per read.
const CHUNK: usize = 256 << 10;
/// The longest content whose fields are read, in bytes. Longer ones are text.
pub(crate) const PARSED: usize = 4 << 20;
/// Bytes behind the beginning of a value that are kept at hand for the rest of it: a key of 16 384 bits in PEM has 13 000.
const REST: usize = 16 << 10;
/// Bytes kept when the window moves on.
const KEPT: usize = 64 << 10;
/// Fields of one content that are looked at; hostile files have millions.
const MAX_FIELDS: usize = 20_000;

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
struct Hit {
    rule: RuleId,
    /// Where its value stands, or the bytes from which it was decoded.
    range: Range<u64>,
    plain: bool,
    line: Option<(u64, u64)>,
    lane: String,
    confidence: Confidence,
    documented: bool,
    preview: String,
}

/// A field that holds a secret by its name.
struct Field {
    name: Vec<u8>,
    /// Decoded.
    value: Zeroizing<Vec<u8>>,
    /// Where its spelling stands.
    range: Range<u64>,
    spec: Option<&'static FieldSpec>,
    grant: &'static Grant,
    hint: Option<judge::Hint>,
    confidence: Confidence,
    locked: bool,
    /// It only names what a rule found in it.
    names_only: bool,
}

impl Examiner<'_> {
    /// Reads `reader` to its end or to the limit. What was found before a fault stands, and what comes after it is a gap.
    pub(crate) fn examine(
        &self,
        subject: &Subject<'_>,
        reader: &mut dyn Read,
        buffer: &mut Zeroizing<Vec<u8>>,
    ) -> Examined {
        let mut examined = Examined::default();
        let whole = catch_unwind(AssertUnwindSafe(|| self.drive(subject, reader, buffer, &mut examined)));
        if whole.is_err() {
            examined.gaps.push(("internal", "the audit failed on it".into()));
        }
        buffer.clear();
        examined
    }

    fn drive(
        &self,
        subject: &Subject<'_>,
        reader: &mut dyn Read,
        buffer: &mut Zeroizing<Vec<u8>>,
        examined: &mut Examined,
    ) {
        let mut stream = self.engine.stream(Flow::at_rest().lines());
        let mut window = Window { buffer, base: 0 };
        let mut hits: Vec<Hit> = Vec::new();
        let kept_whole =
            if subject.fields == Fields::None && subject.place.is_none() { KEPT + CHUNK } else { PARSED };
        let mut last = None;
        loop {
            let left = subject.limit - examined.bytes;
            if left == 0 {
                break;
            }
            match window.fill(reader, left.min(CHUNK as u64) as usize) {
                Ok(0) => break,
                Ok(n) => {
                    examined.bytes += n as u64;
                    // At rest nothing blocks; findings are what is wanted.
                    let _verdict = stream.push(window.newest(n));
                    self.drain(&mut stream, subject, &mut hits, examined);
                }
                Err(error) => {
                    last = Some(error);
                    break;
                }
            }
            if window.buffer.len() > kept_whole {
                let ready = window.end().saturating_sub(REST as u64);
                let (mut now, later): (Vec<Hit>, _) =
                    hits.drain(..).partition(|hit: &Hit| hit.range.start <= ready);
                hits = later;
                surest(&mut now);
                self.put_together(subject, &window, now, Vec::new(), &mut examined.candidates);
                window.slide();
            }
        }
        let _verdict = stream.finish();
        self.drain(&mut stream, subject, &mut hits, examined);
        examined.unlisted = stream.suppressed().map(|(_, n)| n).sum();
        if let Some(error) = last {
            examined.gaps.push(("read-error", format!("reading failed: {}", error.kind())));
        }
        surest(&mut hits);
        let fields = if window.base == 0 { fields(subject, window.buffer, &hits) } else { Vec::new() };
        self.put_together(subject, &window, hits, fields, &mut examined.candidates);
    }

    fn drain(
        &self,
        stream: &mut Stream,
        subject: &Subject<'_>,
        hits: &mut Vec<Hit>,
        examined: &mut Examined,
    ) {
        while let Some(event) = stream.poll_event() {
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
                    let own_cut = subject.cut
                        && matches!(opaque.reason(), OpaqueReason::Truncated | OpaqueReason::Corrupt);
                    if !own_cut {
                        examined.gaps.push((opaque.reason().as_str(), opaque.reason().describe().into()));
                    }
                }
                _ => {}
            }
        }
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
        let mut explained: Vec<bool> = vec![false; fields.len()];
        for hit in &hits {
            let rule = self.engine.rule(hit.rule);
            // Fields are in order of their beginnings, and do not overlap.
            let near = fields.partition_point(|field| field.range.start <= hit.range.start);
            let field = near.checked_sub(1).filter(|at| fields[*at].range.end > hit.range.start);
            let field = field.or_else(|| {
                (near < fields.len() && fields[near].range.start < hit.range.end).then_some(near)
            });
            let mut what = What::of_rule(rule, hit.confidence);
            let mut confidence = hit.confidence;
            let mut advice = vec![advice_of(rule)];
            if let Some(at) = field {
                let field = &fields[at];
                if field.spec.is_some() || field.locked {
                    let by_field = What::of_grant(field.grant);
                    if by_field.is_better(&what) {
                        what = by_field;
                        confidence = confidence.max(field.confidence);
                        advice = vec![field.grant.advice];
                    }
                } else if hit.confidence == Confidence::Low && !field.names_only {
                    // The name of the field says more than a shape that ordinary data has too.
                    continue;
                }
                explained[at] = true;
            }
            let field_name = field.map(|at| self.field_name(&fields[at].name)).unwrap_or_default();
            let (mut digest, mut expires, mut locked) = (None, None, false);
            if hit.plain
                && let Some((value, whole)) = window.value(&hit.range, rule.open_ended)
            {
                if is_generic(rule) || rule.checksum == Some(exfilter::Checksum::Jwt) {
                    expires = expiry::of_jwt(value).or_else(|| whole_certificate(window));
                    locked = keyfile::is_locked(value) && value.starts_with(b"-----BEGIN");
                }
                digest = Some(self.key.of(value));
                self.hand_out(value, &source, &field_name, Some(rule), whole);
            } else if let Some(at) = field.filter(|at| fields[*at].spec.is_some()) {
                // What the engine decoded, the field's own coding gives too.
                digest = Some(self.key.of(&fields[at].value));
                self.hand_out(&fields[at].value, &source, &field_name, Some(rule), true);
            }
            if let Some(at) = field {
                locked |= fields[at].locked;
                expires = expires.or_else(|| sibling_expiry(&fields, at));
            }
            advice.extend(subject.advice);
            advice.extend(subject.place.map(|place| place.advice));
            out.push(Candidate {
                digest,
                what,
                confidence,
                documented: hit.documented,
                expires,
                locked,
                preview: hit.preview.clone(),
                advice,
                place: FoundAt {
                    source: subject.source,
                    tool: subject.place.map_or("", |place| place.tool),
                    name: described.name.clone(),
                    field: field_name,
                    line: hit.line.filter(|_| subject.source == SourceKind::File),
                    lane: hit.lane.clone(),
                    mode: described.mode,
                    exposure: described.exposure,
                },
            });
        }
        let mut lines = Lines::new(window);
        for (at, field) in fields.iter().enumerate() {
            let line = lines.at(field.range.start).filter(|_| subject.source == SourceKind::File);
            if explained[at] || field.names_only || judge::is_expiry(&field.name) {
                continue;
            }
            let field_name = self.field_name(&field.name);
            self.hand_out(&field.value, &source, &field_name, None, true);
            let what = match (field.spec, field.hint) {
                (None, Some(hint)) => What::of_name(field.grant, judge::provider(&field.name), hint.class),
                _ => What::of_grant(field.grant),
            };
            let mut advice = vec![field.grant.advice];
            advice.extend(subject.advice);
            advice.extend(subject.place.map(|place| place.advice));
            out.push(Candidate {
                digest: Some(self.key.of(&field.value)),
                what,
                confidence: field.confidence,
                documented: false,
                expires: expiry::of_jwt(&field.value).or_else(|| sibling_expiry(&fields, at)),
                locked: field.locked,
                preview: String::new(),
                advice,
                place: FoundAt {
                    source: subject.source,
                    tool: subject.place.map_or("", |place| place.tool),
                    name: described.name.clone(),
                    field: field_name,
                    line,
                    lane: String::new(),
                    mode: described.mode,
                    exposure: described.exposure,
                },
            });
        }
    }

    /// Names of fields are content: JSON has keys that are secrets.
    fn field_name(&self, name: &[u8]) -> Masked {
        self.names.mask(name)
    }

    fn hand_out(
        &self,
        value: &[u8],
        source: &str,
        field: &Masked,
        rule: Option<&exfilter::Rule>,
        whole: bool,
    ) {
        let field = String::from_utf8_lossy(field.as_bytes());
        (self.take)(&FoundValue { value, source, field: &field, rule, whole });
    }
}

/// The end that a certificate beside a key tells, in a file of keys.
fn whole_certificate(window: &Window<'_>) -> Option<i64> {
    (window.base == 0).then(|| expiry::of_certificate(window.buffer)).flatten()
}

/// What a field beside this one says about its end.
fn sibling_expiry(fields: &[Field], at: usize) -> Option<i64> {
    /// Fields to either side that are looked at.
    const NEAR: usize = 16;
    let parent = judge::parent(&fields[at].name);
    let near = &fields[at.saturating_sub(NEAR)..fields.len().min(at + NEAR)];
    near.iter()
        .filter(|field| judge::is_expiry(&field.name) && judge::parent(&field.name) == parent)
        .find_map(|field| expiry::of_text(&field.value))
}

/// Of hits that overlap, one is kept: the surest.
fn surest(hits: &mut Vec<Hit>) {
    let strength = |hit: &Hit| (!hit.documented, hit.confidence, hit.plain, hit.range.end - hit.range.start);
    hits.sort_by(|a, b| (a.range.start, a.range.end, a.rule).cmp(&(b.range.start, b.range.end, b.rule)));
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

/// The fields that hold secrets, those that hold hits, and those that say when others end, in order of where they stand.
fn fields(subject: &Subject<'_>, content: &[u8], hits: &[Hit]) -> Vec<Field> {
    let mut out: Vec<Field> = Vec::new();
    if let Some(place) = subject.place.filter(|place| place.kind == Kind::Keys) {
        if let Some(key) = keyfile::look(content) {
            let grant = match place.tool {
                "SSH" => &grant::SSH_KEY,
                "GnuPG" => &grant::GPG_KEY,
                _ => &grant::PRIVATE_KEY,
            };
            out.push(Field {
                name: Vec::new(),
                value: Zeroizing::new(content[key.range.clone()].trim_ascii().to_vec()),
                range: key.range.start as u64..key.range.end as u64,
                spec: Some(&KEY_ITSELF),
                grant,
                hint: None,
                confidence: Confidence::High,
                locked: key.locked,
                names_only: false,
            });
        }
        return out;
    }
    let mut sink = |name: &[u8], value: &[u8], at: usize| {
        if out.len() >= MAX_FIELDS {
            return;
        }
        let before = out.len();
        judge_field(subject, name, value, at, &mut out);
        if out.len() == before && !name.is_empty() {
            let range = at as u64..(at + value.len()) as u64;
            let next = hits.partition_point(|hit| hit.range.start < range.start);
            if hits.get(next).is_some_and(|hit| hit.range.start < range.end) {
                out.push(Field {
                    name: name.to_vec(),
                    value: Zeroizing::default(),
                    range,
                    spec: None,
                    grant: subject.guess,
                    hint: None,
                    confidence: Confidence::Low,
                    locked: false,
                    names_only: true,
                });
            }
        }
    };
    let sink: &mut Sink<'_> = &mut sink;
    match subject.fields {
        Fields::None => {}
        Fields::Of(format) => format::read(format, content, sink),
        Fields::Arguments => format::arguments(content, sink),
        Fields::Variables => {
            let mut at = 0;
            for pair in content.split(|b| *b == 0) {
                if let Some(equals) = memchr::memchr(b'=', pair) {
                    sink(&pair[..equals], &pair[equals + 1..], at + equals + 1);
                }
                at += pair.len() + 1;
            }
        }
    }
    out.sort_by_key(|field| field.range.start);
    // One place has one field: what begins inside another is left to it.
    let mut end = 0;
    out.retain(|field| {
        let free = field.range.start >= end;
        end = end.max(field.range.end);
        free
    });
    out
}

/// The spec of a key file: the whole of it is the secret.
static KEY_ITSELF: FieldSpec = FieldSpec { name: "", grant: &grant::PRIVATE_KEY, coding: Coding::Plain };

fn judge_field(subject: &Subject<'_>, name: &[u8], raw: &[u8], at: usize, out: &mut Vec<Field>) {
    let range = at as u64..(at + raw.len()) as u64;
    let mut push = |name: &[u8], value: &[u8], range: Range<u64>, spec, grant, hint, confidence| {
        out.push(Field {
            name: name.to_vec(),
            value: Zeroizing::new(value.to_vec()),
            range,
            spec,
            grant,
            hint,
            confidence,
            locked: false,
            names_only: false,
        });
    };
    if judge::is_expiry(name) && expiry::of_text(raw).is_some() {
        push(name, raw, range, None, subject.guess, None, Confidence::Low);
        return;
    }
    // A certificate in base64 tells when the key beside it ends.
    if name.ends_with(b"client-certificate-data") {
        if let Some(end) = expiry::decoded(raw).and_then(|pem| expiry::of_certificate(&pem)) {
            let expiry_name = [judge::parent(name), b".notAfter"].concat();
            push(&expiry_name, end.to_string().as_bytes(), range, None, subject.guess, None, Confidence::Low);
        }
        return;
    }
    if let Some(spec) = subject.place.and_then(|place| place.field(name)) {
        let value = decode(spec.coding, raw);
        if value.len() >= 4 && !judge::is_stand_in(&value) && !is_flag(&value) {
            push(name, &value, range, Some(spec), spec.grant, None, Confidence::High);
            return;
        }
        if judge::is_stand_in(&value) {
            return;
        }
    }
    let plain = without_scheme(raw);
    if let Some(hint) = judge::hint(name) {
        if let Some(confidence) = judge::weigh(hint, plain) {
            push(name, plain, range, None, subject.guess, Some(hint), confidence);
        }
        return;
    }
    // `- NAME=value` in a list, `--name=value` among arguments.
    if let Some(equals) = memchr::memchr(b'=', raw).filter(|n| *n <= 128 && !raw[..*n].contains(&b' ')) {
        let (inner, value) = (raw[..equals].trim_ascii_start(), &raw[equals + 1..]);
        let inner = inner.strip_prefix(b"--").unwrap_or(inner);
        if let Some(hint) = judge::hint(inner)
            && let Some(confidence) = judge::weigh(hint, value)
        {
            let full = [name, if name.is_empty() { b"" } else { b"." }, inner].concat();
            let start = (at + equals + 1) as u64;
            push(
                &full,
                value,
                start..start + value.len() as u64,
                None,
                subject.guess,
                Some(hint),
                confidence,
            );
        }
    }
}

/// The secret in the value of a field.
fn decode(coding: Coding, raw: &[u8]) -> Zeroizing<Vec<u8>> {
    let plain = without_scheme(raw);
    match coding {
        Coding::Plain => Zeroizing::new(plain.to_vec()),
        Coding::Base64 => expiry::decoded(plain).unwrap_or_else(|| Zeroizing::new(plain.to_vec())),
        Coding::Basic => {
            // git's form is a whole header: `AUTHORIZATION: basic ...`.
            let word = plain.rsplit(|b| *b == b' ').next().unwrap_or(plain);
            match expiry::decoded(word) {
                Some(pair) => match memchr::memchr(b':', &pair) {
                    Some(colon) => Zeroizing::new(pair[colon + 1..].to_vec()),
                    None => Zeroizing::new(plain.to_vec()),
                },
                None => Zeroizing::new(plain.to_vec()),
            }
        }
    }
}

/// A value without the scheme of an `Authorization` header in front.
fn without_scheme(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    for scheme in [&b"bearer "[..], b"token ", b"basic "] {
        if value.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)) {
            return value[scheme.len()..].trim_ascii_start();
        }
    }
    value
}

fn is_flag(value: &[u8]) -> bool {
    [&b"true"[..], b"false", b"null", b"none"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// The bytes at hand: all of a short content, the newest of a long one.
struct Window<'a> {
    buffer: &'a mut Zeroizing<Vec<u8>>,
    /// The offset of the first of them.
    base: u64,
}

impl Window<'_> {
    fn end(&self) -> u64 {
        self.base + self.buffer.len() as u64
    }

    /// Reads once, up to `most` bytes.
    fn fill(&mut self, reader: &mut dyn Read, most: usize) -> io::Result<usize> {
        let old = self.buffer.len();
        self.buffer.resize(old + most, 0);
        let read = loop {
            match reader.read(&mut self.buffer[old..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(old + *read.as_ref().unwrap_or(&0));
        read
    }

    fn newest(&self, n: usize) -> &[u8] {
        &self.buffer[self.buffer.len() - n..]
    }

    fn slide(&mut self) {
        let gone = self.buffer.len() - KEPT;
        self.buffer.drain(..gone);
        self.base += gone as u64;
    }

    /// The value that stands in `range`, to its end where only its beginning is known, and whether it is the whole of it.
    fn value(&self, range: &Range<u64>, open_ended: bool) -> Option<(&[u8], bool)> {
        let start = usize::try_from(range.start.checked_sub(self.base)?).ok()?;
        let end = usize::try_from(range.end.checked_sub(self.base)?).ok()?;
        let text = self.buffer.get(start..)?;
        let known = text.get(..end.checked_sub(start)?)?;
        if !open_ended {
            return Some((known, true));
        }
        let text = &text[..text.len().min(REST)];
        if known.starts_with(b"-----BEGIN") {
            let (len, whole) = keyfile::pem_end(text);
            return Some((text[..len].trim_ascii_end(), whole));
        }
        let more = text[known.len()..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
            .count();
        Some((&text[..known.len() + more], known.len() + more < REST))
    }
}

/// Lines of offsets that only grow.
struct Lines<'a> {
    content: &'a [u8],
    at: usize,
    line: u64,
    start: usize,
    whole: bool,
}

impl<'a> Lines<'a> {
    fn new(window: &'a Window<'_>) -> Lines<'a> {
        Lines { content: window.buffer, at: 0, line: 1, start: 0, whole: window.base == 0 }
    }

    /// Line and column of an offset, both from 1.
    fn at(&mut self, offset: u64) -> Option<(u64, u64)> {
        let offset = usize::try_from(offset).ok().filter(|o| self.whole && *o <= self.content.len())?;
        let end = offset.max(self.at);
        for newline in memchr::memchr_iter(b'\n', &self.content[self.at..end]) {
            self.line += 1;
            self.start = self.at + newline + 1;
        }
        self.at = end;
        Some((self.line, (offset.saturating_sub(self.start)) as u64 + 1))
    }
}
