//! Compressed content: a decoder and the lane of what it yields.

use std::ops::Range;
use std::sync::Arc;

use exfilter_automaton::{Hit, What};
use exfilter_codec::brotli::Brotli;
use exfilter_codec::bzip2::{self, Bzip2};
use exfilter_codec::deflate::Deflate;
use exfilter_codec::dump::{self, Dump};
use exfilter_codec::gzip::{self, Gzip};
use exfilter_codec::pack::{self, Pack};
use exfilter_codec::uuencode::{self, Uuencode};
use exfilter_codec::xz::{self, Xz};
use exfilter_codec::zip::{self, ZipEntry};
use exfilter_codec::zlib::{self, Zlib};
use exfilter_codec::zstd::{self, Zstd};
use exfilter_codec::{Decoder, Fault, Member, Piece, Source, Step};

use crate::confirm::View;
use crate::context::{Context, Unseen};
use crate::coverage::OpaqueReason;
use crate::flow::Coding;
use crate::lane::{Depth, Framing, Lane, LaneKind, Starts, sealed};
use crate::limits::Limits;
use crate::map::{Origin, OuterMap};
use crate::path::{LaneStep, Trail};

/// Output that a gzip guess must have yielded before a fault is believed to be a fault of what its magic number said. In compiled code a chance
/// magic number is followed by something that inflates to a few hundred bytes about once in 300 MB; its end is no proof either, for
/// blocks of noise end soon. What it yields is scanned in any case.
const GUESS: u64 = 4096;
/// Ranges that are deferred at most; the others are as many times the same.
const DEFERRED: usize = 32;
/// What pictures may yield beyond the ratio, as many times as other content: those of one colour are a thousand times as long as what zlib makes of them.
const PICTURES: u64 = 64;
/// Streams of zlib that may begin in the middle of content, and one more for so many bytes: to find that one is none takes three microseconds, and what matters is longer.
const ZLIB_MAX: u64 = 4096;
const ZLIB_EACH: u64 = 16;
/// Output per decoder call, in bytes.
pub(crate) const OUTPUT: usize = 8 << 10;

/// Ids of magic numbers in the automaton; rules come from 0 upwards.
const GZIP: u32 = u32::MAX;
const ZSTD: u32 = u32::MAX - 1;
const BZIP2: u32 = u32::MAX - 2;
const XZ: u32 = u32::MAX - 3;
const ZIP: u32 = u32::MAX - 4;
/// Two bytes are too few: in the middle of content what follows must make sense. See [`zlib_at`] and [`Lane::has_zlib`].
pub(crate) const ZLIB: u32 = u32::MAX - 5;
/// Not looked for at all: nothing marks them.
const DEFLATE: u32 = u32::MAX - 6;
const BROTLI: u32 = u32::MAX - 7;
const PACK: u32 = u32::MAX - 15;
/// See [`TEXTS`].
const UU: u32 = u32::MAX - 14;
const DUMP: u32 = u32::MAX - 17;
/// Of the first framing; see [`Framing::ALL`].
const FRAMING: u32 = u32::MAX - 11;

/// The magic numbers that begin a container, with their automaton ids.
pub(crate) const MAGICS: [(&[u8], u32); 6] = [
    (&gzip::MAGIC, GZIP),
    (&zstd::MAGIC, ZSTD),
    (&bzip2::MAGIC, BZIP2),
    (&xz::MAGIC, XZ),
    (&zip::MAGIC, ZIP),
    (&pack::MAGIC, PACK),
];

/// What uuencoded content and dumps of characters begin with, with their automaton ids. Text, and never written in escapes.
pub(crate) const TEXTS: [(&[u8], u32); 2] = [(&uuencode::MAGIC, UU), (&dump::MAGIC, DUMP)];

/// What begins a container only where [something is no text](exfilter_automaton::Automaton::is_odd), with its automaton id. Not written in escapes, but for zlib's.
pub(crate) fn odds() -> impl Iterator<Item = (&'static [u8], u32)> {
    zlib::HEADERS.iter().map(|header| (&header[..], ZLIB)).chain(sealed::MAGICS)
}

