//! The report in its forms.

mod file;
pub(crate) mod json;
mod jsonl;
mod sarif;
mod table;

use std::io::{self, Write};

use crate::args::Format;
use crate::scan::report::Report;

pub(crate) use file::{to_file, to_file_of};
pub(crate) use table::{columns, summary};

/// How a report is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// The form.
    pub(crate) format: Format,
    /// Whether the table has colours.
    pub(crate) colour: bool,
    /// Whether the table lists what was skipped.
    pub(crate) verbose: bool,
    /// Whether the table goes without a summary.
    pub(crate) quiet: bool,
}

/// Writes a report.
///
/// # Errors
///
/// Those of `out`.
pub(crate) fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    match style.format {
        Format::Table => table::write(report, style, out),
        Format::Json => json::write(report, out),
        Format::Jsonl => jsonl::write(report, out),
        Format::Sarif => sarif::write(report, out),
    }
}
