//! [`Listing`]: whether the directory of a zip archive lists what stands in it.
//!
//! ```text
//! | entry | entry | entry | header | header | header | end |
//!   decoded where they stand   what readers go by         says where the headers are
//! ```
//!
//! Most readers go by the directory at the end: where it says, by the method and the lengths that it gives. A stream has decoded the entries before it sees the
//! directory, each by its own header; if the two differ, others may read what was not examined. So of every entry a keyed hash is added up, and of
//! every header too: the sums are the same if the entries are, in any order, and cost no memory. The same sums, weighted with where entries stand,
//! say whether they stand there; what comes before the archive shifts one by a known multiple of the other.
//!
//! An entry that is stored may be an archive itself, whose entries and directory stand in this lane as well. What an entry covers is its own lane's.

use std::sync::Arc;

use exfilter_codec::zip::{
    DIRECTORY_MAGIC, Directory, END_LEN, END_MAGIC, End, Entry, Headers, LOCATOR_LEN, Listed, Progress,
};

use super::{Lane, LaneKind, SEEN};
use crate::confirm::View;
use crate::context::Context;
use crate::coverage::OpaqueReason;
use crate::path::{LaneStep, Trail};

/// Ids of the magic numbers in the automaton; rules come from 0 upwards.
const HEADER: u32 = u32::MAX - 12;
const END: u32 = u32::MAX - 13;

/// The magic numbers of directories, with their automaton ids.
pub(crate) const DIRECTORIES: [(&[u8], u32); 2] = [(&DIRECTORY_MAGIC, HEADER), (&END_MAGIC, END)];

/// Bytes before the record at an end that tell where its headers are.
pub(crate) const BACK: usize = LOCATOR_LEN;

/// Whether an automaton id is one of those.
pub(crate) fn is_directory(id: u32) -> bool {
    id == HEADER || id == END
}

/// Sums over entries, in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    count: u64,
    hashes: u64,
    /// Of hashes times offsets.
    places: u64,
}

impl Sums {
    fn add(&mut self, entry: &Entry, offset: u64, cx: &Context<'_>) {
        let hash = cx.core.hash(entry);
        self.count += 1;
        self.hashes = self.hashes.wrapping_add(hash);
        self.places = self.places.wrapping_add(hash.wrapping_mul(offset));
    }

    /// The same with all offsets larger by `by`.
    fn shifted(self, by: u64) -> Sums {
        Sums { places: self.places.wrapping_add(self.hashes.wrapping_mul(by)), ..self }
    }
}

/// What is known of the archives of a lane.
#[derive(Default)]
pub(super) struct Listing {
    /// Of the entries since the last archive; offsets are the lane's.
    entries: Sums,
    /// Of what their headers say of how they are packed.
    kinds: Sums,
    /// Where the first of them begins.
    first: Option<(u64, u64)>,
    /// Where the last entry ended that no other one covers.
    ended: u64,
    /// Whether something of the archive was not looked at, for which the stream is blocked.
    refused: bool,
    /// Whether the body of an entry was not understood, so that `entries` lacks it; which is only told of.
    partial: bool,
    /// Whether a directory ends in an entry that is not over.
    covers: bool,
    directory: Option<Box<Reading>>,
    /// Where the last record at an end was read.
    end: Option<u64>,
    heads: Heads,
}

/// Where headers of entries in directories may stand: a Bloom filter of the offsets of their magic numbers, which forgets none.
#[derive(Clone, Copy, Default)]
struct Heads([u64; 16]);

impl Heads {
    /// The word and the bit of an offset. An author can only choose offsets that make an archive reported which need not be.
    fn bit(at: u64) -> (usize, u64) {
        let hash = at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
        ((hash >> 6) as usize, 1 << (hash & 63))
    }

    fn add(&mut self, at: u64) {
        let (word, bit) = Self::bit(at);
        self.0[word] |= bit;
    }

    fn may_hold(&self, at: u64) -> bool {
        let (word, bit) = Self::bit(at);
        self.0[word] & bit != 0
    }
}

/// A directory being read.
struct Reading {
    directory: Directory,
    start: u64,
    src: u64,
    /// Bytes before this offset have been taken.
    fed: u64,
    headers: Sums,
    kinds: Sums,
    /// Whether another container was being decoded there, whose stored blocks show the archive, cut by their headers.
    shown: bool,
}

impl Listing {
    /// Whether `record`, at `at` behind the bytes `before`, may be the end of a directory with headers: some were seen where readers look for them by it.
    fn may_end(&self, before: &[u8], record: &[u8], at: u64) -> bool {
        let Headers { before, offset, elsewhere } = Directory::places(before, record, at);
        let begin = self.first.map_or(0, |(first, _)| first);
        let places = [before, offset, offset.map(|offset| begin.saturating_add(offset))];
        elsewhere || places.into_iter().flatten().any(|at| self.heads.may_hold(at))
    }

    pub(super) fn memory(&self) -> usize {
        let reading = |reading: &Reading| size_of::<Reading>() + reading.directory.memory();
        size_of::<Listing>() + self.directory.as_deref().map_or(0, reading)
    }
}

impl Lane {
    fn is_covered(&self, at: u64) -> bool {
        self.containers.iter().any(|c| c.kind() == LaneKind::Zip)
            || self.listing.as_ref().is_some_and(|listing| at < listing.ended)
    }

