//! `exfilter rules`.
//!
//! ```text
//! rules/list.rs    list, page, schema       rules/test.rs     what matches where in a file, and why not
//! rules/show.rs    one rule in full         rules/new.rs      a template of a file
//! rules/check.rs   rule files               rules/import.rs   rules of other programs
//! ```

pub(crate) mod args;
mod check;
mod import;
mod list;
mod new;
mod show;
mod test;

use std::io;
use std::path::Path;

use crate::fault::Fault;
use crate::output;
use crate::rules::args::{RulesArgs, RulesCommand};
use crate::term::Term;

/// Runs `exfilter rules`.
///
/// # Errors
///
/// Rule files that cannot be read or parsed, when anything but checking is done with them, and what cannot be written.
pub(crate) fn run(args: &RulesArgs, term: &Term) -> Result<u8, Fault> {
    match &args.command {
        RulesCommand::Check { files } => check::check(files, term),
        RulesCommand::List { from, filter, format } => list::list(from, filter, *format, term),
        RulesCommand::Show { id, from, format } => show::show(id, from, *format, term),
        RulesCommand::Test { file, from, rule } => test::test(file, from, rule, term),
        RulesCommand::New { id, provider, output } => {
            new::new(id, provider.as_deref(), output.as_deref(), term)
        }
        RulesCommand::Import { file, output, prefix, quiet } => {
            import::import(file, output.as_deref(), prefix, *quiet, term)
        }
        RulesCommand::Page { output } => list::page(output.as_deref(), term),
        RulesCommand::Schema { output } => list::schema(output.as_deref(), term),
    }
}

/// Writes to standard output.
fn write(term: &Term, render: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> Result<(), Fault> {
    term.report(render)
        .map_err(|error| Fault::new("standard output", format!("it could not be written to: {error}"), ""))
}

/// Writes a text to a file, whole or not at all, or to standard output.
fn write_text(text: &str, path: Option<&Path>, term: &Term) -> Result<(), Fault> {
    match path {
        Some(path) => output::to_file(path, |out| out.write_all(text.as_bytes())),
        None => write(term, |out| out.write_all(text.as_bytes())),
    }
}
