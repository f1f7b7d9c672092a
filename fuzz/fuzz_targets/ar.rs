//! ar: parts do not depend on slices, lie in order and within the input; plain members are all named.
#![no_main]

use exfilter_codec::ar::Ar;
use exfilter_fuzz::archive::ar;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: ar::Ar| input.0.check(Ar::new));
