//! aws_chunks: what chunks of S3's clients hold does not depend on slices, what was framed comes back, and lines are bounded.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_fuzz::slices::{Slices, cut};
use exfilter_wire::{AwsChunk, AwsChunks};
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct Input {
    body: Vec<u8>,
    /// What it holds, if it was framed as it should be.
    content: Option<Vec<u8>>,
    slices: Slices,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Input> {
        let slices = u.arbitrary()?;
        let (mut body, mut content) = (Vec::new(), Vec::new());
        for _ in 0..u.int_in_range(0..=4u8)? {
            let n = u.int_in_range(1..=40usize)?;
            let part = u.bytes(n.min(u.len()))?;
            if part.is_empty() {
                break;
            }
            let note = if u.ratio(1, 3)? { ";chunk-signature=0a" } else { "" };
            body.extend(format!("{:x}{note}\r\n", part.len()).into_bytes());
            body.extend_from_slice(part);
            body.extend_from_slice(b"\r\n");
            content.extend_from_slice(part);
        }
        body.extend_from_slice(b"0\r\n");
        for _ in 0..u.int_in_range(0..=2u8)? {
            body.extend_from_slice(b"x-amz-checksum-crc32:AAAAAA==\r\n");
        }
        body.extend_from_slice(b"\r\n");
        let is_broken = u.ratio(1, 2)?;
        if is_broken {
            let at = u.choose_index(body.len())?;
            match u.int_in_range(0..=2u8)? {
                0 => body[at] = u.arbitrary()?,
                1 => body.truncate(at),
                _ => body.extend(u.bytes(u.len().min(9))?),
            }
        }
        Ok(Input { body, content: (!is_broken).then_some(content), slices })
    }
}

/// Content, lines, and whether it is whole and broken.
fn read(pieces: &[&[u8]]) -> (Vec<u8>, Vec<Vec<u8>>, bool, bool) {
    let (mut chunks, mut data, mut lines) = (AwsChunks::new(), Vec::new(), Vec::new());
    for piece in pieces {
        let mut rest = *piece;
        while let Some(read) = chunks.next(&mut rest) {
            match read {
                AwsChunk::Data(bytes) => data.extend_from_slice(bytes),
                AwsChunk::Line => lines.push(chunks.line().to_vec()),
            }
        }
        assert!(rest.is_empty() || chunks.is_broken());
    }
    (data, lines, chunks.is_whole(), chunks.is_broken())
}

fuzz_target!(|input: Input| {
    let pieces = cut(&input.body, &input.slices.of(input.body.len()));
    let whole = read(&[&input.body]);
    assert_eq!(read(&pieces), whole);
    let (data, lines, is_whole, is_broken) = whole;
    assert!(!(is_whole && is_broken) && lines.iter().all(|line| line.len() <= 1026));
    assert!(data.len() + lines.iter().map(Vec::len).sum::<usize>() <= input.body.len());
    if let Some(content) = input.content {
        assert!(is_whole && data == content);
    }
});
