//! [`SlotValue`]: whether a slot's whole value is a secret that is at home there; [`Homes`]: which are at home at a host.

use std::collections::HashMap;
use std::ops::Range;

use exfilter_codec::base64::{Phase, is_char};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::context::{Facts, Found, Unseen};
use crate::engine::Core;
use crate::finding::{Kind, SecretId};
use crate::flow::{Flow, HeaderPart, Slot};
use crate::secrets::Enrolled;

/// Longest slot value that is compared with bindings, in bytes; what is longer is no credential's home.
const MAX: usize = 8 << 10;

/// Findings and opaque ranges that are kept for the end of a slot. A credential is one finding in a few forms.
const MAX_DEFERRED: usize = 512;

/// The bindings of all secrets, by host: a stream is opened in the time of those that match, however many secrets there are.
pub(crate) struct Homes {
    /// (secret, index of its binding), by the host itself.
    hosts: HashMap<String, Vec<(u32, u32)>>,
    /// The same by what the host must be below.
    suffixes: HashMap<String, Vec<(u32, u32)>>,
}

impl Homes {
    pub(crate) fn new(enrolled: &[Enrolled]) -> Homes {
        let mut homes = Homes { hosts: HashMap::new(), suffixes: HashMap::new() };
        for (id, secret) in enrolled.iter().enumerate() {
            for (n, binding) in secret.bindings.iter().enumerate() {
                let map = if binding.host.below { &mut homes.suffixes } else { &mut homes.hosts };
                map.entry(binding.host.host.clone()).or_default().push((id as u32, n as u32));
            }
        }
        homes
    }

    /// The bindings whose pattern matches a canonical host, as [`HostPattern::matches`](crate::HostPattern::matches) says, in the order of enrolment.
    fn at(&self, host: &str) -> impl Iterator<Item = (u32, u32)> {
        let below = host.match_indices('.').filter(|(at, _)| *at > 0);
        let below = below.filter_map(|(at, _)| self.suffixes.get(&host[at + 1..]));
        let mut all: Vec<_> = self.hosts.get(host).into_iter().chain(below).flatten().copied().collect();
        all.sort_unstable();
        all.into_iter()
    }
}

/// What a part of a slot holds.
struct Value {
    range: Range<u64>,
    len: usize,
    mac: [u8; 16],
}

/// The bytes of a slot, held until its end, and the findings in it.
pub(crate) struct SlotValue {
    /// (secret, part of the header value) of the bindings that match the flow.
    candidates: Vec<(u32, HeaderPart)>,
    bytes: Vec<u8>,
    found: Vec<Found>,
    unseen: Vec<Unseen>,
}

impl SlotValue {
    /// A watcher, if some secret is bound to the flow's host and slot.
    pub(crate) fn open(core: &Core, facts: &Facts) -> Option<Box<SlotValue>> {
        let known = core.known.as_ref()?;
        let host = facts.flow.authority()?.host();
        let candidates: Vec<_> = known
            .homes
            .at(host)
            .filter_map(|(id, binding)| {
                let binding = &known.enrolled[id as usize].bindings[binding as usize];
                Some((id, part(&facts.flow, &binding.slot)?))
            })
            .collect();
        (!candidates.is_empty()).then(|| {
            Box::new(SlotValue { candidates, bytes: Vec::new(), found: Vec::new(), unseen: Vec::new() })
        })
    }

