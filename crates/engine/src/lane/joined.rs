//! Keys that a program joins from pieces: a lane of the text with what stands between the pieces deleted.
//!
//! ```text
//! parent   key = "ghp_abc" + \n  "defgh";    'ab', 'cd'    ab\<line break>cd    a<zero-width>b    ab</t><t>cd    (ab) -3 (cd)
//!                        ^^^^^^^^^               ^^^^        ^^                   ^               ^^^^^^^          ^^^^^^
//! lane     key = "ghp_abcdefgh";             'abcd'        abcd                 ab              abcd            (abcd)
//! ```
//!
//! A *joint* stands between two token characters and has no more than [`JOINT_MAX`] bytes: the end of one string and the beginning of the next, with
//! one operator and blanks between them at most; a line that goes on; characters without width; how far PDF moves the next string (ISO 32000-2 section 9.4.3). Tags of markup are one too, as runs
//! of a Word document have them between each other, of [`MARKUP_MAX`] bytes. Line breaks and blanks alone are none: they would
//! make one word of prose. Fullwidth forms become the ASCII characters that they show, and what UTF-7 writes for one character (`+AF8-`) that character.
//!
//! The lane has no children and is fed [`AHEAD`] bytes late, so that every joint is decided when its first byte is read; so it takes batches
//! as its parent does. It reports only what spans a joint that is no escape, and of which no piece alone matches: the parent, or its lane of
//! escapes, has seen the rest.

use std::collections::VecDeque;
use std::sync::Arc;

use exfilter_automaton::{ByteSet, is_token};
use exfilter_codec::base64;
use zeroize::Zeroize;

use crate::compile::Compiled;
use crate::confirm::{Confirm, Start, View};
use crate::context::Context;
use crate::lane::archive::Archive;
use crate::lane::{Lane, LaneKind};
use crate::map::{Origin, OuterMap};
use crate::path::{LaneStep, Trail};

/// Longest joint, in bytes.
const JOINT_MAX: usize = 32;

/// Longest one of tags: those of a run of a Word document with its properties, fonts and revisions.
const MARKUP_MAX: u16 = 512;

/// The most bytes of tags that are deleted at once, and with each byte of text so many more: what the lane keeps of its parent has a bound.
const CREDIT_MAX: u16 = 4096;
const CREDIT_EACH: usize = 16;

/// Bytes that a decision looks at, from the first byte of a joint on: it, and the character behind it.
pub(crate) const AHEAD: usize = JOINT_MAX + UTF7_LEN;

/// Length of a fullwidth form in UTF-8.
const WIDE_LEN: usize = 3;

/// Length of a character that UTF-7 shifts to and from: `+AF8-`.
const UTF7_LEN: usize = 5;

/// Most backslashes before a quote, or before the letter of a line break: strings in strings in strings.
const BACKSLASHES: usize = 3;

/// Text is fed in slices of about so many bytes: where each comes from is kept for those of a slice.
const SLICE: usize = 1024;

/// The lane of joined text.
pub(crate) struct Joined {
    /// Bytes of the parent before this offset have been read.
    fed: u64,
    reader: Reader,
    lane: Lane,
}

/// Which bytes of the lane are not neighbours in its parent, or are written otherwise there; and where they stand there.
pub(crate) struct Joints {
    /// Bytes before which a joint stood that no lane of escapes deletes.
    marks: VecDeque<u64>,
    /// Bytes that are fullwidth forms, or written as UTF-7 writes them.
    forms: VecDeque<u64>,
    /// Those of them that no lane of escapes reads, or begins with.
    signs: VecDeque<u64>,
    /// Bytes before which a comma stood in the joint, or the end of a cell or paragraph: elements of a list.
    commas: VecDeque<u64>,
    /// Bytes before which tags or numbers stood, whose letters and digits are none of a value.
    tags: VecDeque<u64>,
    /// Offsets in the parent.
    places: OuterMap,
    /// Places of the findings of this feed: the ranges in the parent.
    found: Vec<(u64, u64)>,
}

impl Joints {
    fn new() -> Joints {
        Joints {
            marks: VecDeque::new(),
            forms: VecDeque::new(),
            signs: VecDeque::new(),
            commas: VecDeque::new(),
            tags: VecDeque::new(),
            places: OuterMap::segments(),
            found: Vec::new(),
        }
    }

    /// Whether a range spans a joint, or holds a sign that no lane of escapes reads.
    pub(crate) fn is_spanned(&self, start: u64, end: u64) -> bool {
        let after = self.marks.partition_point(|mark| *mark <= start);
        self.marks.get(after).is_some_and(|mark| *mark < end) || holds(&self.signs, start, end)
    }

