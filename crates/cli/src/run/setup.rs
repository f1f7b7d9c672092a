//! What `exfilter run` and `exfilter guard` have in common: everything but the command and the listener.

use std::cell::Cell;
use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use exfilter::config::Config;
use exfilter::substitute::{OwnLogins, Trust, scrubbing};
use exfilter::{Engine, HostPattern, KnownSecrets, Mode, StoreKey};
#[cfg(feature = "otel")]
use exfilter_guard::Telemetry;
use exfilter_guard::{Guard, GuardError, Journal, Running, Settings, SshSettings};
use exfilter_store::Use;
use exfilter_store::os::write_private;
use zeroize::Zeroizing;

use super::args::GuardArgs;
use super::environment::{self, Wishes};
use super::ledger::{Books, Ledger};
use super::logins;
#[cfg(feature = "otel")]
use super::telemetry;
use super::upstream;
use crate::fault::Fault;
use crate::policy;
use crate::rulepack::{self, Loaded};
use crate::sandbox;
use crate::secrets::{harden, open};
use crate::term::Term;
use crate::text::{escape, path_bytes};

/// The longest file with certificate authorities, in bytes.
const LONGEST: u64 = 4 << 20;

/// The rule of that key.
const TESTED: &str = "github-pat";

/// A guard that is ready to be started.
pub(super) struct Ready {
    pub(super) guard: Guard,
    pub(super) books: Arc<Books>,
    /// Lines about what was replaced or removed.
    pub(super) notes: Vec<String>,
    /// Variables with what clients get instead: a placeholder, or nothing.
    pub(super) changes: Changes,
    pub(super) lasting: Lasting,
    #[cfg(feature = "otel")]
    telemetry: Option<Arc<Telemetry>>,
    observe: bool,
}

/// Variables with what clients get instead.
pub(super) type Changes = Vec<(OsString, Option<String>)>;

/// What is the same for as long as the guard runs: what placeholders are made from, and the key by which pieces of secrets are told apart where there is no store.
pub(super) struct Lasting {
    seed: Zeroizing<[u8; 32]>,
    key: Zeroizing<[u8; 32]>,
    closed_network: bool,
    life: Life,
    ssh: Option<SshSettings>,
    /// What was read before: were it not there any more, less would be looked for, and nobody would be told.
    had: Cell<Had>,
}

/// Which files there were.
#[derive(Clone, Copy, Default)]
struct Had {
    policy: bool,
    store: bool,
}

/// Settings, as they are read at a time.
pub(super) struct Read {
    pub(super) settings: Settings,
    pub(super) notes: Vec<String>,
    pub(super) changes: Changes,
    pub(super) observe: bool,
}

impl Lasting {
    /// `closed_network` says that the guard's clients have no network but it.
    ///
    /// # Errors
    ///
    /// No random numbers, or a seed that cannot be read.
    fn new(
        seed: Option<&Path>,
        life: Life,
        closed_network: bool,
        ssh: Option<SshSettings>,
    ) -> Result<Lasting, Fault> {
        let mut key = Zeroizing::new([0; 32]);
        random(&mut key[..])?;
        let seed = match seed {
            Some(path) => sandbox::seed(path)?,
            None => {
                let mut seed = Zeroizing::new([0; 32]);
                random(&mut seed[..])?;
                seed
            }
        };
        Ok(Lasting { seed, key, life, closed_network, ssh, had: Cell::default() })
    }

    fn key(&self) -> Result<StoreKey, Fault> {
        StoreKey::from_bytes(&self.key[..])
            .map_err(|error| Fault::new("run", error.to_string(), "please report this"))
    }
}

