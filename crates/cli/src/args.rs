//! What the user may say.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use exfilter::{Confidence, FindingId};

/// The command line.
#[derive(Parser)]
#[command(
    name = "exfilter",
    version,
    about = "Finds secrets before they leave: in folders, archives and streams",
    after_help = "Exit codes: 0 clean, 1 a finding at or above --fail-on, 3 not everything was examined, \
                  2 wrong usage or set-up; 2 beats 1 beats 3."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Scan folders, files and archives, or standard input, for secrets
    Scan(Box<ScanArgs>),
    /// Find every secret that a process here could read, what each opens, and what to do about it
    Audit(Box<crate::audit::args::AuditArgs>),
    /// List the rules, check rule files, or import those of others
    Rules(crate::rules::args::RulesArgs),
    /// Keep known secrets, so that they are found wherever they go
    Secrets(Box<crate::secrets::args::SecretsArgs>),
    /// Check what leaves a git repository, before it does
    Hook(crate::hook::args::HookArgs),
    /// Pack a package, check exactly what will be sent, and publish that
    Publish(Box<crate::publish::args::PublishArgs>),
    /// Print the environment of a sandbox: placeholders for its secrets, proxy, certificates
    Env(Box<crate::sandbox::args::EnvArgs>),
    /// Run a command from which no secret leaves: behind a proxy that examines every request, with placeholders instead of keys
    #[cfg(feature = "guard")]
    Run(Box<crate::run::args::RunArgs>),
    /// Serve as the proxy of sandboxes that something else starts: containers, virtual machines, agents
    #[cfg(feature = "guard")]
    Guard(Box<crate::run::args::ServeArgs>),
    /// Show or check the journal of `exfilter run --log`
    #[cfg(feature = "guard")]
    Log(crate::run::log::LogArgs),
    /// Through the proxy of the environment to a host, as ssh's ProxyCommand
    #[cfg(feature = "guard")]
    #[command(hide = true)]
    Connect(crate::run::connect::ConnectArgs),
    /// The program of `exfilter run --demo`
    #[cfg(feature = "guard")]
    #[command(hide = true)]
    DemoClient(crate::run::demo::ClientArgs),
    /// Within a network namespace: from a port of 127.0.0.1 to the guard's socket
    #[cfg(all(feature = "guard", unix))]
    #[command(hide = true)]
    Forward(crate::run::forward::ForwardArgs),
}

/// `exfilter scan`.
#[derive(Args)]
pub(crate) struct ScanArgs {
    /// Folders and files to scan; `-` is standard input. With --git a repository [default: .], and revisions or ranges
    #[arg(required_unless_present = "git", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) git: GitArgs,
    #[command(flatten)]
    pub(crate) accept: AcceptArgs,

    #[command(flatten)]
    pub(crate) walk: WalkArgs,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,

    /// Files scanned at the same time [default: the number of processors]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
}

/// What is walked. Everything, unless asked otherwise.
#[derive(Args)]
#[command(next_help_heading = "What is scanned")]
pub(crate) struct WalkArgs {
    /// Skip what git ignores (.gitignore, .git/info/exclude, the global file)
    #[arg(long)]
    pub(crate) gitignore: bool,
    /// Skip what matches a pattern in the syntax of .gitignore; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Walk into .git/objects too
    #[arg(long)]
    pub(crate) git_objects: bool,
}

/// A repository's objects instead of files.
#[derive(Args)]
#[command(next_help_heading = "History")]
pub(crate) struct GitArgs {
    /// Scan the history of a git repository: every object once
    #[arg(long)]
    pub(crate) git: bool,
    /// Only what HEAD has and this revision has not
    #[arg(long, value_name = "REV", requires = "git", conflicts_with = "staged")]
    pub(crate) since: Option<String>,
    /// Only what is staged for the next commit
    #[arg(long, requires = "git")]
    pub(crate) staged: bool,
}

/// What has been looked at before.
#[derive(Args)]
#[command(next_help_heading = "What is accepted")]
pub(crate) struct AcceptArgs {
    /// Accept the findings that this file lists
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write a file that lists all findings, for --baseline
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    pub(crate) write_baseline: Option<PathBuf>,
}

impl AcceptArgs {
    /// Whether every finding needs a name.
    pub(crate) fn wants_ids(&self) -> bool {
        self.baseline.is_some() || self.write_baseline.is_some()
    }
}