    /// Whether a range is made of elements of a list that are longer than characters: it takes a checksum to tell a key in pieces from a list of
    /// names.
    pub(crate) fn is_listed(&self, start: u64, end: u64) -> bool {
        let before = |at: u64| self.commas.partition_point(|comma| *comma < at) as u64;
        let commas = before(end) - before(start + 1);
        commas > 0 && end - start > 2 * (commas + 1)
    }

    /// Whether a range holds a form.
    pub(crate) fn has_form(&self, start: u64, end: u64) -> bool {
        holds(&self.forms, start, end)
    }

    /// Whether tags or numbers stood within a range.
    pub(crate) fn has_tags(&self, start: u64, end: u64) -> bool {
        holds(&self.tags, start + 1, end)
    }

    /// Whether a joint stands before the byte at `at`.
    pub(crate) fn is_joint(&self, at: u64) -> bool {
        self.marks.binary_search(&at).is_ok()
    }

    /// The piece in which the byte at `at` stands, within `range`.
    pub(crate) fn piece(&self, at: u64, range: (u64, u64)) -> (u64, u64) {
        let after = self.marks.partition_point(|mark| *mark <= at);
        let before = after.checked_sub(1).and_then(|last| self.marks.get(last));
        let start = before.map_or(range.0, |mark| range.0.max(*mark));
        let end = self.marks.get(after).map_or(range.1, |mark| range.1.min(*mark));
        (start, end)
    }

    /// Notes where a finding stands in the parent.
    pub(crate) fn note(&mut self, start: u64, end: u64) {
        self.found.push((self.places.src(start), self.places.end(end)));
    }

    pub(crate) fn forget(&mut self, keep: u64) {
        for offsets in [&mut self.marks, &mut self.forms, &mut self.signs, &mut self.commas, &mut self.tags] {
            while offsets.front().is_some_and(|at| *at < keep) {
                offsets.pop_front();
            }
        }
        self.places.forget(keep);
    }

    pub(crate) fn memory(&self) -> usize {
        size_of::<Joints>()
            + [&self.marks, &self.forms, &self.signs, &self.commas, &self.tags]
                .map(VecDeque::capacity)
                .iter()
                .sum::<usize>()
                * size_of::<u64>()
            + self.places.bytes()
            + self.found.capacity() * size_of::<(u64, u64)>()
    }
}

/// Whether one of `places`, which are in order, is in a range.
fn holds(places: &VecDeque<u64>, start: u64, end: u64) -> bool {
    places.get(places.partition_point(|place| *place < start)).is_some_and(|place| *place < end)
}

/// Reads text and deletes joints.
#[derive(Clone, Copy)]
struct Reader {
    /// The last byte read, as the lane has it.
    last: u8,
    /// Whether a joint came behind it.
    joined: bool,
    /// The tag in which the text goes on, if it does.
    tag: Option<Tag>,
    /// How many bytes of tags may be deleted: text that is kept for a finding is so many times as long.
    credit: u16,
}

/// A tag that has begun: what is read of it is deleted, whether it ends or turns out to be none.
#[derive(Clone, Copy)]
struct Tag {
    /// Bytes of it, and of those directly before it.
    len: u16,
    /// The quote that ends the value of an attribute.
    quote: Option<u8>,
    /// Whether it has ended, and another one begins.
    again: bool,
    /// Whether the byte before was the sign behind which a quote may stand.
    equals: bool,
    /// The first letters of its name, the last one lowest, and how many there are, until the name is over.
    name: (u64, u8),
    is_named: bool,
    /// Whether it, or one directly before it, parts texts from each other: cells and paragraphs.
    parts: bool,
}

/// What stands at a place of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// These bytes stand for themselves.
    Plain(usize),
    /// A fullwidth form of this character, or what UTF-7 writes for it, so long.
    Form(u8, usize),
    /// A joint of this length.
    Joint(usize),
    /// So many bytes of a tag, which goes on or is none.
    Tag(usize),
    /// So many bytes of one that ends with them, and is a joint; whether it parts texts.
    TagEnd(usize, bool),
    /// More bytes decide.
    Open,
}

impl Reader {
    const NEW: Reader = Reader { last: 0, joined: false, tag: None, credit: CREDIT_MAX };

    /// The piece at the beginning of `bytes`, of which no more than `most` are taken; `more` says that others may follow.
    fn piece(&mut self, bytes: &[u8], most: usize, more: bool) -> Piece {
        if let Some(tag) = self.tag {
            return self.in_tag(tag, bytes, most, more);
        }
        let plain = bytes[..most].iter().take_while(|b| !BEGINS.contains(**b)).count();
        if let Some(last) = plain.checked_sub(1) {
            self.read(bytes[last], plain);
            return Piece::Plain(plain);
        }
        self.odd_piece(bytes, more)
    }

