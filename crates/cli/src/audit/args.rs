//! What the user may say to `exfilter audit`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::{Color, Incomplete, RuleArgs};
use crate::secrets::args::PlaceArgs;

/// `exfilter audit`.
#[derive(Args)]
pub(crate) struct AuditArgs {
    /// Further folders and files to read, beside the home and the current folder
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// Look at this only; may be given several times
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) only: Vec<Look>,
    /// The home of the audited user
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Bytes read of a file where no tool is known to keep credentials (k and M may follow the number)
    #[arg(long, value_name = "BYTES", default_value = "256k", value_parser = bytes)]
    pub(crate) file_limit: u64,

    /// Read git's object stores too: what was committed, stashed or removed
    #[arg(long)]
    pub(crate) git_objects: bool,

    /// Keep what was found in the store of known secrets, so that scans and hooks look for it
    #[arg(long)]
    pub(crate) enroll: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,

    /// Exit with 1 for secrets and capabilities of at least this severity
    #[arg(long, value_enum, default_value_t = SeverityLevel::Medium, value_name = "SEVERITY", help_heading = "What counts")]
    pub(crate) fail_on: SeverityLevel,
    /// Whether content that could not be examined fails the audit (exit code 3)
    #[arg(long, value_enum, default_value_t = Incomplete::Fail, value_name = "WHAT", help_heading = "What counts")]
    pub(crate) incomplete: Incomplete,
    /// Hide what is below this severity; it is counted
    #[arg(long, value_enum, default_value_t = SeverityLevel::Low, value_name = "SEVERITY", help_heading = "What counts")]
    pub(crate) min: SeverityLevel,

    /// The form of the report
    #[arg(long, value_enum, default_value_t = AuditFormat::Table, help_heading = "Output")]
    pub(crate) format: AuditFormat,
    /// Write the report to a file, whole or not at all
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
    /// When to colour the table
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub(crate) color: Color,
    /// List every place, what to do about each secret, and what was skipped
    #[arg(long, short, help_heading = "Output")]
    pub(crate) verbose: bool,
    /// No summary
    #[arg(long, short, conflicts_with = "verbose", help_heading = "Output")]
    pub(crate) quiet: bool,

    /// Files read at the same time [default: the number of processors]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
}

/// What a sandbox would see.
#[derive(Args)]
#[command(next_help_heading = "Another view: what a sandbox sees")]
pub(crate) struct SandboxArgs {
    /// Audit what a sandbox would see, as the options below describe it
    #[arg(long)]
    pub(crate) as_sandbox: bool,
    /// Its root folder
    #[arg(long, value_name = "DIR", requires = "as_sandbox", conflicts_with_all = ["bwrap", "pid"])]
    pub(crate) root: Option<PathBuf>,
    /// Its user and groups by number, as this machine counts them: UID[:GID,GID..]
    #[arg(long, value_name = "UID", requires = "as_sandbox", value_parser = user)]
    pub(crate) user: Option<User>,
    /// Its variables: a file with one NAME=value per line
    #[arg(long, value_name = "FILE", requires = "as_sandbox")]
    pub(crate) env_file: Option<PathBuf>,
    /// A folder or file of this machine that it sees; may be given several times
    #[arg(long, value_name = "FROM:AT", requires = "as_sandbox", value_parser = mount)]
    pub(crate) mount: Vec<(PathBuf, PathBuf)>,
    /// A file with the arguments of bubblewrap, as a command line or each ended by a NUL
    #[arg(long, value_name = "FILE", requires = "as_sandbox", conflicts_with_all = ["devcontainer", "pid"])]
    pub(crate) bwrap: Option<PathBuf>,
    /// A devcontainer.json: its mounts and variables (the files of its image with --root)
    #[arg(long, value_name = "FILE", requires = "as_sandbox", conflicts_with = "pid")]
    pub(crate) devcontainer: Option<PathBuf>,
    /// A running process: its mounts, its variables, its user
    #[arg(long, value_name = "PID", requires = "as_sandbox")]
    pub(crate) pid: Option<u32>,
}

/// A user and its groups, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// The user's number.
    pub(crate) user: u32,
    /// The groups' numbers.
    pub(crate) groups: Vec<u32>,
}

fn user(text: &str) -> Result<User, &'static str> {
    let (user, groups) = text.split_once(':').unwrap_or((text, ""));
    let number =
        |word: &str| word.parse().map_err(|_| "users and groups are given by number: UID[:GID,GID..]");
    let groups = groups.split(',').filter(|word| !word.is_empty()).map(number).collect::<Result<_, _>>()?;
    Ok(User { user: number(user)?, groups })
}

fn mount(text: &str) -> Result<(PathBuf, PathBuf), &'static str> {
    let (from, at) =
        text.split_once(':').ok_or("a mount is FROM:AT, an absolute path inside behind the colon")?;
    let at = at.split(':').next().unwrap_or(at);
    if from.is_empty() || !at.starts_with('/') {
        return Err("a mount is FROM:AT, an absolute path inside behind the colon");
    }
    Ok((from.into(), at.into()))
}

fn bytes(text: &str) -> Result<u64, &'static str> {
    let (number, unit) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1 << 10),
        None => text.strip_suffix('M').map_or((text, 1), |number| (number, 1 << 20)),
    };
    let number: u64 = number.parse().map_err(|_| "a number of bytes, perhaps with k or M behind it")?;
    number.checked_mul(unit).ok_or("the number is too large")
}

/// What an audit looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Look {
    /// Variables of the environment
    Environment,
    /// Environments and arguments of other processes
    Processes,
    /// Places where tools keep credentials
    Places,
    /// Other files of the home and the current folder
    Files,
    /// Sockets, routes, identities
    Capabilities,
}

/// A severity, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeverityLevel {
    /// Public by design, expired, documented examples
    Info,
    /// Opens little, or is a guess by a name
    Low,
    /// Opens something to whoever has more, or is not sure
    Medium,
    /// Acts as a person or a program
    High,
    /// Administers, or lies open to everyone
    Critical,
}

impl From<SeverityLevel> for exfilter_audit::Severity {
    fn from(level: SeverityLevel) -> exfilter_audit::Severity {
        use exfilter_audit::Severity;
        match level {
            SeverityLevel::Info => Severity::Info,
            SeverityLevel::Low => Severity::Low,
            SeverityLevel::Medium => Severity::Medium,
            SeverityLevel::High => Severity::High,
            SeverityLevel::Critical => Severity::Critical,
        }
    }
}

/// The form of an audit's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditFormat {
    /// Aligned columns for people
    Table,
    /// One JSON document
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// One web page that holds everything and asks for nothing
    Html,
}