/// Reads policy, rules, store and environment. A made-up key does not get through what comes of them.
///
/// # Errors
///
/// What cannot be used.
pub(super) fn read(args: &GuardArgs, lasting: &Lasting, term: &Term) -> Result<Read, Fault> {
    // Nothing is scanned here, so wherever the policy lies, its owner wrote it.
    let mut config = policy::load(&args.policy, &[], true, term)?;
    if args.observe {
        config.set_mode(Mode::Observe);
    }
    let observe = config.mode() == Mode::Observe;
    let stored = open::stored(&args.choice())?;
    let (had, has) =
        (lasting.had.get(), Had { policy: policy::is_there(&args.policy), store: stored.is_some() });
    for (name, is_gone) in [("policy", had.policy && !has.policy), ("store", had.store && !has.store)] {
        if is_gone {
            let remedy = "put it back, or start the guard anew without it";
            return Err(Fault::new(name, "the file that was read before is not there any more", remedy));
        }
    }
    let mut known = match &stored {
        Some((store, home)) => store
            .known_secrets(Use::All)
            .map_err(|error| open::secret_fault(&open::shown(home.store_path()), &error))?,
        None => KnownSecrets::new(lasting.key()?),
    };
    // What leaves a piece at a time is put together over all requests.
    known.fragments(true);
    let variables = environment::variables();
    let wishes = Wishes { keep: &args.keep, further: &args.env_name, observe };
    let store = stored.as_ref().map(|(store, _)| store);
    let mut prepared =
        environment::prepare(&variables, &wishes, store, known, &mut fresh_key, *lasting.seed)?;
    prepared.withhold(&variables, &wishes, store, is_telling(args));
    let known = std::mem::replace(&mut prepared.known, KnownSecrets::new(fresh_key()?));
    let engine = engine(args, &config, known)?;
    if !observe {
        prepared.sweep(&variables, &args.keep, &engine);
    }
    let mut settings = settings(args, engine)?;
    if observe {
        settings.observe();
    }
    if lasting.closed_network {
        settings.closed_network();
    }
    if let Some(ssh) = &lasting.ssh {
        settings.ssh(ssh.clone());
    }
    if config.accounts() != Trust::Any {
        let mut key = Zeroizing::new([0; 32]);
        random(&mut key[..])?;
        let mut known = OwnLogins::new(*key);
        prepared.notes.extend(logins::read(&mut known, lasting.life == Life::OfACommand)?);
        settings.own_logins(known);
        if lasting.life == Life::OfACommand && !lasting.closed_network {
            // Who could write the files could go around the guard as well; in namespaces that is not so, and of a guard's clients nobody knows. What cannot be read now was told of when the guard began.
            settings.logins_again(|known| drop(logins::read(known, true)));
        }
    }
    settings.config(config);
    if !prepared.substitutes.is_empty() {
        settings.substitutes(Arc::new(prepared.substitutes), scrubber(prepared.real)?);
    }
    settings.self_test(&made_up_key()?).map_err(|error| fault(&error))?;
    lasting.had.set(has);
    Ok(Read { settings, notes: prepared.notes, changes: prepared.changes, observe })
}

/// Whether a collector is told what happens.
fn is_telling(args: &GuardArgs) -> bool {
    #[cfg(feature = "otel")]
    return telemetry::is_asked(args);
    #[cfg(not(feature = "otel"))]
    {
        let _ = args;
        false
    }
}

/// How long a guard lives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// As long as a command.
    OfACommand,
    /// Until it is told to end.
    Lasting,
}

/// Reads everything, and makes the guard. `closed_network` says that its clients have no network but it.
///
/// # Errors
///
/// What could not be set up.
pub(super) fn ready(
    args: &GuardArgs,
    life: Life,
    closed_network: bool,
    ssh: Option<SshSettings>,
    term: &Term,
) -> Result<Ready, Fault> {
    // What is in this process's memory, no other process of the same user may read there.
    harden();
    let lasting = Lasting::new(args.seed.as_deref(), life, closed_network, ssh)?;
    let Read { mut settings, notes, changes, observe } = read(args, &lasting, term)?;
    let journal = args.log.as_deref().map(journal).transpose()?;
    let books = Arc::new(Books { ledger: Ledger::default(), journal });
    settings.sink(books.clone());
    #[cfg(feature = "otel")]
    let telemetry = telemetry::collector(args, term)?;
    #[cfg(feature = "otel")]
    if let Some(telemetry) = &telemetry {
        settings.telemetry(telemetry.clone());
    }
    if life == Life::Lasting {
        settings.lasting();
    }
    let guard = Guard::new(settings).map_err(|error| fault(&error))?;
    Ok(Ready {
        guard,
        books,
        notes,
        changes,
        lasting,
        #[cfg(feature = "otel")]
        telemetry,
        observe,
    })
}

/// What is told at the end.
pub(super) struct Summary<'a> {
    args: &'a GuardArgs,
    books: Arc<Books>,
    #[cfg(feature = "otel")]
    telemetry: Option<Arc<Telemetry>>,
    pub(super) observe: bool,
}

impl Ready {
    /// What is told at the end, when the guard has ended.
    pub(super) fn summary<'a>(&self, args: &'a GuardArgs) -> Summary<'a> {
        Summary {
            args,
            books: self.books.clone(),
            #[cfg(feature = "otel")]
            telemetry: self.telemetry.clone(),
            observe: self.observe,
        }
    }
}

impl Summary<'_> {
    /// Tells by which key the journal can be checked, wherever that is kept.
    pub(super) fn tell_key(&self, term: &Term) {
        if let (Some(journal), Some(path)) = (&self.books.journal, &self.args.log) {
            let path = escape(path_bytes(path));
            term.note(&format_args!("{path} is signed by this run's key: {}", journal.key()));
        }
    }

    /// Tells what left, what was stopped, and how the journal ends.
    pub(super) fn tell(&self, term: &Term) {
        if let Some(Err(error)) = self.books.journal.as_ref().map(Journal::end) {
            term.note(&format_args!("the end could not be written into the journal: {error}"));
        }
        #[cfg(feature = "otel")]
        if let Some(text) =
            self.telemetry.as_ref().and_then(|telemetry| telemetry::summary(&telemetry.report()))
        {
            term.note(&text);
        }
        if self.args.quiet && !self.books.ledger.has_stopped() {
            return;
        }
        term.say(&self.books.ledger.summary(self.observe));
        if let (Some(journal), Some(path)) = (&self.books.journal, &self.args.log) {
            let (path, head) = (escape(path_bytes(path)), journal.head());
            term.note(&format_args!("{path} ends with {head}"));
        }
    }
}

