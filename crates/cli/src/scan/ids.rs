//! Ids of findings whose value is too weak for the engine to name it: of the rule, the path and the line without the value.

use std::collections::HashMap;

use exfilter::{Engine, FindingId, Kind};
use zeroize::Zeroize;

use super::report::Seen;

/// Bytes of the beginning of a file that are kept for its lines.
const KEPT: usize = 1 << 20;

/// Bytes of a line on either side of a value that count.
const AROUND: usize = 200;

/// The beginning of a file, wiped when its findings have their ids.
pub(crate) struct Kept {
    bytes: Vec<u8>,
    room: usize,
}

impl Kept {
    /// Keeps nothing unless `wanted`.
    pub(crate) fn new(wanted: bool) -> Kept {
        Kept { bytes: Vec::new(), room: if wanted { KEPT } else { 0 } }
    }

    /// The next bytes of the file.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        let n = bytes.len().min(self.room);
        if self.bytes.len() + n > self.bytes.capacity() {
            // What is left behind when it grows is wiped.
            let mut grown = Vec::with_capacity((self.bytes.len() + n).next_power_of_two());
            grown.extend_from_slice(&self.bytes);
            self.bytes.zeroize();
            self.bytes = grown;
        }
        self.bytes.extend_from_slice(&bytes[..n]);
        self.room -= n;
    }

    /// What was kept.
    pub(crate) fn beginning(&self) -> &[u8] {
        &self.bytes
    }
}

/// As much of what is in memory as is kept of what is not.
pub(crate) fn beginning(content: &[u8]) -> &[u8] {
    &content[..content.len().min(KEPT)]
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// Names what was found in the file at `path`, which begins so.
pub(crate) fn of_content(seen: &mut [Seen], engine: &Engine, path: &[u8], beginning: &[u8]) {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for one in seen.iter_mut().filter(|one| one.id.is_none()) {
        let Kind::Rule(rule) = one.finding.kind() else { continue };
        let rule = &engine.rule(rule).id;
        let mut line = if one.lane.is_identity() { line(beginning, one) } else { None };
        if line.is_none() {
            // A line that is not at hand is told by where it is, and by how many of the kind stand before it.
            let place = format!("{rule} in {}", one.lane.text());
            let count = counts.entry(place.clone()).or_default();
            *count += 1;
            line = Some(format!("{place}, {count}").into_bytes());
        }
        let mut line = line.unwrap_or_default();
        one.id = Some(FindingId::of_line(rule, path, &line));
        line.zeroize();
    }
}

/// Names what was found in a name.
pub(crate) fn of_names(seen: &mut [Seen], engine: &Engine, name: &[u8]) {
    for one in seen.iter_mut().filter(|one| one.id.is_none()) {
        let Kind::Rule(rule) = one.finding.kind() else { continue };
        let mut line = line(name, one).unwrap_or_default();
        one.id = Some(FindingId::of_line(&engine.rule(rule).id, b"", &line));
        line.zeroize();
    }
}

/// The line in which a finding stands, without what was found; none if it is not at hand.
fn line(bytes: &[u8], seen: &Seen) -> Option<Vec<u8>> {
    let range = seen.finding.outer();
    let (start, end) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
    let (before, after) = (bytes.get(..start)?, bytes.get(end..)?);
    let before = &before[before.len().saturating_sub(AROUND)..];
    let from = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let after = &after[..after.len().min(AROUND)];
    let to = after.iter().position(|byte| *byte == b'\n').unwrap_or(after.len());
    Some([&before[from..], b"*", &after[..to]].concat())
}
