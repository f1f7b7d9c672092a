//! `exfilter log`: journals of `exfilter run --log`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use exfilter_guard::{JournalError, verify};

use crate::exit;
use crate::fault::Fault;
use crate::term::Term;
use crate::text::{count, escape, path_bytes};

/// `exfilter log`.
#[derive(Args)]
pub(crate) struct LogArgs {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Subcommand)]
enum LogCommand {
    /// Check that no line was changed, removed or inserted. Exit code 1 if one was
    Verify {
        /// The file
        file: PathBuf,
        /// The hash with which it must end: `exfilter run` prints it
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
    },
}

/// Checks a journal.
///
/// # Errors
///
/// The file cannot be read.
pub(crate) fn run(args: &LogArgs, term: &Term) -> Result<u8, Fault> {
    let LogCommand::Verify { file, head } = &args.command;
    let name = escape(path_bytes(file));
    let opened = File::open(file)
        .map_err(|error| Fault::new(name.clone(), format!("it cannot be read: {error}"), "check the path"))?;
    match verify(BufReader::new(opened)) {
        Ok(end) if head.as_ref().is_none_or(|head| head.eq_ignore_ascii_case(&end.to_string())) => {
            term.note(&format_args!(
                "{name}: {} in one chain, which ends with {end}",
                count(end.lines(), "line", "lines")
            ));
            Ok(exit::CLEAN)
        }
        Ok(end) => {
            term.note(&format_args!("{name}: it ends with {end}: lines are missing, or it was written anew"));
            Ok(exit::FOUND)
        }
        Err(error) => {
            term.note(&fault(file, &error));
            Ok(exit::FOUND)
        }
    }
}

/// What is wrong with a journal.
pub(super) fn fault(path: &Path, error: &JournalError) -> Fault {
    let name = escape(path_bytes(path));
    let place = if error.line() == 0 { name } else { format!("{name}:{}", error.line()) };
    Fault::new(place, error.to_string(), "")
}
