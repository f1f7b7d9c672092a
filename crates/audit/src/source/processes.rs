//! Other processes: their environments, which their user can read, and their arguments, which everyone can.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::content::{Described, Fields, Subject};
use super::environment::LONGEST;
use crate::advice::Advice;
use crate::audit::Context;
use crate::grant;
use crate::names::Masked;
use crate::report::{Exposure, SourceKind};
use crate::view::{EntryKind, Miss, Spot, mode};

/// Processes that are looked at; a machine has at most four million, and few have ten thousand.
const MAX_PROCESSES: usize = 32_768;

/// Examines every process that the view shows.
pub(crate) fn run(context: &Context<'_>) {
    let Ok(proc) = context.view.locate(Path::new("/proc")) else { return };
    let mut numbers: Vec<u32> = Vec::new();
    let listed = context.view.list(&proc, &mut |entry| {
        let number = entry.name.to_str().and_then(|name| name.parse().ok());
        if let (EntryKind::Folder, Some(number)) = (entry.kind, number)
            && numbers.len() < MAX_PROCESSES
        {
            numbers.push(number);
        }
    });
    if listed.is_err() {
        return;
    }
    numbers.sort_unstable();
    numbers.into_par_iter().for_each(|number| {
        let folder = context.view.child(&proc.inside, OsStr::new(&number.to_string()));
        let own = context.view.own_process() == Some(number);
        let program = Masked::fixed(&program(context, &folder));
        let name = || {
            let program = String::from_utf8_lossy(program.as_bytes());
            Masked::fixed(&if own {
                format!("this process ({program})")
            } else {
                format!("process {number} ({program})")
            })
        };
        // The environment of this process is that of the view.
        if !own {
            part(context, &folder, "environ", SourceKind::ProcessEnvironment, &name);
        }
        part(context, &folder, "cmdline", SourceKind::ProcessArguments, &name);
    });
}

fn part(context: &Context<'_>, folder: &Spot, file: &str, source: SourceKind, name: &dyn Fn() -> Masked) {
    let spot = context.view.child(&folder.inside, OsStr::new(file));
    let (mut reader, meta) = match context.view.open(&spot) {
        Ok(open) => open,
        Err(Miss::Closed | Miss::ClosedHere) => return context.collector.closed(),
        // It has ended since, or is none.
        Err(_) => return,
    };
    let mode = mode(&meta);
    let open_to_all = mode.is_some_and(|bits| bits & 0o004 != 0);
    let exposure = if open_to_all { Exposure::All } else { Exposure::Owner };
    let describe = || Described { name: name(), mode, exposure };
    let (fields, guess) = match source {
        SourceKind::ProcessArguments => (Fields::Arguments, &grant::ARGUMENT_VALUE),
        _ => (Fields::Variables, &grant::ENVIRONMENT_VALUE),
    };
    let subject = Subject {
        source,
        place: None,
        fields,
        guess,
        advice: Some(Advice::Environment),
        limit: LONGEST,
        len: None,
        cut: true,
        describe: &describe,
    };
    let examined = context.known.examine(&subject, &mut reader);
    if examined.gaps.iter().any(|(reason, _)| *reason == "read-error") && examined.bytes == 0 {
        // Opening is allowed to all, reading only to those who may debug the process; or it ended just now.
        return context.collector.closed();
    }
    context.collector.process(examined.bytes);
    context.take(examined, name);
}

/// The name of the program, as the kernel has it: at most 15 characters.
fn program(context: &Context<'_>, folder: &Spot) -> String {
    let spot = context.view.child(&folder.inside, OsStr::new("comm"));
    let mut name = Vec::new();
    if let Ok((file, _)) = context.view.open(&spot) {
        let _ = file.take(64).read_to_end(&mut name);
    }
    let masked = context.names.mask(name.trim_ascii());
    String::from_utf8_lossy(masked.as_bytes()).into_owned()
}