/// What is looked for.
#[derive(Args)]
#[command(next_help_heading = "What is looked for")]
pub(crate) struct RuleArgs {
    /// A rule file to add to the built-in rules; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,
    /// Accept rule files that lie inside the scanned tree: whoever writes the tree then decides what is found
    #[arg(long)]
    pub(crate) trust_rules: bool,
    /// Leave the built-in rules out
    #[arg(long)]
    pub(crate) no_builtin: bool,
    /// Add the further rules that come with the program: some 300 more providers, 40 ms more to start
    #[arg(long)]
    pub(crate) more_rules: bool,
    /// Name the rules of files that are faulty, and scan with the rest
    #[arg(long)]
    pub(crate) keep_going: bool,
}

/// Known secrets.
#[derive(Args)]
pub(crate) struct SecretArgs {
    /// Look for the values of environment variables that hold secrets by their name (*_TOKEN, *_API_KEY, ...)
    #[arg(long)]
    pub(crate) secrets_from_env: bool,
    /// Further names of variables, with `*` for any characters; may be given several times
    #[arg(long, value_name = "PATTERN", requires = "secrets_from_env")]
    pub(crate) env_name: Vec<String>,
    /// Look for the secrets of this store, or of the usual one [default: the usual one, if there is one]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub(crate) store: Option<Option<PathBuf>>,
    /// Look for no secrets of a store
    #[arg(long, conflicts_with = "store")]
    pub(crate) no_store: bool,
}

impl SecretArgs {
    /// The store that is asked for.
    pub(crate) fn choice(&self) -> crate::secrets::open::Choice<'_> {
        crate::secrets::open::Choice::of(self.store.as_ref(), self.no_store)
    }
}

/// The policy.
#[derive(Args)]
pub(crate) struct PolicyArgs {
    /// Read the policy from this file [default: ~/.config/exfilter/policy.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Read no policy
    #[arg(long, conflicts_with = "policy")]
    pub(crate) no_policy: bool,
}

/// What counts.
#[derive(Args)]
#[command(next_help_heading = "What counts")]
pub(crate) struct JudgeArgs {
    /// Exit with 1 for findings of at least this confidence
    #[arg(long, value_enum, default_value_t = Level::Medium, value_name = "LEVEL")]
    pub(crate) fail_on: Level,
    /// Whether content that could not be examined fails the scan (exit code 3)
    #[arg(long, value_enum, default_value_t = Incomplete::Fail, value_name = "WHAT")]
    pub(crate) incomplete: Incomplete,
    /// Hide findings below this confidence; they still count for --fail-on
    #[arg(long, value_enum, default_value_t = Level::Low, value_name = "LEVEL")]
    pub(crate) min: Level,
    /// Treat keys from providers' documentation, and private keys in paths of tests, like any other
    #[arg(long)]
    pub(crate) strict_examples: bool,
}

/// What refuses, where the question is whether something may leave.
#[derive(Args)]
pub(crate) struct RefuseArgs {
    /// Refuse for findings of at least this confidence [default: what the policy blocks, which is high without one]
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) fail_on: Option<Level>,
    /// Whether content that could not be examined refuses too
    #[arg(long, value_enum, default_value_t = Incomplete::Fail, value_name = "WHAT")]
    pub(crate) incomplete: Incomplete,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
}

/// Findings that may pass.
#[derive(Args)]
pub(crate) struct AllowArgs {
    /// Let a finding pass; may be given several times. What is enrolled never passes
    #[arg(long, value_name = "ID", value_parser = finding_id)]
    pub(crate) allow: Vec<FindingId>,
}

/// How it is told.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Write the report to a file, whole or not at all
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// When to colour the table
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
    /// List what was skipped and which variables were refused
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// No progress, no summary
    #[arg(long, short, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

/// The id of a finding, as typed.
pub(crate) fn finding_id(text: &str) -> Result<FindingId, String> {
    text.parse().map_err(|error| format!("{error}"))
}

/// A confidence, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// A shape that ordinary data has too
    Low,
    /// A distinctive context or prefix
    Medium,
    /// A verified checksum, or a format nothing else has
    High,
    /// An enrolled secret
    Confirmed,
}

impl From<Level> for Confidence {
    fn from(level: Level) -> Confidence {
        match level {
            Level::Low => Confidence::Low,
            Level::Medium => Confidence::Medium,
            Level::High => Confidence::High,
            Level::Confirmed => Confidence::Confirmed,
        }
    }
}

/// What content that was not examined does to the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Incomplete {
    /// Exit with 3
    Fail,
    /// Report it only
    Ok,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns for people
    Table,
    /// One JSON document
    Json,
    /// One JSON object per line
    Jsonl,
    /// SARIF 2.1.0
    Sarif,
}

/// The form of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// Aligned columns for people
    Table,
    /// One JSON document
    Json,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
