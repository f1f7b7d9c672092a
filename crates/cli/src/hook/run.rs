//! A hook of git, from its input to its exit code.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use exfilter::config::Config;
use exfilter::{Engine, FindingId};

use super::pushed::{self, Update};
use super::{overrides, remote, tell};
use crate::args::{Incomplete, RuleArgs, SecretArgs};
use crate::fault::Fault;
use crate::git::list::{self, Listed};
use crate::git::repo::Repo;
use crate::git::{allow, check};
use crate::hook::args::{CheckArgs, HookName};
use crate::rulepack::Origins;
use crate::scan::accept::Accepted;
use crate::scan::file::{Examined, Examiner};
use crate::scan::progress::Progress;
use crate::scan::report::Floors;
use crate::scan::{setup, tally::Tally};
use crate::term::Term;
use crate::text::{Name, escape};
use crate::{ask, exit, policy, rulepack};

/// What is looked at, and what is known already.
#[derive(Default)]
struct Work {
    objects: Vec<Listed>,
    /// Names of refs.
    refs: Vec<Vec<u8>>,
    allowance: allow::Allowance,
    /// Findings that the pusher lets pass.
    overridden: Vec<FindingId>,
}

/// Checks what `hook` is about, and runs the hook that was there before.
///
/// # Errors
///
/// When that could not be done.
pub(super) fn check(
    hook: HookName,
    args: &CheckArgs,
    overrides: Option<&Path>,
    term: &Term,
) -> Result<u8, Fault> {
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
        HookName::Receive => arriving(&repo, &input, overrides, term)?,
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
    Ok(Work { objects, allowance, ..Work::default() })
}

/// What would leave: what the pushed refs reach, and neither those of the remote nor what is known of it here do.
fn leaving(repo: &Repo, input: &[u8], args: &CheckArgs) -> Result<Work, Fault> {
    let mut updates = pushed::of_pre_push(input)?;
    let mut to = match &args.git[..] {
        [name, url, ..] => Some((name.clone(), url.clone())),
        // Nobody says where it goes.
        _ => None,
    };
    let framework = updates.is_empty() && std::env::var_os("PRE_COMMIT").is_some();
    if framework {
        to = variable("PRE_COMMIT_REMOTE_NAME").zip(variable("PRE_COMMIT_REMOTE_URL"));
    }
    let remote = to.as_ref().and_then(|(name, url)| Some((name.to_str()?, url)));
    let remote = remote.and_then(|(name, url)| remote::is_tracked(repo, name, url).then_some(name));
    if framework {
        updates = of_framework(repo, remote.is_some())?;
    }
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
    Ok(Work { objects, refs: made(updates), allowance, overridden: Vec::new() })
}

/// What a push brings into this repository: git has not let it in yet, and `--all` is what was here before.
fn arriving(repo: &Repo, input: &[u8], record: Option<&Path>, term: &Term) -> Result<Work, Fault> {
    let updates = pushed::of_pre_receive(input)?;
    let revisions: Vec<String> = updates.iter().filter_map(|update| update.new.clone()).collect();
    if revisions.is_empty() {
        return Ok(Work::default());
    }
    // What a ref is here is what the client says, and git compares it only later: it may be a commit of this push.
    let here = repo.run(&["for-each-ref", "--format=%(objectname)"], &[])?;
    let here: HashSet<&[u8]> = here.split(|byte| *byte == b'\n').collect();
    let mut known: Vec<String> = updates.iter().filter_map(|update| update.old.clone()).collect();
    known.retain(|old| here.contains(old.as_bytes()));
    if updates.iter().any(|update| update.old.is_none()) {
        known.push("HEAD".into());
    }
    let (allowance, _) = allow::at(repo, &known)?;
    let mut objects = list::reachable(repo, &["--not", "--all"], &revisions)?;
    if let Some(quarantine) = std::env::var_os("GIT_QUARANTINE_PATH") {
        let stray = list::stray(repo, &quarantine, &objects)?;
        objects.extend(stray);
    }
    let overridden = overrides::asked(record, &updates, term)?;
    Ok(Work { objects, refs: made(updates), allowance, overridden })
}

/// Names of refs that the other side will have.
fn made(updates: Vec<Update>) -> Vec<Vec<u8>> {
    updates.into_iter().filter(|update| update.new.is_some()).map(|update| update.name).collect()
}