/// The kind of container behind an automaton id.
pub(crate) fn magic(id: u32) -> Option<LaneKind> {
    match id {
        GZIP => Some(LaneKind::Gzip),
        ZSTD => Some(LaneKind::Zstd),
        BZIP2 => Some(LaneKind::Bzip2),
        XZ => Some(LaneKind::Xz),
        ZIP => Some(LaneKind::Zip),
        ZLIB => Some(LaneKind::Zlib),
        DEFLATE => Some(LaneKind::Deflate),
        BROTLI => Some(LaneKind::Brotli),
        UU => Some(LaneKind::Uuencode),
        DUMP => Some(LaneKind::Dump),
        PACK => Some(LaneKind::Pack),
        ..=sealed::SEALED => sealed::format(id).map(LaneKind::Sealed),
        FRAMING.. => Framing::ALL.get((id - FRAMING) as usize).copied().map(LaneKind::Framing),
        _ => None,
    }
}

/// Whether what follows a magic number can be a header.
pub(crate) fn begins(kind: LaneKind, bytes: &[u8]) -> bool {
    match kind {
        LaneKind::Gzip => bytes.len() < gzip::PROBE_LEN || gzip::starts(bytes),
        LaneKind::Zstd => bytes.get(4).is_none_or(|descriptor| descriptor & 0x08 == 0),
        LaneKind::Bzip2 => bytes.len() < bzip2::PROBE_LEN || bzip2::starts(bytes),
        LaneKind::Xz => bytes.len() < xz::PROBE_LEN || xz::starts(bytes),
        LaneKind::Zip => zip::may_start(bytes),
        LaneKind::Zlib => zlib::may_start(bytes),
        LaneKind::Uuencode => uuencode::starts(bytes),
        LaneKind::Dump => dump::starts(bytes),
        LaneKind::Pack => bytes.len() < pack::PROBE_LEN || pack::starts(bytes),
        LaneKind::Framing(framing) => framing.starts(bytes),
        LaneKind::Sealed(sealed) => sealed.starts(bytes),
        LaneKind::Root
        | LaneKind::Deflate
        | LaneKind::Brotli
        | LaneKind::Base64
        | LaneKind::Base32
        | LaneKind::Base58
        | LaneKind::Base85
        | LaneKind::Hex
        | LaneKind::Utf16
        | LaneKind::Utf32
        | LaneKind::Codes
        | LaneKind::Escapes
        | LaneKind::Joined => false,
    }
}

/// Bytes after which a container of a kind begins, whatever follows or does not.
fn probe_len(kind: LaneKind) -> u64 {
    let magic = MAGICS.iter().find(|(_, id)| magic(*id) == Some(kind)).map_or(1, |(magic, _)| magic.len());
    match kind {
        LaneKind::Zlib => zlib::PROBE_LEN as u64,
        LaneKind::Zip => zip::PROBE_LEN as u64,
        LaneKind::Pack => pack::PROBE_LEN as u64,
        LaneKind::Uuencode => uuencode::PROBE_LEN as u64,
        LaneKind::Dump => dump::PROBE_LEN as u64,
        LaneKind::Sealed(_) => exfilter_codec::sealed::PROBE_LEN as u64,
        _ => magic as u64,
    }
}

/// A hit for zlib's header at `at`, where some content begins, if it does with one.
pub(crate) fn zlib_at(bytes: &[u8], at: usize) -> Option<Hit> {
    zlib::starts(&bytes[at..]).then_some(Hit { at, what: What::Literal(ZLIB) })
}

/// A hit for the container that content in `coding`, which begins with `bytes`, is; none for what is not known.
pub(crate) fn coded(coding: Coding, bytes: &[u8]) -> Option<Hit> {
    let id = match coding {
        Coding::Gzip => GZIP,
        Coding::Deflate if zlib::is_header(bytes) => ZLIB,
        Coding::Deflate => DEFLATE,
        Coding::Brotli => BROTLI,
        Coding::Zstd => ZSTD,
        Coding::Bzip2 => BZIP2,
        Coding::Xz => XZ,
        Coding::Unknown => return None,
    };
    Some(Hit { at: 0, what: What::Literal(id) })
}

/// A hit for frames with which content begins.
pub(crate) fn framed(framing: Framing) -> Hit {
    Hit { at: 0, what: What::Literal(FRAMING + framing as u32) }
}