    /// Notes that so many bytes were read, `byte` last.
    fn read(&mut self, byte: u8, len: usize) {
        (self.last, self.joined) = (byte, false);
        let more = len.saturating_mul(CREDIT_EACH).min(CREDIT_MAX.into()) as u16;
        self.credit = (self.credit + more).min(CREDIT_MAX);
    }

    /// The piece at the beginning of `bytes` where one may begin that is not plain.
    fn odd_piece(&mut self, bytes: &[u8], more: bool) -> Piece {
        let ahead = &bytes[..bytes.len().min(AHEAD)];
        let mut cursor = Cursor { bytes: ahead, at: 0, more: more && ahead.len() < AHEAD };
        let form = match cursor.wide() {
            Err(Stop::Other) if is_token(self.last) && !self.joined => {
                cursor.utf7().map(|form| (form, UTF7_LEN))
            }
            form => form.map(|form| (form, WIDE_LEN)),
        };
        match form {
            Err(Stop::Open) => return Piece::Open,
            Ok((form, len)) => {
                self.read(form, 1);
                return Piece::Form(form, len);
            }
            Err(Stop::Other) => {}
        }
        let joint = match ahead[0] {
            _ if !is_token(self.last) => Err(Stop::Other),
            b'<' => match cursor.peek(1) {
                // The element in which a piece stands ends before the next one begins.
                Ok(b'/') => {
                    self.tag = Some(Tag::NEW);
                    return Piece::Tag(1);
                }
                Ok(_) => Err(Stop::Other),
                Err(stop) => Err(stop),
            },
            _ => cursor.joint(),
        };
        match joint {
            Ok(()) => {
                self.joined = true;
                Piece::Joint(cursor.at)
            }
            Err(Stop::Open) => Piece::Open,
            Err(Stop::Other) => {
                self.read(ahead[0], 1);
                Piece::Plain(1)
            }
        }
    }
}

impl Reader {
    /// Reads on in a tag, of which no more than `most` bytes are taken, or none.
    fn in_tag(&mut self, mut tag: Tag, bytes: &[u8], most: usize, more: bool) -> Piece {
        for (at, byte) in bytes[..most].iter().enumerate() {
            tag.name(*byte);
            let is_of_it = match (tag.quote, byte) {
                (Some(quote), byte) => {
                    tag.quote = (*byte != quote).then_some(quote);
                    // What joins strings stands in no attribute: that is a text of its own.
                    *byte == quote || byte.is_ascii() && !b"<\"'\\".contains(byte)
                }
                (None, b'"' | b'\'') => {
                    tag.quote = Some(*byte);
                    tag.equals
                }
                (None, b'<') => tag.again,
                (None, b'>') => match (bytes.get(at + 1), bytes.get(at + 2)) {
                    (None, _) | (Some(b'<'), None) if more => {
                        self.tag = Some(tag);
                        return if at > 0 { Piece::Tag(at) } else { Piece::Open };
                    }
                    // The next one follows directly.
                    (Some(b'<'), Some(byte)) if Tag::begins(*byte) => {
                        tag = Tag { len: tag.len, again: true, parts: tag.parts, ..Tag::NEW };
                        true
                    }
                    (Some(byte), _) if is_token(*byte) => {
                        (self.tag, self.joined) = (None, true);
                        return Piece::TagEnd(at + 1, tag.parts);
                    }
                    _ => false,
                },
                (None, byte) => Tag::goes_on(*byte),
            };
            if !is_of_it || tag.len >= MARKUP_MAX || self.credit == 0 {
                // A comparison, say, or the end of what is no joint. Nothing is joined to what stands before it.
                (self.tag, self.last) = (None, 0);
                return Piece::Tag(at);
            }
            tag.again &= *byte == b'>';
            (tag.equals, tag.len) = (*byte == b'=', tag.len + 1);
            self.credit -= 1;
        }
        self.tag = Some(tag);
        Piece::Tag(most)
    }
}

impl Tag {
    const NEW: Tag =
        Tag { len: 1, quote: None, again: false, equals: false, name: (0, 0), is_named: false, parts: false };

