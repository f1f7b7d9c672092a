//! The audit from its arguments to its exit code.

use exfilter::{Engine, Profile};
use exfilter_audit::{Audit, FoundValue, Looks, Report};

use super::enroll::Taken;
use super::shown::Shown;
use super::{html, json, sandbox, sarif, table};
use crate::args::{Color, Incomplete};
use crate::audit::args::{AuditArgs, AuditFormat, Look};
use crate::exit::Outcome;
use crate::fault::Fault;
use crate::scan::setup;
use crate::secrets::open::Place;
use crate::term::Term;
use crate::{output, rulepack, text};

/// Runs `exfilter audit`.
///
/// # Errors
///
/// Wrong usage and set-up. Whatever goes wrong with a single source is part of the report.
pub(crate) fn run(args: &AuditArgs, term: &Term) -> Result<u8, Fault> {
    if !args.rules.trust_rules {
        rulepack::keep_out_of_the_tree(&args.rules.rules, &args.paths)?;
    }
    let mut view = sandbox::view(&args.sandbox)?;
    if let Some(home) = &args.home {
        view.home(home);
    }
    let home = view.home_folder().map(std::path::Path::to_path_buf);
    let (rules, origins) = setup::rules(&args.rules, term)?;
    // Few files are known places, and every way is tried in them; the many others are read as a proxy would.
    let fault = |error| rulepack::Loaded::fault(&origins, &error);
    let thorough = Engine::builder().rules(rules).profile(Profile::Thorough).build().map_err(fault)?;
    let inline = Engine::builder().rules_of(&thorough).build().map_err(fault)?;
    let mut audit = Audit::new(thorough, view);
    audit.bulk(inline).looks(looks(&args.only)).file_limit(args.file_limit).jobs(args.jobs);
    audit.git_objects(args.git_objects);
    for path in &args.paths {
        let inside = if path.is_absolute() || args.sandbox.as_sandbox {
            path.clone()
        } else {
            std::env::current_dir().unwrap_or_default().join(path)
        };
        audit.folder(&inside);
    }
    // Without a place for the store nothing is read.
    let store = args.enroll.then(|| Place::of(&args.place)).transpose()?;
    let taken = store.as_ref().map(|_| Taken::new());
    let take = |found: &FoundValue<'_>| {
        if let Some(taken) = &taken {
            taken.take(found);
        }
    };
    let report = audit.run_with(&take).map_err(|error| {
        Fault::new("audit", error.to_string(), "make getrandom(2) and threads available to this process")
    })?;
    let shown = Shown::new(
        &report,
        home.as_deref(),
        args.min.into(),
        args.fail_on.into(),
        outcome(&report, args).code(),
    );
    tell(&shown, args, term)?;
    if let (Some(store), Some(taken)) = (store, taken) {
        taken.keep(&store, term)?;
    }
    Ok(shown.exit)
}

fn looks(only: &[Look]) -> Looks {
    if only.is_empty() {
        return Looks::default();
    }
    let mut looks = Looks::nothing();
    for look in only {
        match look {
            Look::Environment => looks.environment = true,
            Look::Processes => looks.processes = true,
            Look::Places => looks.places = true,
            Look::Files => looks.files = true,
            Look::Capabilities => looks.capabilities = true,
        }
    }
    looks
}

fn outcome(report: &Report, args: &AuditArgs) -> Outcome {
    let floor = args.fail_on.into();
    Outcome {
        setup: false,
        found: report.finds.iter().any(|find| find.severity >= floor)
            || report.capabilities.iter().any(|capability| capability.severity >= floor),
        incomplete: args.incomplete == Incomplete::Fail
            && !(report.gaps.is_empty() && report.unlisted_gaps == 0),
    }
}

/// Writes the report.
fn tell(shown: &Shown<'_>, args: &AuditArgs, term: &Term) -> Result<(), Fault> {
    let colour = term.colours(args.color) && (args.output.is_none() || args.color == Color::Always);
    let write = |out: &mut dyn std::io::Write| match args.format {
        AuditFormat::Table => table::write(shown, colour, args.verbose, args.quiet, out),
        AuditFormat::Json => json::write(shown, out),
        AuditFormat::Sarif => sarif::write(shown, out),
        AuditFormat::Html => html::write(shown, out),
    };
    match &args.output {
        None => term.report(write).map_err(|error| {
            Fault::new("standard output", format!("the report could not be written: {error}"), "")
        }),
        Some(path) => {
            output::to_file(path, write)?;
            if !args.quiet {
                let place = text::escape(text::path_bytes(path));
                term.note(&format_args!("{place} written: {}", table::summary(shown)));
            }
            Ok(())
        }
    }
}
