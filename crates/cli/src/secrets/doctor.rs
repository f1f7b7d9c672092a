//! `secrets doctor`: how well the store is kept.

use std::path::Path;

use exfilter_store::os::{Home, Opened};
use exfilter_store::{Mode, Record, Source};
use serde::Serialize;

use super::list::write;
use super::open::{Place, shown};
use super::value;
use crate::args::ListFormat;
use crate::exit;
use crate::fault::Fault;
use crate::term::Term;
use crate::text::{count, escape, shorten};

/// One thing that was looked at.
#[derive(Serialize)]
struct Check {
    /// `ok`, `note`, `warning`.
    state: &'static str,
    what: String,
    /// What to do about it.
    remedy: String,
}

impl Check {
    fn ok(what: impl Into<String>) -> Check {
        Check { state: "ok", what: what.into(), remedy: String::new() }
    }

    fn note(what: impl Into<String>, remedy: impl Into<String>) -> Check {
        Check { state: "note", what: what.into(), remedy: remedy.into() }
    }

    fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Check {
        Check { state: "warning", what: what.into(), remedy: remedy.into() }
    }
}

/// Runs `secrets doctor`. A warning makes it exit with 1.
pub(crate) fn doctor(place: &Place, format: ListFormat, term: &Term) -> Result<u8, Fault> {
    let opened = place.load()?;
    let mut checks = Vec::new();
    files(place.home(), &opened, &mut checks);
    memory(&opened, &mut checks);
    rotation(&opened, &mut checks);
    let records = opened.store.records();
    let fingerprints = || records.iter().filter(|record| record.mode() == Mode::Fingerprint);
    if let Some(least) = fingerprints().min_by_key(|record| record.remaining()) {
        checks.push(Check::ok(format!(
            "{}: if store and key are stolen, at least {} bits of each remain to be guessed ({})",
            count(fingerprints().count() as u64, "fingerprint", "fingerprints"),
            least.remaining(),
            name(least)
        )));
    }
    records.iter().for_each(|record| sealed(record, &mut checks));
    records.iter().for_each(|record| drift(&opened, record, &mut checks));
    let warned = checks.iter().any(|check| check.state == "warning");
    match format {
        ListFormat::Json => write(term, |out| {
            serde_json::to_writer_pretty(&mut *out, &checks)?;
            writeln!(out)
        })?,
        ListFormat::Table => write(term, |out| {
            for check in &checks {
                let remedy =
                    if check.remedy.is_empty() { String::new() } else { format!("; {}", check.remedy) };
                writeln!(out, "{:<7}  {}{remedy}", check.state, check.what)?;
            }
            Ok(())
        })?,
    }
    Ok(if warned { exit::FOUND } else { exit::CLEAN })
}

fn name(record: &Record) -> String {
    shorten(&escape(record.name().as_bytes())).into_owned()
}

fn files(home: &Home, opened: &Opened, checks: &mut Vec<Check>) {
    let store = &opened.store;
    checks.push(Check::ok(format!(
        "store {}: {}, generation {}, its MAC is right",
        shown(home.store_path()),
        count(store.records().len() as u64, "record", "records"),
        store.generation()
    )));
    if home.is_key_in_keyring() {
        checks.push(Check::ok("key: in the keyring"));
        return;
    }
    // Opening it has checked owner and modes.
    checks.push(Check::ok(format!("key {}: a file that only you can read", shown(home.key_path()))));
    if cfg!(feature = "keyring") {
        checks.push(Check::note(
            "the key is in a file, and not in the keyring",
            "none answered when the store was made",
        ));
    }
    let folder = |path: &Path| path.parent().map(Path::to_path_buf);
    if folder(home.store_path()) == folder(home.key_path()) {
        checks.push(Check::note(
            "store and key lie in one folder, so whoever copies it has both",
            "keep the key elsewhere with --key",
        ));
    }
    let is_versioned = |path: &Path| path.ancestors().skip(1).any(|folder| folder.join(".git").exists());
    if is_versioned(home.key_path()) {
        checks.push(Check::warning(
            "the key lies in a git repository",
            "keep it elsewhere, and rotate it if it was ever committed",
        ));
    }
}

fn memory(opened: &Opened, checks: &mut Vec<Check>) {
    let health = opened.health();
    checks.push(match health.is_locked() {
        true => Check::ok("memory: keys are locked, so they are not swapped out"),
        false => Check::warning(
            "memory: keys could not be locked and may be swapped out",
            "raise RLIMIT_MEMLOCK (ulimit -l)",
        ),
    });
    checks.push(match health.is_hardened() {
        true => Check::ok("memory: no core dumps, and other processes of yours cannot read it"),
        false => Check::note(
            "memory: core dumps and other processes of yours may read it",
            "this system has no way to forbid it",
        ),
    });
}

fn rotation(opened: &Opened, checks: &mut Vec<Check>) {
    if let Some(rotation) = opened.rotation() {
        let missing: Vec<String> =
            rotation.missing.iter().map(|name| shorten(&escape(name.as_bytes())).into_owned()).collect();
        checks.push(Check::warning(
            format!("a rotation of the key is under way; values missing: {}", missing.join(", ")),
            "`secrets add --replace` gives them, `secrets rotate-key` goes on",
        ));
    }
}

/// A sealed record is readable to whoever steals store and key, so each is named.
fn sealed(record: &Record, checks: &mut Vec<Check>) {
    if record.mode() != Mode::Sealed || record.is_canary() {
        return;
    }
    let what = format!("{}: sealed, so whoever steals store and key can read it", name(record));
    checks.push(match record.bits() {
        bits if bits < 80 => Check::note(
            format!("{what}; {bits} bits"),
            "a random value of 20 characters or more needs no sealing",
        ),
        bits => Check::note(format!("{what}; {bits} bits"), String::new()),
    });
}

/// Whether a source still has the value: if not, the secret was changed, and the new one is not known.
fn drift(opened: &Opened, record: &Record, checks: &mut Vec<Check>) {
    let values = value::again(record);
    let same = values.iter().any(|value| opened.store.is_of(record.name(), value).unwrap_or(false));
    let source = || shorten(&escape(record.source().to_string().as_bytes())).into_owned();
    if !values.is_empty() && !same {
        checks.push(Check::warning(
            format!("{}: its source has another value now ({})", name(record), source()),
            "enrol it again, so that the new one is found too",
        ));
    }
    let is_file = matches!(record.source(), Source::File(_) | Source::EnvFile { .. });
    if values.is_empty() && is_file {
        checks.push(Check::note(
            format!("{}: its source is gone ({})", name(record), source()),
            "a rotation of the key will ask for its value",
        ));
    }
}