    /// Takes the next byte of its name, and says what kind of element that is when it is over.
    fn name(&mut self, byte: u8) {
        if self.is_named || self.again {
            return;
        }
        let (name, len) = self.name;
        match byte {
            b'/' if len == 0 => {}
            // Of a name with a prefix, as documents of Word and OpenDocument have them, what follows it counts.
            b':' => self.name = (u64::from(b':'), 1),
            _ if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'!' => {
                self.name = (name << 8 | u64::from(byte.to_ascii_lowercase()), len.saturating_add(1));
            }
            _ => {
                self.is_named = true;
                let bytes = name.to_be_bytes();
                let name = &bytes[bytes.len() - usize::from(len.min(8))..];
                self.parts |= match name.strip_prefix(b":") {
                    Some(local) => len > 8 || PARTS.contains(&local),
                    None => len > 8 || !INLINE.contains(&name),
                };
            }
        }
    }

    /// Whether a tag begins with `<` and this: an element, its end, or a comment.
    fn begins(byte: u8) -> bool {
        byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'!')
    }

    /// Whether it may stand in one outside of quotes: names, attributes and blanks.
    fn goes_on(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || b":_-.=/! \t\r\n".contains(&byte)
    }
}

/// Elements of HTML and SVG that stand within a word, and what parts texts in documents of Word and OpenDocument.
const INLINE: [&[u8]; 17] = [
    b"a", b"b", b"code", b"em", b"font", b"i", b"mark", b"s", b"small", b"span", b"strong", b"sub", b"sup",
    b"tspan", b"tt", b"u", b"var",
];
const PARTS: [&[u8]; 8] = [b"p", b"tc", b"tr", b"tbl", b"br", b"tab", b"h", b"cr"];

/// Bytes with which a joint or a fullwidth form may begin.
const BEGINS: ByteSet = ByteSet::new(b"\"'`\\+<)\xc2\xe2\xef");

/// What an ASCII one may be followed by: in a joint what [`Cursor::between`] passes over, quotes, backslashes and what Markdown writes behind one; in UTF-7 the first six bits of a
/// character; the sign of an end of an element, and numbers of PDF.
const GOES_ON: ByteSet = ByteSet::new(b" \t\r\n+.|,&~^<-\"'`\\_A/0123456789");

/// Bytes behind which a joint may stand: token characters, and the last ones of fullwidth forms.
const ENDS: ByteSet = {
    let mut set = ByteSet::new(&[]);
    let mut b = 0;
    while b < 256 {
        if is_token(b as u8) || b >= 0x80 {
            set.insert(b as u8);
        }
        b += 1;
    }
    set
};

/// Text is looked through by so many bytes.
const STRETCH: usize = 2048;

/// Where odd pieces may begin in a stretch of text: all other bytes stand for themselves.
struct Odd {
    /// Where it begins, and ends.
    from: usize,
    end: usize,
    /// A bit for each byte.
    masks: [u64; STRETCH / 64],
}

impl Odd {
    /// Looks through `bytes` from `from` on, up to `limit` or for [`STRETCH`] bytes; `last` is what the reader read last.
    fn find(bytes: &[u8], from: usize, limit: usize, last: u8) -> Odd {
        const HIGH: ByteSet = ByteSet::new(b"\xc2\xe2\xef");
        let mut sets = [[0; 4]; STRETCH / 64 + 1];
        // What follows the last one, too.
        let len = STRETCH.min(limit - from);
        let bytes = &bytes[from..bytes.len().min(from + len + 1)];
        let blocks = bytes.len().div_ceil(64);
        ByteSet::masks(&[BEGINS, GOES_ON, ENDS, HIGH], bytes, &mut sets[..blocks]);
        let mut odd = Odd { from, end: from + len, masks: [0; STRETCH / 64] };
        let mut before = u64::from(ENDS.contains(last));
        for (mask, two) in odd.masks.iter_mut().zip(sets.windows(2)).take(len.div_ceil(64)) {
            let [begins, goes_on, ends, high] = two[0];
            let next = goes_on >> 1 | two[1][1] << 63;
            *mask = begins & (ends << 1 | before) & next | high;
            before = ends >> 63;
        }
        odd
    }

    /// The first place from `at` on, or the end.
    fn next(&self, at: usize) -> usize {
        let end = self.end - self.from;
        let mut at = at - self.from;
        while at < end {
            let rest = self.masks[at / 64] >> (at % 64);
            if rest != 0 {
                return self.end.min(self.from + at + rest.trailing_zeros() as usize);
            }
            at = (at | 63) + 1;
        }
        self.end
    }
}

/// The length of the joint with which `bytes` begin behind a token character; `more` says that others may follow.
pub(super) fn joint(bytes: &[u8], more: bool) -> Result<usize, Stop> {
    let mut cursor = Cursor { bytes, at: 0, more };
    cursor.joint().map(|()| cursor.at)
}

/// Why a cursor does not go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// What stands there is something else.
    Other,
    /// More bytes decide.
    Open,
}

/// Reads a joint. Whatever it says of bytes that are at hand it also says when more are.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    more: bool,
}