/// Whether some content that begins with `bytes` may begin with zlib's header.
pub(crate) fn may_be_zlib(bytes: &[u8]) -> bool {
    zlib::starts(bytes) || bytes == [zlib::CMF]
}

/// What content that begins with `bytes` is compressed in, if it says so.
pub(crate) fn compressed(bytes: &[u8]) -> Option<LaneKind> {
    let (_, id) = MAGICS.iter().find(|(magic, _)| bytes.starts_with(magic))?;
    magic(*id).filter(|kind| {
        matches!(kind, LaneKind::Gzip | LaneKind::Zstd | LaneKind::Bzip2 | LaneKind::Xz)
            && begins(*kind, bytes)
    })
}

/// A new decoder for a container of a kind.
pub(crate) fn decoder(kind: LaneKind, limits: &Limits) -> Option<Box<dyn Decoder>> {
    Some(match kind {
        LaneKind::Gzip => Box::new(Gzip::new()),
        LaneKind::Zstd => Box::new(Zstd::new(limits.window)),
        LaneKind::Bzip2 => Box::new(Bzip2::new()),
        LaneKind::Xz => Box::new(Xz::new(limits.window)),
        LaneKind::Zip => Box::new(ZipEntry::new(limits.window)),
        LaneKind::Zlib => Box::new(Zlib::new()),
        LaneKind::Uuencode => Box::new(Uuencode::new()),
        LaneKind::Dump => Box::new(Dump::new()),
        LaneKind::Deflate => Box::new(Deflate::new()),
        LaneKind::Brotli => Box::new(Brotli::new(limits.window)),
        LaneKind::Pack => Box::new(Pack::new(limits.bases, limits.members)),
        LaneKind::Framing(framing) => framing.decoder(),
        LaneKind::Sealed(_) => Box::new(sealed::Unread::default()),
        LaneKind::Root
        | LaneKind::Base64
        | LaneKind::Base32
        | LaneKind::Base58
        | LaneKind::Base85
        | LaneKind::Hex
        | LaneKind::Utf16
        | LaneKind::Utf32
        | LaneKind::Codes
        | LaneKind::Escapes
        | LaneKind::Joined => return None,
    })
}

/// A container being decoded.
pub(crate) struct Container {
    decoder: Box<dyn Decoder>,
    /// Whether the decoder repeats what was [unpacked ahead](crate::unpack).
    is_unpacked: bool,
    kind: LaneKind,
    lane: Box<Lane>,
    /// Lane offset of the magic number in the parent, and its outer offset.
    start: u64,
    src: u64,
    /// Whether the content begins with it; else it is a guess.
    declared: bool,
    /// Whether the flow told of it, and whether it has ended.
    coded: bool,
    over: bool,
    /// Whether it stands in an entry that is stored, whose end may cut it.
    stored: bool,
    /// Whether it began while another container of the lane was alive: stored blocks of that one show what is in it, cut by their headers.
    covered: bool,
    /// What was not examined of such a one: the other one's blocks decode to noise in it, which is told of only if it ends as it should.
    deferred: Vec<Unseen>,
    /// Whether frames that it may stand in are being read, which cut it, or it is pixels of a picture, which is cut.
    cut: bool,
    pixels: bool,
    /// Whether zlib's header was passed over because a pack was being read.
    hides: bool,
    /// In an entry of a zip archive, whether the archive stands in this lane, not in another entry of it.
    listed: Option<zip::Entry>,
    /// In a framing, the piece that the last output belongs to.
    piece: Piece,
    /// The outer offset of the block that has been taken in and not yielded.
    unreleased: Option<u64>,
    output: u64,
    windows: u64,
    /// What is kept for what may refer to it, in KiB.
    kept: u32,
    /// Parent offset of the first byte that was not taken.
    reached: u64,
}

/// What became of a container after a feed.
enum Fate {
    Alive,
    /// It ended, or its fault was reported.
    Over,
    /// It was no container after all.
    Withdrawn,
}

