//! A hook of git, from its input to its exit code.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use exfilter::config::Config;
use exfilter::{Confidence, Engine, Mode};

use super::pushed::{self, Update};
use super::tell;
use crate::args::Incomplete;
use crate::fault::Fault;
use crate::git::list::{self, Listed};
use crate::git::repo::Repo;
use crate::git::{allow, check};
use crate::hook::args::{CheckArgs, HookName};
use crate::scan::accept::Accepted;
use crate::scan::file::Examiner;
use crate::scan::progress::Progress;
use crate::scan::report::Floors;
use crate::scan::{setup, tally::Tally};
use crate::term::Term;
use crate::text::{Name, escape};
use crate::{exit, policy, rulepack};

/// What is looked at, and what is known already.
#[derive(Default)]
struct Work {
    objects: Vec<Listed>,
    /// Names of refs.
    refs: Vec<Vec<u8>>,
    allowance: allow::Allowance,
}

/// Checks what `hook` is about, and runs the hook that was there before.
///
/// # Errors
///
/// When that could not be done.
pub(super) fn check(hook: HookName, args: &CheckArgs, term: &Term) -> Result<u8, Fault> {
    let repo = Repo::at(Path::new("."));
    let mut input = Vec::new();
    if hook != HookName::Commit {
        let read = std::io::stdin().lock().take(pushed::LONGEST).read_to_end(&mut input);
        let fault = |what: String| Fault::new("<stdin>", what, "");
        read.map_err(|error| fault(format!("it cannot be read: {error}")))?;
        if input.len() as u64 == pushed::LONGEST {
            return Err(fault("it has too many refs".into()));
        }
    }
    let work = match hook {
        HookName::Commit => staged(&repo)?,
        HookName::Push => leaving(&repo, &input, args)?,
        HookName::Receive => arriving(&repo, &input)?,
    };
    for note in &work.allowance.notes {
        term.note(note);
    }
    let code = look(hook, &repo, work, args, term)?;
    if code == exit::CLEAN { go_on(args, &input) } else { Ok(code) }
}

/// What the next commit has and the last one has not.
fn staged(repo: &Repo) -> Result<Work, Fault> {
    let objects = list::staged(repo)?;
    let (allowance, _) = allow::at(repo, &["HEAD".into()])?;
    Ok(Work { objects, refs: Vec::new(), allowance })
}

/// What would leave: what the pushed refs reach, and neither those of the remote nor what is known of it here do.
fn leaving(repo: &Repo, input: &[u8], args: &CheckArgs) -> Result<Work, Fault> {
    let mut updates = pushed::of_pre_push(input)?;
    if updates.is_empty() {
        updates.extend(of_framework()?);
    }
    let remote = args.git.first().and_then(|name| name.to_str()).filter(|name| is_remote(name));
    let mut known: Vec<String> = updates.iter().filter_map(|update| update.old.clone()).collect();
    let olds = known.len();
    if let Some(remote) = remote
        && updates.iter().any(|update| update.old.is_none())
    {
        // Of a ref that is made, the remote has whatever it begins with.
        known.extend(["HEAD", "main", "master"].map(|name| format!("refs/remotes/{remote}/{name}")));
    }
    if updates.iter().all(|update| update.new.is_none()) {
        return Ok(Work::default());
    }
    let (allowance, there) = allow::at(repo, &known)?;
    let mut revisions: Vec<String> = updates.iter().filter_map(|update| update.new.clone()).collect();
    // What a ref was there may not be known here, after somebody else's push.
    revisions.extend(known[..olds].iter().filter(|old| there.contains(old)).map(|old| format!("^{old}")));
    let remotes = remote.map(|remote| format!("--remotes={remote}"));
    let extra: Vec<&str> = remotes.iter().flat_map(|remotes| ["--not", remotes]).collect();
    let objects = list::reachable(repo, &extra, &revisions)?;
    Ok(Work { objects, refs: made(updates), allowance })
}

/// What a push brings into this repository: git has not let it in yet, and `--all` is what was here before.
fn arriving(repo: &Repo, input: &[u8]) -> Result<Work, Fault> {
    let updates = pushed::of_pre_receive(input)?;
    let revisions: Vec<String> = updates.iter().filter_map(|update| update.new.clone()).collect();
    if revisions.is_empty() {
        return Ok(Work::default());
    }
    let mut known: Vec<String> = updates.iter().filter_map(|update| update.old.clone()).collect();
    if updates.iter().any(|update| update.old.is_none()) {
        known.push("HEAD".into());
    }
    let (allowance, _) = allow::at(repo, &known)?;
    let objects = list::reachable(repo, &["--not", "--all"], &revisions)?;
    Ok(Work { objects, refs: made(updates), allowance })
}