impl Cursor<'_> {
    /// The byte at a distance.
    fn peek(&self, n: usize) -> Result<u8, Stop> {
        let end = if self.more { Stop::Open } else { Stop::Other };
        self.bytes.get(self.at + n).copied().ok_or(end)
    }

    /// Passes over a joint, if a token character follows it.
    fn joint(&mut self) -> Result<(), Stop> {
        match self.peek(0)? {
            b')' => self.moved()?,
            0xc2 | 0xe2 | 0xef => while self.zero_width()? {},
            // Markdown and TeX write one before what is theirs.
            b'\\' if matches!(self.peek(1)?, b'_' | b'-') => self.at = 1,
            b'\\' if self.line()? => while self.blank()? {},
            _ => loop {
                self.quote()?;
                self.between()?;
                self.quote()?;
                // An empty string may stand between.
                if self.at > JOINT_MAX || !matches!(self.peek(0)?, b'"' | b'\'' | b'`' | b'\\') {
                    break;
                }
            },
        }
        if self.at == 0 || self.at > JOINT_MAX {
            return Err(Stop::Other);
        }
        let next = match self.wide() {
            Err(Stop::Other) => self.peek(0)?,
            form => form?,
        };
        if is_token(next) { Ok(()) } else { Err(Stop::Other) }
    }

    /// Passes over the end of a string of PDF, a number and the beginning of the next one.
    fn moved(&mut self) -> Result<(), Stop> {
        self.at += 1;
        let number = self.at;
        while matches!(self.peek(0)?, b' ' | b'-' | b'.' | b'0'..=b'9') {
            if self.at >= JOINT_MAX {
                return Err(Stop::Other);
            }
            self.at += 1;
        }
        let is_number = self.bytes[number..self.at].iter().any(u8::is_ascii_digit);
        if !is_number || self.peek(0)? != b'(' {
            return Err(Stop::Other);
        }
        self.at += 1;
        Ok(())
    }

    /// The character that a fullwidth form shows, which is not passed over.
    fn wide(&self) -> Result<u8, Stop> {
        if self.peek(0)? != 0xef {
            return Err(Stop::Other);
        }
        let second = self.peek(1)?;
        if !matches!(second, 0xbc | 0xbd) {
            return Err(Stop::Other);
        }
        match (second, self.peek(2)?) {
            (0xbc, third @ 0x81..=0xbf) => Ok(third - 0x81 + b'!'),
            (0xbd, third @ 0x80..=0x9e) => Ok(third - 0x80 + b'`'),
            _ => Err(Stop::Other),
        }
    }

    /// The printable character that UTF-7 writes in base64 by itself, which is not passed over.
    fn utf7(&self) -> Result<u8, Stop> {
        if self.peek(0)? != b'+' || self.peek(1)? != b'A' {
            return Err(Stop::Other);
        }
        let (high, low) = (self.peek(2)?, self.peek(3)?);
        let (Some(high @ 0..8), Some(low)) = (base64::value(high), base64::value(low)) else {
            return Err(Stop::Other);
        };
        // Two bits more than a character has.
        let made = high << 4 | low >> 2;
        let is_one = low & 3 == 0 && (b'!'..=b'~').contains(&made) && self.peek(4)? == b'-';
        if is_one { Ok(made) } else { Err(Stop::Other) }
    }

    /// Passes over a character without width, if one is there: those of a lane of escapes ([`exfilter_codec::escape`]).
    fn zero_width(&mut self) -> Result<bool, Stop> {
        if self.at > JOINT_MAX {
            return Err(Stop::Other);
        }
        let len = match self.peek(0)? {
            0xc2 if self.peek(1)? == 0xad => 2,
            0xe2 => match (self.peek(1)?, self.peek(2)?) {
                (0x80, 0x8b..=0x8f | 0xaa..=0xae) | (0x81, 0xa0..=0xa4 | 0xa6..=0xa9) => 3,
                _ => 0,
            },
            0xef => match (self.peek(1)?, self.peek(2)?) {
                (0xbb, 0xbf) | (0xb8, 0x80..=0x8f) => 3,
                _ => 0,
            },
            _ => 0,
        };
        self.at += len;
        Ok(len > 0)
    }

    /// Backslashes at hand, up to one more than count.
    fn backslashes(&self) -> Result<usize, Stop> {
        let mut n = 0;
        while n <= BACKSLASHES && self.peek(n)? == b'\\' {
            n += 1;
        }
        Ok(n)
    }

    /// Passes over a quote, with backslashes before it or not.
    fn quote(&mut self) -> Result<(), Stop> {
        let n = self.backslashes()?;
        if n > BACKSLASHES || !matches!(self.peek(n)?, b'"' | b'\'' | b'`') {
            return Err(Stop::Other);
        }
        self.at += n + 1;
        Ok(())
    }

    /// Passes over what may stand between two strings: blanks, an operator, blanks, and a letter that says what the second one is.
    fn between(&mut self) -> Result<(), Stop> {
        let start = self.at;
        while self.blank()? {}
        self.at += match self.peek(0)? {
            b'+' => 1 + usize::from(self.peek(1)? == b'+'),
            b'.' => 1 + usize::from(self.peek(1)? == b'.'),
            b'|' => 1 + usize::from(self.peek(1)? == b'|'),
            b',' | b'&' | b'~' | b'^' => 1,
            b'<' if matches!(self.peek(1)?, b'<' | b'>') => 2,
            b'-' if self.peek(1)? == b'>' => 2,
            _ => 0,
        };
        while self.blank()? {}
        if self.at > start && matches!(self.peek(0)?, b'b' | b'B' | b'f' | b'F' | b'r' | b'u' | b'$' | b'@') {
            self.at += 1;
        }
        Ok(())
    }

    /// Passes over a blank or a line break, as it is or written with backslashes, or a line that goes on, if one is there; and over the mark of a
    /// diff that follows a line break.
    fn blank(&mut self) -> Result<bool, Stop> {
        if self.at > JOINT_MAX {
            return Err(Stop::Other);
        }
        let n = self.backslashes()?;
        let breaks = match (n, self.peek(n.min(BACKSLASHES))?) {
            (0, b' ' | b'\t' | b'\r') => false,
            (0, b'\n') => true,
            (1..=BACKSLASHES, b'n') => true,
            (1..=BACKSLASHES, b'r' | b't') => false,
            (1, b'\r' | b'\n') => return self.line(),
            _ => return Ok(false),
        };
        self.at += n + 1;
        // No operator, but the first character of a line of a diff or of a list.
        if breaks && matches!(self.peek(0)?, b'+' | b'-') && self.peek(1)? != b'>' {
            self.at += 1;
        }
        Ok(true)
    }

    /// Passes over a backslash and the line break behind it, as they are or as a string in JSON has them, if they are there.
    fn line(&mut self) -> Result<bool, Stop> {
        let n = self.backslashes()?;
        let after = self.peek(n.min(BACKSLASHES))?;
        let len = match (n, after) {
            (1, b'\n') => 2,
            (1, b'\r') if self.peek(2)? == b'\n' => 3,
            (3, b'n') => 4,
            (3, b'r') if self.peek(4)? == b'\\' && self.peek(5)? == b'n' => 6,
            _ => 0,
        };
        self.at += len;
        Ok(len > 0)
    }
}

