//! [`Tar`]: tar archives with every type of header.

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_testing::wrap;

use super::Archive;
use crate::damage::damage;
use crate::slices::Slices;

/// A tar archive.
#[derive(Debug)]
pub struct Tar(pub Archive);

const TYPES: &[u8; 10] = b"00000xgLKS";

impl<'a> Arbitrary<'a> for Tar {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Tar> {
        let slices = Slices::arbitrary(u)?;
        let keep = u.arbitrary::<u16>()?.into();
        if u.ratio(1, 8)? {
            let bytes = u.bytes(u.len())?.to_vec();
            return Ok(Tar(Archive { bytes, slices, keep, plain: None }));
        }
        let mut bytes = Vec::new();
        let mut plain = Some(Vec::new());
        for _ in 0..u.int_in_range(0..=5u8)? {
            let kind = if u.ratio(1, 8)? { u.arbitrary()? } else { *u.choose(TYPES)? };
            let n = u.int_in_range(0..=130usize)?;
            let name = u.bytes(n.min(u.len()))?.to_vec();
            let content = body(u, kind)?;
            let len = content.len() as u64;
            let mut member = wrap::tar(&[(name, content)]);
            member.truncate(member.len() - 1024);
            member[156] = kind;
            let strange = u.ratio(1, 6)?;
            if strange {
                let at = u.choose_index(512)?;
                member[at] = u.arbitrary()?;
            }
            if !strange || u.ratio(3, 4)? {
                seal(&mut member);
            }
            match &mut plain {
                Some(lens) if kind == b'0' && !strange => lens.push(len),
                _ => plain = None,
            }
            bytes.extend(member);
        }
        bytes.extend([0; 1024]);
        if damage(u, &mut bytes)? {
            plain = None;
        }
        Ok(Tar(Archive { bytes, slices, keep, plain }))
    }
}

/// What stands behind a header of this type.
fn body(u: &mut Unstructured<'_>, kind: u8) -> Result<Vec<u8>> {
    const KEYS: [&str; 6] =
        ["path", "size", "GNU.sparse.name", "GNU.sparse.realsize", "GNU.sparse.major", "mtime"];
    let mut out = Vec::new();
    if matches!(kind, b'x' | b'g') && u.ratio(7, 8)? {
        for _ in 0..u.int_in_range(0..=4u8)? {
            let key = *u.choose(&KEYS)?;
            let value = if key == "GNU.sparse.major" {
                b"1".to_vec()
            } else if u.arbitrary()? {
                u.int_in_range(0..=3000u32)?.to_string().into_bytes()
            } else {
                let n = u.int_in_range(0..=60usize)?;
                u.bytes(n.min(u.len()))?.to_vec()
            };
            out.extend(record(key, &value));
        }
        return Ok(out);
    }
    if u.ratio(1, 8)? {
        // The map of a sparse member, with a few numbers too many or too few.
        for _ in 0..u.int_in_range(1..=9u8)? {
            out.extend(format!("{}\n", u.int_in_range(0..=3u8)?).bytes());
        }
        out.resize(out.len() + u.int_in_range(0..=600usize)?, 0);
    }
    let n = u.int_in_range(out.len()..=1200usize)?;
    out.extend(u.bytes(n.min(u.len() / 4))?);
    if u.arbitrary()? {
        out.resize(n, b'n');
    }
    Ok(out)
}

/// `LEN KEY=VALUE\n`, where LEN counts itself.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let digits = (1..).find(|n| (rest + n).to_string().len() == *n).unwrap_or(1);
    [format!("{} {key}=", rest + digits).as_bytes(), value, b"\n"].concat()
}

/// Makes the header's checksum fit.
fn seal(member: &mut [u8]) {
    member[148..156].fill(b' ');
    let sum: u32 = member[..512].iter().map(|b| u32::from(*b)).sum();
    member[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
