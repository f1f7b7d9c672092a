//! What the user may say to `exfilter run` and `exfilter guard`.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use super::place::Place;
use crate::args::PolicyArgs;
use crate::sandbox::Seat;
use crate::sandbox::settings::Sandbox;
use crate::secrets::open::Choice;

/// `exfilter run`.
#[derive(Args)]
#[command(
    after_help = "The exit code is that of the command, 128 and the signal's number if one ended it, or 2 if it could not be run."
)]
pub(crate) struct RunArgs {
    /// The command and its arguments
    #[arg(last = true, required_unless_present = "demo", value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
    /// Show it: two made-up secrets, a server on this machine in the place of a provider's, and a program that tries to send them there in a dozen ways. Needs no network, and is a test of this machine, too: the exit code is 1 if anything arrived
    #[arg(long, exclusive = true)]
    pub(crate) demo: bool,
    /// Leave the command no network but the guard: namespaces of its own, made by bubblewrap (Linux)
    #[arg(long)]
    pub(crate) isolate: bool,

    /// Refuse SSH, and leave the command's as it is
    #[arg(long, conflicts_with_all = ["ssh_key", "ssh_known_hosts", "ssh_verb"])]
    pub(crate) no_ssh: bool,
    #[command(flatten)]
    pub(crate) ssh: SshArgs,

    #[command(flatten)]
    pub(crate) guard: GuardArgs,
}

/// `exfilter guard`.
#[derive(Args)]
#[command(
    after_help = "It serves until it gets SIGTERM or SIGINT; the exit code is 0 then, or 2 if it could not start. At SIGHUP it reads the policy, rule files, the store and files of certificates anew, for whatever begins from then on; if they cannot be used, it says so, and what was in force stays in force."
)]
pub(crate) struct ServeArgs {
    /// Where clients come in: ADDRESS:PORT, or unix:PATH for a sandbox that shares no network; may be given several times
    #[arg(long, required = true, value_name = "PLACE")]
    pub(crate) listen: Vec<Place>,
    /// Write the certificate authorities that clients must trust to this file, in PEM
    #[arg(long, required = true, value_name = "FILE")]
    pub(crate) bundle: PathBuf,
    /// Where the sandbox has that file, if elsewhere
    #[arg(long, value_name = "PATH")]
    pub(crate) bundle_inside: Option<PathBuf>,
    /// After how many days the next certificate authority takes its place; it is looked at each hour, and at SIGHUP
    #[arg(long, value_name = "DAYS", hide = true, default_value_t = 7, value_parser = clap::value_parser!(u64).range(..=7))]
    pub(crate) renew_after: u64,
    /// The proxy's address in the sandbox [default: the first address of --listen, or http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    pub(crate) proxy_inside: Option<String>,
    /// Write the sandbox's variables to this file, for its owner alone: the proxy, certificates, placeholders
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// The form of that file
    #[arg(long = "for", value_enum, default_value_t = Seat::Docker, value_name = "WHOM")]
    pub(crate) seat: Seat,
    /// Write settings by which this guard is the only way out of a sandbox that something else starts
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) sandbox: Option<Sandbox>,
    /// The file for them, for its owner alone; one that is there and was not written by this option is left as it is [default: they are printed]
    #[arg(long, value_name = "FILE", requires = "sandbox")]
    pub(crate) sandbox_file: Option<PathBuf>,
    /// Tell counts in the form of OpenMetrics at http://PLACE/metrics, as Prometheus reads them
    #[arg(long, value_name = "PLACE")]
    pub(crate) metrics: Option<Place>,
    /// Answer questions of the DNS at this ADDRESS:PORT (UDP): only for names that may be reached, all others are refused, and nobody else is asked
    #[arg(long, value_name = "PLACE")]
    pub(crate) dns: Option<SocketAddr>,
    /// The address that such names have, one of each version [default: the first address of --listen, or 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", requires = "dns")]
    pub(crate) dns_answer: Vec<IpAddr>,
    /// Let clients reach private networks and this machine's own addresses, too
    #[arg(long)]
    pub(crate) private_networks: bool,

    /// Open the SSH gateway, and write what ssh in the sandbox needs to this folder: a configuration, the authority of host keys, and a key that opens this guard and nothing else
    #[arg(long, value_name = "FOLDER")]
    pub(crate) ssh_files: Option<PathBuf>,
    /// Where the sandbox has that folder, if elsewhere
    #[arg(long, value_name = "PATH", requires = "ssh_files")]
    pub(crate) ssh_files_inside: Option<PathBuf>,
    /// Refuse SSH, as without --ssh-files
    #[arg(long, conflicts_with_all = ["ssh_files", "ssh_key", "ssh_known_hosts", "ssh_verb"])]
    pub(crate) no_ssh: bool,
    #[command(flatten)]
    pub(crate) ssh: SshArgs,

    #[command(flatten)]
    pub(crate) guard: GuardArgs,
}

