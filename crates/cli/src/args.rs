//! What the user may say.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use exfilter::Confidence;

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
    /// List the rules, check rule files, or import those of others
    Rules(RulesArgs),
    /// Check what leaves a git repository, before it does
    Hook(HookArgs),
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
    /// Treat keys from providers' documentation like any other
    #[arg(long)]
    pub(crate) strict_examples: bool,
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

/// `exfilter hook`.
#[derive(Args)]
pub(crate) struct HookArgs {
    /// What to do with hooks.
    #[command(subcommand)]
    pub(crate) command: HookCommand,
}

/// What `exfilter hook` does.
#[derive(Subcommand)]
pub(crate) enum HookCommand {
    /// Put hooks into a repository, in front of those that are there
    Install(InstallArgs),
    /// Take the hooks away and put back what was there before
    Uninstall {
        /// Those of all repositories of this user
        #[arg(long)]
        global: bool,
    },
    /// Check what is staged; git runs it before a commit
    PreCommit(CheckArgs),
    /// Check the objects that would leave; git runs it before a push
    PrePush(CheckArgs),
    /// Check the objects that a push brings; git runs it on the server
    PreReceive(CheckArgs),
}

/// `exfilter hook install`.
#[derive(Args)]
pub(crate) struct InstallArgs {
    /// For all repositories of this user (core.hooksPath); their own hooks run after
    #[arg(long)]
    pub(crate) global: bool,
    /// The hooks: pre-commit, pre-push, pre-receive
    #[arg(long, value_name = "HOOK", value_enum, default_values_t = [HookName::Commit, HookName::Push])]
    pub(crate) hook: Vec<HookName>,
}

/// A hook of git.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HookName {
    /// Before a commit
    #[value(name = "pre-commit")]
    Commit,
    /// Before a push
    #[value(name = "pre-push")]
    Push,
    /// On the server, before a push is taken
    #[value(name = "pre-receive")]
    Receive,
}

impl HookName {
    /// All of them.
    pub(crate) const ALL: [HookName; 3] = [HookName::Commit, HookName::Push, HookName::Receive];

    /// As git calls it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            HookName::Commit => "pre-commit",
            HookName::Push => "pre-push",
            HookName::Receive => "pre-receive",
        }
    }
}

/// What a hook is given.
#[derive(Args)]
pub(crate) struct CheckArgs {
    /// Refuse for findings of at least this confidence
    #[arg(long, value_enum, default_value_t = Level::High, value_name = "LEVEL")]
    pub(crate) fail_on: Level,
    /// Whether content that could not be examined refuses too
    #[arg(long, value_enum, default_value_t = Incomplete::Fail, value_name = "WHAT")]
    pub(crate) incomplete: Incomplete,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    /// A program to run when nothing is refused, if it is there: the hook that was installed before
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) then: Option<PathBuf>,
    /// What git gives to the hook
    #[arg(last = true, value_name = "ARG")]
    pub(crate) git: Vec<std::ffi::OsString>,
}

/// `exfilter rules`.
#[derive(Args)]
pub(crate) struct RulesArgs {
    /// What to do with rules.
    #[command(subcommand)]
    pub(crate) command: RulesCommand,
}

/// What `exfilter rules` does.
#[derive(Subcommand)]
pub(crate) enum RulesCommand {
    /// Check rule files: syntax, fields, bounds, and that their examples match
    Check {
        /// Rule files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// List the rules
    List {
        /// A rule file to add to the built-in rules; may be given several times
        #[arg(long, value_name = "FILE")]
        rules: Vec<PathBuf>,
        /// Leave the built-in rules out
        #[arg(long)]
        no_builtin: bool,
        /// Add the further rules that come with the program
        #[arg(long)]
        more_rules: bool,
        /// The form of the list
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Turn a rule file of gitleaks, or one that reads the same, into rules of our form
    ///
    /// Every rule that cannot be expressed is named on standard error with the reason, and so is whatever is read otherwise
    /// than it was meant. What came of the rest can be given to `scan --rules`.
    Import {
        /// The file: TOML with its rules under [[rules]]
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Write the rules to a file, whole or not at all [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// What the ids begin with, so that they are none of the built-in rules'
        #[arg(long, default_value = "imported-", value_name = "TEXT")]
        prefix: String,
        /// Only the rules that could not be imported, and the summary
        #[arg(long, short)]
        quiet: bool,
    },
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