/// Whether a joint is one for a lane of escapes too: characters without width, or a line that goes on with no blanks before it.
fn is_escape(joint: &[u8]) -> bool {
    !joint[0].is_ascii() || matches!(joint, b"\\\n" | b"\\\r\n")
}

impl Joined {
    fn new(start: u64, parent: &Lane) -> Joined {
        let mut lane = Lane::new(LaneKind::Joined, parent.depth, None, OuterMap::segments());
        lane.archive = Archive::text(None);
        lane.beside.get_or_insert_default().joints = Some(Box::new(Joints::new()));
        Joined { fed: start, reader: Reader::NEW, lane }
    }

    /// The least offset of the parent whose byte is still needed.
    pub(crate) fn first(&self) -> u64 {
        // A finding may begin anywhere in the lane's tail.
        let kept = self.lane.pos - self.lane.tail.len() as u64;
        let joints = self.lane.joints().filter(|_| self.lane.pos > 0);
        joints.map_or(self.fed, |joints| joints.places.src(kept).min(self.fed))
    }

    pub(crate) fn memory(&self) -> usize {
        size_of::<Joined>() + self.lane.memory()
    }

    /// Reads what is decided.
    fn feed(&mut self, map: &OuterMap, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        let mut text = cx.scratch.buffer();
        let bytes = view.get(self.fed, view.end()).unwrap_or(&[]);
        let limit = if eof { bytes.len() } else { (bytes.len() + 1).saturating_sub(AHEAD) };
        let mut at = 0;
        while at < limit {
            // Decided a stretch at a time, fed a slice at a time.
            let odd = Odd::find(bytes, at, limit, self.reader.last);
            if !self.feed_stretch(&odd, &mut at, bytes, &mut text, (map, eof), cx) {
                break;
            }
        }
        self.fed += at as u64;
        self.lane.feed(&text, eof, cx);
        cx.scratch.give_buffer(text);
    }

