//! File names for what was found in a pack: objects have ids, and people look for files.

use std::collections::HashMap;

use exfilter_codec::pack::Pack;
use exfilter_codec::{Decoder, Step};
use exfilter_engine::{LaneStep, Limits};

use super::sighting::Sighting;

/// Bytes decoded at once.
const STEP: usize = 64 << 10;

/// The longest tree or commit that is read, and what is kept of all of them, in bytes.
const OBJECT_MAX: usize = 1 << 20;
const KEPT_MAX: usize = 16 << 20;

/// Steps on the way from an object to its commits: histories share trees, so there are more ways than objects.
const STEPS_MAX: usize = 4096;

/// The longest name, and the longest path that is shown, in characters.
const NAME_MAX: usize = 100;
const DEPTH_MAX: usize = 32;

/// The first four bytes of an id.
type Short = u32;

/// The trees and commits of a pack, as far as they were kept.
#[derive(Default)]
pub(super) struct Names {
    /// Trees that hold an object, and its name there.
    holders: HashMap<Short, Vec<(Short, String)>>,
    /// The oldest commit with a tree: git writes the newest first.
    commits: HashMap<Short, (usize, Short)>,
    kept: usize,
}

/// What is being read.
struct Current {
    is_tree: bool,
    id: Short,
    content: Vec<u8>,
}

impl Names {
    /// Reads the pack behind the first `skip` bytes of a body; its objects have ids of SHA-1.
    pub(super) fn read<C: AsRef<[u8]>>(
        limits: &Limits,
        mut skip: u64,
        chunks: impl IntoIterator<Item = C>,
    ) -> Names {
        let mut names = Names::default();
        let mut decoder = Pack::new(limits.bases, limits.members);
        let mut current = None;
        let (mut out, mut made) = (Vec::with_capacity(STEP), 0);
        for chunk in chunks {
            let mut rest = chunk.as_ref();
            let n = usize::try_from(skip).unwrap_or(usize::MAX).min(rest.len());
            skip -= n as u64;
            rest = &rest[n..];
            loop {
                let step = decoder.decode(rest, &mut out, STEP);
                names.take(&mut decoder, &mut out, &mut made, &mut current);
                match step {
                    Step::Full { consumed } => rest = &rest[consumed..],
                    Step::More => break,
                    Step::Done { .. } | Step::Bad { .. } => {
                        names.keep(current.take());
                        return names;
                    }
                }
            }
        }
        while let Step::Full { .. } = decoder.finish(&mut out, STEP) {
            names.take(&mut decoder, &mut out, &mut made, &mut current);
        }
        names.take(&mut decoder, &mut out, &mut made, &mut current);
        names.keep(current);
        names
    }

    /// Says in which file of which commit a sighting in an object is.
    pub(super) fn name(&self, sighting: &mut Sighting) {
        let Some(LaneStep::Member(name)) = sighting.path.steps().get(1) else { return };
        let Some(("blob", blob)) = object(name) else { return };
        sighting.file = self.find(blob);
    }

    /// The path of an object in the oldest commit that is known to have it.
    fn find(&self, blob: Short) -> Option<(String, String)> {
        let mut ways: Vec<(Short, Vec<&str>)> = vec![(blob, Vec::new())];
        let mut best: Option<(usize, Short, Vec<&str>)> = None;
        for _ in 0..STEPS_MAX {
            let Some((at, path)) = ways.pop() else { break };
            if let Some((order, commit)) = self.commits.get(&at)
                && best.as_ref().is_none_or(|(found, ..)| order > found)
                && !path.is_empty()
            {
                best = Some((*order, *commit, path.clone()));
            }
            if path.len() < DEPTH_MAX && ways.len() < STEPS_MAX {
                for (tree, name) in self.holders.get(&at).into_iter().flatten() {
                    ways.push((*tree, path.iter().copied().chain([name.as_str()]).collect()));
                }
            }
        }
        let (_, commit, mut path) = best?;
        path.reverse();
        Some((path.join("/"), format!("{commit:08x}")))
    }

    /// Sorts what the decoder has yielded by objects.
    fn take(&mut self, decoder: &mut Pack, out: &mut Vec<u8>, made: &mut u64, current: &mut Option<Current>) {
        let members = decoder.members().map(std::mem::take).unwrap_or_default();
        let mut rest = &out[..];
        for member in members {
            // Offsets are those of all output.
            let (before, after) = rest.split_at((member.at.saturating_sub(*made) as usize).min(rest.len()));
            extend(current, before);
            *made += before.len() as u64;
            rest = after;
            self.keep(current.take());
            *current = object(&member.name)
                .filter(|(kind, _)| member.whole && *kind != "blob")
                .map(|(kind, id)| Current { is_tree: kind == "tree", id, content: Vec::new() });
        }
        extend(current, rest);
        *made += rest.len() as u64;
        out.clear();
    }

    /// Keeps what an object says of others.
    fn keep(&mut self, current: Option<Current>) {
        let Some(Current { is_tree, id, content }) = current else { return };
        if !is_tree {
            let digits = content.strip_prefix(b"tree ").and_then(|rest| rest.get(..8));
            let tree =
                digits.and_then(|digits| Short::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
            if let Some(tree) = tree.filter(|_| self.room(16)) {
                let order = self.commits.len();
                self.commits.insert(tree, (order, id));
            }
            return;
        }
        // mode SP name NUL id
        let mut rest = &content[..];
        while let Some(blank) = rest.iter().position(|b| *b == b' ') {
            let Some(nul) = rest.iter().position(|b| *b == 0).filter(|nul| *nul > blank) else { return };
            let Some((oid, after)) = rest[nul + 1..].split_first_chunk::<20>() else { return };
            let name: String =
                String::from_utf8_lossy(&rest[blank + 1..nul]).chars().take(NAME_MAX).map(shown).collect();
            rest = after;
            if !self.room(name.len() + 48) {
                return;
            }
            let child = Short::from_be_bytes([oid[0], oid[1], oid[2], oid[3]]);
            self.holders.entry(child).or_default().push((id, name));
        }
    }

    fn room(&mut self, bytes: usize) -> bool {
        self.kept += bytes;
        self.kept <= KEPT_MAX
    }
}

fn shown(c: char) -> char {
    if matches!(c, ' '..='~') { c } else { '?' }
}

fn extend(current: &mut Option<Current>, bytes: &[u8]) {
    if let Some(object) = current {
        if object.content.len() + bytes.len() > OBJECT_MAX {
            *current = None;
        } else {
            object.content.extend_from_slice(bytes);
        }
    }
}

/// The kind and the id in the name of an object: `blob 18c18a07`.
fn object(name: &str) -> Option<(&str, Short)> {
    let (kind, id) = name.split_once(' ')?;
    let is_kind = matches!(kind, "blob" | "tree" | "commit") && id.len() == 8;
    let id = Short::from_str_radix(id, 16).ok()?;
    is_kind.then_some((kind, id))
}
