//! ssh_channel: what scp and sftp say is read the same in any slices, refused or not; a command line is one thing however often it is read.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_fuzz::slices::{Slices, cut};
use exfilter_wire::ssh::{Packets, Scp, ScpPart, SftpReply, SftpRequest, SshError, command};
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct Input {
    said: Vec<u8>,
    slices: Slices,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Input> {
        let slices = u.arbitrary()?;
        let mut said = Vec::new();
        for _ in 0..u.int_in_range(0..=12)? {
            let bytes = u.arbitrary::<&[u8]>()?;
            let bytes = &bytes[..bytes.len().min(300)];
            match u.int_in_range(0..=6u8)? {
                0 => said.extend_from_slice(bytes),
                1 => {
                    said.extend_from_slice(format!("C0644 {} x\n", bytes.len()).as_bytes());
                    said.extend_from_slice(bytes);
                    said.push(0);
                }
                2 => said.extend_from_slice(b"T1 0 1 0\nD0755 0 d\n"),
                3 => said.extend([&b"\x01"[..], bytes, b"\n"].concat()),
                4 => said.push(0),
                _ => {
                    said.extend_from_slice(&(bytes.len() as u32 + 1).to_be_bytes());
                    said.push(*u.choose(&[1, 3, 4, 6, 18, 101, 102, 200, 250])?);
                    said.extend_from_slice(bytes);
                }
            }
        }
        Ok(Input { said, slices })
    }
}

fn scp(mut scp: Scp, pieces: &[&[u8]]) -> (Vec<u8>, Vec<u8>, u64, Option<SshError>) {
    let (mut lines, mut content, mut done) = (Vec::new(), Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let (taken, part) = match scp.next(rest) {
                Ok(next) => next,
                Err(error) => return (lines, content, done, Some(error)),
            };
            assert!(taken > 0, "it goes on");
            match part {
                Some(ScpPart::Line { .. }) => lines.extend_from_slice(scp.line()),
                Some(ScpPart::Data(n)) => content.extend_from_slice(&rest[..n]),
                Some(_) => done += 1,
                None => assert_eq!(taken, rest.len()),
            }
            rest = &rest[taken..];
        }
    }
    (lines, content, done, None)
}

fn packets(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, bool, Option<SshError>) {
    let (mut packets, mut out) = (Packets::new(), Vec::new());
    for piece in pieces {
        let mut rest = *piece;
        loop {
            match packets.next(&mut rest) {
                Ok(true) => out.push(packets.packet().to_vec()),
                Ok(false) => break,
                Err(error) => return (out, false, Some(error)),
            }
        }
    }
    (out, packets.is_within(), None)
}

fuzz_target!(|input: Input| {
    let said = &input.said[..];
    let pieces = cut(said, &input.slices.of(said.len()));
    assert_eq!(scp(Scp::sender(), &[said]), scp(Scp::sender(), &pieces));
    assert_eq!(scp(Scp::receiver(), &[said]), scp(Scp::receiver(), &pieces));
    let whole = packets(&[said]);
    assert_eq!(whole, packets(&pieces));
    for packet in &whole.0 {
        if let Ok(SftpRequest::Write { data, .. }) = SftpRequest::parse(packet) {
            assert!(packet.ends_with(data), "its data is its end");
        }
        let _ = SftpReply::parse(packet).is_ok();
    }
    assert_eq!(command(said), command(said));
});
