//! `exfilter run`, in order.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use exfilter::config::Config;
use exfilter::{Action, Confidence, Engine, HostPattern, KnownSecrets, Mode, Policy, StoreKey};
use exfilter_guard::{Guard, GuardError, Journal, Listener, Settings};
use exfilter_store::Use;
use zeroize::Zeroizing;

use super::args::RunArgs;
use super::child::{self, Depth};
use super::environment::{self, Wishes};
#[cfg(target_os = "linux")]
use super::isolate;
use super::ledger::{Books, Ledger};
use super::ssh;
use super::trust::Trust;
use crate::fault::Fault;
use crate::policy;
use crate::rulepack::{self, Loaded};
use crate::secrets::open;
use crate::term::Term;
use crate::text::{escape, path_bytes};

/// The longest file with certificate authorities, in bytes.
const LONGEST: u64 = 4 << 20;

/// Runs the command.
///
/// # Errors
///
/// What could not be set up. The command was not run then.
pub(crate) fn run(args: &RunArgs, term: &Term) -> Result<u8, Fault> {
    if args.isolate {
        #[cfg(target_os = "linux")]
        isolate::check()?;
        #[cfg(not(target_os = "linux"))]
        return Err(Fault::new("--isolate", "there are such namespaces on Linux alone", "leave it out"));
    }
    // Nothing is scanned here, so wherever the policy lies, its owner wrote it.
    let mut config = policy::load(&args.policy, &[], true, term)?;
    if args.observe {
        config.set_mode(Mode::Observe);
    }
    let observe = config.mode() == Mode::Observe;
    let stored = open::stored(&args.choice())?;
    let mut known = match &stored {
        Some((store, home)) => store
            .known_secrets(Use::All)
            .map_err(|error| open::secret_fault(&open::shown(home.store_path()), &error))?,
        None => KnownSecrets::new(fresh_key()?),
    };
    // What leaves a piece at a time is put together over all requests of the run.
    known.fragments(true);
    let variables = environment::variables();
    let wishes = Wishes { keep: &args.keep, further: &args.env_name, observe };
    let store = stored.as_ref().map(|(store, _)| store);
    let mut seed = [0; 32];
    random(&mut seed)?;
    let mut prepared = environment::prepare(&variables, &wishes, store, known, &mut fresh_key, seed)?;
    let known = std::mem::replace(&mut prepared.known, KnownSecrets::new(fresh_key()?));
    let engine = engine(args, &config, known)?;
    if !observe {
        prepared.sweep(&variables, &args.keep, &engine);
    }
    let journal = args.log.as_deref().map(journal).transpose()?;
    let books = Arc::new(Books { ledger: Ledger::default(), journal });
    let mut settings = settings(args, engine)?;
    if observe {
        settings.observe();
    }
    settings.config(config).sink(books.clone());
    let notes = std::mem::take(&mut prepared.notes);
    let changes = std::mem::take(&mut prepared.changes);
    if prepared.substitutes.placeholders().len() > 0 {
        settings.substitutes(Arc::new(prepared.substitutes), scrubber(prepared.real)?);
    }
    let guard = Guard::new(settings).map_err(|error| fault(&error))?;
    let trust = Trust::new(guard.bundle()).map_err(|error| {
        Fault::new(
            "--",
            format!("no private folder for certificates: {error}"),
            "set TMPDIR to one that can be written",
        )
    })?;
    let keys = guard.ssh().map_err(|error| fault(&error))?;
    let secure_shell = keys.map(|(hosts, key)| ssh::prepare(trust.folder(), &hosts, &key)).transpose();
    let secure_shell = secure_shell.map_err(|error| {
        Fault::new("ssh", format!("its files cannot be written: {error}"), "give --no-ssh")
    })?;
    let listener = listener(args, &trust)
        .map_err(|error| Fault::new("guard", format!("it cannot listen: {error}"), ""))?;
    let running = guard.start(listener).map_err(|error| fault(&error))?;
    if !args.quiet {
        notes.iter().for_each(|note| term.note(note));
    }
    let (mut command, depth) = command(args, &trust)?;
    change(&mut command, changes.into_iter().map(|(name, value)| (name, value.map(OsString::from))));
    // In namespaces the port is known there alone.
    let proxy = running.address().map(|address| format!("http://{address}")).unwrap_or_default();
    let trusted = trust.variables(&proxy).into_iter();
    change(&mut command, trusted.map(|(name, value)| (name.into(), value.map(OsString::from))));
    change(&mut command, secure_shell.into_iter().flatten().map(|(name, value)| (name.into(), value)));
    let code = child::run(command, depth).map_err(|error| child::fault(&args.command, &error));
    // Waits for what is under way, so that the summary has all of it.
    drop(running);
    if code.is_ok() && (!args.quiet || books.ledger.has_stopped()) {
        term.say(&books.ledger.summary(observe));
        if let (Some(journal), Some(path)) = (&books.journal, &args.log) {
            let (path, head) = (escape(path_bytes(path)), journal.head());
            term.note(&format_args!("{path} ends with {head}"));
        }
    }
    code
}

