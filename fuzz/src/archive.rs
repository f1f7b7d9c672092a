//! [`Archive`]: archives of every format, and the oracle of segmenters.

pub mod ar;
pub mod cpio;
pub mod tar;

use exfilter_codec::{Fault, Part, Segmenter};

use crate::slices::{Slices, cut};

/// An archive.
#[derive(Debug)]
pub struct Archive {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How they are cut.
    pub slices: Slices,
    /// How much of them is kept where they are cut short.
    pub keep: usize,
    /// Lengths of the members, if they are plain and nothing was broken.
    pub plain: Option<Vec<u64>>,
}

type End = Result<(), (u64, Fault)>;

/// The members that are read.
const MEMBERS: u64 = 4;

impl Archive {
    /// Parts do not depend on slices, are in pairs, in order and within the input; a beginning has the first ones; plain
    /// members are all named.
    pub fn check<S: Segmenter>(&self, new: impl Fn(u64) -> S) {
        let bytes = &self.bytes[..];
        let whole = read(&mut new(MEMBERS), &[bytes]);
        let sliced = read(&mut new(MEMBERS), &cut(bytes, &self.slices.of(bytes.len())));
        assert!(whole == sliced, "{:?} and {:?}", whole.1, sliced.1);
        ordered(&whole, bytes.len() as u64);

        let short = read(&mut new(MEMBERS), &[&bytes[..self.keep % (bytes.len() + 1)]]);
        assert!(whole.0.starts_with(&short.0), "a beginning has the first parts");

        if let Some(lens) = &self.plain {
            let named = whole.0.iter().filter_map(|part| match part {
                Part::Begin { len, .. } => Some(*len),
                Part::End { .. } => None,
            });
            if lens.len() as u64 <= MEMBERS {
                assert_eq!(whole.1, Ok(()));
                assert_eq!(named.collect::<Vec<_>>(), *lens);
            } else {
                assert!(matches!(whole.1, Err((_, Fault::Members))));
                assert_eq!(named.count() as u64, MEMBERS);
            }
        }
    }
}

fn read(segmenter: &mut dyn Segmenter, slices: &[&[u8]]) -> (Vec<Part>, End) {
    let mut parts = Vec::new();
    for slice in slices {
        if let Err(fault) = segmenter.feed(slice, &mut |part| parts.push(part)) {
            return (parts, Err(fault));
        }
    }
    let end = segmenter.finish(&mut |part| parts.push(part));
    (parts, end)
}

/// Parts are in order, in pairs, and within the input.
fn ordered((parts, end): &(Vec<Part>, End), input: u64) {
    let mut last = 0;
    let mut open = None;
    for part in parts {
        let at = match part {
            Part::Begin { at, header, len, name } => {
                // A name may come from a global header, long before.
                assert!(open.is_none() && header < at);
                assert!(name.len() <= Part::NAME_MAX);
                open = Some((*at, *len));
                *at
            }
            Part::End { at } => {
                let (begin, len) = open.take().expect("a part has begun");
                // Nothing declares the length of a form's parts.
                assert!(if len == u64::MAX { begin <= *at } else { begin.saturating_add(len) == *at });
                *at
            }
        };
        assert!(last <= at && at <= input);
        last = at;
    }
    match end {
        Ok(()) => {
            assert!(open.is_none_or(|(_, len)| len == u64::MAX), "a member that does not end is a fault")
        }
        Err((at, _)) => assert!(*at <= input),
    }
}
