//! Deltas, of which all bytes are at hand. `exfilter_codec::pack` carries out the same as it comes.
//!
//! ```text
//! | size of the base | size of the result | instruction ...       sizes: 7 bits a byte, low first
//!   1oooooss..  copy: up to four bytes of offset and three of size, those whose bit is set (size 0 is 65536)
//!   0nnnnnnn    insert: the n bytes that follow; 0 is reserved
//! ```

use crate::damage::Damage;

/// Carries out `delta` on `base` and replaces what is in `out` by the result, of at most `most` bytes.
pub(crate) fn apply(base: &[u8], delta: &[u8], most: usize, out: &mut Vec<u8>) -> Result<(), Damage> {
    out.clear();
    let mut at = 0;
    let from = size(delta, &mut at).ok_or(Damage::Delta)?;
    let to = size(delta, &mut at).ok_or(Damage::Delta)?;
    if from != base.len() as u64 {
        return Err(Damage::Delta);
    }
    let to = usize::try_from(to).ok().filter(|to| *to <= most).ok_or(Damage::Long)?;
    out.reserve(to);
    while let Some(&code) = delta.get(at) {
        at += 1;
        let piece = if code & 0x80 != 0 {
            copied(base, code, delta, &mut at)
        } else {
            let piece = delta.get(at..at + usize::from(code)).filter(|_| code != 0);
            at += usize::from(code);
            piece
        };
        let piece = piece.filter(|piece| piece.len() <= to - out.len()).ok_or(Damage::Delta)?;
        out.extend_from_slice(piece);
    }
    if out.len() == to { Ok(()) } else { Err(Damage::Delta) }
}

/// What a copy takes from the base.
fn copied<'a>(base: &'a [u8], code: u8, delta: &[u8], at: &mut usize) -> Option<&'a [u8]> {
    let (mut offset, mut len) = (0_usize, 0_usize);
    for bit in 0..7 {
        if code & 1 << bit != 0 {
            let byte = usize::from(*delta.get(*at)?);
            *at += 1;
            match bit {
                0..4 => offset |= byte << (8 * bit),
                _ => len |= byte << (8 * (bit - 4)),
            }
        }
    }
    let len = if len == 0 { 0x10000 } else { len };
    base.get(offset..offset.checked_add(len)?)
}

fn size(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut size = 0;
    for shift in (0..=56).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        size |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(size);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &[u8] = b"0123456789";

    #[test]
    fn copies_and_inserts_make_the_result() {
        let delta = [10, 9, 0x91, 4, 3, 2, b'x', b'y', 0x90, 4];
        let mut out = Vec::new();
        assert_eq!(apply(BASE, &delta, 9, &mut out), Ok(()));
        assert_eq!(out, b"456xy0123");
        assert_eq!(apply(BASE, &delta, 8, &mut out), Err(Damage::Long));
    }

    #[test]
    fn what_breaks_the_format_is_refused() {
        for delta in [
            &[9, 3, 0x90, 3][..], // another base
            &[10, 3, 0],          // the reserved instruction
            &[10, 3, 0x90, 4],    // more than it says
            &[10, 3, 0x90, 2],    // less
            &[10, 3, 0x91, 8, 3], // behind the base
            &[10, 3, 0x91, 8],    // cut
            &[10, 3, 3, b'a'],    // cut
            &[0x80; 12],          // an endless size
            &[],
        ] {
            assert_eq!(apply(BASE, delta, 100, &mut Vec::new()), Err(Damage::Delta), "{delta:?}");
        }
    }
}
