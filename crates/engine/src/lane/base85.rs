//! Base85 of three alphabets: text in groups of five characters, in the thorough profile.
//!
//! Its characters are those of code, and nothing marks it, so its groups tell: five of them in a row, at whatever alignment, that stand for ASCII text. One place in 10⁸ of noise
//! is such. As with what the automaton looks for, that is decided 32 bytes late, on the bytes alone. What goes on from there is decoded when it is over, or is long, and is a lane that
//! lives only while it is fed:
//!
//! ```text
//! parent   KEY=Xk~0{Zv!gQa%nJ9VQyr3R8em|NmVF;WpW@SX>)XPX<~JBX=8G4
//!             ^ a run   ^ groups that stand for text        ^ and what is over
//! ```
//!
//! Only text is looked for: compressed content in base85 has a group of text in 50.

use exfilter_automaton::{Automaton, ByteSet};
use exfilter_codec::base85::{Alphabet, Base85};

use super::{Lane, LaneKind, SEEN};
use crate::confirm::View;
use crate::context::Context;

const ALPHABETS: [Alphabet; 3] = [Alphabet::Rfc1924, Alphabet::Z85, Alphabet::Ascii];

/// What a byte may be: a bit for each alphabet that has it, and three bits higher one for each in which a group of text may begin with it.
const MAY_BE: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut n = 0;
        while n < ALPHABETS.len() {
            if let Some(digit) = ALPHABETS[n].value(byte as u8) {
                table[byte] |= 1 << n;
                // The first byte of the group is a control character of text, or from blank to tilde.
                let (least, most) = (digit as u64 * 85u64.pow(4), (digit as u64 + 1) * 85u64.pow(4) - 1);
                let (least, most) = (least >> 24, most >> 24);
                if least <= 13 && most >= 9 || least <= 0x7e && most >= 0x20 {
                    table[byte] |= 8 << n;
                }
            }
            n += 1;
        }
        byte += 1;
    }
    table
};

/// Characters of a group, and of as many groups as make a beginning.
const GROUP: usize = 5;
const SHORTEST: usize = 25;

/// Characters that are decoded at once, and those among them that are decoded again: what they stand for is longer than the match of a rule that could be blocked.
const LONGEST: u64 = 4096;
const AGAIN: u64 = 1025;

/// What a lane has seen.
#[derive(Clone, Default)]
pub(crate) struct Texts {
    live: Vec<Text>,
    /// Lane offsets up to which has been read, for each alphabet and alignment.
    read: [[u64; GROUP]; ALPHABETS.len()],
}

/// Text that goes on.
#[derive(Clone)]
struct Text {
    alphabet: usize,
    start: u64,
    src: u64,
    /// Where the next group begins.
    next: u64,
    /// Bytes before this offset tell that it began.
    decided: u64,
}

/// Whether four bytes, the first one highest, are ASCII text.
#[inline]
fn is_text(bytes: u32) -> bool {
    const HIGH: u32 = 0x8080_8080;
    let are_plain = (bytes | HIGH).wrapping_sub(0x2020_2020) & HIGH == HIGH;
    bytes & HIGH == 0
        && (are_plain || bytes.to_be_bytes().iter().all(|b| matches!(b, b' '..=b'~' | b'\t' | b'\n' | b'\r')))
}

/// Whether the characters of a group stand for text.
#[inline]
fn is_text_in(alphabet: Alphabet, group: [u8; GROUP]) -> bool {
    alphabet.group(group).is_some_and(is_text)
}

/// Whether text may begin with `bytes`, which are cut where no more are at hand.
fn may_begin(alphabet: usize, bytes: &[u8]) -> bool {
    let (groups, rest) = bytes[..bytes.len().min(SHORTEST)].as_chunks();
    groups.iter().all(|group| is_text_in(ALPHABETS[alphabet], *group))
        && rest.first().is_none_or(|first| MAY_BE[usize::from(*first)] & 8 << alphabet != 0)
        && rest.iter().all(|byte| ALPHABETS[alphabet].contains(*byte))
}

/// Bytes that a mask tells of, and masks that are made at once.
const BLOCK: usize = u64::BITS as usize;
const BLOCKS: usize = 64;

/// What a byte may be: a set for each bit of [`MAY_BE`].
const SETS: [ByteSet; 2 * ALPHABETS.len()] = {
    let mut sets = [ByteSet::new(&[]); 2 * ALPHABETS.len()];
    let mut n = 0;
    while n < sets.len() {
        let mut byte = 0;
        while byte < 256 {
            if MAY_BE[byte] >> n & 1 != 0 {
                sets[n].insert(byte as u8);
            }
            byte += 1;
        }
        n += 1;
    }
    sets
};

