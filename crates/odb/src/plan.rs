//! [`Plan`]: which entries of a pack are needed for the objects that are wanted, and which is based on which.

use crate::Source;
use crate::damage::Damage;
use crate::entry::{self, HEADER_MAX, Stored};
use crate::index::Index;

/// Bytes read at once when headers are looked at.
const WINDOW: usize = 4 << 10;

/// Bytes of a pack's header.
const PACK_HEADER: u64 = 12;

/// Families of so many objects are walked first, so that no thread is left with one at the end.
const LARGE: u32 = 512;

/// No entry, no tag.
pub(crate) const NONE: u32 = u32::MAX;
/// Of an entry whose header was not looked at.
const UNSEEN: u32 = u32::MAX - 1;
/// Of an entry that is based on nothing.
const ROOT: u32 = u32::MAX - 2;
/// Of an entry whose base is not to be had.
const BAD: u32 = u32::MAX - 3;

/// An object that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its number in the index.
    pub number: u32,
    /// What the caller calls it; not `u32::MAX`.
    pub tag: u32,
}

/// See the module. Entries are numbered by their offsets.
pub struct Plan {
    pub(crate) hash: crate::id::Hash,
    /// Where entries begin, sorted, and where the last one ends.
    offsets: Vec<u64>,
    tags: Vec<u32>,
    parents: Vec<u32>,
    /// The first entry that is based on an entry, and the next one that is based on the same.
    children: Vec<u32>,
    siblings: Vec<u32>,
    /// How many entries are in the tree below an entry, itself counted.
    weights: Vec<u32>,
    families: Vec<u32>,
    missed: Vec<(u32, Damage)>,
}

impl Plan {
    /// Plans how to read what is wanted from a pack of `pack_len` bytes; looks at the headers of what is wanted and what that is based on.
    ///
    /// # Errors
    ///
    /// When the pack is not the one that the index speaks of, or cannot be read.
    pub fn new(
        index: &Index,
        wanted: &[Wanted],
        pack: &(impl Source + ?Sized),
        pack_len: u64,
    ) -> Result<Plan, Damage> {
        let end = check(index, pack, pack_len)?;
        let mut offsets: Vec<u64> = (0..index.count()).filter_map(|n| index.offset(n)).collect();
        offsets.retain(|offset| (PACK_HEADER..end).contains(offset));
        offsets.sort_unstable();
        offsets.dedup();
        let n = offsets.len();
        offsets.push(end);
        let mut plan = Plan {
            hash: index.hash(),
            offsets,
            tags: vec![NONE; n],
            parents: vec![UNSEEN; n],
            children: vec![NONE; n],
            siblings: vec![NONE; n],
            weights: vec![0; n],
            families: Vec::new(),
            missed: Vec::new(),
        };
        for &Wanted { number, tag } in wanted {
            match index.offset(number).and_then(|offset| plan.at(offset)) {
                // Two ids of one entry: one of them is wrong.
                Some(entry) if plan.tags[entry as usize] != NONE => plan.missed.push((tag, Damage::Offset)),
                Some(entry) => plan.tags[entry as usize] = tag,
                None => plan.missed.push((tag, Damage::Offset)),
            }
        }
        plan.look_at_headers(index, pack)?;
        plan.join();
        Ok(plan)
    }

    /// How many families there are. They can be walked in any order, and at once.
    #[must_use]
    pub fn families(&self) -> usize {
        self.families.len()
    }

    /// What is wanted and cannot be read from this pack, and why.
    #[must_use]
    pub fn missed(&self) -> &[(u32, Damage)] {
        &self.missed
    }

    pub(crate) fn family(&self, n: usize) -> Option<u32> {
        self.families.get(n).copied()
    }

    /// What an entry is called, if it is wanted.
    pub(crate) fn tag(&self, entry: u32) -> Option<u32> {
        Some(self.tags[entry as usize]).filter(|tag| *tag != NONE)
    }

    /// Where an entry is, and how long it is at most.
    pub(crate) fn place(&self, entry: u32) -> (u64, u64) {
        let (at, end) = (self.offsets[entry as usize], self.offsets[entry as usize + 1]);
        (at, end - at)
    }

    /// What is based on an entry; what has most below it comes first.
    pub(crate) fn children(&self, entry: u32) -> impl Iterator<Item = u32> {
        let some = |links: &[u32], entry: u32| Some(links[entry as usize]).filter(|entry| *entry != NONE);
        let all = move || {
            std::iter::successors(some(&self.children, entry), move |&child| some(&self.siblings, child))
        };
        let heaviest = all().max_by_key(|child| self.weights[*child as usize]);
        heaviest.into_iter().chain(all().filter(move |child| Some(*child) != heaviest))
    }

