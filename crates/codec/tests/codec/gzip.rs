//! gzip.

use exfilter_codec::gzip::{Gzip, starts};
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use std::io::Write as _;

use crate::support::{End, Rng, bytewise, whole};

fn gzip(content: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn smoke() {
    let mut rng = Rng(1);
    let text = rng.text(200_000);
    for level in 0..=9 {
        let mut packed = gzip(&text, level);
        let second = packed.len() as u64;
        packed.extend(
            GzBuilder::new()
                .extra(&b"xx"[..])
                .filename("name")
                .comment("c")
                .write(Vec::new(), Compression::best())
                .finish()
                .unwrap(),
        );
        assert!(starts(&packed));
        let a = whole(&mut Gzip::new(), &packed);
        let b = bytewise(&mut Gzip::new(), &packed);
        assert!(a.out == text);
        assert_eq!((a.end, &a.starts[..]), (End::Whole, &[second][..]));
        assert!(a.result() == b.result());
    }
}