/// The places of a block at which a run begins that is as long as five groups, of characters of any alphabet: in code most blocks have none.
fn runs_in(two: &[[u64; SETS.len()]; 2]) -> u64 {
    let any = |block: &[u64; SETS.len()]| (0..ALPHABETS.len()).fold(0, |all, alphabet| all | block[alphabet]);
    let runs = u128::from(any(&two[0])) | u128::from(any(&two[1])) << BLOCK;
    shortest_runs(runs) as u64
}

/// Where a run of bits begins that is as long as five groups.
fn shortest_runs(mut bits: u128) -> u128 {
    const { assert!(1 + 1 + 2 + 4 + 8 + 9 == SHORTEST) }
    for by in [1, 2, 4, 8, 9] {
        bits &= bits >> by;
    }
    bits
}

/// The places of a block at which five groups of an alphabet begin that may stand for text; `two` are the masks of its bytes and of those behind it.
fn groups_in(alphabet: usize, two: &[[u64; SETS.len()]; 2]) -> u64 {
    let both = |set: usize| u128::from(two[0][set]) | u128::from(two[1][set]) << BLOCK;
    let first = both(alphabet + ALPHABETS.len());
    let pairs = first & first >> GROUP;
    let groups = pairs & pairs >> (2 * GROUP) & first >> (4 * GROUP);
    if groups as u64 == 0 {
        return 0;
    }
    (shortest_runs(both(alphabet)) & groups) as u64
}

/// Calls `found` with the indices from `from` to `to` at which text begins, in order, and its alphabet.
fn beginnings(bytes: &[u8], from: usize, to: usize, mut found: impl FnMut(usize, usize)) {
    let mut masks = [[0; SETS.len()]; BLOCKS + 2];
    for from in (from..to).step_by(BLOCKS * BLOCK) {
        let slice = &bytes[from..bytes.len().min(from + (BLOCKS + 1) * BLOCK)];
        let blocks = slice.len().div_ceil(BLOCK);
        ByteSet::masks(&SETS, slice, &mut masks[..blocks]);
        masks[blocks] = [0; SETS.len()];
        let to = to.min(from + BLOCKS * BLOCK);
        for (at, two) in (from..to).step_by(BLOCK).zip(masks.windows(2).filter_map(|two| two.first_chunk())) {
            let wanted = if to - at < BLOCK { (1 << (to - at)) - 1 } else { u64::MAX };
            if runs_in(two) & wanted == 0 {
                continue;
            }
            let mut begun = [0u64; ALPHABETS.len()];
            for (n, begun) in begun.iter_mut().enumerate() {
                let mut some = groups_in(n, two) & wanted;
                while some != 0 {
                    let place = some.trailing_zeros();
                    if may_begin(n, &bytes[at + place as usize..]) {
                        *begun |= 1 << place;
                    }
                    some &= some - 1;
                }
            }
            while begun != [0; ALPHABETS.len()] {
                let place = begun.iter().map(|begun| begun.trailing_zeros()).min().unwrap_or_default();
                for (n, begun) in begun.iter_mut().enumerate().filter(|(_, begun)| **begun >> place & 1 != 0)
                {
                    *begun &= *begun - 1;
                    found(at + place as usize, n);
                }
            }
        }
    }
}

/// What became of text.
enum Fate {
    /// More bytes decide.
    Open,
    /// It ended at an offset, which is known before the other one.
    Over(u64, u64),
    /// It goes on behind an offset.
    Long(u64),
}

impl Text {
    /// Reads on.
    fn read(&mut self, view: View<'_>, eof: bool) -> Fate {
        let alphabet = ALPHABETS[self.alphabet];
        loop {
            let group = view.get(self.next, view.end().min(self.next + GROUP as u64)).unwrap_or(&[]);
            if let Some(other) = group.iter().position(|byte| !alphabet.contains(*byte)) {
                let end = self.next + other as u64;
                return Fate::Over(end, (end + 1).max(self.decided));
            }
            let Some(group) = group.first_chunk() else {
                return if eof { Fate::Over(view.end(), u64::MAX) } else { Fate::Open };
            };
            if !is_text_in(alphabet, *group) {
                return Fate::Over(self.next, (self.next + GROUP as u64).max(self.decided));
            }
            self.next += GROUP as u64;
            if self.next - self.start >= LONGEST {
                return Fate::Long(self.next);
            }
        }
    }
}

