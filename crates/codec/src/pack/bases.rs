//! [`Bases`]: the objects that deltas to come may be based on, and the deltas whose base may come, within a number of bytes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use zeroize::Zeroize as _;

use super::entry::{Base, Kind};
use super::oid::{Format, Oid};

/// What an object or a delta costs beside its bytes: entries of maps, counts of references.
const OVERHEAD: u64 = 320;

/// Bytes of an object, wiped when nobody needs them any more.
#[derive(Default)]
pub(super) struct Content(pub(super) Vec<u8>);

impl Drop for Content {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Content {
    /// Appends `bytes`, of at most `most` in all. What is left behind when it grows is wiped.
    pub(super) fn extend(&mut self, bytes: &[u8], most: usize) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let room = (2 * self.0.capacity()).min(most).max(needed);
            let mut grown = Vec::with_capacity(room);
            grown.extend_from_slice(&self.0);
            self.0.zeroize();
            self.0 = grown;
        }
        self.0.extend_from_slice(bytes);
    }
}

/// An object that is at hand.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) content: Arc<Content>,
}

/// A delta whose base has not come.
pub(super) struct Waiting {
    /// Where it stands in the pack.
    pub(super) at: u64,
    pub(super) delta: Content,
    /// The base, once it has come.
    pub(super) base: Option<Object>,
}

struct Kept {
    object: Object,
    ids: Vec<Oid>,
    /// Its place in the order of use.
    used: u64,
}

/// See the module.
pub(super) struct Bases {
    cap: u64,
    held: u64,
    /// Of that, deltas that wait.
    waits: u64,
    clock: u64,
    kept: BTreeMap<u64, Kept>,
    /// Offsets of what is kept, least recently used first.
    order: BTreeMap<u64, u64>,
    ids: BTreeMap<Oid, u64>,
    waiting: BTreeMap<Base, Vec<Waiting>>,
    /// Where waiting deltas stand.
    places: BTreeSet<u64>,
}

impl Bases {
    pub(super) fn new(cap: u64) -> Bases {
        Bases {
            cap,
            held: 0,
            waits: 0,
            clock: 0,
            kept: BTreeMap::new(),
            order: BTreeMap::new(),
            ids: BTreeMap::new(),
            waiting: BTreeMap::new(),
            places: BTreeSet::new(),
        }
    }

    /// Bytes held.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// Where the first waiting delta stands.
    pub(super) fn first_waiting(&self) -> Option<u64> {
        self.places.first().copied()
    }

    /// Whether an object of `len` bytes is worth keeping: it leaves room for others.
    fn would_keep(&self, len: u64) -> bool {
        len <= self.cap / 2
    }

    /// Makes room for an object of `len` bytes that comes piece by piece, if it is worth it.
    pub(super) fn reserve(&mut self, len: u64) -> bool {
        let may = self.would_keep(len) && self.make_room(len);
        self.held += if may { len + OVERHEAD } else { 0 };
        may
    }

    /// Gives back what was reserved for an object of `len` bytes.
    pub(super) fn give_back(&mut self, len: u64) {
        self.held -= len + OVERHEAD;
    }

    /// The object that a delta is based on, if it is at hand.
    pub(super) fn get(&mut self, base: Base) -> Option<Object> {
        let at = match base {
            Base::Offset(at) => at,
            Base::Id(oid) => *self.ids.get(&oid)?,
        };
        let kept = self.kept.get_mut(&at)?;
        self.order.remove(&kept.used);
        self.clock += 1;
        kept.used = self.clock;
        self.order.insert(kept.used, at);
        Some(kept.object.clone())
    }

    /// Keeps the object at `at`; what was not used for the longest time makes room.
    pub(super) fn keep(&mut self, at: u64, ids: &[Oid], object: Object) {
        let len = object.content.0.len() as u64;
        if !self.would_keep(len) {
            return;
        }
        if !self.make_room(len) {
            return;
        }
        self.clock += 1;
        self.held += len + OVERHEAD;
        self.order.insert(self.clock, at);
        for id in ids {
            self.ids.insert(*id, at);
        }
        self.kept.insert(at, Kept { object, ids: ids.to_vec(), used: self.clock });
    }

    /// Whether the delta of `len` bytes at hand may wait for its base.
    pub(super) fn may_wait(&self, base: Base, len: u64) -> bool {
        let may_come = match base {
            // What stands before and is not at hand comes only if it waits itself.
            Base::Offset(at) => self.places.contains(&at),
            Base::Id(_) => true,
        };
        may_come && self.waits + len + OVERHEAD <= self.cap / 2
    }

    /// Lets a delta wait for its base.
    pub(super) fn wait(&mut self, base: Base, waiting: Waiting) {
        let len = waiting.delta.0.len() as u64;
        self.make_room(len);
        self.held += len + OVERHEAD;
        self.waits += len + OVERHEAD;
        self.places.insert(waiting.at);
        self.waiting.entry(base).or_default().push(waiting);
    }

    /// The deltas that wait for the object at `at`, in their order.
    pub(super) fn take(&mut self, at: u64, ids: &[Oid], object: &Object, queue: &mut VecDeque<Waiting>) {
        if self.waiting.is_empty() {
            return;
        }
        let bases = ids.iter().map(|id| Base::Id(*id)).chain([Base::Offset(at)]);
        let mut taken: Vec<Waiting> = bases.filter_map(|base| self.waiting.remove(&base)).flatten().collect();
        taken.sort_by_key(|waiting| waiting.at);
        for mut waiting in taken {
            waiting.base = Some(object.clone());
            queue.push_back(waiting);
        }
    }

    /// The deltas that wait still, in their order: what they are based on does not come.
    pub(super) fn give_up(&mut self, queue: &mut VecDeque<Waiting>) {
        let mut left: Vec<Waiting> = std::mem::take(&mut self.waiting).into_values().flatten().collect();
        left.sort_by_key(|waiting| waiting.at);
        queue.extend(left);
    }

    /// Forgets ids of the other format.
    pub(super) fn settle(&mut self, format: Format) {
        self.ids.retain(|id, _| {
            matches!((id, format), (Oid::Sha1(_), Format::Sha1) | (Oid::Sha256(_), Format::Sha256))
        });
    }

    /// A delta that waited waits no more.
    pub(super) fn release(&mut self, waiting: &Waiting) {
        let len = waiting.delta.0.len() as u64 + OVERHEAD;
        self.held -= len;
        self.waits -= len;
        self.places.remove(&waiting.at);
    }

    /// Lets go what was not used for the longest time, but nothing that waits, until there is room for `len` bytes more.
    fn make_room(&mut self, len: u64) -> bool {
        while self.held + len + OVERHEAD > self.cap {
            let Some((_, oldest)) = self.order.pop_first() else { return false };
            self.drop_kept(oldest);
        }
        true
    }

    fn drop_kept(&mut self, at: u64) {
        let Some(kept) = self.kept.remove(&at) else { return };
        self.held -= kept.object.content.0.len() as u64 + OVERHEAD;
        for id in &kept.ids {
            // The same object may stand in the pack again.
            if self.ids.get(id) == Some(&at) {
                self.ids.remove(id);
            }
        }
    }
}
