//! [`Cpio`]: rows of cpio archives of every format.

use arbitrary::{Arbitrary, Result, Unstructured};

use super::Archive;
use crate::damage::damage;
use crate::slices::Slices;

/// A row of cpio archives.
#[derive(Debug)]
pub struct Cpio(pub Archive);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Newc,
    Crc,
    Odc,
    Little,
    Big,
}

impl<'a> Arbitrary<'a> for Cpio {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Cpio> {
        let slices = Slices::arbitrary(u)?;
        let keep = u.arbitrary::<u16>()?.into();
        if u.ratio(1, 8)? {
            let bytes = u.bytes(u.len())?.to_vec();
            return Ok(Cpio(Archive { bytes, slices, keep, plain: None }));
        }
        let mut bytes = Vec::new();
        let mut plain = Some(Vec::new());
        for archive in 0..u.int_in_range(1..=2u8)? {
            let formats = [Format::Newc, Format::Crc, Format::Odc, Format::Little, Format::Big];
            // In binary it is no further archive.
            let format = *u.choose(if archive == 0 { &formats } else { &formats[..3] })?;
            for _ in 0..u.int_in_range(0..=3u8)? {
                let n = *u.choose(&[0, 1, 2, 3, 10, 4095, 4096, 5000])?;
                let mut name = vec![b'n'; n];
                name.push(0);
                let n = u.int_in_range(0..=90usize)?;
                let content = u.bytes(n.min(u.len()))?;
                let mut sizes = [name.len() as u32, content.len() as u32];
                let strange = u.ratio(1, 12)?;
                if strange {
                    let which = usize::from(u.arbitrary::<bool>()?);
                    sizes[which] = *u.choose(&[0, 1, 5000, 0x7fff_ffff, u32::MAX])?;
                }
                member(&mut bytes, format, &name, content, sizes);
                match &mut plain {
                    Some(lens) if !strange => lens.push(content.len() as u64),
                    _ => plain = None,
                }
            }
            member(&mut bytes, format, b"TRAILER!!!\0", b"", [11, 0]);
            bytes.resize(bytes.len() + u.int_in_range(0..=9usize)?, 0);
        }
        if damage(u, &mut bytes)? {
            plain = None;
        }
        Ok(Cpio(Archive { bytes, slices, keep, plain }))
    }
}

/// Appends a member whose header tells these sizes of its name and its content.
fn member(out: &mut Vec<u8>, format: Format, name: &[u8], content: &[u8], [name_size, size]: [u32; 2]) {
    let mode = 0o100_644_u32;
    let mut member = match format {
        Format::Newc | Format::Crc => {
            let magic = if format == Format::Newc { "070701" } else { "070702" };
            let (zeros, device) = (format!("{:032x}", 0), format!("{:032X}", 0x0a));
            format!("{magic}{:08x}{mode:08X}{zeros}{size:08x}{device}{name_size:08x}{:08x}", 1, 0)
                .into_bytes()
        }
        Format::Odc => {
            format!("070707{:012o}{mode:06o}{:035o}{:06o}{size:011o}", 7, 7, name_size & 0o777_777)
                .into_bytes()
        }
        Format::Little | Format::Big => {
            let mut words = [0; 13];
            let upper = (size >> 16) as u16;
            (words[0], words[3], words[10]) = (0o070_707, mode as u16, name_size as u16);
            (words[11], words[12]) = (upper, size as u16);
            let little = format == Format::Little;
            words.iter().flat_map(|w: &u16| if little { w.to_le_bytes() } else { w.to_be_bytes() }).collect()
        }
    };
    let align = match format {
        Format::Newc | Format::Crc => 4,
        Format::Odc => 1,
        Format::Little | Format::Big => 2,
    };
    for part in [name, content] {
        member.extend(part);
        member.resize(member.len().next_multiple_of(align), 0);
    }
    out.extend(member);
}
