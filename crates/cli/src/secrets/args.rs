//! What the user may say about known secrets. A value is never one of the arguments: other users can read those.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::args::ListFormat;

/// `exfilter secrets`.
#[derive(Args)]
pub(crate) struct SecretsArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// What to do with the store.
    #[command(subcommand)]
    pub(crate) command: SecretsCommand,
}

/// Where the store is.
#[derive(Args)]
pub(crate) struct PlaceArgs {
    /// The store [default: exfilter/store in $XDG_DATA_HOME or ~/.local/share]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Its key [default: FILE.key with --store, else exfilter/store.key in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, global = true, value_name = "FILE", requires = "store")]
    pub(crate) key: Option<PathBuf>,
}

/// What `exfilter secrets` does.
#[derive(Subcommand)]
pub(crate) enum SecretsCommand {
    /// Keep a secret, whose value is typed, or read from standard input, a file or a variable
    Add(AddArgs),
    /// Keep the secrets in files of variables (.env) and in the environment, chosen by their names
    Enroll(EnrollArgs),
    /// List the secrets, without their values
    List {
        /// The form of the list
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Say where a secret is at home: a host and a part of the message, of which it is the whole
    Bind {
        /// The secret's name or id
        name: String,
        /// The host, or `*.suffix`
        host: String,
        /// header:NAME[:bearer|basic.user|basic.password], cookie:NAME, query:NAME, path:N, form:NAME, json:/POINTER, ssh:password or body; with
        /// --remove all of them if it is left out
        #[arg(required_unless_present = "remove")]
        slot: Option<String>,
        /// It is no longer at home there
        #[arg(long)]
        remove: bool,
    },
    /// Forget secrets
    Remove {
        /// Names or ids
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Move the store to a new key
    ///
    /// Fingerprints cannot be moved: their values are read again from where they came from. Until all are found, both keys are kept and the store stays
    /// as it is; `secrets add --replace` gives what is missing, and a second `rotate-key` ends it.
    RotateKey {
        /// End it now, and forget the secrets whose values were not found
        #[arg(long)]
        finish: bool,
    },
    /// Write a store for somebody else, under a key of its own: fingerprints without names, with an end
    Export(ExportArgs),
    /// Keep the secrets in what another program prints as JSON, from standard input
    Import(ImportArgs),
    /// Say how well the store is kept, and what to do about it
    Doctor {
        /// The form of the report
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Canaries: keys that nobody uses, whose appearance anywhere is an alarm
    Canary {
        /// What to do with canaries.
        #[command(subcommand)]
        command: CanaryCommand,
    },
}

/// `exfilter secrets add`.
#[derive(Args)]
pub(crate) struct AddArgs {
    /// Its name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) from: FromArgs,
    /// Encrypt it instead of keeping a fingerprint: found in more spellings, and readable to whoever steals store and key
    #[arg(long)]
    pub(crate) sealed: bool,
    /// Replace another value of that name
    #[arg(long)]
    pub(crate) replace: bool,
    /// Do not say that it is at home where the rule for its format says
    #[arg(long)]
    pub(crate) unbound: bool,
}

/// Where a value comes from; typed, if nothing is said.
#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct FromArgs {
    /// Read the value from standard input; one line break at its end is left out
    #[arg(long)]
    pub(crate) stdin: bool,
    /// The value is a whole file; one line break at its end is left out
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The value is that of a variable
    #[arg(long, value_name = "VARIABLE")]
    pub(crate) env: Option<String>,
}

/// `exfilter secrets enroll`.
#[derive(Args)]
pub(crate) struct EnrollArgs {
    /// Files of variables (.env)
    #[arg(required_unless_present = "env", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The environment of this process too
    #[arg(long)]
    pub(crate) env: bool,
    /// Further names, with `*` for any characters, beside those that hold secrets by custom; may be given several times
    #[arg(long, value_name = "PATTERN")]
    pub(crate) name: Vec<String>,
    /// Encrypt them instead of keeping fingerprints
    #[arg(long)]
    pub(crate) sealed: bool,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `exfilter secrets import`.
#[derive(Args)]
pub(crate) struct ImportArgs {
    /// What prints it
    #[arg(long, value_enum, value_name = "TOOL")]
    pub(crate) from: ToolArg,
    /// Only fields of these names, with `*` for any characters; may be given several times
    #[arg(long, value_name = "PATTERN")]
    pub(crate) name: Vec<String>,
    /// What the names begin with
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub(crate) prefix: String,
    /// Encrypt them instead of keeping fingerprints
    #[arg(long)]
    pub(crate) sealed: bool,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A program that prints secrets as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ToolArg {
    /// op item get NAME --format json
    Op,
    /// vault kv get -format=json PATH
    Vault,
    /// doppler secrets --json
    Doppler,
    /// sops decrypt --output-type json FILE
    Sops,
    /// aws secretsmanager get-secret-value --secret-id ID
    Aws,
    /// kubectl get secret NAME -o json
    Kubernetes,
}

/// `exfilter secrets export`.
#[derive(Args)]
pub(crate) struct ExportArgs {
    /// The secrets; all that are no canaries if none is named
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Whom it is for
    #[arg(long = "for", value_enum, value_name = "WHOM")]
    pub(crate) audience: Recipient,
    /// Write the store here
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Write its key here, as 64 hexadecimal digits, for the recipient's secret EXFILTER_STORE_KEY [default: FILE.key]
    #[arg(long, value_name = "FILE")]
    pub(crate) key_output: Option<PathBuf>,
    /// Days until it ends
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=366), value_name = "N")]
    pub(crate) days: u16,
}

/// Whom an export is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Recipient {
    /// A CI, or whoever else is to find the secrets without knowing them
    Ci,
}

/// What `exfilter secrets canary` does.
#[derive(Subcommand)]
pub(crate) enum CanaryCommand {
    /// Mint a canary, keep it, and print it, to be put where only a thief would take it
    Add {
        /// The rule for its format, or a provider: `github`, `aws`, `npm-access-token`
        #[arg(long, value_name = "KIND")]
        kind: String,
        /// Its name [default: canary-KIND-N]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
}
