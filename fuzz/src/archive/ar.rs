//! [`Ar`]: ar archives with every kind of name.

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::ar::{MAGIC, THIN_MAGIC};

use super::Archive;
use crate::damage::damage;
use crate::slices::Slices;

/// An ar archive.
#[derive(Debug)]
pub struct Ar(pub Archive);

impl<'a> Arbitrary<'a> for Ar {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Ar> {
        let slices = Slices::arbitrary(u)?;
        let keep = u.arbitrary::<u16>()?.into();
        if u.ratio(1, 8)? {
            let bytes = u.bytes(u.len())?.to_vec();
            return Ok(Ar(Archive { bytes, slices, keep, plain: None }));
        }
        let thin = u.ratio(1, 5)?;
        let mut bytes = if thin { THIN_MAGIC } else { MAGIC }.to_vec();
        let mut plain = (!thin).then(Vec::new);
        for _ in 0..u.int_in_range(0..=5u8)? {
            let (name, is_plain) = name(u)?;
            let content = if name == "//" { table(u)? } else { content(u)? };
            let len = content.len() as u64;
            let mut size = len.to_string();
            let strange = u.ratio(1, 10)?;
            if strange {
                size = (*u.choose(&["", "0", "7", "300", "99999", "9999999999", "-1", "1 1"])?).to_owned();
            }
            let header = format!("{:<58}`\n", format!("{name:<16.16}{:<32}{size:<10.10}", 0));
            bytes.extend(header.bytes().take(60));
            if !thin || u.ratio(1, 4)? {
                bytes.extend(content);
            }
            if bytes.len() % 2 == 1 {
                bytes.push(b'\n');
            }
            match &mut plain {
                Some(lens) if is_plain && !strange => lens.push(len),
                _ => plain = None,
            }
        }
        if damage(u, &mut bytes)? {
            plain = None;
        }
        Ok(Ar(Archive { bytes, slices, keep, plain }))
    }
}

/// A name field, and whether the whole content is the member's.
fn name(u: &mut Unstructured<'_>) -> Result<(String, bool)> {
    let n = u.int_in_range(0..=40u16)?;
    Ok(match u.int_in_range(0..=8u8)? {
        0 => ("/".into(), true),
        1 => ("/SYM64/".into(), true),
        2 | 3 => ("//".into(), true),
        4 => (format!("/{n}"), true),
        5 => (format!("/{n}:{}", n * 7), true),
        6 => (format!("#1/{n}"), false),
        7 => ("n".repeat((n % 16).into()) + "/", true),
        _ => (u.arbitrary::<[u8; 16]>()?.map(|byte| char::from(byte & 0x7f | 0x40)).iter().collect(), true),
    })
}

/// A table of long names.
fn table(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for _ in 0..u.int_in_range(0..=4u8)? {
        let n = *u.choose(&[0, 1, 3, 20, 4094, 4095, 4096, 4097])?;
        out.resize(out.len() + n, u.arbitrary()?);
        out.extend(*u.choose(&[&b"/\n"[..], b"\n", b"\0", b"/", b""])?);
    }
    Ok(out)
}

fn content(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let n = u.int_in_range(0..=90usize)?;
    Ok(u.bytes(n.min(u.len()))?.to_vec())
}