impl Container {
    /// Feeds `input`, which stands at parent offset `at`.
    fn feed(&mut self, map: &OuterMap, input: &[u8], at: u64, cx: &mut Context<'_>) -> Fate {
        // Slices are cut on the grid of the outer stream by whoever feeds, so the origin of an output byte does not
        // depend on chunks: the slice in which it appeared, or the beginning of the block it completes.
        let slice = map.src(at)..map.end(at + input.len() as u64);
        let mut rest = input;
        if self.over {
            return self.behind(!input.is_empty(), slice.end, cx);
        }
        loop {
            let mut output = cx.scratch.buffer();
            let step = self.decoder.decode(rest, &mut output, OUTPUT);
            let fate = self.yielded(map, &output, &slice, cx);
            cx.scratch.give_buffer(output);
            if let Some(fate) = fate {
                return fate;
            }
            self.reached += match step {
                Step::More => rest.len(),
                Step::Full { consumed } | Step::Done { consumed } | Step::Bad { consumed, .. } => consumed,
            } as u64;
            match step {
                Step::More => break,
                Step::Full { consumed } => rest = &rest[consumed..],
                Step::Done { consumed } => {
                    self.feed_lane(&[], true, cx);
                    self.tell(cx);
                    self.over = self.is_alone();
                    return if self.over {
                        self.behind(consumed < rest.len(), slice.end, cx)
                    } else {
                        Fate::Over
                    };
                }
                Step::Bad { fault, .. } => return self.failed(fault, slice.end, cx),
            }
        }
        self.note(&slice, input.len());
        Fate::Alive
    }

    /// Feeds its lane.
    fn feed_lane(&mut self, content: &[u8], eof: bool, cx: &mut Context<'_>) {
        let told = cx.scratch.unseen.len();
        self.lane.feed(content, eof, cx);
        if self.pixels {
            // Pixels of one colour are digits for digits for digits.
            let mut behind = cx.scratch.unseen.split_off(told);
            behind.retain(|unseen| unseen.reason != OpaqueReason::Depth);
            cx.scratch.unseen.append(&mut behind);
        }
        if self.covered && cx.scratch.unseen.len() > told {
            let free = DEFERRED - self.deferred.len();
            self.deferred.extend(cx.scratch.unseen.drain(told..).take(free));
        }
    }

    /// Tells of what was deferred.
    fn tell(&mut self, cx: &mut Context<'_>) {
        let when = cx.when;
        cx.scratch.unseen.extend(self.deferred.drain(..).map(|unseen| Unseen { when, ..unseen }));
    }

    /// Whether the content ends with it: what stands behind one of the codings without a mark would not be found.
    fn is_alone(&self) -> bool {
        self.coded && matches!(self.kind, LaneKind::Brotli | LaneKind::Deflate | LaneKind::Zlib)
    }

    /// It is over; whether more of the content comes.
    fn behind(&mut self, more: bool, end: u64, cx: &mut Context<'_>) -> Fate {
        if !more {
            return Fate::Alive;
        }
        self.event(OpaqueReason::Corrupt, end, cx);
        Fate::Over
    }

    fn finish(&mut self, map: &OuterMap, end: u64, cx: &mut Context<'_>) -> Fate {
        if self.over {
            return Fate::Over;
        }
        loop {
            let mut output = cx.scratch.buffer();
            let step = self.decoder.finish(&mut output, OUTPUT);
            let fate = self.yielded(map, &output, &(end..end), cx);
            cx.scratch.give_buffer(output);
            if let Some(fate) = fate {
                return fate;
            }
            match step {
                Step::Full { .. } => {}
                Step::Bad { fault, .. } => return self.failed(fault, end, cx),
                Step::More | Step::Done { .. } => {
                    self.feed_lane(&[], true, cx);
                    self.tell(cx);
                    return Fate::Over;
                }
            }
        }
    }

