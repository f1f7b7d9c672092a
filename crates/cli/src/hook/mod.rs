//! `exfilter hook`: what leaves a repository, or a coding agent, is looked at before it does.
//!
//! ```text
//! install.rs   puts hooks in front of those that are there, and takes them away
//! run.rs       git's hook -> objects and texts -> ../git/check.rs -> verdict -> the hook that was there before
//! pushed.rs    which objects a push brings: lines of pre-push and pre-receive
//! overrides.rs what a pusher lets pass on a server that takes that, and its record
//! remote.rs    whether refs of a remote that are kept here speak of where a push goes
//! agent/       a coding agent's hooks: its document -> texts and files -> verdict -> its form of an answer
//! tell.rs      what, where, why, how to fix it, how to allow one finding
//! ```
//!
//! Whatever goes wrong refuses: git goes on only after exit code 0, which nothing but a clean end gives.

mod agent;
pub(crate) mod args;
mod install;
mod overrides;
mod pushed;
mod remote;
mod run;
mod tell;

pub(crate) use tell::{Act, verdict as tell};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use exfilter::Engine;
use exfilter::config::Config;

use crate::args::{RuleArgs, SecretArgs};
use crate::fault::Fault;
use crate::hook::args::{HookArgs, HookCommand, HookName};
use crate::term::Term;

/// The engine of a check.
///
/// # Errors
///
/// Rules or secrets that cannot be had.
pub(crate) fn engine(
    rules: &RuleArgs,
    secrets: &SecretArgs,
    config: &Config,
    term: &Term,
) -> Result<Engine, Fault> {
    run::engine(rules, secrets, config, false, term).map(|(engine, _)| engine)
}

/// Runs `exfilter hook`.
///
/// # Errors
///
/// Wrong usage, set-up, and what git refuses: the hook fails, and git does not go on.
pub(crate) fn run(args: &HookArgs, term: &Term) -> Result<u8, Fault> {
    let check = |name, args: &_, overrides: Option<&Path>| {
        catch_unwind(AssertUnwindSafe(|| run::check(name, args, overrides, term))).unwrap_or_else(|_| {
            Err(Fault::new(name.as_str(), "the check failed, so nothing leaves", "please report this"))
        })
    };
    match &args.command {
        HookCommand::Install(args) => match args.agent {
            Some(agent) => agent::install(agent, args.global, term),
            None => install::install(args, term),
        },
        HookCommand::Uninstall { global, agent: Some(agent) } => agent::uninstall(*agent, *global, term),
        HookCommand::Uninstall { global, agent: None } => install::uninstall(*global, term),
        HookCommand::Agent(args) => {
            catch_unwind(AssertUnwindSafe(|| agent::run(args, term))).unwrap_or_else(|_| {
                Err(Fault::new("hook agent", "the check failed, so nothing leaves", "please report this"))
            })
        }
        HookCommand::PreCommit(args) => check(HookName::Commit, args, None),
        HookCommand::PrePush(args) => check(HookName::Push, args, None),
        HookCommand::PreReceive(args) => check(HookName::Receive, &args.check, args.overrides.as_deref()),
    }
}
