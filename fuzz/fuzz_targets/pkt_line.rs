//! pkt_line: a push is read the same in any slices, refused or not; its report is pkt-lines; an advertisement loses no byte.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_fuzz::slices::{Slices, cut};
use exfilter_fuzz::wire;
use exfilter_wire::git::{Advertisement, Receive, Report, pkt};
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct Input {
    body: Vec<u8>,
    slices: Slices,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Input> {
        Ok(Input { slices: u.arbitrary()?, body: wire::push(u)? })
    }
}

/// The push as far as it was read, its lines, and whether it is one.
fn read(pieces: &[&[u8]]) -> (Receive, Vec<u8>, bool) {
    let (mut push, mut lines) = (Receive::new(), Vec::new());
    for piece in pieces {
        let mut rest = *piece;
        let taken = push.feed(&mut rest, &mut |line| {
            lines.extend_from_slice(line);
            lines.push(b'\n');
        });
        if taken.and_then(|()| push.rest(rest)).is_err() {
            return (push, lines, false);
        }
    }
    let is_push = push.finish().is_ok();
    (push, lines, is_push)
}

fuzz_target!(|input: Input| {
    let body = &input.body;
    let (push, lines, is_push) = read(&[body]);
    let pieces = cut(body, &input.slices.of(body.len()));
    let (other, other_lines, other_is_push) = read(&pieces);
    assert_eq!((is_push, &lines), (other_is_push, &other_lines));
    assert!(push.commands() == other.commands());
    if push.is_done() {
        let report = Report { push: &push, reason: "no", message: &["a line".into()] }.to_bytes();
        let mut rest = &report[..];
        while !rest.is_empty() {
            match pkt::decode(rest) {
                Ok(pkt::Decoded::Complete { consumed, .. }) => rest = &rest[consumed..],
                _ => panic!("a report is whole pkt-lines"),
            }
        }
    }
    let rewrite = |pieces: &[&[u8]]| {
        let (mut advertisement, mut out) = (Advertisement::new(), Vec::new());
        pieces.iter().for_each(|piece| advertisement.feed(piece, &mut out));
        advertisement.finish(&mut out);
        (out, advertisement.is_added())
    };
    let (out, added) = rewrite(&[body]);
    assert_eq!((&out, added), (&rewrite(&pieces).0, rewrite(&pieces).1));
    assert!(added || out == *body);
});