    /// Takes output over into the lane; `Some` if a limit ended the container.
    fn yielded(
        &mut self,
        map: &OuterMap,
        output: &[u8],
        slice: &Range<u64>,
        cx: &mut Context<'_>,
    ) -> Option<Fate> {
        let kept = u32::try_from(self.decoder.kept_bytes() >> 10).unwrap_or(u32::MAX >> 8);
        let windows = self.decoder.window_bytes();
        cx.live.windows = cx.live.windows + windows - self.windows;
        cx.live.kept = cx.live.kept + kept - self.kept;
        (self.windows, self.kept) = (windows, kept);
        if cx.live.windows > cx.core.limits.windows || u64::from(cx.live.kept) << 10 > cx.core.limits.bases {
            self.feed_lane(&[], true, cx);
            self.event(OpaqueReason::WindowTooLarge, slice.end, cx);
            return Some(Fate::Over);
        }
        let members = self.decoder.members().map(std::mem::take).unwrap_or_default();
        if output.is_empty() && members.is_empty() {
            return None;
        }
        if self.output == 0
            && let Some(name) = self.decoder.name()
        {
            self.lane.name(name, cx);
        }
        let start = self.unreleased.unwrap_or(slice.start);
        let coarse = Origin::Const { start, end: slice.end };
        let mut output = output;
        for member in members {
            let (before, rest) = output.split_at((member.at - self.output) as usize);
            self.hand_on(before, coarse, map, cx);
            output = rest;
            self.next_member(member, start..slice.end, cx);
            if cx.live.members > cx.core.limits.members {
                self.event(OpaqueReason::Members, slice.end, cx);
                return Some(Fate::Over);
            }
        }
        self.hand_on(output, coarse, map, cx);
        let limits = &cx.core.limits;
        let allowed = |pictures: bool, taken: u64| {
            let grace = limits.ratio_grace.saturating_mul(if pictures { PICTURES } else { 1 });
            grace.saturating_add(limits.ratio.saturating_mul(taken))
        };
        // All containers of a stream together, too: a thousand small bombs are one.
        let reason = if self.output > allowed(self.may_be_picture(), slice.end - self.src)
            || cx.live.decoded > allowed(cx.live.zlib > 0, slice.end)
        {
            OpaqueReason::Ratio
        } else if cx.live.decoded > limits.output {
            OpaqueReason::TotalOutput
        } else {
            return None;
        };
        self.feed_lane(&[], true, cx);
        self.event(reason, slice.end, cx);
        Some(Fate::Over)
    }

    /// Whether it is zlib's in the middle of content, which pictures are, and what fills a page of a document.
    fn may_be_picture(&self) -> bool {
        self.kind == LaneKind::Zlib && self.start > 0
    }

    /// Feeds its lane output of `origin`.
    fn hand_on(&mut self, output: &[u8], origin: Origin, map: &OuterMap, cx: &mut Context<'_>) {
        if output.is_empty() {
            return;
        }
        match self.decoder.pieces() {
            Some(pieces) => {
                let start = map.is_identity().then_some(self.start);
                self.lane.join(&mut self.piece, pieces, output.len() as u64, start, origin);
            }
            None => self.lane.map.push(self.lane.pos, origin),
        }
        self.lane.stored = self.decoder.is_plain();
        self.feed_lane(output, false, cx);
        self.output += output.len() as u64;
        cx.live.decoded += output.len() as u64;
    }

    /// What its lane was fed is over, and content of its own begins, which comes from `outer`.
    fn next_member(&mut self, member: Member, outer: Range<u64>, cx: &mut Context<'_>) {
        if self.lane.pos > 0 {
            self.feed_lane(&[], true, cx);
        }
        self.lane.release_children(cx);
        let (depth, up) = (self.lane.depth, self.lane.up.clone());
        self.lane.restart(self.kind, depth, up);
        cx.live.members += 1;
        let step = LaneStep::Member(member.name);
        let trail = Arc::new(Trail::new(self.lane.here(), step));
        self.lane.here = Some(Arc::clone(&trail));
        if !member.whole {
            let when = cx.when;
            cx.opaque(OpaqueReason::UnresolvedBase, outer, Some(trail), when);
        }
    }

    /// Remembers where the block that is being taken in began.
    fn note(&mut self, slice: &Range<u64>, taken: usize) {
        let unreleased = self.decoder.unreleased();
        self.unreleased = match self.unreleased {
            _ if unreleased == 0 => None,
            Some(start) if unreleased > taken as u64 => Some(start),
            _ => Some(slice.start),
        };
    }

