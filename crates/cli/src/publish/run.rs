//! `exfilter publish`, from its arguments to the exit code.

use std::path::{Path, PathBuf};

use exfilter::config::Config;

use super::args::PublishArgs;
use super::words::Words;
use crate::args::Incomplete;
use crate::fault::Fault;
use crate::hook::{self, Act};
use crate::scan::accept::Accepted;
use crate::scan::file::{self, Closed, Examined, Examiner};
use crate::scan::progress::Progress;
use crate::scan::report::{Floors, Gap, Reason, Report};
use crate::scan::tally::Tally;
use crate::term::Term;
use crate::text::path_bytes;
use crate::{ask, exit, policy};

/// Packs, examines, and publishes what was examined.
///
/// # Errors
///
/// Wrong usage, set-up, and a client that is missing or fails.
pub(crate) fn run(args: &PublishArgs, term: &Term) -> Result<u8, Fault> {
    let words = Words::parse(args.client, &args.words)?;
    let config = policy::load(&args.refuse.policy, &[".".into()], args.refuse.rules.trust_rules, term)?;
    let engine = hook::engine(&args.refuse.rules, &args.refuse.secrets, &config, term)?;
    let dir = tempfile::Builder::new().prefix("exfilter-publish-").tempdir();
    let dir = dir.map_err(|error| {
        Fault::new("publish", format!("there is no folder for the package: {error}"), "set TMPDIR")
    })?;
    let packed = args.client.pack(&words, dir.path())?;
    let guard = ask::Guard::of_environment(&engine, term)?;
    let report = examine(&packed.files, engine, &config, args, guard.as_ref(), term);
    guard.as_ref().map_or(Ok(()), ask::Guard::end)?;
    hook::tell(Act::Publish, &report, term);
    if report.exit != exit::CLEAN {
        return Ok(report.exit);
    }
    let size = crate::text::size(report.totals.bytes);
    term.note(&format_args!("{} examined ({size}), publishing", names(&report, &packed.files)));
    args.client.publish(&words, &packed)?;
    Ok(exit::CLEAN)
}

fn examine(
    files: &[PathBuf],
    engine: exfilter::Engine,
    config: &Config,
    args: &PublishArgs,
    guard: Option<&ask::Guard>,
    term: &Term,
) -> Report {
    let floors = Floors::of_leaving(args.refuse.fail_on, config);
    let progress = Progress::new(term.shows_progress());
    let tally = Tally::new(&engine, floors, Accepted::of_ids(&args.allow.allow)).pass(config.passes());
    let examiner = Examiner::new(&engine, &progress).with_ids().asking(guard).alone();
    for file in files {
        let name = PathBuf::from(file.file_name().unwrap_or_default());
        let in_name = tally.look_at_name(&name);
        // Ids of weak findings outlast versions, which stand in the name.
        let stable = args.client.program().as_bytes();
        let examined = match file::open(file, false) {
            Ok(mut content) => examiner.examine(stable, &mut content),
            Err(Closed::Error(error)) => unexamined(Reason::of_open(&error)),
            Err(Closed::Special(reason)) => unexamined(Reason::Special(reason)),
        };
        tally.examined(name, in_name, examined);
    }
    progress.end();
    let mut report = tally.close(engine, args.refuse.incomplete == Incomplete::Fail);
    policy::observe(config, &mut report);
    report
}

fn unexamined(reason: Reason) -> Examined {
    let mut examined = Examined::default();
    examined.gaps.push(Gap::tail(0, reason));
    examined
}

/// The names of the files, masked.
fn names(report: &Report, files: &[PathBuf]) -> String {
    let masks = exfilter_audit::Names::new(&report.engine);
    let name = |file: &PathBuf| {
        let name = Path::new(file.file_name().unwrap_or_default());
        crate::text::escape(masks.mask(path_bytes(name)).as_bytes())
    };
    files.iter().map(name).collect::<Vec<_>>().join(", ")
}
