//! The report as JSON lines: one object per line, each with a `type`.
//!
//! `tool` comes first, then any number of `finding`, `not_examined` and `skipped`, then `coverage` and `summary`. The
//! fields are those of the JSON document (see `json.rs`), without its lists in the last two.

use std::io::{self, Write};

use serde::Serialize;

use super::json::{self, Tool, VERSION};
use crate::scan::report::Report;

/// Writes the lines.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    line(out, "tool", &Head { version: VERSION, tool: Tool::new() })?;
    for (file, row) in report.rows() {
        line(out, "finding", &json::finding(report, file, row))?;
    }
    for (file, gap) in report.gaps() {
        line(out, "not_examined", &json::gap(file, gap))?;
    }
    for skipped in &report.skipped {
        line(out, "skipped", &json::skipped(skipped))?;
    }
    line(out, "coverage", &json::coverage_sums(report))?;
    line(out, "summary", &json::summary(report))
}

#[derive(Serialize)]
struct Head {
    version: u32,
    tool: Tool,
}

#[derive(Serialize)]
struct Line<'a, T> {
    r#type: &'static str,
    #[serde(flatten)]
    rest: &'a T,
}

fn line<T: Serialize>(out: &mut dyn Write, r#type: &'static str, rest: &T) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Line { r#type, rest })?;
    writeln!(out)
}