    fn failed(&mut self, fault: Fault, end: u64, cx: &mut Context<'_>) -> Fate {
        // Also of what turns out to be no container: whoever decodes as far as we did sees what we saw.
        let told = cx.scratch.unseen.len();
        self.feed_lane(&[], true, cx);
        if self.is_framing() && !self.decoder.is_established() {
            // What is in it is in the parent too, and goes on there.
            cx.scratch.unseen.truncate(told);
            return Fate::Withdrawn;
        }
        let established = match self.kind {
            LaneKind::Gzip => self.output >= GUESS,
            // Fonts and programs have what stored blocks begin with, and those go on whatever follows. What they hold stands in the parent, too.
            LaneKind::Zlib => self.output >= GUESS && self.output > self.reached - self.start,
            // Tables of numbers have such lines, and text follows what was cut: that is the end of a dump, and no fault.
            LaneKind::Dump => false,
            _ => self.decoder.is_established(),
        };
        // Only what noise can look like is withdrawn; a window or a dictionary was asked for by a header that made sense, unless that header is
        // itself cut by those of another container.
        let noise = fault == Fault::Corrupt
            || fault == Fault::Truncated && !self.stored
            || matches!(self.kind, LaneKind::Zip | LaneKind::Uuencode | LaneKind::Dump) && !established;
        let covered = self.covered || self.cut;
        let guess = noise && (!established || covered) || covered && self.output == 0;
        if guess && !self.declared && !self.hides {
            return Fate::Withdrawn;
        }
        let reason = match fault {
            Fault::Corrupt | Fault::Ambiguous => OpaqueReason::Corrupt,
            Fault::Truncated => OpaqueReason::Truncated,
            Fault::MissingDictionary => OpaqueReason::MissingDictionary,
            Fault::WindowTooLarge => OpaqueReason::WindowTooLarge,
            Fault::Unsupported => OpaqueReason::UnsupportedFormat,
            Fault::Members => OpaqueReason::Members,
            Fault::Encrypted => OpaqueReason::Encrypted,
        };
        self.event(reason, end, cx);
        Fate::Over
    }

    pub(super) fn kind(&self) -> LaneKind {
        self.kind
    }

    /// Whether what begins now in the same content may be what its stored blocks show.
    pub(super) fn covers(&self) -> bool {
        self.output > 0 && !self.is_framing()
    }

    /// Lane offset in the parent at which it begins.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// How many bytes follow that surely belong to it.
    pub(crate) fn left(&self) -> u64 {
        self.decoder.left()
    }

    pub(crate) fn is_framing(&self) -> bool {
        matches!(self.kind, LaneKind::Framing(_))
    }

    fn event(&mut self, reason: OpaqueReason, end: u64, cx: &mut Context<'_>) {
        self.tell(cx);
        let trail = self.lane.here();
        let when = cx.when;
        cx.opaque(reason, self.src..end.max(self.src), trail, when);
    }

    /// Ends the container with an event.
    pub(crate) fn refuse(mut self, reason: OpaqueReason, end: u64, cx: &mut Context<'_>) {
        self.event(reason, end, cx);
        self.release(cx);
    }

    /// A framing that was none has cut no `others`.
    fn mend(&self, fate: &Fate, others: &mut [Container]) {
        if self.is_framing() && matches!(fate, Fate::Withdrawn) {
            others.iter_mut().for_each(|other| other.cut = false);
        }
    }

    /// Releases a container that is over; one that was none is not counted.
    fn bury(self, fate: &Fate, cx: &mut Context<'_>) {
        if matches!(fate, Fate::Withdrawn) && !self.is_framing() {
            cx.live.containers -= 1;
        }
        self.release(cx);
    }

    /// Gives back what the container counts for.
    pub(crate) fn release(mut self, cx: &mut Context<'_>) {
        self.lane.release_children(cx);
        cx.live.lanes -= 1;
        cx.live.windows -= self.windows;
        cx.live.kept -= self.kept;
        // A pack's takes more than is worth keeping.
        if !self.is_unpacked
            && !self.is_framing()
            && !matches!(self.kind, LaneKind::Pack | LaneKind::Sealed(_))
        {
            cx.scratch.give_decoder(self.kind, cx.core.limits.window, self.decoder);
        }
    }

    pub(crate) fn hold(&self, cx: &Context<'_>) -> u64 {
        self.lane.hold(&[], cx).min(self.unreleased.unwrap_or(u64::MAX))
    }