    /// Takes the next bytes; false if the value is too long to be a credential.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> bool {
        if self.bytes.len() + bytes.len() > MAX {
            return false;
        }
        // Grown by hand, so that no copy of the value is left behind unwiped.
        if self.bytes.capacity() < MAX {
            self.bytes.reserve_exact(MAX);
        }
        self.bytes.extend_from_slice(bytes);
        true
    }

    /// Keeps what was found until the end of the slot.
    pub(crate) fn defer(&mut self, found: &mut Vec<Found>, unseen: &mut Vec<Unseen>) {
        self.found.append(found);
        self.unseen.append(unseen);
    }

    /// Whether more was found than a slot with one credential can hold.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() + self.unseen.len() > MAX_DEFERRED
    }

    pub(crate) fn deferred(&mut self) -> (Vec<Found>, Vec<Unseen>) {
        (std::mem::take(&mut self.found), std::mem::take(&mut self.unseen))
    }

    /// Says that bytes of the value are missing: nothing is at home in it.
    pub(crate) fn spoil(&mut self) {
        self.candidates.clear();
    }

    /// The secret that is at home in the slot: the one that its whole value is.
    pub(crate) fn home(&self, core: &Core) -> Option<Home> {
        let known = core.known.as_ref()?;
        // Many secrets may be bound to one slot; its value is one, or a few, by part.
        let mut values: Vec<(HeaderPart, Option<Value>)> = Vec::new();
        self.candidates.iter().find_map(|(id, part)| {
            let at = values.iter().position(|(there, _)| there == part).unwrap_or_else(|| {
                let value = self.value(*part).map(|(range, mut bytes)| {
                    let value = Value { range, len: bytes.len(), mac: known.keys.mac(&bytes) };
                    bytes.zeroize();
                    value
                });
                values.push((*part, value));
                values.len() - 1
            });
            let value = values[at].1.as_ref()?;
            let (mac, len) = &known.enrolled[*id as usize].whole;
            let is_home = value.len == *len && bool::from(value.mac.ct_eq(mac));
            is_home.then(|| Home { secret: SecretId(*id), range: value.range.clone() })
        })
    }

    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity()
            + self.found.capacity() * size_of::<Found>()
            + self.unseen.capacity() * size_of::<Unseen>()
    }

    /// The credential in the slot and the range that spells it.
    fn value(&self, part: HeaderPart) -> Option<(Range<u64>, Vec<u8>)> {
        let after = |scheme: &str| -> Option<usize> {
            let head = self.bytes.get(..scheme.len())?;
            let spaces = self.bytes[scheme.len()..].iter().take_while(|b| **b == b' ').count();
            (head.eq_ignore_ascii_case(scheme.as_bytes()) && spaces > 0).then_some(scheme.len() + spaces)
        };
        let (start, value) = match part {
            HeaderPart::Whole => (0, self.bytes.clone()),
            HeaderPart::Bearer => {
                let start = after("bearer")?;
                (start, self.bytes[start..].to_vec())
            }
            HeaderPart::BasicUser | HeaderPart::BasicPassword => {
                let start = after("basic")?;
                let text = &self.bytes[start..];
                let (body, rest) = text.split_at(text.iter().take_while(|b| is_char(**b)).count());
                if !rest.iter().all(|b| matches!(b, b'=' | b' ')) {
                    return None;
                }
                let mut pair = Vec::with_capacity(text.len());
                let mut phase = Phase::new(0);
                phase.decode(body, &mut pair);
                phase.finish(&mut pair);
                let colon = pair.iter().position(|b| *b == b':');
                let span = colon.map(|colon| match part {
                    HeaderPart::BasicUser => 0..colon,
                    _ => colon + 1..pair.len(),
                });
                let value = span.clone().map(|span| pair[span].to_vec());
                pair.zeroize();
                let span = span?;
                // The characters that hold bits of the part.
                let from = start + 8 * span.start / 6;
                let to = (start + (8 * span.end).div_ceil(6)).min(self.bytes.len());
                return Some((from as u64..to as u64, value?));
            }
        };
        Some((start as u64..self.bytes.len() as u64, value))
    }
}

impl Drop for SlotValue {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// A secret at home, and the bytes that spell it.
pub(crate) struct Home {
    secret: SecretId,
    range: Range<u64>,
}

impl Home {
    /// Whether a finding is that secret, or a pattern's view of the same bytes.
    pub(crate) fn holds(&self, found: &Found) -> bool {
        let inside = self.range.start <= found.outer.start && found.outer.end <= self.range.end;
        inside && !matches!(found.kind, Kind::Known(id, _) if id != self.secret)
    }
}

/// Which part of the flow's bytes a bound slot asks for; `None` if it is another slot.
fn part(flow: &Flow, bound: &Slot) -> Option<HeaderPart> {
    match (flow.slot_ref(), bound) {
        (Slot::Header(here, HeaderPart::Whole), Slot::Header(there, part)) if here == there => Some(*part),
        (here, there) if here == there => Some(HeaderPart::Whole),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::HostPattern;
    use crate::secrets::{Binding, KnownSecrets, StoreKey};

    #[test]
    fn the_index_of_homes_is_what_the_patterns_say() {
        let patterns =
            ["a.test", "*.a.test", "*.test", "b.a.test", "*.b.a.test", "[::1]", "127.0.0.1", "test"];
        let hosts = ["a.test", "b.a.test", "c.b.a.test", "xa.test", "test", "[::1]", "127.0.0.1", "a.tests"];
        let mut known = KnownSecrets::new(StoreKey::from_bytes(&[3; 32]).expect("a key has 32 bytes"));
        for (n, two) in patterns.windows(2).enumerate() {
            let bind = |pattern: &&str| Binding {
                host: HostPattern::parse(pattern.as_bytes()).expect("a pattern"),
                slot: Slot::Body,
            };
            let value = format!("q8Zt4LmN0pR7sVx{n}kW3");
            known
                .add("a", value.as_bytes(), two.iter().map(bind).collect())
                .expect("a value that may be enrolled");
        }
        let homes = Homes::new(&known.enrolled);
        for host in hosts {
            let found: Vec<_> = homes.at(host).collect();
            let all = known.enrolled.iter().enumerate().flat_map(|(id, secret)| {
                let matching = secret.bindings.iter().enumerate().filter(|(_, b)| b.host.matches(host));
                matching.map(move |(n, _)| (id as u32, n as u32))
            });
            assert_eq!(found, all.collect::<Vec<_>>(), "{host}");
        }
    }
}
