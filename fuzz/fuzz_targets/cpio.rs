//! cpio: parts do not depend on slices, lie in order and within the input; plain members are all named.
#![no_main]

use exfilter_codec::cpio::Cpio;
use exfilter_fuzz::archive::cpio;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: cpio::Cpio| input.0.check(Cpio::new));