/// What examines requests.
fn engine(args: &GuardArgs, config: &Config, known: KnownSecrets) -> Result<Engine, Fault> {
    let (mut rules, origins) = rulepack::load(&args.rules, true, args.more_rules, None)?.split();
    // A rule of a file that the engine cannot build is seen now, and not when its literal first passes.
    let mut faults = Vec::new();
    rulepack::drop_unsound(&mut rules, &origins, &mut faults);
    if let Some(fault) = faults.into_iter().next() {
        return Err(fault);
    }
    let mut builder = Engine::builder();
    builder.rules(rules).policy(config.policy().clone()).limits(config.limits());
    if !known.is_empty() {
        builder.known_secrets(known);
    }
    builder.build().map_err(|error| Loaded::fault(&origins, &error))
}

/// What takes real values out of answers.
fn scrubber(real: KnownSecrets) -> Result<Engine, Fault> {
    let built = Engine::builder().known_secrets(real).policy(scrubbing()).build();
    built.map_err(|error| Fault::new("environment", error.to_string(), "please report this"))
}

fn settings(args: &GuardArgs, engine: Engine) -> Result<Settings, Fault> {
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
        settings.upstream_root(certificates(path)?);
    }
    if let Some(proxy) = upstream::proxy(args)? {
        settings.upstream_proxy(proxy);
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
    Ok(settings)
}

/// A key that nobody ever issued, of the kind of which the rules are surest.
pub(super) fn made_up_key() -> Result<Vec<u8>, Fault> {
    let broken = || Fault::new("guard", "there is no rule to test the rules with", "please report this");
    let mut seed = [0; 8];
    random(&mut seed)?;
    let entries = exfilter::rules::builtin_entries();
    let entry = entries.iter().find(|entry| entry.rule.id == TESTED).ok_or_else(broken)?;
    let example = entry.examples.first().ok_or_else(broken)?;
    exfilter::rules::example::expand(example, entry.rule.checksum, u64::from_le_bytes(seed))
        .map_err(|_| broken())
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

fn certificates(path: &Path) -> Result<Vec<u8>, Fault> {
    let name = || escape(path_bytes(path));
    let fault = |what: String| Fault::new(name(), what, "give a file in PEM");
    let meta = path.metadata().map_err(|error| fault(format!("it cannot be read: {error}")))?;
    if meta.len() > LONGEST {
        return Err(fault(format!("it has more than {LONGEST} bytes")));
    }
    std::fs::read(path).map_err(|error| fault(format!("it cannot be read: {error}")))
}

/// Who reads what is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// People.
    People,
    /// The command, too: it has the same standard error.
    Command,
}

/// Begins to show what happens, if that is asked for, and says where. What is needed to approve is told where the command does not read it, or nowhere.
///
/// # Errors
///
/// An address of which others are told too, or that is taken; a file that cannot be written.
pub(super) fn show(args: &GuardArgs, running: &Running, readers: Readers, term: &Term) -> Result<(), Fault> {
    let Some(place) = args.ui else { return Ok(()) };
    let page = TcpListener::bind(place).and_then(|listener| running.show(listener)).map_err(|error| {
        Fault::new(format!("--ui {place}"), error.to_string(), "name a free port of 127.0.0.1")
    })?;
    if let Some(path) = &args.ui_file {
        let text = format!("{}\n", page.approving());
        write_private(path, text.as_bytes(), &mut |_| Ok(())).map_err(|error| open::fault(&error))?;
    } else if readers == Readers::People {
        term.note(&format_args!("what happens is shown, and refusals are approved, at {}", page.approving()));
        return Ok(());
    } else if term
        .tell(&format_args!("what happens is shown, and refusals are approved, at {}", page.approving()))
    {
        return Ok(());
    }
    term.note(&format_args!("what happens is shown at {}", page.looking()));
    Ok(())
}

/// A guard that does not start.
pub(super) fn fault(error: &GuardError) -> Fault {
    Fault::new("guard", format!("{}: {error}", error.code()), "")
}

fn fresh_key() -> Result<StoreKey, Fault> {
    let mut key = Zeroizing::new([0_u8; 32]);
    random(&mut key[..])?;
    StoreKey::from_bytes(&key[..]).map_err(|error| Fault::new("run", error.to_string(), "please report this"))
}

pub(super) fn random(bytes: &mut [u8]) -> Result<(), Fault> {
    getrandom::fill(bytes).map_err(|_| {
        Fault::new("run", "the system gave no random numbers", "make getrandom(2) available to this process")
    })
}
