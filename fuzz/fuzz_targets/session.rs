//! Sessions as bytes: any are refused, or read and written again as they were.
#![no_main]

use exfilter_engine::Session;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(session) = Session::from_bytes(data) else { return };
    assert!(session.to_bytes() == data, "what was read is written");
    let mut twice = session.clone();
    twice.merge(&session);
    assert!(twice == session, "merging it with itself adds nothing");
});
