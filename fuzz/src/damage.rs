//! [`damage`]: what happens to containers on their way.

use arbitrary::{Result, Unstructured};

/// At times changes, cuts or interrupts `bytes`; returns whether it did.
pub fn damage(u: &mut Unstructured<'_>, bytes: &mut Vec<u8>) -> Result<bool> {
    if bytes.is_empty() {
        return Ok(false);
    }
    let at = u.choose_index(bytes.len())?;
    match u.int_in_range(0..=9u8)? {
        0 => bytes[at] ^= u.int_in_range(1..=255)?,
        1 => bytes.truncate(at),
        2 => {
            let n = u.int_in_range(1..=16usize)?;
            let noise = u.bytes(n.min(u.len()))?.to_vec();
            bytes.splice(at..at, noise);
        }
        3 => {
            let n = u.int_in_range(1..=600usize)?.min(bytes.len() - at);
            bytes.drain(at..at + n);
        }
        _ => return Ok(false),
    }
    Ok(true)
}
