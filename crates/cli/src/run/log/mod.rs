//! `exfilter log`: journals of `exfilter run --log`, checked here, and shown by show.rs.

mod show;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use exfilter_guard::{JournalError, SignedRun, verify};
use show::Show;

use crate::args::Color;
use crate::exit;
use crate::fault::Fault;
use crate::term::Term;
use crate::text::{count, escape, path_bytes, shorten};

/// The most runs that are told of, the last ones.
const SHOWN: usize = 20;

/// `exfilter log`.
#[derive(Args)]
pub(crate) struct LogArgs {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Subcommand)]
enum LogCommand {
    /// Check that no line was changed, removed or inserted, and who signed them. Exit code 1 if one was, or was not signed
    Verify {
        /// The file
        file: PathBuf,
        /// The hash with which it must end: `exfilter run` prints it
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
        /// The key that must have signed the last line: `exfilter run` and `exfilter guard` print it when they begin. Of earlier runs that must be there too, give it several times
        #[arg(long, value_name = "KEY")]
        key: Vec<String>,
    },
    /// Show what left, what was stopped and what was not examined, line by line; with --follow while it happens
    Show {
        /// The file
        file: PathBuf,
        /// Go on until the run that writes it has ended; the file may not be there yet
        #[arg(long, short)]
        follow: bool,
        /// Leave out requests that were examined in full, found clean and sent
        #[arg(long)]
        stopped: bool,
        /// Whether lines are coloured
        #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
        color: Color,
    },
}

/// Checks or shows a journal.
///
/// # Errors
///
/// The file cannot be read.
pub(crate) fn run(args: &LogArgs, term: &Term) -> Result<u8, Fault> {
    match &args.command {
        LogCommand::Verify { file, head, key } => check(file, head.as_ref(), key, term),
        LogCommand::Show { file, follow, stopped, color } => {
            show::run(&Show { file, follow: *follow, stopped: *stopped, color: *color }, term)
        }
    }
}

/// Checks a journal.
fn check(file: &Path, head: Option<&String>, key: &[String], term: &Term) -> Result<u8, Fault> {
    let name = escape(path_bytes(file));
    let opened = File::open(file)
        .map_err(|error| Fault::new(name.clone(), format!("it cannot be read: {error}"), "check the path"))?;
    let checked = match verify(BufReader::new(opened)) {
        Ok(checked) => checked,
        Err(error) => {
            term.note(&fault(file, &error));
            return Ok(exit::FOUND);
        }
    };
    let (end, runs) = (checked.head, &checked.runs);
    let is_head = |head: &String| head.eq_ignore_ascii_case(&end.to_string());
    if !head.is_none_or(is_head) {
        term.note(&format_args!("{name}: it ends with {end}: lines are missing, or it was written anew"));
        return Ok(exit::FOUND);
    }
    let has = |run: &SignedRun| key.iter().any(|key| key.eq_ignore_ascii_case(&run.key));
    let missing = key.iter().find(|key| !runs.iter().any(|run| key.eq_ignore_ascii_case(&run.key)));
    if let Some(missing) = missing {
        let missing = shorten(&escape(missing.as_bytes())).into_owned();
        term.note(&format_args!("{name}: no line is signed by {missing}: it was written anew"));
        return Ok(exit::FOUND);
    }
    if !key.is_empty() && !runs.last().is_some_and(has) {
        term.note(&format_args!("{name}: its last lines are signed by a key that was not given"));
        return Ok(exit::FOUND);
    }
    let lines = count(end.lines(), "line", "lines");
    term.note(&format_args!("{name}: {lines} in one chain, which ends with {end}"));
    if checked.unsigned > 0 {
        let unsigned = count(checked.unsigned, "line is", "lines are");
        term.note(&format_args!(
            "{name}: {unsigned} signed by nobody: of an earlier version, or of somebody else"
        ));
    }
    for run in runs.iter().skip(runs.len().saturating_sub(SHOWN)) {
        let lines = count(run.lines, "line", "lines");
        let end = if run.ended {
            ""
        } else {
            "; it did not end in order: it goes on, was killed, or its end was cut off"
        };
        term.note(&format_args!("{name}: {lines} signed by {}{end}", run.key));
    }
    Ok(exit::CLEAN)
}

/// What is wrong with a journal.
pub(in crate::run) fn fault(path: &Path, error: &JournalError) -> Fault {
    let name = escape(path_bytes(path));
    let place = if error.line() == 0 { name } else { format!("{name}:{}", error.line()) };
    Fault::new(place, error.to_string(), "")
}
