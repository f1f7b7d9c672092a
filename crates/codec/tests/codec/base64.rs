//! base64.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use exfilter_codec::base64::Phase;

use crate::support::Rng;

#[test]
fn smoke() {
    let mut rng = Rng(1);
    for len in 0..300 {
        let bytes = rng.noise(len);
        for text in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            let mut out = Vec::new();
            let mut phase = Phase::new(0);
            phase.decode(text.as_bytes(), &mut out);
            phase.finish(&mut out);
            assert_eq!(out, bytes);
        }
    }
}