    pub(crate) fn block_max(&self) -> u64 {
        // A framing hands on what blocks are made of.
        let inner = self.lane.containers.iter().filter(|_| self.is_framing()).map(Container::block_max);
        inner.max().unwrap_or(0).max(2 * self.decoder.block_max())
    }

    pub(crate) fn memory(&self) -> usize {
        let deferred = self.deferred.capacity() * size_of::<Unseen>();
        size_of::<Container>()
            + size_of_val(&*self.decoder)
            + size_of::<Lane>()
            + self.lane.memory()
            + deferred
    }

    pub(crate) fn windows(&self) -> u64 {
        self.windows + self.lane.windows()
    }

    /// Hands over the parent offsets of members that the decoder has taken, and the end of what it hands on as it stands.
    fn hand_over(&mut self, taken: &mut Option<Box<Starts>>, passed: &mut u64) {
        let starts = self.decoder.member_starts();
        if !starts.is_empty() {
            taken.get_or_insert_default().0.extend(starts.drain(..).map(|m| self.start + m));
        }
        if self.decoder.is_plain() && self.output > 0 {
            *passed = (*passed).max(self.reached);
        }
    }
}

impl Lane {
    /// A container's magic number stands at `at`. What is at hand of it is fed in two slices that meet at `sliced`, the beginning of the
    /// window.
    pub(crate) fn start_container(
        &mut self,
        kind: LaneKind,
        view: View<'_>,
        at: u64,
        sliced: u64,
        cx: &mut Context<'_>,
    ) {
        let is_taken = self.taken.as_ref().is_some_and(|taken| taken.0.contains(&at));
        // What lies in the entry that far has begun there.
        if is_taken || at + probe_len(kind) <= self.passed || self.is_read(kind, at) {
            return;
        }
        // The parent has begun what it has seen as it is.
        let head = if kind == LaneKind::Pack { pack::MAGIC.len() as u64 } else { 4 };
        if self.is_as_spelled(at, at + head) {
            return;
        }
        let limits = &cx.core.limits;
        let src = self.map.src(at);
        let is_framing = matches!(kind, LaneKind::Framing(_));
        let too_deep = !is_framing && self.depth.containers >= limits.containers;
        if too_deep || cx.live.lanes + 1 > limits.lanes {
            if kind == LaneKind::Zip {
                self.refuse_listing();
            }
            let trail = self.trail_at(at);
            let when = cx.when;
            cx.opaque(OpaqueReason::Depth, src..self.map.end(view.end()), trail, when);
            return;
        }
        cx.live.members += u64::from(kind == LaneKind::Zip);
        let is_one_too_many = match kind {
            LaneKind::Zip => cx.live.members > limits.members,
            LaneKind::Zlib => at > 0 && u64::from(cx.live.zlib) >= ZLIB_MAX + src / ZLIB_EACH,
            _ => false,
        };
        if is_one_too_many {
            if kind == LaneKind::Zip {
                self.refuse_listing();
            }
            let trail = self.trail_at(at);
            let when = cx.when;
            cx.opaque(OpaqueReason::Members, src..self.map.end(view.end()), trail, when);
            return;
        }
        let unpacking = match &mut cx.live.unpacking {
            unpacking if at == 0 && self.kind == LaneKind::Root => {
                unpacking.take().filter(|u| u.kind == kind)
            }
            _ => None,
        };
        let is_unpacked = unpacking.is_some();
        let decoder = unpacking
            .map(|unpacking| unpacking.decoder)
            .or_else(|| cx.scratch.decoder(kind, cx.core.limits.window))
            .or_else(|| decoder(kind, &cx.core.limits));
        let Some(decoder) = decoder else { return };
        cx.live.lanes += 1;
        cx.live.containers += u64::from(!is_framing);
        let depth = Depth { containers: self.depth.containers + u8::from(!is_framing), shapes: 0 };
        let up = self.trail_at(at);
        let coded = at == 0 && self.codings > 0;
        let mut lane = Box::new(Lane::new(kind, depth, up, OuterMap::segments()));
        lane.codings = if coded { self.codings - 1 } else { 0 };
        lane.framed = coded || kind == LaneKind::Framing(Framing::Chunked);
        let listed = if kind == LaneKind::Zip { self.list_entry(view, at) } else { None };
        let pixels = kind == LaneKind::Zlib && super::zlib::is_picture(view, at);
        let mut container = Container {
            decoder,
            is_unpacked,
            kind,
            lane,
            start: at,
            src,
            // Text may begin with what is zlib's header, or uuencode's, and programs write magic numbers in escapes and lists.
            coded,
            over: false,
            declared: coded
                || !matches!(
                    kind,
                    LaneKind::Zlib | LaneKind::Uuencode | LaneKind::Dump | LaneKind::Framing(_)
                ) && !matches!(self.kind, LaneKind::Escapes | LaneKind::Codes)
                    && self.archive.begins_at(at),
            stored: self.stored,
            covered: self.containers.iter().any(Container::covers),
            deferred: Vec::new(),
            hides: false,
            cut: self.containers.iter().any(Container::is_framing) || pixels,
            pixels,
            listed,
            piece: Piece { at: 0, source: Source::Made },
            unreleased: None,
            output: 0,
            windows: 0,
            kept: 0,
            reached: at,
        };
        cx.live.zlib += u32::from(container.may_be_picture());
        let sliced = sliced.max(at);
        for (from, to) in [(at, sliced), (sliced, view.end())] {
            let Some(input) = view.get(from, to).filter(|input| !input.is_empty()) else { continue };
            let fate = container.feed(&self.map, input, from, cx);
            container.hand_over(&mut self.taken, &mut self.passed);
            match fate {
                Fate::Alive => {}
                fate => {
                    self.over(&container, &fate, cx);
                    return container.bury(&fate, cx);
                }
            }
        }
        self.containers.push(container);
    }

