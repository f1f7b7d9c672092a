//! base64: output does not depend on slices and is what the definition says; nothing panics on other characters.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::base64::{Phase, is_char};
use exfilter_fuzz::slices::{Slices, cut};
use exfilter_testing::wrap;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct Chars {
    skip: u8,
    slices: Slices,
    keep: usize,
    any: Vec<u8>,
}

impl<'a> Arbitrary<'a> for Chars {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Chars> {
        let (skip, slices, keep) = (u.int_in_range(0..=3)?, Slices::arbitrary(u)?, u.arbitrary::<u16>()?);
        Ok(Chars { skip, slices, keep: keep.into(), any: u.bytes(u.len())?.to_vec() })
    }
}

fn decode(skip: u8, slices: &[&[u8]]) -> Vec<u8> {
    let mut phase = Phase::new(skip);
    let mut out = Vec::new();
    let mut seen = 0;
    for slice in slices {
        phase.decode(slice, &mut out);
        seen += slice.len();
        let counted = seen.saturating_sub(skip.into());
        assert_eq!((phase.pending(), out.len()), (counted % 4, counted / 4 * 3));
    }
    phase.finish(&mut out);
    assert_eq!(phase.pending(), 0);
    out
}

fuzz_target!(|input: Chars| {
    let Chars { skip, slices, keep, any } = input;
    let chars: Vec<u8> = any.iter().copied().filter(|b| is_char(*b)).collect();
    for bytes in [&any, &chars] {
        let whole = decode(skip, &[bytes]);
        assert_eq!(whole, decode(skip, &cut(bytes, &slices.of(bytes.len()))));
        let short = decode(skip, &[&bytes[..keep % (bytes.len() + 1)]]);
        assert!(whole.starts_with(&short));
    }
    let start = usize::from(skip).min(chars.len());
    assert_eq!(decode(skip, &[&chars]), wrap::unbase64(&chars[start..]));

    // Encoded again, the bytes themselves come back.
    let encoded = wrap::base64(&any, keep % 2 == 0, false);
    assert_eq!(decode(0, &[&encoded]), any);
});
