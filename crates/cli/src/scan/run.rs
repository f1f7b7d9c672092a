//! The scan from its arguments to its exit code.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use exfilter::Engine;
use exfilter::config::Config;

use super::accept::Accepted;
use super::file::{Closed, Examined, Examiner, open};
use super::pool::Threads;
use super::progress::Progress;
use super::report::{Floors, Gap, Reason, Report, Seen};
use super::tally::Tally;
use super::walk::{Leave, STDIN, Step, Walk};
use super::{accept, filter, pool, setup};
use crate::args::{Color, Format, Incomplete, ScanArgs};
use crate::fault::Fault;
use crate::term::Term;
use crate::{exit, output, policy, rulepack, text};

/// Runs `exfilter scan`.
///
/// # Errors
///
/// Wrong usage and set-up. Whatever goes wrong with a single file is part of the report.
pub(crate) fn run(args: &ScanArgs, term: &Term) -> Result<u8, Fault> {
    if args.git.git {
        return crate::git::scan(args, term);
    }
    let roots = distinct(&args.paths)?;
    filter::check(&args.walk.exclude)?;
    if !args.rules.trust_rules {
        rulepack::keep_out_of_the_tree(&args.rules.rules, &roots)?;
    }
    let config = policy::load(&args.policy, &roots, args.rules.trust_rules, term)?;
    let engine = engine(args, &config, term)?;
    let accepted = args.accept.baseline.as_deref().map_or(Ok(Accepted::default()), Accepted::read)?;
    let progress = Progress::new(term.shows_progress() && !args.output.quiet);
    let mut examiner = Examiner::new(&engine, &progress).in_roots(&args.paths);
    if args.accept.wants_ids() {
        examiner = examiner.with_ids();
    }
    let tally = Tally::new(&engine, Floors::of(&args.judge, &config), accepted).pass(config.passes());
    let task = Task { tally, alone: examiner.alone(), examiner };
    let leave = Leave {
        gitignored: args.walk.gitignore,
        patterns: args.walk.exclude.clone(),
        git_objects: args.walk.git_objects,
    };
    let whole =
        pool::run(Walk::new(roots.clone(), leave), args.jobs, &|step, threads| task.run(step, threads))?;
    progress.end();
    if !whole {
        task.tally.unexamined(roots[0].clone(), Vec::new(), Some(Gap::tail(0, Reason::Internal)));
    }
    let report = task.tally.close(engine.clone(), args.judge.incomplete == Incomplete::Fail);
    tell(&report, args, term)
}

/// The paths without repetitions.
fn distinct(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Fault> {
    let mut roots: Vec<PathBuf> = Vec::with_capacity(paths.len());
    let mut real = std::collections::HashSet::new();
    for path in paths {
        if path.as_os_str().is_empty() {
            return Err(Fault::new("PATH", "a path must not be empty", "name a folder, a file, or `-`"));
        }
        if path.as_os_str() == STDIN {
            if roots.iter().any(|r| r.as_os_str() == STDIN) {
                return Err(Fault::new("-", "standard input can be read once only", "give `-` once"));
            }
        } else if !real.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
            continue;
        }
        roots.push(path.clone());
    }
    Ok(roots)
}

pub(crate) fn engine(args: &ScanArgs, config: &Config, term: &Term) -> Result<Engine, Fault> {
    let (rules, origins) = setup::rules(&args.rules, term)?;
    let secrets = setup::secrets(&args.secrets, args.output.quiet, args.output.verbose, term)?;
    if rules.is_empty() && secrets.is_none() {
        return Err(nothing_to_look_for());
    }
    let mut builder =
        setup::engine(rules, secrets, config, args.judge.strict_examples || config.strict_examples());
    builder.build().map_err(|error| rulepack::Loaded::fault(&origins, &error))
}

fn nothing_to_look_for() -> Fault {
    Fault::new(
        "--no-builtin",
        "there is nothing to look for: no rules and no secrets",
        "add --rules FILE, --more-rules, --store or --secrets-from-env",
    )
}

/// What one task of the pool does.
struct Task<'a> {
    tally: Tally,
    examiner: Examiner<'a>,
    /// For steps that are carried out one after the other.
    alone: Examiner<'a>,
}