    /// Whether what stands at `at` is read already: the objects of a pack are its own, and so are the lines of a dump.
    fn is_read(&mut self, kind: LaneKind, at: u64) -> bool {
        match kind {
            LaneKind::Zlib if at < self.late().packed => true,
            LaneKind::Zlib => match self.containers.iter_mut().find(|c| c.kind == LaneKind::Pack) {
                // Should it be none, what was not looked into for it is told of.
                Some(pack) => {
                    pack.hides = true;
                    true
                }
                None => false,
            },
            LaneKind::Dump => self.containers.iter().any(|c| c.kind == LaneKind::Dump),
            _ => false,
        }
    }

    pub(crate) fn feed_containers(&mut self, view: View<'_>, fresh: u64, cx: &mut Context<'_>) {
        let mut at = 0;
        while at < self.containers.len() {
            let container = &mut self.containers[at];
            let fate = match view.get(fresh, view.end()) {
                Some(input) if !input.is_empty() => container.feed(&self.map, input, fresh, cx),
                _ => Fate::Alive,
            };
            container.hand_over(&mut self.taken, &mut self.passed);
            match fate {
                Fate::Alive => at += 1,
                fate => {
                    let container = self.containers.remove(at);
                    self.over(&container, &fate, cx);
                    container.mend(&fate, &mut self.containers);
                    container.bury(&fate, cx);
                }
            }
        }
    }

    /// Takes note of a container that is over, or was none.
    fn over(&mut self, container: &Container, fate: &Fate, cx: &mut Context<'_>) {
        let Container { start, src, reached, kind, .. } = *container;
        self.ended = self.ended.max(reached);
        if kind == LaneKind::Pack && !matches!(fate, Fate::Withdrawn) {
            let late = self.late.get_or_insert_default();
            late.packed = late.packed.max(reached);
        }
        match fate {
            Fate::Withdrawn if container.listed.is_some() => self.unlisted(start, src, cx),
            _ => {
                if let Some(entry) = container.listed {
                    self.listed(start, entry, container.decoder.entry(), reached, cx);
                }
            }
        }
    }

    pub(crate) fn finish_containers(&mut self, cx: &mut Context<'_>) {
        let end = self.map.end(self.pos);
        // In order: a framing began before what it cut.
        while !self.containers.is_empty() {
            let mut container = self.containers.remove(0);
            let fate = container.finish(&self.map, end, cx);
            self.over(&container, &fate, cx);
            container.mend(&fate, &mut self.containers);
            container.release(cx);
        }
    }
}

impl std::fmt::Debug for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Container({:?} at {})", self.kind, self.start)
    }
}