    pub(crate) fn has_children(&self, entry: u32) -> bool {
        self.children[entry as usize] != NONE
    }

    /// The entry at an offset.
    fn at(&self, offset: u64) -> Option<u32> {
        let entries = &self.offsets[..self.tags.len()];
        entries.binary_search(&offset).ok().map(|entry| entry as u32)
    }

    /// Finds out what is based on what, from what is wanted down to what is based on nothing.
    fn look_at_headers(&mut self, index: &Index, pack: &(impl Source + ?Sized)) -> Result<(), Damage> {
        let mut window = Window { at: 0, bytes: Vec::new() };
        let mut next = Vec::new();
        for entry in 0..self.tags.len() as u32 {
            if self.tags[entry as usize] == NONE {
                continue;
            }
            next.push(entry);
            while let Some(entry) = next.pop() {
                if self.parents[entry as usize] != UNSEEN {
                    continue;
                }
                let (at, _) = self.place(entry);
                let header = entry::parse(window.header(pack, at)?, at, self.hash);
                let base = match header.map(|header| header.stored) {
                    None => BAD,
                    Some(Stored::Whole(_)) => ROOT,
                    Some(Stored::OnOffset(offset)) => self.at(offset).unwrap_or(BAD),
                    Some(Stored::OnId(id)) => {
                        let offset = index.find(id).and_then(|number| index.offset(number));
                        offset.and_then(|offset| self.at(offset)).unwrap_or(BAD)
                    }
                };
                self.parents[entry as usize] = base;
                if base < BAD {
                    next.push(base);
                }
            }
        }
        Ok(())
    }

    /// Joins entries to trees, and tells what is in none.
    fn join(&mut self) {
        let mut order = Vec::new();
        for entry in (0..self.tags.len()).rev() {
            match self.parents[entry] {
                ROOT => order.push(entry as u32),
                UNSEEN | BAD => {}
                base => {
                    self.siblings[entry] = self.children[base as usize];
                    self.children[base as usize] = entry as u32;
                }
            }
        }
        order.reverse();
        self.families.clone_from(&order);
        // From roots down, so that what is based on itself is not reached.
        let mut done = 0;
        while let Some(&entry) = order.get(done) {
            done += 1;
            let mut child = self.children[entry as usize];
            while child != NONE {
                order.push(child);
                child = self.siblings[child as usize];
            }
        }
        for &entry in order.iter().rev() {
            self.weights[entry as usize] += 1;
            let base = self.parents[entry as usize];
            if base != ROOT {
                self.weights[base as usize] += self.weights[entry as usize];
            }
        }
        // Stable: each half stays in the order of the pack.
        self.families.sort_by_key(|root| self.weights[*root as usize] < LARGE);
        for entry in 0..self.tags.len() {
            if self.tags[entry] != NONE && self.weights[entry] == 0 {
                let damage = if self.parents[entry] == BAD { Damage::Header } else { Damage::Base };
                self.missed.push((self.tags[entry], damage));
            }
        }
    }
}

/// Where the entries of the pack end, if it is the one that the index speaks of.
fn check(index: &Index, pack: &(impl Source + ?Sized), pack_len: u64) -> Result<u64, Damage> {
    let sum = index.hash().len();
    let end = pack_len.checked_sub(sum as u64).filter(|end| *end >= PACK_HEADER).ok_or(Damage::Pack)?;
    let mut bytes = Vec::new();
    pack.read(0, PACK_HEADER as usize, &mut bytes).map_err(|_| Damage::Read)?;
    let version = matches!(bytes.get(..8), Some([b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3]));
    if !version || bytes.get(8..) != Some(&index.count().to_be_bytes()[..]) {
        return Err(Damage::Pack);
    }
    pack.read(end, sum, &mut bytes).map_err(|_| Damage::Read)?;
    if bytes == index.pack_sum() { Ok(end) } else { Err(Damage::Pack) }
}

/// A piece of the pack, since headers stand behind one another.
struct Window {
    at: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The bytes that a header at `at` may have.
    fn header(&mut self, pack: &(impl Source + ?Sized), at: u64) -> Result<&[u8], Damage> {
        let has = |window: &Window| {
            at.checked_sub(window.at).filter(|from| from + HEADER_MAX as u64 <= window.bytes.len() as u64)
        };
        if has(self).is_none() {
            self.at = at;
            pack.read(at, WINDOW, &mut self.bytes).map_err(|_| Damage::Read)?;
        }
        let from = (at - self.at) as usize;
        Ok(&self.bytes[from..])
    }
}

/// Says how much is planned, not what.
impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("families", &self.families.len())
            .field("missed", &self.missed.len())
            .finish_non_exhaustive()
    }
}
