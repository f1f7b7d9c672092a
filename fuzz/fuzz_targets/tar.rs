//! tar: parts do not depend on slices, lie in order and within the input; plain members are all named.
#![no_main]

use exfilter_codec::tar::Tar;
use exfilter_fuzz::archive::tar;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: tar::Tar| input.0.check(Tar::new));
