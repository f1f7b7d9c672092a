//! The engine's integration tests: the laws, and behaviour by feature.
#![expect(clippy::unwrap_used, reason = "what a test cannot do ends it")]

mod chosen;
mod codings;
mod edits;
mod forms;
mod fragments;
mod laws;
mod matrix;
mod packs;
mod regression;
mod saved;
mod support;
mod unpacked;

/// The TOML cases of `crates/testing/cases`, through the engine's own stream.
#[test]
fn cases() {
    let cases = exfilter_testing::cases::all();
    assert!(cases.len() > 100, "{} cases", cases.len());
    let failed: Vec<String> = cases
        .iter()
        .filter(|case| std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case.check())).is_err())
        .map(exfilter_testing::cases::Case::name)
        .collect();
    assert!(failed.is_empty(), "{} of {} cases failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
}
