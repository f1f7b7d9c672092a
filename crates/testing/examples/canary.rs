//! Reads what the tests printed with an engine that has every value enrolled that the tests had: `canary LOG ENROLLED`.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::ExitCode;

use exfilter_engine::{Engine, Event, Flow, Kind, KnownSecrets, Limits, StoreKey};
use exfilter_testing::{Rng, forms};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [log, enrolled] = &args[..] else {
        return ended(writeln!(io::stderr(), "canary LOG ENROLLED: two files").map(|()| ExitCode::from(2)));
    };
    ended(check(log, enrolled))
}

fn ended(result: io::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        // If not even that can be written, the exit code says it.
        let _ = writeln!(io::stderr(), "canary: {error}");
        ExitCode::from(2)
    })
}

fn check(log: &str, enrolled: &str) -> io::Result<ExitCode> {
    let log = std::fs::read(log)?;
    let values: BTreeSet<Vec<u8>> =
        std::fs::read_to_string(enrolled)?.lines().map(|line| unhex(line.trim())).collect();
    let mut out = io::stdout().lock();
    // Some forms are of text only.
    let Some(sample) = values.iter().find(|value| value.iter().all(u8::is_ascii_graphic)) else {
        writeln!(out, "canary: no test noted a value that it had enrolled")?;
        return Ok(ExitCode::FAILURE);
    };
    let engine = engine(&values);
    // Without this, an engine that finds nothing would be taken for tests that print nothing.
    for form in forms::all() {
        if count(&engine, &form.spell(sample)).is_empty() {
            writeln!(out, "canary: the engine does not find a value in the form {form:?}")?;
            return Ok(ExitCode::FAILURE);
        }
    }
    let found = count(&engine, &log);
    for line in found.iter().take(20) {
        writeln!(out, "canary: {line}")?;
    }
    let (lines, bytes, values, found) =
        (log.iter().filter(|b| **b == b'\n').count(), log.len(), values.len(), found.len());
    writeln!(out, "canary: {found} findings in {lines} lines ({bytes} bytes) for {values} values")?;
    Ok(if found == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn engine(values: &BTreeSet<Vec<u8>>) -> Engine {
    let key = Rng::new(1).bytes(32);
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&key).expect("32 bytes"));
    for (i, value) in values.iter().enumerate() {
        // The tests' values were all accepted once.
        known.add(&format!("value {i}"), value, vec![]).expect("it was enrolled before");
    }
    let mut limits = Limits::default();
    limits.findings = u32::MAX;
    Engine::builder()
        .rules(exfilter_rules::builtin())
        .known_secrets(known)
        .limits(limits)
        .build()
        .expect("the built-in rules build")
}

/// What is found, by line: enrolled values, and keys that do not just look like some.
fn count(engine: &Engine, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut scanner = engine.scanner(Flow::at_rest().lines());
    let _ = scanner.scan(bytes, &mut |event| {
        let Event::Finding(finding) = event else { return };
        let (line, column) = finding.line().unwrap_or_default();
        match finding.kind() {
            Kind::Known(id, form) => {
                found.push(format!(
                    "line {line}, column {column}: {} ({})",
                    engine.secret_name(id),
                    form.as_str()
                ));
            }
            Kind::Rule(id) if !finding.documented() => {
                found.push(format!("line {line}, column {column}: {}", engine.rule(id).id));
            }
            Kind::Rule(_) => {}
        }
    });
    found
}

fn unhex(line: &str) -> Vec<u8> {
    let digit = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
    line.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
