//! From parts to bytes, with the places of marks.

use std::collections::BTreeMap;
use std::ops::Range;

use super::file::{MemberText, Part};
use crate::forms::Form;
use crate::{Rng, wrap};

/// Bytes, where the marks stand in them, and where bytes are missing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) marks: BTreeMap<String, Mark>,
    /// Position in `bytes`, and how many bytes are lost there.
    pub(crate) gaps: Vec<(usize, u64)>,
}

/// A named part.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) place: Place,
    /// What stands there, before any wrapping.
    pub(crate) bytes: Vec<u8>,
}

/// Where a mark stands in the outer bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// There, byte for byte.
    Plain(Range<u64>),
    /// In these characters of base64 that stands in the outer bytes itself.
    Base64(Range<u64>),
    /// Somewhere within.
    Within(Range<u64>),
}

/// What parts may refer to.
pub(crate) struct Names<'a> {
    pub(crate) secrets: &'a BTreeMap<String, Vec<u8>>,
    pub(crate) marks: &'a BTreeMap<String, Mark>,
    pub(crate) seed: u64,
}

impl Content {
    fn push(&mut self, other: Content) {
        let by = self.bytes.len() as u64;
        let shift = |r: Range<u64>| r.start + by..r.end + by;
        for (name, mut mark) in other.marks {
            mark.place = match mark.place {
                Place::Plain(r) => Place::Plain(shift(r)),
                Place::Base64(r) => Place::Base64(shift(r)),
                Place::Within(r) => Place::Within(shift(r)),
            };
            assert!(self.marks.insert(name.clone(), mark).is_none(), "the mark {name} stands twice");
        }
        self.gaps.extend(other.gaps.iter().map(|(at, len)| (at + self.bytes.len(), *len)));
        self.bytes.extend(other.bytes);
    }

    /// Its bytes turned into `bytes`, and marks mapped by `place`.
    fn wrapped(self, bytes: Vec<u8>, place: impl Fn(Place) -> Place) -> Content {
        let marks =
            self.marks.into_iter().map(|(name, mark)| (name, Mark { place: place(mark.place), ..mark }));
        Content { marks: marks.collect(), bytes, gaps: Vec::new() }
    }
}

/// Builds parts that follow each other.
pub(crate) fn build(parts: &[Part], names: &Names<'_>) -> Content {
    let mut out = Content::default();
    for (i, part) in parts.iter().enumerate() {
        let seed = names.seed.wrapping_mul(31).wrapping_add(i as u64 + 1);
        out.push(one(part, &Names { seed, ..*names }));
    }
    out
}

fn one(part: &Part, names: &Names<'_>) -> Content {
    let plain = |bytes: Vec<u8>| Content { bytes, ..Content::default() };
    let mut rng = Rng::new(names.seed);
    let seed = part.seed.unwrap_or(names.seed);
    let mut content = if let Some(text) = &part.text {
        plain(text.as_bytes().to_vec())
    } else if let Some(digits) = &part.hex {
        plain(unhex(digits))
    } else if let Some(template) = &part.make {
        plain(expand(template, part.checksum.as_deref(), seed))
    } else if let Some(id) = &part.rule {
        let entries = exfilter_rules::builtin_entries();
        let entry = entries.iter().find(|e| e.rule.id == *id).unwrap_or_else(|| panic!("no rule {id}"));
        let template = &entry.examples[part.example];
        plain(
            exfilter_rules::example::expand(template, entry.rule.checksum, seed)
                .expect("examples are checked"),
        )
    } else if let Some(name) = &part.secret {
        let value = names.secrets.get(name).unwrap_or_else(|| panic!("no secret {name}"));
        let word = part.form.as_deref().unwrap_or("raw");
        let form = Form::parse(word, part.layers.unwrap_or(1), part.shift, part.url);
        plain(form.unwrap_or_else(|| panic!("no form {word}")).spell(value))
    } else if let Some(n) = part.random {
        plain(rng.bytes(n))
    } else if let Some(parts) = &part.of {
        build(parts, names)
    } else if let Some(parts) = &part.base64 {
        let inner = build(parts, names);
        let bytes = wrap::base64(&inner.bytes, part.url, part.pad);
        let chars = |r: Range<u64>| 8 * r.start / 6..(8 * r.end).div_ceil(6);
        inner.wrapped(bytes, |place| match place {
            Place::Plain(r) => Place::Base64(chars(r)),
            Place::Base64(r) | Place::Within(r) => {
                // Known to the group of four characters.
                Place::Within(chars(r.start.saturating_sub(4)..r.end + 4))
            }
        })
    } else if let Some(parts) = &part.gzip {
        let inner = build(parts, names);
        let level = part.level.unwrap_or(6).unsigned_abs();
        let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::new(level));
        std::io::Write::write_all(&mut encoder, &inner.bytes).expect("writing to memory");
        compressed(inner, encoder.finish().expect("writing to memory"))
    } else if let Some(parts) = &part.zstd {
        let inner = build(parts, names);
        let mut frame = vec![0u8; zstd_safe::compress_bound(inner.bytes.len())];
        let n = zstd_safe::compress(&mut frame[..], &inner.bytes, part.level.unwrap_or(3))
            .expect("the bound is enough");
        frame.truncate(n);
        compressed(inner, frame)
    } else if let Some(members) = &part.tar {
        tar(members, names)
    } else if let Some(members) = &part.ar {
        archive(members, names, &|members| wrap::ar(members))
    } else if let Some(members) = &part.cpio {
        archive(members, names, &|members| wrap::cpio(wrap::Cpio::Newc, members))
    } else if let Some(len) = part.gap {
        Content { gaps: vec![(0, len)], ..Content::default() }
    } else if let Some(name) = &part.stars {
        plain(vec![b'*'; names.marks[name].bytes.len()])
    } else if let Some(name) = &part.same {
        plain(names.marks[name].bytes.clone())
    } else {
        panic!(
            "a part says what it is: text, hex, make, rule, secret, random, of, base64, gzip, zstd, tar, ar, cpio or gap"
        )
    };
    if let Some(n) = part.times {
        assert!(content.marks.is_empty(), "a repeated part has no marks inside");
        content.bytes = content.bytes.repeat(n);
    }
    content.bytes.truncate(content.bytes.len() - part.cut);
    if let Some(at) = part.flip {
        let at = if at < 0 { content.bytes.len() as i64 + at } else { at };
        content.bytes[usize::try_from(at).expect("the byte is there")] ^= 0xff;
    }
    if let Some(name) = &part.mark {
        let mark = Mark { place: Place::Plain(0..content.bytes.len() as u64), bytes: content.bytes.clone() };
        content.marks.insert(name.clone(), mark);
    }
    content
}