    /// An entry begins at `at`: what it says that it is, if it is one of the archive that stands in this lane, and not of one in another entry.
    pub(super) fn list_entry(&mut self, view: View<'_>, at: u64) -> Option<Entry> {
        if self.is_covered(at) {
            return None;
        }
        let is_first = self.archive.begins_at(at);
        let src = self.map.src(at);
        let listing = self.listing.get_or_insert_default();
        if is_first {
            // Another archive.
            (listing.entries, listing.kinds) = (Sums::default(), Sums::default());
            (listing.first, listing.refused, listing.partial) = (None, false, false);
        }
        listing.first.get_or_insert((at, src));
        // A header that is cut by the end of the content is no entry of an archive.
        Entry::announced(view.get(at, view.end())?)
    }

    /// The entry at `start` is over, which said that it is `kind`: with what it turned out to be and its length, or without.
    pub(super) fn listed(
        &mut self,
        start: u64,
        kind: Entry,
        entry: Option<(Entry, u64)>,
        reached: u64,
        cx: &Context<'_>,
    ) {
        let listing = self.listing.get_or_insert_default();
        listing.covers = false;
        listing.kinds.add(&kind, start, cx);
        match entry {
            Some((entry, len)) => {
                listing.entries.add(&entry, start, cx);
                listing.ended = listing.ended.max(start + len);
            }
            None => {
                listing.partial = true;
                listing.ended = listing.ended.max(reached);
            }
        }
    }

    /// An entry is not looked into, which was told of.
    pub(super) fn refuse_listing(&mut self) {
        self.listing.get_or_insert_default().refused = true;
    }

    /// What began at `start` was no entry; what it covered was not looked at.
    pub(super) fn unlisted(&mut self, start: u64, src: u64, cx: &mut Context<'_>) {
        let Some(listing) = &mut self.listing else { return };
        if std::mem::take(&mut listing.covers) {
            let (end, trail) = (self.map.end(self.pos), self.zip_trail(start));
            let when = cx.when;
            cx.opaque(OpaqueReason::Corrupt, src..end, trail, when);
        }
    }

    /// A magic number of a directory stands at `at`.
    pub(super) fn start_directory(
        &mut self,
        id: u32,
        view: View<'_>,
        at: u64,
        eof: bool,
        cx: &mut Context<'_>,
    ) {
        let record = view.get(at, view.end()).unwrap_or(&[]);
        let covered = self.is_covered(at);
        let listing = self.listing.get_or_insert_default();
        if id == HEADER {
            listing.heads.add(at);
        }
        let before = view.get(at.saturating_sub(BACK as u64), at).unwrap_or(&[]);
        let ends = id == END && listing.may_end(before, record, at);
        if covered {
            listing.covers |= ends;
            return;
        }
        let src = self.map.src(at);
        let shown = self.containers.iter().any(|c| c.covers());
        let listing = self.listing.get_or_insert_default();
        if id == END {
            // Whatever is being read ends with it, or another directory than the one before it is meant.
            if listing.end == Some(at) || !ends {
                return;
            }
            listing.directory = None;
        } else if listing.directory.is_some() || listing.end.is_some_and(|end| at < end) {
            return;
        }
        let directory = Directory::new();
        listing.directory = Some(Box::new(Reading {
            directory,
            start: at,
            src,
            fed: at,
            headers: Sums::default(),
            kinds: Sums::default(),
            shown,
        }));
        self.read_directory(view, at + SEEN, eof, cx);
    }

    /// Reads on in the directory that is being read. What is found out now is decided at `decided` at the earliest.
    pub(super) fn read_directory(&mut self, view: View<'_>, decided: u64, eof: bool, cx: &mut Context<'_>) {
        let Some(listing) = &mut self.listing else { return };
        let Some(mut reading) = listing.directory.take() else { return };
        let mut listed = Vec::new();
        let input = view.get(reading.fed, view.end()).unwrap_or(&[]);
        let progress = reading.directory.read(input, &mut listed);
        for Listed { entry, offset } in listed {
            reading.headers.add(&entry, offset, cx);
            reading.kinds.add(&entry.kind(), offset, cx);
        }
        match progress {
            Progress::More => {
                reading.fed = view.end();
                listing.directory = Some(reading);
            }
            Progress::Bad => {}
            Progress::End(taken, end) => {
                let at = reading.fed + taken as u64;
                let decided = if eof && decided > view.end() { u64::MAX } else { decided.max(at) };
                self.compare(&reading, end, at, decided, cx);
            }
        }
    }

    /// Compares the directory, whose last record ends at `at`, with what was read of the archive.
    fn compare(&mut self, reading: &Reading, end: End, at: u64, decided: u64, cx: &mut Context<'_>) {
        let Some(listing) = &mut self.listing else { return };
        let next = Listing {
            ended: listing.ended,
            end: Some(at - END_LEN as u64),
            heads: listing.heads,
            ..Listing::default()
        };
        let Listing { entries, kinds, first, refused, partial, .. } = std::mem::replace(&mut **listing, next);
        let headers = reading.headers;
        let (count, size) = reading.directory.headers();
        // Where the archive begins, if the headers are where the end says.
        let base = reading.start.wrapping_sub(end.offset);
        let same = (end.entries, end.size) == (count, size)
            && end.consistent
            && reading.kinds.shifted(base) == kinds
            && (partial || headers.shifted(base) == entries);
        let is_empty = (end.entries, end.size, count) == (0, 0, 0) && end.consistent;
        if same || refused || reading.shown || is_empty {
            return;
        }
        let (start, src) = first.map_or((reading.start, reading.src), |first| first);
        let (end, trail, when) = (self.map.end(at), self.zip_trail(start), self.when(decided, cx));
        cx.opaque(OpaqueReason::Corrupt, src.min(reading.src)..end, trail, when);
    }

    fn zip_trail(&mut self, at: u64) -> Option<Arc<Trail>> {
        let up = self.trail_at(at);
        Some(Arc::new(Trail::new(up, LaneStep::Zip)))
    }
}