/// What a push may bring that the `pre-commit` framework runs hooks for. It has read git's lines itself and tells of one ref at most, of none where all of the
/// history is new: so all branches and tags are meant, and where the work stands.
fn of_framework(repo: &Repo, tracked: bool) -> Result<Vec<Update>, Fault> {
    let mut lines = Vec::new();
    let refs = ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"];
    for line in repo.run(&refs, &[])?.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b' ');
        if let (Some(new), Some(name)) = (parts.next(), parts.next()) {
            lines.push([b"- ", new, b" ", name, b" ", "0".repeat(new.len()).as_bytes(), b"\n"].concat());
        }
    }
    let text = |name| variable(name).map(|value| value.as_encoded_bytes().to_vec());
    let head = repo.line(&["rev-parse", "--quiet", "--verify", "HEAD^{commit}"]).ok();
    for new in head.into_iter().chain(text("PRE_COMMIT_TO_REF")) {
        // What the remote has, or a parent of what it has not by what is known of it here.
        let old = text("PRE_COMMIT_FROM_REF").filter(|old| tracked && old.len() == new.len());
        let old = old.unwrap_or_else(|| b"0".repeat(new.len()));
        let name = text("PRE_COMMIT_REMOTE_BRANCH").unwrap_or_else(|| b"HEAD".to_vec());
        lines.push([b"- ", &new[..], b" ", &name, b" ", &old, b"\n"].concat());
    }
    pushed::of_pre_push(&lines.concat())
}

/// A variable that says something.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn look(hook: HookName, repo: &Repo, work: Work, args: &CheckArgs, term: &Term) -> Result<u8, Fault> {
    if work.objects.is_empty() && work.refs.is_empty() {
        return Ok(exit::CLEAN);
    }
    let config = policy::load(&args.refuse.policy, &[".".into()], args.refuse.rules.trust_rules, term)?;
    let (engine, _) = engine(&args.refuse.rules, &args.refuse.secrets, &config, false, term)?;
    let floors = Floors::of_leaving(args.refuse.fail_on, &config);
    let progress = Progress::new(term.shows_progress());
    let accepted = Accepted::of_ids(&work.overridden).allow(work.allowance.allowed);
    let tally = Tally::new(&engine, floors, accepted).pass(config.passes());
    let guard = ask::Guard::of_environment(&engine, term)?;
    let examiner = Examiner::new(&engine, &progress).with_ids().asking(guard.as_ref());
    let mut names = work.refs.join(&b'\n');
    for name in &work.refs {
        let shown = Some(Name::fixed("the name of a ref"));
        check::look_at_text(&tally, Path::new("ref"), shown, name);
    }
    if hook == HookName::Commit {
        // The trees that name them are not there yet.
        for object in &work.objects {
            check::look_at_text(&tally, &object.path(), None, &object.path);
            names.extend_from_slice(&[b"\n", &object.path[..]].concat());
        }
    }
    if let Some(guard) = &guard {
        let mut examined = Examined::default();
        examined.take(guard.ask(&names));
        tally.object(Path::new("names"), Some(Name::fixed("the name of a ref or file")), None, examined);
    }
    check::run(repo, &work.objects, None, &examiner, &tally)?;
    guard.as_ref().map_or(Ok(()), ask::Guard::end)?;
    progress.end();
    let mut report = tally.close(engine.clone(), args.refuse.incomplete == Incomplete::Fail);
    policy::observe(&config, &mut report);
    tell::verdict(hook.into(), &report, term);
    Ok(report.exit)
}

/// The engine that is asked for, and where the rules stand that are somebody's own.
///
/// # Errors
///
/// Rules or secrets that cannot be had.
pub(crate) fn engine(
    rules: &RuleArgs,
    secrets: &SecretArgs,
    config: &Config,
    quiet: bool,
    term: &Term,
) -> Result<(Engine, Origins), Fault> {
    if !rules.trust_rules {
        rulepack::keep_out_of_the_tree(&rules.rules, &[".".into()])?;
    }
    let (rules, origins) = setup::rules(rules, term)?;
    let secrets = setup::secrets(secrets, quiet, false, term)?;
    if rules.is_empty() && secrets.is_none() {
        return Err(Fault::new("--no-builtin", "there is nothing to look for", "add --rules FILE"));
    }
    match setup::engine(rules, secrets, config, config.strict_examples()).build() {
        Ok(engine) => Ok((engine, origins)),
        Err(error) => Err(rulepack::Loaded::fault(&origins, &error)),
    }
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
