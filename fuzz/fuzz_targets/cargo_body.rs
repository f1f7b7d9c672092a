//! cargo_body: parts do not depend on slices, and are all of the body.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_fuzz::slices::{Slices, cut};
use exfilter_wire::{CrateUpload, Members};
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct Input {
    body: Vec<u8>,
    slices: Slices,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Input> {
        let slices = u.arbitrary()?;
        let mut body = Vec::new();
        for _ in 0..2 {
            let n = u.int_in_range(0..=200u32)?;
            let part = u.bytes((n as usize).min(u.len()))?;
            let said = if u.ratio(5, 6)? { part.len() as u32 } else { u.arbitrary()? };
            body.extend(said.to_le_bytes());
            body.extend(part);
        }
        if u.ratio(1, 6)? {
            body.extend(u.bytes(u.len().min(9))?);
        }
        Ok(Input { body, slices })
    }
}

fn parts(pieces: &[&[u8]]) -> ([Vec<u8>; 4], bool) {
    let (mut upload, mut out) = (CrateUpload::new(), <[Vec<u8>; 4]>::default());
    for piece in pieces {
        let mut rest = *piece;
        while let Some((section, bytes)) = upload.next(&mut rest) {
            out[section as usize].extend_from_slice(bytes);
        }
    }
    (out, upload.is_whole())
}

fuzz_target!(|input: Input| {
    let pieces = cut(&input.body, &input.slices.of(input.body.len()));
    let whole = parts(&[&input.body]);
    assert_eq!(parts(&pieces), whole);
    assert_eq!(whole.0.iter().map(Vec::len).sum::<usize>(), input.body.len());
    // The other little parser of bodies.
    let (mut one, mut other) = (Members::new(), Members::new());
    one.feed(&input.body);
    pieces.iter().for_each(|piece| other.feed(piece));
    assert_eq!((one.id(), one.stream()), (other.id(), other.stream()));
});
