//! [`Walker`]: makes the objects of a plan.

use std::cell::Cell;
use std::rc::Rc;

use crate::Source;
use crate::damage::Damage;
use crate::delta;
use crate::entry::{self, HEADER_MAX, Stored};
use crate::id::Kind;
use crate::inflate::Inflate;
use crate::plan::Plan;

/// What a loose object begins with is not longer than this: a word, a number and a NUL.
const LOOSE_HEAD: usize = 32;

/// Bytes of an entry that are read before its header is known; few entries have more.
const FIRST: u64 = 64 << 10;

/// Of a body that is a little longer than what it stands for, this much more is read.
const SLACK: u64 = 4 << 10;

/// What came of an object that was wanted.
pub type Found<'a> = Result<(Kind, &'a [u8]), Damage>;

/// Objects that others are based on have so many times `largest` bytes together at most; what is based on one more is left to others ([`Damage::Long`]).
const BASES: usize = 4;

/// Makes objects; one for each thread.
///
/// # Resource usage
///
/// Eight times `largest`, in all but made-up packs a few objects. What is in memory is not wiped.
pub struct Walker {
    largest: usize,
    inflate: Inflate,
    /// An entry as it stands in the pack.
    entry: Vec<u8>,
    /// What it inflates to, if it is a delta.
    delta: Vec<u8>,
    /// An object on which nothing is based.
    leaf: Vec<u8>,
}

/// An object on which others are based.
struct Base {
    kind: Kind,
    content: Vec<u8>,
    /// Bytes of all of them, while they are there.
    all: Rc<Cell<usize>>,
}

impl Drop for Base {
    fn drop(&mut self) {
        self.all.set(self.all.get() - self.content.len());
    }
}

/// What an entry is made of: nothing, an object, or one that is not to be had.
type Below = Result<Option<Rc<Base>>, Damage>;

impl Walker {
    /// Makes objects of at most `largest` bytes of others, and deltas, of at most as many.
    #[must_use]
    pub fn new(largest: usize) -> Walker {
        Walker { largest, inflate: Inflate::new(), entry: Vec::new(), delta: Vec::new(), leaf: Vec::new() }
    }

    /// Makes the objects of a family, and tells `sink` of each that is wanted, once, by its tag. Their ids are not compared: see [`Hash::names`](crate::Hash::names).
    pub fn walk(
        &mut self,
        plan: &Plan,
        family: usize,
        pack: &(impl Source + ?Sized),
        sink: &mut dyn FnMut(u32, Found<'_>),
    ) {
        // What is based on something comes with it; what has most below it was put here first, so it comes last, and then nobody else needs its base.
        let all = Rc::new(Cell::new(0));
        let mut next: Vec<(u32, Below)> =
            plan.family(family).map(|root| (root, Ok(None))).into_iter().collect();
        while let Some((entry, base)) = next.pop() {
            let mut content =
                if plan.has_children(entry) { Vec::new() } else { std::mem::take(&mut self.leaf) };
            let made = base.and_then(|base| self.make(plan, entry, base.as_deref(), pack, &mut content));
            if let Some(tag) = plan.tag(entry) {
                sink(tag, made.map(|kind| (kind, &content[..])));
            }
            if plan.has_children(entry) {
                let len = all.get() + content.len();
                let base = match made {
                    Ok(kind) if len <= BASES * self.largest => {
                        all.set(len);
                        Ok(Some(Rc::new(Base { kind, content, all: all.clone() })))
                    }
                    Ok(_) => Err(Damage::Long),
                    Err(damage) => Err(damage),
                };
                next.extend(plan.children(entry).map(|child| (child, base.clone())));
            } else {
                self.leaf = content;
            }
        }
    }

    /// Reads a loose object: a whole file.
    ///
    /// # Errors
    ///
    /// When it is broken or too long.
    pub fn loose(&mut self, file: &[u8]) -> Result<(Kind, &[u8]), Damage> {
        let mut head = [0; LOOSE_HEAD];
        let n = self.inflate.beginning(file, &mut head)?;
        let nul = head[..n].iter().position(|byte| *byte == 0).ok_or(Damage::Header)?;
        let blank = head[..nul].iter().position(|byte| *byte == b' ').ok_or(Damage::Header)?;
        let kind = Kind::of_word(&head[..blank]).ok_or(Damage::Header)?;
        let digits = std::str::from_utf8(&head[blank + 1..nul]).map_err(|_| Damage::Header)?;
        let size: usize = digits.parse().map_err(|_| Damage::Header)?;
        if size > self.largest {
            return Err(Damage::Long);
        }
        self.inflate.whole(file, nul + 1 + size, &mut self.leaf)?;
        Ok((kind, &self.leaf[nul + 1..]))
    }

    /// Replaces what is in `content` by an object.
    fn make(
        &mut self,
        plan: &Plan,
        entry: u32,
        base: Option<&Base>,
        pack: &(impl Source + ?Sized),
        content: &mut Vec<u8>,
    ) -> Result<Kind, Damage> {
        let (at, most) = plan.place(entry);
        // Of a long one it is known then how long it may be.
        let first = most.min(FIRST) as usize;
        pack.read(at, first, &mut self.entry).map_err(|_| Damage::Read)?;
        let header = entry::parse(&self.entry[..self.entry.len().min(HEADER_MAX)], at, plan.hash)
            .ok_or(Damage::Header)?;
        let size =
            usize::try_from(header.size).ok().filter(|size| *size <= self.largest).ok_or(Damage::Long)?;
        let (kind, len) = match (header.stored, base) {
            (Stored::Whole(kind), None) => (kind, header.len),
            (Stored::OnOffset(_) | Stored::OnId(_), Some(base)) => (base.kind, header.len),
            // It was something else when the plan was made.
            _ => return Err(Damage::Base),
        };
        let most = most.min(len as u64 + size as u64 + size as u64 / 4 + SLACK) as usize;
        if most > self.entry.len() {
            pack.read(at, most, &mut self.entry).map_err(|_| Damage::Read)?;
        }
        let body = self.entry.get(len..).ok_or(Damage::Header)?;
        match base {
            None => self.inflate.whole(body, size, content)?,
            Some(base) => {
                self.inflate.whole(body, size, &mut self.delta)?;
                delta::apply(&base.content, &self.delta, self.largest, content)?;
            }
        }
        Ok(kind)
    }
}

/// Says what it may make, not what it has made.
impl std::fmt::Debug for Walker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walker").field("largest", &self.largest).finish_non_exhaustive()
    }
}