/// Names of refs that the other side will have.
fn made(updates: Vec<Update>) -> Vec<Vec<u8>> {
    updates.into_iter().filter(|update| update.new.is_some()).map(|update| update.name).collect()
}

/// Whether it names a remote whose refs are kept here; else it is an address.
fn is_remote(name: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    !name.is_empty() && !name.starts_with(['-', '/', '.']) && name.chars().all(is_plain)
}

/// What the `pre-commit` framework says of a push by variables; it has read the lines itself.
fn of_framework() -> Result<Vec<Update>, Fault> {
    let Ok(new) = std::env::var("PRE_COMMIT_TO_REF") else { return Ok(Vec::new()) };
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let zeros = || "0".repeat(new.len());
    let old = get("PRE_COMMIT_FROM_REF").unwrap_or_else(zeros);
    let name = get("PRE_COMMIT_REMOTE_BRANCH").unwrap_or_else(|| "HEAD".into());
    pushed::of_pre_push(format!("- {new} {name} {old}\n").as_bytes())
}

fn look(hook: HookName, repo: &Repo, work: Work, args: &CheckArgs, term: &Term) -> Result<u8, Fault> {
    if work.objects.is_empty() && work.refs.is_empty() {
        return Ok(exit::CLEAN);
    }
    let config = policy::load(&args.policy, &[".".into()], args.rules.trust_rules, term)?;
    let engine = engine(args, &config, term)?;
    let asked = args.fail_on.map(Confidence::from);
    let fail_on = asked.or(config.acts_from()).unwrap_or(Confidence::High);
    let floors =
        Floors { fail_on, shown: fail_on.min(Confidence::Medium), strict_examples: config.strict_examples() };
    let progress = Progress::new(term.shows_progress());
    let accepted = Accepted::default().allow(work.allowance.allowed);
    let tally = Tally::new(&engine, floors, accepted).pass(config.passes());
    let examiner = Examiner::new(&engine, &progress).with_ids();
    for name in &work.refs {
        let shown = Some(Name::fixed("the name of a ref"));
        check::look_at_text(&tally, Path::new("ref"), shown, name);
    }
    if hook == HookName::Commit {
        // The trees that name them are not there yet.
        for object in &work.objects {
            check::look_at_text(&tally, &object.path(), None, &object.path);
        }
    }
    check::run(repo, &work.objects, None, &examiner, &tally)?;
    progress.end();
    let mut report = tally.close(engine.clone(), args.incomplete == Incomplete::Fail);
    // What could not be set up refuses in any mode.
    if config.mode() == Mode::Observe && report.exit != exit::SETUP {
        report.exit = exit::CLEAN;
    }
    tell::verdict(hook, &report, term);
    Ok(report.exit)
}

fn engine(args: &CheckArgs, config: &Config, term: &Term) -> Result<Engine, Fault> {
    if !args.rules.trust_rules {
        rulepack::keep_out_of_the_tree(&args.rules.rules, &[".".into()])?;
    }
    let (rules, origins) = setup::rules(&args.rules, term)?;
    let secrets = setup::secrets(&args.secrets, false, false, term)?;
    if rules.is_empty() && secrets.is_none() {
        return Err(Fault::new("--no-builtin", "there is nothing to look for", "add --rules FILE"));
    }
    let built = setup::engine(rules, secrets, config, config.strict_examples()).build();
    built.map_err(|error| rulepack::Loaded::fault(&origins, &error))
}

/// Runs the hook that was there before, with what git gave to this one.
fn go_on(args: &CheckArgs, input: &[u8]) -> Result<u8, Fault> {
    let Some(then) = args.then.as_deref().filter(|then| is_program(then)) else { return Ok(exit::CLEAN) };
    let name = || escape(crate::text::path_bytes(then));
    let fault = |error: std::io::Error| {
        Fault::new(name(), format!("the hook that was here before cannot be run: {error}"), "")
    };
    let mut child = Command::new(then).args(&args.git).stdin(Stdio::piped()).spawn().map_err(fault)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A hook need not read what it is given.
        let _ = stdin.write_all(input);
    }
    let status = child.wait().map_err(fault)?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::SETUP))
}

/// Whether git would run it.
fn is_program(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    {
        path.is_file()
    }
}
