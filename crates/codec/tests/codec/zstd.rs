//! Zstandard.

use exfilter_codec::zstd::{Zstd, starts};

use crate::support::{End, Rng, bytewise, whole};

fn zstd(content: &[u8], level: i32) -> Vec<u8> {
    let mut out = vec![0; zstd_safe::compress_bound(content.len())];
    let len = zstd_safe::compress(&mut out[..], content, level).unwrap();
    out.truncate(len);
    out
}

#[test]
fn smoke() {
    let mut rng = Rng(1);
    let text = rng.text(400_000);
    for level in [-5, 1, 3, 9, 19] {
        let mut packed = zstd(&text, level);
        let second = packed.len() as u64;
        packed.extend(zstd(b"another", 1));
        assert!(starts(&packed));
        let a = whole(&mut Zstd::new(8 << 20), &packed);
        let b = bytewise(&mut Zstd::new(8 << 20), &packed);
        assert!(a.out == [&text[..], b"another"].concat());
        assert_eq!((a.end, &a.starts[..]), (End::Whole, &[second][..]));
        assert!(a.result() == b.result());
    }
}