impl Texts {
    pub(crate) fn memory(&self) -> usize {
        size_of::<Texts>() + self.live.capacity() * size_of::<Text>()
    }

    /// The least lane offset whose byte is still needed, the last ones apart.
    pub(crate) fn first(&self) -> u64 {
        self.live.iter().map(|text| text.start).min().unwrap_or(u64::MAX)
    }
}

impl Lane {
    fn looks_for_base85(&self, cx: &Context<'_>) -> bool {
        cx.core.joined && !self.kind.is_spelled()
    }

    /// Takes what is decided now, and reads on in what has begun.
    pub(crate) fn feed_base85(&mut self, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        if !self.looks_for_base85(cx) {
            return;
        }
        let end = if eof { view.end() } else { view.end().saturating_sub(Automaton::LOOKAHEAD as u64) };
        let from = view.index(self.decided);
        let to = view.index(end).max(from);
        let mut found = Vec::new();
        beginnings(view.bytes, from, to, |at, alphabet| found.push((view.base + at as u64, alphabet)));
        let texts = self.beside.as_mut().and_then(|beside| beside.base85.take());
        if texts.is_none() && found.is_empty() {
            return;
        }
        let mut texts = texts.unwrap_or_default();
        for text in std::mem::take(&mut texts.live) {
            self.read_on(text, &mut texts, (view, eof), cx);
        }
        for (at, alphabet) in found {
            // What it goes on with begins no other.
            if at >= texts.read[alphabet][at as usize % GROUP] {
                let next = at + SHORTEST as u64;
                let text = Text { alphabet, start: at, src: self.map.src(at), next, decided: at + SEEN };
                self.read_on(text, &mut texts, (view, eof), cx);
            }
        }
        self.beside.get_or_insert_default().base85 = Some(texts);
    }

    /// Reads on in a text; it is kept if it goes on.
    fn read_on(
        &mut self,
        mut text: Text,
        texts: &mut Texts,
        (view, eof): (View<'_>, bool),
        cx: &mut Context<'_>,
    ) {
        loop {
            let fate = text.read(view, eof);
            texts.read[text.alphabet][text.start as usize % GROUP] = text.next;
            match fate {
                Fate::Open => return texts.live.push(text),
                Fate::Over(end, decided) => return self.read_base85(&text, end, decided, (view, eof), cx),
                Fate::Long(end) => {
                    self.read_base85(&text, end, end.max(text.decided), (view, eof), cx);
                    text.start = end - AGAIN;
                    text.src = self.map.src(text.start);
                }
            }
        }
    }

    fn read_base85(
        &mut self,
        text: &Text,
        end: u64,
        decided: u64,
        (view, eof): (View<'_>, bool),
        cx: &mut Context<'_>,
    ) {
        let decided = if eof && decided > view.end() { u64::MAX } else { decided };
        let mut decoded = cx.scratch.buffer();
        let mut decoder = Base85::new(ALPHABETS[text.alphabet]);
        decoder.decode(view.get(text.start, end).unwrap_or(&[]), &mut decoded);
        // A character too many makes nothing.
        let _ = decoder.finish(&mut decoded);
        if !super::look::is_idle(&decoded, cx) {
            self.feed_whole(LaneKind::Base85, text.start..end, text.src, &decoded, decided, (view, eof), cx);
        }
        cx.scratch.give_buffer(decoded);
    }

    /// The outer offset before which no text begins; `partial` are bytes of this lane that have not been fed.
    pub(crate) fn base85_src(&self, partial: &[u8], cx: &Context<'_>) -> u64 {
        if !self.looks_for_base85(cx) {
            return u64::MAX;
        }
        let live = self.base85().into_iter().flat_map(|texts| texts.live.iter().map(|text| text.src));
        let live = live.min().unwrap_or(u64::MAX);
        let base = self.pos - self.tail.len() as u64;
        let mut bytes = [&self.tail[..], partial].concat();
        let from = View { bytes: &bytes, base }.index(self.decided);
        let may_begin = |at: &usize| (0..ALPHABETS.len()).any(|n| may_begin(n, &bytes[*at..]));
        let open = (from..bytes.len()).find(may_begin);
        zeroize::Zeroize::zeroize(&mut bytes);
        open.map_or(live, |at| live.min(self.map.src(base + at as u64)))
    }
}
