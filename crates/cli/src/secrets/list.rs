//! `secrets list`.

use std::io::{self, Write};

use exfilter_store::{Mode, Record};
use serde::Serialize;

use super::open::Place;
use crate::args::ListFormat;
use crate::fault::Fault;
use crate::output;
use crate::term::Term;
use crate::text::{count, escape, shorten};

/// A record, as JSON has it.
#[derive(Serialize)]
struct View {
    id: String,
    name: String,
    mode: &'static str,
    canary: bool,
    rule: Option<String>,
    class: Option<&'static str>,
    source: String,
    created: u64,
    bits: u32,
    /// Bits that have to be guessed by whoever has stolen store and key; null for a sealed value, which they can read.
    remaining: Option<u32>,
    bindings: Vec<BindingView>,
    /// What stands for the name in exports.
    label: String,
}

#[derive(Serialize)]
struct BindingView {
    host: String,
    slot: String,
}

/// Runs `secrets list`.
pub(crate) fn list(place: &Place, format: ListFormat, term: &Term) -> Result<(), Fault> {
    let opened = place.load()?;
    let mut records: Vec<&Record> = opened.store.records().iter().collect();
    records.sort_by(|a, b| a.name().cmp(b.name()));
    match format {
        ListFormat::Json => {
            let view = |record: &&Record| View {
                id: record.id(),
                name: escape(record.name().as_bytes()),
                mode: record.mode().as_str(),
                canary: record.is_canary(),
                rule: record.rule().map(|rule| escape(rule.as_bytes())),
                class: record.class().map(exfilter::KeyClass::as_str),
                source: escape(record.source().to_string().as_bytes()),
                created: record.created(),
                bits: record.bits(),
                remaining: (record.mode() == Mode::Fingerprint).then(|| record.remaining()),
                bindings: record
                    .bindings()
                    .iter()
                    .map(|(host, slot)| BindingView {
                        host: escape(host.as_bytes()),
                        slot: escape(slot.as_bytes()),
                    })
                    .collect(),
                label: opened.store.key().label(record.name()),
            };
            let views: Vec<View> = records.iter().map(view).collect();
            write(term, |out| {
                serde_json::to_writer_pretty(&mut *out, &views)?;
                writeln!(out)
            })
        }
        ListFormat::Table => {
            let rows: Vec<[String; 6]> = records.iter().map(|record| row(record)).collect();
            write(term, |out| {
                output::columns(&rows, |_, _| None, out)?;
                writeln!(out, "{}", count(rows.len() as u64, "secret", "secrets"))
            })
        }
    }
}

fn row(record: &Record) -> [String; 6] {
    let mode = match record.mode() {
        _ if record.is_canary() => "canary".to_owned(),
        Mode::Sealed => "sealed".to_owned(),
        Mode::Fingerprint => format!("fingerprint, {} bits remain", record.remaining()),
    };
    let class = record.class().map_or("", exfilter::KeyClass::as_str);
    let bindings = count(record.bindings().len() as u64, "binding", "bindings");
    [
        shorten(&escape(record.name().as_bytes())).into_owned(),
        mode,
        escape(record.rule().unwrap_or("").as_bytes()),
        class.to_owned(),
        bindings,
        shorten(&escape(record.source().to_string().as_bytes())).into_owned(),
    ]
}

/// Writes a list to standard output.
pub(crate) fn write(term: &Term, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Fault> {
    term.report(render)
        .map_err(|error| Fault::new("standard output", format!("the list could not be written: {error}"), ""))
}