fn compressed(inner: Content, bytes: Vec<u8>) -> Content {
    let len = bytes.len() as u64;
    inner.wrapped(bytes, |_| Place::Within(0..len))
}

/// An archive: members' contents stay where they are, header blocks come before them.
fn tar(members: &[MemberText], names: &Names<'_>) -> Content {
    let mut out = Content::default();
    for (i, member) in members.iter().enumerate() {
        let names = &Names { seed: names.seed.wrapping_mul(37).wrapping_add(i as u64), ..*names };
        let name = build(&member.name, names);
        let content = build(&member.content, names);
        let mut archive = wrap::tar(&[(name.bytes.clone(), content.bytes.clone())]);
        archive.truncate(archive.len() - 1024);
        let padding = archive.split_off(512 + content.bytes.len());
        let header = Content { bytes: archive[..512].to_vec(), marks: name.marks, gaps: Vec::new() };
        out.push(header);
        out.push(content);
        out.push(Content { bytes: padding, ..Content::default() });
    }
    out.push(Content { bytes: vec![0; 1024], ..Content::default() });
    out
}

/// A member, or several: names and contents.
type Members = [(Vec<u8>, Vec<u8>)];

/// An archive as `write` writes it. Marks of names are not kept: a name may stand anywhere.
fn archive(members: &[MemberText], names: &Names<'_>, write: &dyn Fn(&Members) -> Vec<u8>) -> Content {
    let mut marks = Content::default();
    let mut built = Vec::new();
    for (i, member) in members.iter().enumerate() {
        let names = &Names { seed: names.seed.wrapping_mul(37).wrapping_add(i as u64), ..*names };
        built.push((build(&member.name, names).bytes, build(&member.content, names)));
    }
    // Nothing else in an archive is 0xff, so that contents of it show where they stand.
    let filled: Vec<_> = built.iter().map(|(name, c)| (name.clone(), vec![0xff; c.bytes.len()])).collect();
    let filled = write(&filled);
    let bytes = write(&built.iter().map(|(name, c)| (name.clone(), c.bytes.clone())).collect::<Vec<_>>());
    for (_, content) in built.into_iter().filter(|(_, content)| !content.bytes.is_empty()) {
        let from = marks.bytes.len();
        let at = filled[from..].iter().position(|b| *b == 0xff).expect("the content stands there");
        marks.push(Content { bytes: bytes[from..from + at].to_vec(), ..Content::default() });
        marks.push(content);
    }
    marks.push(Content { bytes: bytes[marks.bytes.len()..].to_vec(), ..Content::default() });
    marks
}

/// What a template makes.
pub(crate) fn expand(template: &str, checksum: Option<&str>, seed: u64) -> Vec<u8> {
    let checksum = checksum.map(super::checksum);
    exfilter_rules::example::expand(template, checksum, seed).unwrap_or_else(|e| panic!("{e}"))
}

fn unhex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("hexadecimal digits");
            u8::from_str_radix(pair, 16).expect("hexadecimal digits")
        })
        .collect()
}
