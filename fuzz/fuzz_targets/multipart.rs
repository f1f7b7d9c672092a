//! multipart/form-data: parts do not depend on slices, lie in order and within the input, and a beginning has the first ones.
#![no_main]

use exfilter_codec::multipart::Multipart;
use exfilter_fuzz::archive::Archive;
use exfilter_fuzz::slices::Slices;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, Slices, usize, bool)| {
    let (mut bytes, slices, keep, is_form) = input;
    if is_form {
        bytes.splice(0..0, *b"--b\r\nContent-Disposition: form-data; name=f\r\n\r\n");
    }
    Archive { bytes, slices, keep, plain: None }.check(Multipart::new);
});
