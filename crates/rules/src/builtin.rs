//! The built-in pack, the files of `rules/`, and further rules, those of `rules/more/`: both embedded.

use exfilter_engine::Rule;

use crate::format::{RuleEntry, parse};

/// The embedded files: name and text, in order of name.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

const MORE: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/more.rs"));

/// The rules of the built-in pack, in order of file and place.
///
/// Reads about 75 KiB of TOML on each call, which takes two milliseconds; keep the engine, not the rules.
pub fn builtin() -> Vec<Rule> {
    builtin_entries().into_iter().map(|entry| entry.rule).collect()
}

/// The built-in pack with its examples.
pub fn builtin_entries() -> Vec<RuleEntry> {
    entries(FILES)
}

/// Further rules: providers that fewer people have keys of, and formats that need their name beside them. No id is one of [`builtin`]'s.
///
/// They are four times as many, and take about 40 milliseconds to read and compile, which a hook would feel at each start; a proxy does not.
pub fn more() -> Vec<Rule> {
    more_entries().into_iter().map(|entry| entry.rule).collect()
}

/// The further rules with their examples.
pub fn more_entries() -> Vec<RuleEntry> {
    entries(MORE)
}

/// The files of the further rules: name and text.
pub fn more_files() -> &'static [(&'static str, &'static str)] {
    MORE
}

fn entries(files: &[(&str, &str)]) -> Vec<RuleEntry> {
    let parsed =
        |(name, text): &(&str, &str)| parse(name, text).expect("this crate's tests parse every file");
    files.iter().flat_map(parsed).collect()
}

/// The files of the built-in pack: name and text.
pub fn builtin_files() -> &'static [(&'static str, &'static str)] {
    FILES
}
