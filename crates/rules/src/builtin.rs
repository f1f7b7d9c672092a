//! The built-in pack: the files of `rules/`, embedded.

use exfilter_engine::Rule;

use crate::format::{RuleEntry, parse};

/// The embedded files: name and text, in order of name.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The rules of the built-in pack, in order of file and place.
///
/// Reads about 75 KiB of TOML on each call, which takes two milliseconds; keep the engine, not the rules.
pub fn builtin() -> Vec<Rule> {
    builtin_entries().into_iter().map(|entry| entry.rule).collect()
}

/// The built-in pack with its examples.
pub fn builtin_entries() -> Vec<RuleEntry> {
    builtin_files()
        .iter()
        .flat_map(|(name, text)| {
            parse(name, text).expect("the built-in pack is parsed by this crate's tests")
        })
        .collect()
}

/// The files of the built-in pack: name and text.
pub fn builtin_files() -> &'static [(&'static str, &'static str)] {
    FILES
}