/// What the SSH gateway is told.
#[derive(Args)]
pub(crate) struct SshArgs {
    /// A private key without a pass phrase with which servers of SSH are logged in at, beside those of ssh-agent; whoever is behind the guard never sees it. May be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_key: Vec<PathBuf>,
    /// A further file of known hosts with which servers of SSH are verified; may be given several times [default: ~/.ssh/known_hosts, /etc/ssh/ssh_known_hosts]
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_known_hosts: Vec<PathBuf>,
    /// What may be done by SSH (git-receive-pack, git-upload-pack, scp-upload, sftp, exec, shell, ...); may be given several times [default: anything that can be examined]
    #[arg(long, value_name = "VERB")]
    pub(crate) ssh_verb: Vec<String>,
}

/// What the guard is told in either case.
#[derive(Args)]
pub(crate) struct GuardArgs {
    /// A host that may be reached, or all below one (*.example.com); may be given several times [default: any host]
    #[arg(long, value_name = "HOST")]
    pub(crate) allow: Vec<String>,
    /// Refuse nothing and change no variable: only tell what would have been stopped
    #[arg(long)]
    pub(crate) observe: bool,
    /// A variable that the command gets as it is, with `*` for any characters; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) keep: Vec<String>,
    /// Further names of variables that hold secrets, with `*` for any characters; may be given several times
    #[arg(long, value_name = "PATTERN")]
    pub(crate) env_name: Vec<String>,

    /// Make placeholders from the 32 random bytes of this file, which is made if there is none: they are the same in each run then, for programs that remember which key they may use [default: others in each run]
    #[arg(long, value_name = "FILE")]
    pub(crate) seed: Option<PathBuf>,

    /// Look for the secrets of this store, or of the usual one [default: the usual one, if there is one]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub(crate) store: Option<Option<PathBuf>>,
    /// Look for no secrets of a store
    #[arg(long, conflicts_with = "store")]
    pub(crate) no_store: bool,
    /// A rule file to add to the built-in rules; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,
    /// Add the further rules that come with the program: some 300 more providers, 40 ms more to start
    #[arg(long)]
    pub(crate) more_rules: bool,

    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    /// A further certificate authority for servers, in PEM, as companies have them; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) upstream_ca: Vec<PathBuf>,
    /// The proxy through which servers are reached, as in http://proxy.example:3128 [default: as HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say]
    #[arg(long, value_name = "URL")]
    pub(crate) upstream_proxy: Option<String>,
    /// Reach servers without a proxy, whatever the environment says
    #[arg(long, conflicts_with = "upstream_proxy")]
    pub(crate) direct: bool,
    /// HOST:PORT:ADDRESS:PORT: the address of a host, instead of what the resolver says
    #[arg(long, value_name = "PLACE", hide = true)]
    pub(crate) resolve: Vec<String>,
    /// Add a line of JSON for each request to this file, each with a hash of all before it; `exfilter log verify` checks it
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Tell the collector of OpenTelemetry at this address what happens, by OTLP over HTTP, as in http://127.0.0.1:4318: a log record for each request, and counts. It gets what the log has, and headers of OTEL_EXPORTER_OTLP_HEADERS [default: as OTEL_EXPORTER_OTLP_ENDPOINT says]
    #[cfg(feature = "otel")]
    #[arg(long, value_name = "URL")]
    pub(crate) otel: Option<String>,
    /// Tell no collector anything, whatever the environment says
    #[cfg(feature = "otel")]
    #[arg(long, conflicts_with = "otel")]
    pub(crate) no_otel: bool,
    /// Show what happens at a page of this machine, at this ADDRESS:PORT [default: a free port of 127.0.0.1]; its address, with a token in it, is printed
    #[arg(long, value_name = "PLACE", num_args = 0..=1, default_missing_value = "127.0.0.1:0")]
    pub(crate) ui: Option<SocketAddr>,
    /// Write the address of that page to this file, for its owner alone, with what is needed to approve a refusal there: whoever is behind the guard must not be able to read it [default: run: it is shown on the
    /// terminal, and nobody can approve without one; guard: it is printed]
    #[arg(long, value_name = "FILE", requires = "ui")]
    pub(crate) ui_file: Option<PathBuf>,
    /// Tell nothing unless something was stopped
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl GuardArgs {
    /// The store that is asked for.
    pub(crate) fn choice(&self) -> Choice<'_> {
        Choice::of(self.store.as_ref(), self.no_store)
    }
}