impl Task<'_> {
    /// Carries out a step. Readers are guarded where they are read; this guards what is left.
    fn run(&self, step: Step, threads: Threads) {
        let examiner = match threads {
            Threads::Idle => &self.alone,
            Threads::Busy => &self.examiner,
        };
        if catch_unwind(AssertUnwindSafe(|| self.carry_out(step, examiner))).is_err() {
            self.tally.lost();
        }
    }

    fn carry_out(&self, step: Step, examiner: &Examiner<'_>) {
        match step {
            Step::Stdin => {
                let examined = examiner.examine(STDIN.as_bytes(), &mut io::stdin().lock());
                self.tally.examined(PathBuf::from(STDIN), Vec::new(), examined);
            }
            Step::File { path, named } => self.file(path, named, examiner),
            Step::Name { path } => {
                let (in_name, gap) = self.name(&path);
                self.tally.unexamined(path, in_name, gap);
            }
            Step::Skip { path, reason } => self.tally.skipped(path, reason),
            Step::Missing { path, error } => {
                self.tally.setup_failed();
                self.gap(path, Reason::Missing(error.to_string()));
            }
            Step::Special { path, reason } => self.gap(path, Reason::Special(reason)),
            Step::Fault { path, error } => self.gap(path, Reason::of_open(&error)),
        }
    }

    fn file(&self, path: PathBuf, named: bool, examiner: &Examiner<'_>) {
        let (in_name, name_gap) = self.name(&path);
        match open(&path, named) {
            Ok(mut file) => {
                let mut examined: Examined = examiner.examine(text::path_bytes(&path), &mut file);
                examined.gaps.extend(name_gap);
                self.tally.examined(path, in_name, examined);
            }
            Err(Closed::Error(error)) => {
                self.tally.unexamined(path, in_name, Some(Gap::tail(0, Reason::of_open(&error))));
            }
            // It was a file when the folder was read.
            Err(Closed::Special(reason)) => {
                self.tally.unexamined(path, in_name, Some(Gap::tail(0, Reason::Special(reason))));
            }
        }
    }

    /// Looks at a name, and never lets a fault of the engine end the scan.
    fn name(&self, path: &Path) -> (Vec<Seen>, Option<Gap>) {
        match catch_unwind(AssertUnwindSafe(|| self.tally.look_at_name(path))) {
            Ok(seen) => (seen, None),
            Err(_) => (Vec::new(), Some(Gap::tail(0, Reason::Internal))),
        }
    }

    fn gap(&self, path: PathBuf, reason: Reason) {
        self.tally.unexamined(path, Vec::new(), Some(Gap::tail(0, reason)));
    }
}

/// Writes the report and says what the process exits with.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn tell(report: &Report, args: &ScanArgs, term: &Term) -> Result<u8, Fault> {
    if let Some(path) = &args.accept.write_baseline {
        output::to_file(path, |out| accept::write(report, out))?;
    }
    for (file, gap) in report.gaps().filter(|(_, gap)| gap.reason.is_fault()) {
        let range = if gap.start > 0 { format!(" ({})", gap.range()) } else { String::new() };
        term.note(&format_args!("{}{range}: {}; not examined", file.name.short(), gap.reason.describe()));
    }
    let style = output::Style {
        format: args.output.format,
        colour: term.colours(args.output.color)
            && (args.output.output.is_none() || args.output.color == Color::Always),
        verbose: args.output.verbose,
        quiet: args.output.quiet,
    };
    match &args.output.output {
        None => term.report(|out| output::write(report, &style, out)).map_err(|error| {
            Fault::new("standard output", format!("the report could not be written: {error}"), "")
        })?,
        Some(path) => {
            output::to_file(path, |out| output::write(report, &style, out))?;
            if !args.output.quiet {
                let place = text::escape(text::path_bytes(path));
                term.note(&format_args!("{place} written: {}", output::summary(report)));
            }
        }
    }
    if report.exit == exit::SETUP && args.output.format == Format::Table && !args.output.quiet {
        term.note(&"a path that was named does not exist; check its spelling");
    }
    Ok(report.exit)
}