    /// Reads a stretch of `bytes` from `at` on. Returns false where more bytes decide.
    fn feed_stretch(
        &mut self,
        odd: &Odd,
        at: &mut usize,
        bytes: &[u8],
        text: &mut Vec<u8>,
        (map, eof): (&OuterMap, bool),
        cx: &mut Context<'_>,
    ) -> bool {
        while *at < odd.end {
            if let Some(tag) = self.reader.tag {
                let lane_at = self.lane.pos + text.len() as u64;
                *at += match self.reader.in_tag(tag, &bytes[*at..], odd.end - *at, !eof) {
                    Piece::Tag(len) => len,
                    Piece::TagEnd(len, parts) => {
                        if let Some(joints) = self.lane.joints_mut() {
                            joints.marks.push_back(lane_at);
                            joints.tags.push_back(lane_at);
                            if parts {
                                joints.commas.push_back(lane_at);
                            }
                        }
                        len
                    }
                    _ => return false,
                };
                continue;
            }
            // Plain text up to the next joint, and what turns out to be none.
            let start = *at;
            let (mut stop, mut odd_piece) = (start, None);
            while stop < odd.end && stop - start < SLICE && odd_piece.is_none() {
                let next = odd.next(stop).min(start + SLICE);
                if next > stop {
                    self.reader.read(bytes[next - 1], next - stop);
                    stop = next;
                    continue;
                }
                match self.reader.odd_piece(&bytes[stop..], !eof) {
                    Piece::Plain(n) => stop += n,
                    piece => odd_piece = Some(piece),
                }
            }
            if text.len() >= SLICE {
                self.lane.feed(text, false, cx);
                text.clear();
            }
            let lane_at = self.lane.pos + text.len() as u64;
            let place = self.fed + start as u64;
            let Some(joints) = self.lane.beside.as_mut().and_then(|beside| beside.joints.as_mut()) else {
                return false;
            };
            if stop > start {
                text.extend_from_slice(&bytes[start..stop]);
                joints.places.push(lane_at, Origin::Shift { outer: place });
                map.inherit(place, (stop - start) as u64, lane_at, &mut self.lane.map);
            }
            let lane_at = lane_at + (stop - start) as u64;
            let place = self.fed + stop as u64;
            *at = stop;
            match odd_piece {
                None | Some(Piece::Plain(_)) => {}
                Some(Piece::Tag(len) | Piece::TagEnd(len, _)) => *at += len,
                Some(Piece::Form(form, len)) => {
                    text.push(form);
                    joints.forms.push_back(lane_at);
                    if !is_token(form) || len == UTF7_LEN {
                        joints.signs.push_back(lane_at);
                    }
                    let end = place + len as u64;
                    joints.places.push(lane_at, Origin::Const { start: place, end });
                    self.lane.map.push(lane_at, Origin::Const { start: map.src(place), end: map.end(end) });
                    *at += len;
                }
                Some(Piece::Joint(len)) => {
                    // Behind padding of base64 no line goes on.
                    let is_cut = self.reader.last == b'=' && bytes[stop] == b'\\';
                    if is_cut || !is_escape(&bytes[stop..stop + len]) {
                        joints.marks.push_back(lane_at);
                    }
                    if bytes[stop] == b')' {
                        joints.tags.push_back(lane_at);
                    }
                    if bytes[stop..stop + len].contains(&b',') {
                        joints.commas.push_back(lane_at);
                    }
                    *at += len;
                }
                Some(Piece::Open) => return false,
            }
        }
        true
    }

    /// The outer offset before which nothing begins that may still become a finding; `rest` is what stands from `fed` on.
    fn hold(&self, map: &OuterMap, rest: &[u8], cx: &Context<'_>) -> u64 {
        let lane = &self.lane;
        let base = lane.pos - lane.tail.len() as u64;
        let mut text = lane.tail.clone();
        let mut reader = self.reader;
        let mut places = OuterMap::segments();
        let mut at = 0;
        while at < rest.len() {
            let lane_at = base + text.len() as u64;
            let place = self.fed + at as u64;
            at += match reader.piece(&rest[at..], rest.len() - at, true) {
                Piece::Plain(n) => {
                    text.extend_from_slice(&rest[at..at + n]);
                    places.push(lane_at, Origin::Shift { outer: place });
                    n
                }
                Piece::Form(form, len) => {
                    text.push(form);
                    places.push(lane_at, Origin::Shift { outer: place });
                    len
                }
                Piece::Joint(len) | Piece::Tag(len) | Piece::TagEnd(len, _) => len,
                Piece::Open => break,
            };
        }
        let undecided = if at < rest.len() { map.src(self.fed + at as u64) } else { u64::MAX };
        let open = match lane.open_at(View { bytes: &text, base }, cx) {
            None => u64::MAX,
            Some(open) if open < lane.pos => lane.map.src(open),
            Some(open) => map.src(places.src(open)),
        };
        text.zeroize();
        lane.matcher.hold().min(open).min(undecided)
    }
}

