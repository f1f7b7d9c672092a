//! Rule files: any text parses or is refused; what parses builds or is refused; what builds scans the same in any chunking.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_engine::{Engine, Flow};
use exfilter_fuzz::rulefile::rule_file;
use exfilter_fuzz::slices::Slices;
use exfilter_rules::{RuleEntry, check, parse};
use exfilter_testing::{run, split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // Text that is no structured input begins with anything but a zero.
    let text = match data.strip_prefix(b"\0") {
        None => std::str::from_utf8(data).ok().map(|text| (text.to_owned(), Slices::Every(1), data.to_vec())),
        Some(rest) => structured(&mut Unstructured::new(rest)).ok(),
    };
    let Some((text, slices, content)) = text else { return };
    let Ok(entries) = parse("fuzz.toml", &text) else { return };
    if is_small(&entries) {
        check(&entries).iter().for_each(|problem| drop(problem.to_string()));
    }
    let rules = || entries.iter().map(|entry| entry.rule.clone());
    let eager = Engine::builder().rules(rules()).eager(true).build();
    let Ok(engine) = Engine::builder().rules(rules()).build() else {
        assert!(eager.is_err(), "building at once refuses no less");
        return;
    };
    for engine in [Some(&engine), eager.as_ref().ok()].into_iter().flatten() {
        let flow = Flow::outbound_unknown().reference(1);
        let whole = run::run(engine, &flow, &content, &split::whole(content.len()));
        let parts = run::run(engine, &flow, &content, &slices.of(content.len()));
        assert_eq!(whole.facts(), parts.facts());
        assert_eq!(whole.suppressed, parts.suppressed);
    }
});

fn structured(u: &mut Unstructured<'_>) -> Result<(String, Slices, Vec<u8>)> {
    let slices = Slices::arbitrary(u)?;
    let text = rule_file(u)?;
    let mut content = Vec::new();
    let count = if u.is_empty() { 0 } else { 1 + u.len() / 8 };
    for _ in 0..count {
        let n = u.int_in_range(0..=40usize)?;
        match u.int_in_range(0..=3u8)? {
            0 => content.extend(u.bytes(n.min(u.len()))?),
            1 => content.extend(std::iter::repeat_n(*u.choose(b"a0_ Z=")?, n)),
            _ => content.extend(*u.choose(&[
                &b"acme_"[..],
                b"ab",
                b"k=",
                b"://",
                b"Q~",
                b" ",
                b"\"",
                b"ACME_",
                b"9x",
            ])?),
        }
    }
    Ok((text, slices, content))
}

/// Whether checking is quick enough for a fuzzer: a template of a few bytes may ask for kilobytes.
fn is_small(entries: &[RuleEntry]) -> bool {
    let texts = entries.iter().flat_map(|e| e.examples.iter().chain(&e.counter_examples));
    texts.map(String::len).sum::<usize>() < 400
}
