//! The `exfilter` command.
//!
//! ```text
//! args.rs     what the user may say                 exit.rs    what the exit code says
//! rulepack.rs rule files, the built-in pack         env.rs     secrets of the environment
//! policy.rs   the policy file
//! audit/      what could leak: run, table, json, sarif, html
//! scan/       walk -> file -> report                output/    table, json, jsonl, sarif
//! secrets/    the store of known secrets
//! git/        a repository's objects           hook/      hooks of git and of coding agents, and putting them there
//! publish/    a package, examined as the file that is sent
//! run/        a command behind the guard           sandbox/   the environment that a sandbox gets
//! ask.rs      the guard, asked by a hook in its sandbox
//! text.rs     names made safe to print              term.rs    the one place that writes to the terminal
//! ```
//!
//! Nothing here matches anything: every byte goes through [`exfilter::Stream`], the same that the proxies and the
//! hooks run.
#![forbid(unsafe_code)]

mod args;
mod ask;
mod audit;
mod env;
mod exit;
mod fault;
mod git;
mod hook;
mod output;
mod policy;
mod publish;
mod rulepack;
mod rules;
#[cfg(feature = "guard")]
mod run;
mod sandbox;
mod scan;
mod secrets;
mod term;
mod text;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // `--help` and `--version` arrive here too, with code 0; a closed pipe is nobody's fault.
            let _ = usage.print();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(exit::SETUP));
        }
    };
    let term = term::Term::new();
    term::mute_panics();
    let outcome = match cli.command {
        args::Command::Scan(args) => scan::run(&args, &term),
        args::Command::Audit(args) => audit::run(&args, &term),
        args::Command::Rules(args) => rules::run(&args, &term),
        args::Command::Secrets(args) => secrets::run(&args, &term),
        args::Command::Hook(args) => hook::run(&args, &term),
        args::Command::Publish(args) => publish::run(&args, &term),
        args::Command::Env(args) => sandbox::run(&args, &term),
        #[cfg(feature = "guard")]
        args::Command::Run(args) => run::run(&args, &term),
        #[cfg(feature = "guard")]
        args::Command::Guard(args) => run::serve(&args, &term),
        #[cfg(feature = "guard")]
        args::Command::Log(args) => run::log::run(&args, &term),
        #[cfg(feature = "guard")]
        args::Command::Connect(args) => run::connect::run(&args),
        #[cfg(feature = "guard")]
        args::Command::DemoClient(args) => run::demo::client(&args, &term),
        #[cfg(all(feature = "guard", unix))]
        args::Command::Forward(args) => run::forward::run(&args),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(fault) => {
            term.note(&fault);
            ExitCode::from(exit::SETUP)
        }
    }
}
