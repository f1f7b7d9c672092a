//! Rule files of others: any text is imported or refused; every rule is imported or named; what is imported is written, read back and built, and scans the same
//! in any chunking.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_engine::{Engine, Flow};
use exfilter_fuzz::rulefile::foreign_file;
use exfilter_fuzz::slices::Slices;
use exfilter_rules::{ImportOptions, import, parse};
use exfilter_testing::{run, split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // Text that is no structured input begins with anything but a zero.
    let text = match data.strip_prefix(b"\0") {
        None => std::str::from_utf8(data).ok().map(|text| (text.to_owned(), Slices::Every(1), data.to_vec())),
        Some(rest) => structured(&mut Unstructured::new(rest)).ok(),
    };
    let Some((text, slices, content)) = text else { return };
    for name in ["fuzz.toml", "fuzz.yml"] {
        imported(name, &text, &slices, &content);
    }
});

fn imported(name: &str, text: &str, slices: &Slices, content: &[u8]) {
    let Ok(import) = import(name, text, &ImportOptions::default()) else { return };
    import.remarks.iter().for_each(|remark| drop(remark.to_string()));
    let (whole, partly, lost) = import.counts();
    assert_eq!(whole + partly + lost, import.total, "every rule is imported or named");
    let written = import.to_toml();
    let entries = parse("again.toml", &written).expect("what is written is read back");
    assert!(entries.iter().map(|entry| &entry.rule).eq(import.rules.iter().map(|imported| &imported.rule)));
    let rules = entries.into_iter().map(|entry| entry.rule);
    let engine = Engine::builder().rules(rules).eager(true).build().expect("what is imported builds");
    let flow = Flow::outbound_unknown().reference(1);
    let whole = run::run(&engine, &flow, content, &split::whole(content.len()));
    let parts = run::run(&engine, &flow, content, &slices.of(content.len()));
    assert_eq!(whole.facts(), parts.facts());
}

fn structured(u: &mut Unstructured<'_>) -> Result<(String, Slices, Vec<u8>)> {
    let slices = Slices::arbitrary(u)?;
    let text = foreign_file(u)?;
    let mut content = Vec::new();
    while !u.is_empty() && content.len() < 2000 {
        let pieces: [&[u8]; 11] =
            [b"acme_", b"ab", b"k=", b"://", b"Q~", b" ", b"\"", b"ACME_", b"9x", b"0123456789", b";"];
        content.extend(*u.choose(&pieces)?);
    }
    Ok((text, slices, content))
}
