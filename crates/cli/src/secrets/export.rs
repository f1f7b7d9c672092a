//! `secrets export`: a store for somebody else.

use std::ffi::OsString;
use std::path::PathBuf;

use exfilter_store::os::{SystemEntropy, now, write_private};
use exfilter_store::{Key, NewRecord, Record, Source, Store};

use super::add::shown;
use super::args::{ExportArgs, Recipient};
use super::open::{self, KEY_VARIABLE, Place, fault, secret_fault};
use super::value::{self, Value};
use crate::exit;
use crate::fault::Fault;
use crate::term::Term;
use crate::text::count;

/// Runs `secrets export`. What could not be exported is named, and the exit code is that of something that was not examined.
pub(crate) fn export(place: &Place, args: &ExportArgs, term: &Term) -> Result<u8, Fault> {
    let Recipient::Ci = args.audience;
    let opened = place.load()?;
    let store = &opened.store;
    for name in &args.names {
        if !store.records().iter().any(|record| record.name() == name || record.id() == *name) {
            return Err(Fault::new(
                shown(name),
                "there is no such secret",
                "`exfilter secrets list` has the names",
            ));
        }
    }
    let chosen = |record: &&Record| {
        args.names.iter().any(|name| record.name() == name || record.id() == *name)
            || (args.names.is_empty() && !record.is_canary())
    };
    let failed = |error| secret_fault("the export", &error);
    let mut entropy = SystemEntropy;
    let key = Key::generate(&mut entropy).map_err(failed)?;
    let end = now() + u64::from(args.days) * 24 * 60 * 60;
    let mut export = Store::export(key.clone(), now(), end, &mut entropy).map_err(failed)?;
    let mut left_out = 0u64;
    let mut leave_out = |record: &Record, why: &str| {
        left_out += 1;
        term.note(&format_args!("{} not exported: {why}", shown(record.name())));
    };
    for record in store.records().iter().filter(chosen) {
        let Some(value) = value_of(store, record)? else {
            let source = shown(&record.source().to_string());
            leave_out(
                record,
                &format!("its fingerprint is under your key, and its value is not found any more ({source})"),
            );
            continue;
        };
        // Its name would tell what there is.
        let new = NewRecord::new(&store.key().label(record.name()), Source::Typed, now());
        if let Err(error) = export.add(new, &value, false, &mut entropy) {
            leave_out(record, &format!("{}: {error}; {}", error.code(), error.remedy()));
        }
    }
    let exported = export.records().len() as u64;
    if exported == 0 {
        return Err(Fault::new(place.name(), "nothing of it could be exported", "see above why"));
    }
    let bytes = export.to_bytes(&mut entropy).map_err(failed)?;
    let key_path = args.key_output.clone().unwrap_or_else(|| {
        let mut path = OsString::from(&args.output);
        path.push(".key");
        PathBuf::from(path)
    });
    let mut text = key.to_text();
    text.push('\n');
    write_private(&key_path, text.as_bytes(), &mut |_| Ok(())).map_err(|error| fault(&error))?;
    write_private(&args.output, &bytes, &mut |_| Ok(())).map_err(|error| fault(&error))?;
    term.note(&format_args!(
        "{}: {}, for {}; its key is in {}: give it as the secret variable {KEY_VARIABLE} to whoever runs \
         `exfilter scan --store={}`, and delete that file",
        open::shown(&args.output),
        count(exported, "fingerprint", "fingerprints"),
        count(args.days.into(), "day", "days"),
        open::shown(&key_path),
        open::shown(&args.output),
    ));
    Ok(if left_out == 0 { exit::CLEAN } else { exit::INCOMPLETE })
}

/// The value of a record, if it is at hand: sealed, or where it came from.
fn value_of(store: &Store, record: &Record) -> Result<Option<Value>, Fault> {
    let failed = |error| secret_fault(record.name(), &error);
    if let Some(value) = store.unseal(record.name()).map_err(failed)? {
        return Ok(Some(value));
    }
    for value in value::again(record) {
        if store.is_of(record.name(), &value).map_err(failed)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}