/// Where the guard listens.
fn listener(args: &RunArgs, trust: &Trust) -> io::Result<Listener> {
    #[cfg(unix)]
    if args.isolate {
        return Ok(Listener::unix(std::os::unix::net::UnixListener::bind(trust.socket())?));
    }
    let _ = (args, trust);
    Listener::loopback()
}

/// The command, perhaps in namespaces.
fn command(args: &RunArgs, trust: &Trust) -> Result<(Command, Depth), Fault> {
    #[cfg(target_os = "linux")]
    if args.isolate {
        let mut command = isolate::command(&trust.socket(), &args.command)?;
        for name in isolate::BROKER_VARIABLES {
            command.env_remove(name);
        }
        return Ok((command, Depth::BehindBubblewrap));
    }
    let _ = trust;
    let mut command = Command::new(&args.command[0]);
    command.args(&args.command[1..]);
    Ok((command, Depth::Child))
}

fn change(command: &mut Command, changes: impl Iterator<Item = (OsString, Option<OsString>)>) {
    for (name, value) in changes {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// What examines requests.
fn engine(args: &RunArgs, config: &Config, known: KnownSecrets) -> Result<Engine, Fault> {
    let (rules, origins) = rulepack::load(&args.rules, true, args.more_rules, None)?.split();
    let mut builder = Engine::builder();
    builder.rules(rules).policy(config.policy().clone()).limits(config.limits());
    if !known.is_empty() {
        builder.known_secrets(known);
    }
    builder.build().map_err(|error| Loaded::fault(&origins, &error))
}

/// What takes real values out of answers.
fn scrubber(real: KnownSecrets) -> Result<Engine, Fault> {
    let mut policy = Policy::default();
    policy.action(Confidence::Confirmed, Action::Redact).llm_action(Confidence::Confirmed, Action::Redact);
    let built = Engine::builder().known_secrets(real).policy(policy).build();
    built.map_err(|error| Fault::new("environment", error.to_string(), "please report this"))
}

fn settings(args: &RunArgs, engine: Engine) -> Result<Settings, Fault> {
    let mut settings = Settings::new(engine);
    for text in &args.allow {
        let pattern = HostPattern::parse(text.as_bytes()).map_err(|error| {
            Fault::new(
                format!("--allow {}", escape(text.as_bytes())),
                error.to_string(),
                "give a host, or *.suffix",
            )
        })?;
        settings.allow(pattern);
    }
    for path in &args.upstream_ca {
        settings.upstream_root(read(path)?);
    }
    for text in &args.resolve {
        let (host, port, address) = place(text).ok_or_else(|| {
            Fault::new(
                "--resolve",
                "it is not HOST:PORT:ADDRESS:PORT",
                "as in example.com:443:127.0.0.1:8443",
            )
        })?;
        settings.resolve(&host, port, address);
    }
    if args.isolate {
        settings.closed_network();
    }
    if let Some(gateway) = ssh::settings(args)? {
        settings.ssh(gateway);
    }
    Ok(settings)
}

/// The journal that is asked for.
fn journal(path: &Path) -> Result<Journal, Fault> {
    Journal::open(path).map_err(|error| super::log::fault(path, &error))
}

fn place(text: &str) -> Option<(String, u16, SocketAddr)> {
    let mut words = text.splitn(3, ':');
    let (host, port, address) = (words.next()?, words.next()?, words.next()?);
    Some((host.to_owned(), port.parse().ok()?, address.parse().ok()?))
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    let name = || escape(path_bytes(path));
    let fault = |what: String| Fault::new(name(), what, "give a file in PEM");
    let meta = path.metadata().map_err(|error| fault(format!("it cannot be read: {error}")))?;
    if meta.len() > LONGEST {
        return Err(fault(format!("it has more than {LONGEST} bytes")));
    }
    std::fs::read(path).map_err(|error| fault(format!("it cannot be read: {error}")))
}

fn fault(error: &GuardError) -> Fault {
    Fault::new("guard", format!("{}: {error}", error.code()), "")
}

fn fresh_key() -> Result<StoreKey, Fault> {
    let mut key = Zeroizing::new([0_u8; 32]);
    random(&mut key[..])?;
    StoreKey::from_bytes(&key[..]).map_err(|error| Fault::new("run", error.to_string(), "please report this"))
}

fn random(bytes: &mut [u8]) -> Result<(), Fault> {
    getrandom::fill(bytes).map_err(|_| {
        Fault::new("run", "the system gave no random numbers", "make getrandom(2) available to this process")
    })
}
