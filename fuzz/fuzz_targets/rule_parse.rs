//! Rule files: any text parses or is refused, and what parses builds or is refused, and then scans.
#![no_main]

use exfilter_engine::{Engine, Flow};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(entries) = exfilter_rules::parse("fuzz.toml", text) else { return };
    let rules = entries.into_iter().map(|entry| entry.rule);
    if let Ok(engine) = Engine::builder().rules(rules).eager(true).build() {
        let _ = engine.scanner(Flow::at_rest().lines()).scan(data, &mut |_| {});
    }
});
