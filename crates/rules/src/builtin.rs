//! The built-in pack, the files of `rules/`, and further rules, those of `rules/more/`: both embedded.

use std::collections::HashMap;

use exfilter_engine::Rule;

use crate::format::{RuleEntry, parse};

/// The embedded files: name and text, in order of name.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

const MORE: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/more.rs"));

/// Values that are public since test suites and documentation were published with them: lines of a rule's id and a digest.
///
/// Apart from the rule files because a tool writes it, and because many lines are read faster than many strings of TOML.
const PUBLIC: &str = include_str!(concat!(env!("OUT_DIR"), "/public.txt"));

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
    let mut entries: Vec<RuleEntry> = files.iter().flat_map(parsed).collect();
    let public = public();
    for entry in &mut entries {
        if let Some(digests) = public.get(entry.rule.id.as_str()) {
            entry.rule.documented.extend_from_slice(digests);
        }
    }
    entries
}

/// The digests of public values, by the id of their rule.
fn public() -> HashMap<&'static str, Vec<[u8; 16]>> {
    let mut public: HashMap<_, Vec<_>> = HashMap::new();
    for line in PUBLIC.lines().filter(|line| !line.starts_with('#')) {
        let digest = line.split_once(' ').and_then(|(id, digest)| Some((id, digest_of(digest)?)));
        let (id, digest) = digest.expect("this crate's tests read every line");
        public.entry(id).or_default().push(digest);
    }
    public
}

/// 32 digits as 16 bytes.
pub(crate) fn digest_of(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != 32 {
        return None;
    }
    let mut digest = [0; 16];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks(2)) {
        for digit in pair {
            *byte = *byte << 4 | char::from(*digit).to_digit(16)? as u8;
        }
    }
    Some(digest)
}

/// The files of the built-in pack: name and text.
pub fn builtin_files() -> &'static [(&'static str, &'static str)] {
    FILES
}
