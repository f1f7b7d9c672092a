//! Fields of a content that hold secrets, by the table of known places or by their names.

use std::ops::Range;

use exfilter::Confidence;
use zeroize::Zeroizing;

use super::content::{Fields, Hit, Subject};
use crate::format::{self, Sink};
use crate::grant::{Coding, FieldSpec, Grant};
use crate::place::{Kind, matches};
use crate::{expiry, grant, judge, keyfile};

/// Fields of one content that are looked at; hostile files have millions.
const MAX_FIELDS: usize = 20_000;
/// Programs of one content that are told of.
const MAX_HELPERS: usize = 100;

/// A field that holds a secret by its name.
pub(super) struct Field {
    pub(super) name: Vec<u8>,
    /// Decoded.
    pub(super) value: Zeroizing<Vec<u8>>,
    /// Where its spelling stands.
    pub(super) range: Range<u64>,
    pub(super) spec: Option<&'static FieldSpec>,
    pub(super) grant: &'static Grant,
    pub(super) hint: Option<judge::Hint>,
    pub(super) confidence: Confidence,
    pub(super) locked: bool,
    /// It only names what a rule found in it.
    pub(super) names_only: bool,
}

/// Fields that name a program which hands out credentials, by the tool that runs it.
static HELPERS: &[(&str, &str)] = &[
    ("Kubernetes", "users.*.user.exec.command"),
    ("AWS CLI", "*credential_process"),
    ("Claude Code", "apiKeyHelper"),
    ("Docker", "credsStore"),
    ("Docker", "credHelpers.*"),
    ("git", "credential*.helper"),
];

/// Whether a field names such a program. git's own two keep what they hand out in places that are looked at by themselves.
fn is_helper(subject: &Subject<'_>, name: &[u8], value: &[u8]) -> bool {
    let Some(place) = subject.place else { return false };
    let runs = |(tool, field): &(&str, &str)| *tool == place.tool && matches(field.as_bytes(), name, true);
    let value = value.trim_ascii();
    let own = value.is_empty() || value.starts_with(b"store") || value.starts_with(b"cache");
    HELPERS.iter().any(runs) && !own
}

/// The fields that hold secrets, those that hold hits, and those that say when others end, in order of where they stand; and whether those are all.
///
/// Names of fields that name programs which hand out credentials go to `helpers`.
pub(super) fn fields(
    subject: &Subject<'_>,
    content: &[u8],
    hits: &[Hit],
    helpers: &mut Vec<Vec<u8>>,
) -> (Vec<Field>, bool) {
    let mut out: Vec<Field> = Vec::new();
    let mut all = true;
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
        return (out, all);
    }
    let mut sink = |name: &[u8], value: &[u8], at: usize| {
        if out.len() >= MAX_FIELDS {
            all = false;
            return;
        }
        if is_helper(subject, name, value) && helpers.len() < MAX_HELPERS {
            helpers.push(name.to_vec());
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
    (out, all)
}

/// The spec of a key file: the whole of it is the secret.
static KEY_ITSELF: FieldSpec = FieldSpec { name: "", grant: &grant::PRIVATE_KEY, coding: Coding::Plain };

/// Judges one field by the table, by its name and by what its value looks like.
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
        if judge::is_stand_in(&value) {
            return;
        }
        // Any variable of a server may be a secret, and most are none: there the name or the look of the value decides.
        let open = spec.name.contains("env.*") || spec.name.contains("headers.*");
        let confidence = match (open, judge::hint(name)) {
            (false, _) => (value.len() >= 4 && !is_flag(&value)).then_some(Confidence::High),
            (true, Some(hint)) => judge::weigh(hint, &value).map(|_| Confidence::High),
            (true, None) => judge::weigh(judge::ANY, &value).filter(|one| *one >= Confidence::Medium),
        };
        if let Some(confidence) = confidence {
            push(name, &value, range, Some(spec), spec.grant, None, confidence);
            return;
        }
        if open {
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

/// The field in which what stands in `range` begins, or which begins in it. Fields are in order and do not overlap.
pub(super) fn field_of(fields: &[Field], range: &Range<u64>) -> Option<usize> {
    let next = fields.partition_point(|field| field.range.start <= range.start);
    let before = next.checked_sub(1).filter(|at| fields[*at].range.end > range.start);
    before.or_else(|| fields.get(next).is_some_and(|field| field.range.start < range.end).then_some(next))
}

/// What a field beside this one says about its end.
pub(super) fn sibling_expiry(fields: &[Field], at: usize) -> Option<i64> {
    /// Fields to either side that are looked at.
    const NEAR: usize = 16;
    // What renews a login outlives what it says of the token beside it.
    if judge::is_renewal(&fields[at].name) {
        return None;
    }
    let parent = judge::parent(&fields[at].name);
    let near = &fields[at.saturating_sub(NEAR)..fields.len().min(at + NEAR)];
    near.iter()
        .filter(|field| judge::is_expiry(&field.name) && judge::parent(&field.name) == parent)
        .find_map(|field| expiry::of_text(&field.value))
}
