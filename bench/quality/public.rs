//! Digests of what the rules block in published files, for the list of public values.
//!
//! `public DIR ...`: scans every file below with all rules and prints a line `rule digest` for each value of the block tier that is not known yet. Prints no
//! value; what is written in pieces is put together roughly. `packages.py --public` runs it on the packages in which something was found and writes the list.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use exfilter::rules::oracle::find_all;
use exfilter::rules::{builtin, more};
use exfilter::{Confidence, Engine, Event, Flow, Kind, Profile, Rule};
use regex::bytes::Regex;

/// How much before and after a finding is shown to the slow matcher, which says where the value begins and ends.
const AROUND: u64 = 256;

/// How much of a file in gzip is looked at.
const LONGEST: u64 = 1 << 26;

fn main() -> ExitCode {
    let rules = [builtin(), more()].concat();
    let engine = Engine::builder().rules(rules).profile(Profile::Inline).build().expect("the pack builds");
    let mut lines = BTreeSet::new();
    // Where pieces of a string meet: a value that is written in pieces is one in the thorough profile.
    let joint = Regex::new(r#"["'`][\s+,.\\]*["'`]|\\\r?\n\s*"#).expect("it is a regular expression");
    for folder in std::env::args_os().skip(1) {
        walk(Path::new(&folder), &mut |bytes| {
            let mut inflated = Vec::new();
            let gzip = flate2::read::GzDecoder::new(bytes).take(LONGEST).read_to_end(&mut inflated);
            let bytes = if gzip.is_ok() { &inflated } else { bytes };
            look(&engine, bytes, &mut lines);
            look(&engine, &joint.replace_all(bytes, &b""[..]), &mut lines);
        });
    }
    lines.iter().for_each(|line| println!("{line}"));
    ExitCode::SUCCESS
}

fn walk(path: &Path, file: &mut impl FnMut(&[u8])) {
    let Ok(kind) = path.symlink_metadata() else { return };
    if kind.is_dir() {
        let Ok(entries) = path.read_dir() else { return };
        entries.flatten().for_each(|entry| walk(&entry.path(), file));
    } else if kind.is_file()
        && let Ok(bytes) = std::fs::read(path)
    {
        file(&bytes);
    }
}

fn look(engine: &Engine, bytes: &[u8], lines: &mut BTreeSet<String>) {
    let mut found = Vec::new();
    let mut scanner = engine.scanner(Flow::outbound_unknown());
    let _ = scanner.scan(bytes, &mut |event| {
        if let Event::Finding(finding) = event
            && finding.confidence() >= Confidence::High
            && !finding.documented()
            && finding.inner() == finding.outer()
            && let Kind::Rule(rule) = finding.kind()
        {
            found.push((rule, finding.inner()));
        }
    });
    for (id, range) in found {
        let rule = engine.rule(id);
        let from = range.start.saturating_sub(AROUND) as usize;
        let to = (range.end + AROUND).min(bytes.len() as u64) as usize;
        let window = &bytes[from..to];
        let same = find_all(std::slice::from_ref(rule), window)
            .into_iter()
            .find(|one| (from + one.start) as u64 <= range.start && (from + one.end) as u64 >= range.end);
        if let Some(one) = same {
            let digest = Rule::example_digest(rule.checksum, &window[one.value_start..one.value_end]);
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            lines.insert(format!("{} {hex}", rule.id));
        }
    }
}