impl Lane {
    /// Whether the lane has one of joined text, in the profile that looks for it.
    fn is_joined(&self, cx: &Context<'_>) -> bool {
        cx.core.joined && !self.kind.is_spelled()
    }

    /// Takes the bytes from `fresh` on.
    pub(crate) fn feed_joined(&mut self, view: View<'_>, fresh: u64, eof: bool, cx: &mut Context<'_>) {
        if !self.is_joined(cx) || self.joined().is_none() && fresh == view.end() {
            return;
        }
        let joined = self.beside.get_or_insert_default().joined.take();
        let mut joined = joined.unwrap_or_else(|| Box::new(Joined::new(fresh, self)));
        let before = cx.scratch.found.len();
        joined.feed(&self.map, view, eof, cx);
        let places =
            joined.lane.joints_mut().map_or_else(Vec::new, |joints| std::mem::take(&mut joints.found));
        for (i, (start, end)) in places.into_iter().enumerate() {
            let trail = Trail::new(self.trail_at(start), LaneStep::Joined);
            self.archive.mask(start, end);
            let line = cx.facts.lines.then(|| self.archive.line(view, start));
            if let Some(found) = cx.scratch.found.get_mut(before + i) {
                (found.trail, found.line) = (Some(Arc::new(trail)), line);
            }
        }
        self.beside.get_or_insert_default().joined = (!eof).then_some(joined);
    }

    /// The outer offset before which no joined key begins; `partial` are bytes of this lane that have not been fed.
    pub(crate) fn joined_src(&self, partial: &[u8], cx: &Context<'_>) -> u64 {
        if !self.is_joined(cx) {
            return u64::MAX;
        }
        let begun;
        let joined = match self.joined() {
            Some(joined) => joined,
            None if partial.is_empty() => return u64::MAX,
            None => {
                begun = Box::new(Joined::new(self.pos, self));
                &begun
            }
        };
        let read = (self.pos - joined.fed) as usize;
        let unread = &self.tail[self.tail.len() - read..];
        let mut rest = [unread, partial].concat();
        let hold = joined.hold(&self.map, &rest, cx);
        rest.zeroize();
        hold
    }

    /// Where a match of joined text ends within the piece in which its literal stands, if that piece matches alone: the parent has it.
    pub(crate) fn matches_in_piece(
        &self,
        rule: &Compiled,
        found: &Confirm,
        range: (u64, u64),
        view: View<'_>,
    ) -> Option<u64> {
        let joints = self.joints()?;
        let (start, end) = joints.piece(found.matched, range);
        let piece = View { bytes: view.get(start, end)?, base: start };
        let Start::Confirm(mut confirm, skipped) =
            Confirm::start(rule, found.rule, piece, found.matched, |_| true)
        else {
            return None;
        };
        confirm.advance(rule, piece, found.matched + skipped, true, |_| true, |at| at);
        let (end, _) = confirm.end?;
        let is_whole = !joints.is_spanned(confirm.start, end) && (confirm.verified || !found.verified);
        is_whole.then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PARTS: &[&[u8]] = &[
        b"\"",
        b"'",
        b"a",
        b"B7",
        b" + ",
        b",",
        b"\\",
        b"\n",
        b"(",
        b" ",
        b"\xe2\x80\x8b",
        b"\xef\xbd\x81",
        b"\xc2\xad",
        b"+AF8-",
        b"+A",
        b"_",
        b"<b>",
        b"</b>",
        b"<",
        b">",
        b")",
        b" -3 (",
    ];

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 3000,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn no_joint_is_passed_over(
            parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..90),
            last: u8, skipped in 0usize..100,
        ) {
            let bytes = parts.concat();
            let from = skipped.min(bytes.len());
            let odd = Odd::find(&bytes, from, bytes.len(), last);
            let (mut reader, mut at) = (Reader { last, ..Reader::NEW }, from);
            while at < bytes.len() {
                let in_tag = reader.tag.is_some();
                match reader.piece(&bytes[at..], bytes.len() - at, false) {
                    Piece::Plain(n) | Piece::TagEnd(n, _) => at += n,
                    Piece::Tag(n) if in_tag => at += n,
                    piece => {
                        prop_assert_eq!(odd.next(at), at, "{:?}", piece);
                        at += match piece {
                            Piece::Joint(len) | Piece::Form(_, len) | Piece::Tag(len) => len,
                            _ => 1,
                        };
                    }
                }
            }
        }
    }
}
