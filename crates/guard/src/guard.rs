//! [`Guard`]: what is made once, and started.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant, SystemTime};

#[cfg(feature = "otel")]
use exfilter::config::Config;
use exfilter::inspector::{Prefixes, Uploads};
use exfilter::substitute::{Accounts, LearnedEndpoints, Logins, OwnLogins, Substitutes, TokenEndpoints};
use exfilter::{
    Authority, Engine, FindingId, Flow, Inspection, Inspector, Quarantine, Reference, Session, Verdict,
};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::block_in_place;
use zeroize::{Zeroize as _, Zeroizing};

use crate::approvals::{Approvals, NotGranted};
use crate::authorities::{Authorities, PERIOD};
use crate::busy::Busy;
use crate::dial::{Dialer, Pages, Roots};
use crate::dns::{self, Addresses};
use crate::door;
use crate::error::GuardError;
use crate::gate::{Closed, Gate};
use crate::given::Given;
use crate::held::{Budget, Released};
use crate::limits::{GuardLimits, HEAD_BUFFER};
use crate::listener::Listener;
use crate::login;
use crate::metrics::Metrics;
use crate::names::{Names, Shown};
#[cfg(feature = "otel")]
use crate::otel;
use crate::record::{Outcome, Record, Sink};
use crate::repeats::Repeats;
use crate::settings::Settings;
use crate::ssh::{RunKeys, SshSettings};
use crate::turns::Turns;
use crate::ui::{Page, Ui};
use crate::whose::Files;

/// Threads that serve; examining a body takes one for as long as it takes.
const THREADS: usize = 4;

/// From so many bytes on, what looks at all of them once more runs where it keeps no other request waiting.
pub(crate) const LONG: u64 = 256 << 10;

/// How long a connection to a server is kept for the next request.
const KEPT: Duration = Duration::from_secs(30);

/// How long requests under way may take at the end.
const LAST: Duration = Duration::from_millis(500);

/// What all connections share, as the guard is set at a time. What has begun goes on with what it began with; what begins asks for the [newest](Shared::newest).
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) substitutes: Option<Arc<Substitutes>>,
    pub(crate) scrubber: Option<Engine>,
    /// The same two as they were set: without what logins have added.
    set: (Engine, Option<Engine>),
    /// The tokens of logins, which stay outside.
    pub(crate) logins: Logins,
    /// Into whose accounts requests go, and what files say of that.
    pub(crate) accounts: Accounts,
    pub(crate) files: Arc<Files>,
    /// Those of them that the engines look for.
    looked_for: Arc<Substitutes>,
    /// Where they come from, with what servers say of themselves.
    pub(crate) endpoints: Arc<TokenEndpoints>,
    pub(crate) learned: LearnedEndpoints,
    pub(crate) gate: Arc<Gate>,
    pub(crate) observe: bool,
    pub(crate) limits: Arc<GuardLimits>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) uploads: Uploads,
    pub(crate) turns_of_parts: Arc<Turns>,
    /// What all requests together have shown of secrets, a piece at a time.
    pub(crate) session: Arc<Mutex<Session>>,
    /// What they have sent of conversations that was found clean.
    pub(crate) prefixes: Prefixes,
    /// What the names of hosts have shown together.
    pub(crate) names: Arc<Mutex<Names>>,
    /// Which addresses stand for which names.
    pub(crate) given: Arc<Given>,
    /// The refusals of all requests together, and the clock that they are counted by.
    pub(crate) quarantine: Arc<Mutex<Quarantine>>,
    pub(crate) started: Instant,
    /// Which of them were the same again.
    repeats: Arc<Mutex<Repeats>>,
    /// What a person lets pass once.
    pub(crate) approvals: Arc<Approvals>,
    /// Where the guard's own pages are: no client is led there.
    pub(crate) pages: Arc<Pages>,
    pub(crate) client: Client<Dialer, Released>,
    /// The same way for what the client asks the upstream proxy.
    pub(crate) dialer: Dialer,
    /// For connections that become another protocol's, which HTTP/2 has none of.
    pub(crate) one_request: Dialer,
    /// Places for those.
    pub(crate) upgrades: Arc<Semaphore>,
    /// Places for connections.
    pub(crate) places: Arc<Semaphore>,
    /// Turns for the ends of long bodies.
    pub(crate) turns: Arc<Semaphore>,
    pub(crate) ssh: Option<Arc<SshSettings>>,
    pub(crate) ssh_keys: Option<Arc<RunKeys>>,
    pub(crate) authority: Arc<Authorities>,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) busy: Busy,
    seat: Weak<Seat>,
    /// Changes are made one behind the other.
    changes: Arc<Mutex<()>>,
}

/// Where the newest is.
type Seat = RwLock<Arc<Shared>>;

/// What a reload makes anew.
struct Fresh {
    engine: Engine,
    substitutes: Option<Arc<Substitutes>>,
    scrubber: Option<Engine>,
    endpoints: Arc<TokenEndpoints>,
    files: Arc<Files>,
    gate: Arc<Gate>,
    observe: bool,
    client: Client<Dialer, Released>,
    dialer: Dialer,
    one_request: Dialer,
    ssh: Option<Arc<SshSettings>>,
}

impl Fresh {
    fn new(
        settings: Settings,
        roots: &Roots,
        limits: &GuardLimits,
        pages: &Arc<Pages>,
        learned: &LearnedEndpoints,
    ) -> Result<Fresh, GuardError> {
        let resolve = settings.places();
        let engine = settings.engine;
        let known = settings.own_logins.unwrap_or_else(|| OwnLogins::new([0; 32]));
        let files = Arc::new(Files::new(known, settings.logins_again));
        let mut endpoints = settings.config.token_endpoints().clone();
        endpoints.set_learned(learned);
        let gate = Arc::new(Gate {
            engine: engine.clone(),
            config: settings.config,
            allow: settings.allow,
            closed_network: settings.closed_network,
        });
        let dialer = Dialer {
            gate: gate.clone(),
            tls: roots.config(&[b"h2", b"http/1.1"])?,
            resolve: Arc::new(resolve),
            proxy: settings.upstream_proxy,
            tunnels: false,
            pages: pages.clone(),
            patience: limits.connect,
        };
        let one_request = Dialer { tls: roots.config(&[b"http/1.1"])?, tunnels: true, ..dialer.clone() };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT)
            .http1_title_case_headers(true)
            .http1_max_buf_size(HEAD_BUFFER)
            .timer(TokioTimer::new())
            .build(dialer.clone());
        Ok(Fresh {
            engine,
            substitutes: settings.substitutes,
            scrubber: settings.scrubber,
            endpoints: Arc::new(endpoints),
            files,
            gate,
            observe: settings.observe,
            client,
            dialer,
            one_request,
            ssh: settings.ssh.map(Arc::new),
        })
    }
}

impl Shared {
    /// As the guard is set now.
    pub(crate) fn newest(self: &Arc<Shared>) -> Arc<Shared> {
        self.seat.upgrade().map_or_else(|| self.clone(), |seat| newest(&seat))
    }

    /// Puts another one in the place of the newest, if one is made. False if the guard has ended.
    fn change(
        self: &Arc<Shared>,
        make: impl FnOnce(&Shared) -> Result<Option<Shared>, GuardError>,
    ) -> Result<bool, GuardError> {
        let Some(seat) = self.seat.upgrade() else { return Ok(false) };
        let _one = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = make(&newest(&seat))? {
            *seat.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        }
        Ok(true)
    }

    /// From now on the tokens of logins are looked for. False if the guard has ended, and nobody does.
    pub(crate) fn look_for_logins(self: &Arc<Shared>) -> Result<bool, GuardError> {
        self.change(|newest| {
            // Before the engines: what a login adds meanwhile is looked for by its own call.
            let known = newest.logins.substitutes();
            if Arc::ptr_eq(&known, &newest.looked_for) {
                return Ok(None);
            }
            let (engine, scrubber) = login::engines(&newest.logins, &newest.set)?;
            // What is under way of objects in many requests goes on: its clients have no token of this login.
            Ok(Some(Shared { engine, scrubber, looked_for: known, ..newest.clone() }))
        })
    }

    /// The same guard with other settings. What lasts as long as the guard does stays: keys, limits, who is told, and what the session has shown.
    fn renewed(&self, settings: Settings) -> Result<Shared, GuardError> {
        let roots = Roots::load(&settings.upstream_roots)?;
        let mut quarantine = settings.config.quarantine();
        let fresh = Fresh::new(settings, &roots, &self.limits, &self.pages, &self.learned)?;
        let set = (fresh.engine, fresh.scrubber);
        self.logins.rebind(&fresh.endpoints);
        let looked_for = self.logins.substitutes();
        let (engine, scrubber) =
            login::engines(&self.logins, &set).inspect_err(|_| self.logins.rebind(&self.endpoints))?;
        // Whom the policy hears no more has said nothing, also if it does again.
        self.learned.retain(|host| fresh.gate.learns_from(host));
        let mut counted = self.quarantine();
        quarantine.merge(&counted);
        *counted = quarantine;
        drop(counted);
        // Objects that come in many requests begin anew: the rest of one may hold what only the new engine knows, which has not seen its beginning.
        let (uploads, ssh) = (Uploads::new(), fresh.ssh.filter(|_| self.ssh_keys.is_some()));
        Ok(Shared {
            engine,
            substitutes: fresh.substitutes,
            scrubber,
            set,
            looked_for,
            endpoints: fresh.endpoints,
            files: fresh.files,
            gate: fresh.gate,
            observe: fresh.observe,
            uploads,
            client: fresh.client,
            dialer: fresh.dialer,
            one_request: fresh.one_request,
            ssh,
            // What stood in names may be a secret from now on: it has left, and must not refuse every name that comes. Pieces count in the session.
            names: Arc::default(),
            ..self.clone()
        })
    }

    /// What the session has shown so far.
    pub(crate) fn session(&self) -> Session {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds what a request has shown, whatever became of it.
    pub(crate) fn note(&self, shown: &Session) {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).merge(shown);
    }

    /// Reads the target of a CONNECT (`host:port`), by its name where an address was given to one.
    pub(crate) fn target(&self, target: &str) -> Result<Authority, Closed> {
        self.gate.tunnel(target, "https").map(|to| self.given.named(to))
    }

    /// Whether a host may be reached: by its name, and by what the names of the session show together. `spelled` is the name as the client has written it.
    pub(crate) fn admits(&self, to: &Authority, spelled: &str) -> Result<(), Closed> {
        self.gate.check(to)?;
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.knows(spelled) {
            return Ok(());
        }
        let own = self.gate.own(to.host());
        let own = spelled.get(..own.len()).unwrap_or(own);
        let refused = |Shown(hit)| Closed::Secret(hit);
        // Pieces that are long enough by themselves count with those of bodies.
        let flow = Flow::outbound(to.clone());
        let mut stream = self.engine.stream(flow.clone().session(&self.session()));
        let (pushed, last) = (stream.push(own.as_bytes()), stream.finish());
        self.note(&stream.contribution());
        if let (_, Verdict::Block(block)) | (Verdict::Block(block), _) = (pushed, last) {
            return Err(Closed::Secret(block.counts().then(|| block.reference())));
        }
        names.look(&self.engine, &flow, spelled, own).map_err(refused)
    }

    /// Does what a body of so many bytes needs at its end. Long ones take turns, as many at once as there are threads, for each may need the memory of all that it decodes to.
    pub(crate) async fn in_turn<T>(&self, bytes: u64, work: impl FnOnce() -> T) -> T {
        if bytes < LONG {
            return work();
        }
        // Nobody closes it.
        let _turn = self.turns.acquire().await;
        block_in_place(work)
    }

    /// How a request is examined, as the session stands now.
    pub(crate) fn inspection(&self, to: &Authority) -> Inspection {
        let mut inspection = Inspection::new(to.clone());
        inspection.session(&self.session());
        self.gate.config.apply(&mut inspection);
        if self.is_quarantined() {
            inspection.quarantined();
        }
        inspection
    }

    /// Uses up what a request takes of what a person has let pass; false if that is not there any more.
    pub(crate) fn may_use(&self, to: &Authority, approved: &[FindingId]) -> bool {
        approved.is_empty() || self.approvals.used(&to.to_string(), approved, self.started.elapsed())
    }

    /// Lets a refusal pass once, and records it before that.
    pub(crate) fn approve(&self, number: u64) -> Result<(), NotGranted> {
        self.approvals.grant(number, self.started.elapsed(), |offer| {
            let mut record = Record::new(Some(offer.to.clone()), offer.conversation, Outcome::Approved);
            (record.noted, record.approval) = (offer.noted.clone(), Some(number));
            self.sink.record(&record)
        })
    }

    /// Counts what an inspector has refused, if it is for an enrolled secret that nobody else has chosen; true if from now on nothing may leave.
    pub(crate) fn count(&self, inspector: &Inspector) -> bool {
        match inspector.verdict() {
            Verdict::Block(block) if inspector.counts() => self.count_hit(block.reference()),
            _ => false,
        }
    }

    /// The same of a request whose body has this digest, if that was read whole. What was refused for its body before, byte for byte, is refused once more without a word that its sender did not know: a client that tries again is none that guesses.
    pub(crate) fn count_once(&self, inspector: &Inspector, body: Option<&blake3::Hasher>) -> bool {
        if let Some(body) = body.filter(|_| inspector.is_hit_in_body_alone()) {
            let is_repeat = self.repeats().note(body, self.started.elapsed());
            if is_repeat {
                return false;
            }
        }
        self.count(inspector)
    }

    /// What was refused for its body of late.
    pub(crate) fn repeats(&self) -> MutexGuard<'_, Repeats> {
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing may leave.
    pub(crate) fn is_quarantined(&self) -> bool {
        self.quarantine().is_active()
    }

    /// Counts a refusal for an enrolled secret; true if from now on nothing may leave.
    pub(crate) fn count_hit(&self, hit: Reference) -> bool {
        self.quarantine().note(hit, self.started.elapsed())
    }

    fn quarantine(&self) -> MutexGuard<'_, Quarantine> {
        self.quarantine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A guard that is ready to be started.
///
/// # Resource usage
///
/// Four threads; per request the memory of an [`Inspector`](exfilter::Inspector) and its body, which [`GuardLimits`] bounds.
pub struct Guard {
    seat: Arc<Seat>,
    bundle: String,
    own: String,
    /// The way to a collector of telemetry.
    #[cfg(feature = "otel")]
    collector: Dialer,
}

impl Guard {
    /// Makes a certificate authority and reads those of the system.
    ///
    /// # Errors
    ///
    /// [`GuardError`] if there are none, or a further one cannot be read.
    pub fn new(settings: Settings) -> Result<Guard, GuardError> {
        let roots = Roots::load(&settings.upstream_roots)?;
        let now = SystemTime::now();
        let authority = Authorities::new(settings.allow.as_deref(), roots.pem(), settings.lasting, now)?;
        let (own, bundle) = (authority.own(), authority.bundle());
        let limits = Arc::new(settings.limits.clone());
        let quarantine = Arc::new(Mutex::new(settings.config.quarantine()));
        let metrics = Arc::new(Metrics::new(&settings));
        #[cfg(feature = "otel")]
        let collector = collector(&settings, &roots, &limits)?;
        let ssh_keys = settings.ssh.as_ref().map(|_| RunKeys::new().map(Arc::new)).transpose()?;
        let pages = Arc::default();
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| GuardError::random())?;
        let logins = Logins::new(seed);
        getrandom::fill(&mut seed).map_err(|_| GuardError::random())?;
        let repeats = Repeats::new(seed);
        getrandom::fill(&mut seed).map_err(|_| GuardError::random())?;
        let accounts = Accounts::new(seed);
        seed.zeroize();
        let learned = LearnedEndpoints::new();
        let fresh = Fresh::new(settings, &roots, &limits, &pages, &learned)?;
        let make = |seat: &Weak<Seat>| Shared {
            set: (fresh.engine.clone(), fresh.scrubber.clone()),
            looked_for: logins.substitutes(),
            logins,
            accounts,
            files: fresh.files,
            endpoints: fresh.endpoints,
            learned,
            engine: fresh.engine,
            substitutes: fresh.substitutes,
            scrubber: fresh.scrubber,
            gate: fresh.gate,
            observe: fresh.observe,
            upgrades: Arc::new(Semaphore::new(limits.connections)),
            places: Arc::new(Semaphore::new(limits.connections)),
            turns: Arc::new(Semaphore::new(THREADS)),
            limits,
            budget: Arc::default(),
            uploads: Uploads::new(),
            turns_of_parts: Arc::default(),
            session: Arc::default(),
            prefixes: Prefixes::new(),
            names: Arc::default(),
            given: Arc::default(),
            quarantine,
            started: Instant::now(),
            repeats: Arc::new(Mutex::new(repeats)),
            approvals: Arc::default(),
            pages,
            client: fresh.client,
            dialer: fresh.dialer,
            one_request: fresh.one_request,
            ssh: fresh.ssh,
            ssh_keys,
            authority: Arc::new(authority),
            sink: metrics.clone(),
            metrics,
            busy: Busy::default(),
            seat: seat.clone(),
            changes: Arc::default(),
        };
        let seat = Arc::new_cyclic(|seat| RwLock::new(Arc::new(make(seat))));
        Ok(Guard {
            seat,
            bundle,
            own,
            #[cfg(feature = "otel")]
            collector,
        })
    }

    /// The certificate authorities that clients must trust, in PEM: this guard's first, then those of the system.
    #[must_use]
    pub fn bundle(&self) -> &str {
        &self.bundle
    }

    /// This guard's certificate authority alone, in PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.own
    }

    /// What clients of SSH need, if there is a gateway ([`Settings::ssh`]): a line for their `known_hosts`, and the private key with which they log in, in the form of OpenSSH. The key opens
    /// this guard and nothing else.
    ///
    /// # Errors
    ///
    /// [`GuardError`] if they cannot be written down.
    pub fn ssh(&self) -> Result<Option<(String, Zeroizing<String>)>, GuardError> {
        let shared = newest(&self.seat);
        let Some(keys) = &shared.ssh_keys else { return Ok(None) };
        Ok(Some((keys.known_hosts()?, keys.client_key()?)))
    }

    #[cfg(test)]
    pub(crate) fn shared(self) -> Arc<Shared> {
        newest(&self.seat)
    }

    /// Serves connections until the result is dropped.
    ///
    /// # Errors
    ///
    /// [`GuardError`] if the system gives no threads.
    pub fn start(self, listener: Listener) -> Result<Running, GuardError> {
        let address = listener.address();
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(THREADS).thread_name("exfilter-guard").enable_all().build();
        let runtime = runtime.map_err(|error| GuardError::io(&error))?;
        #[cfg(feature = "otel")]
        let exporter = {
            let (shared, seat) = (newest(&self.seat), self.seat.clone());
            let counts = move || {
                let shared = newest(&seat);
                shared.metrics.text(&shared)
            };
            let begun = otel::start(shared.metrics.telemetry.as_ref(), &self.collector, counts);
            begun.map_err(|error| GuardError::io(&error))?
        };
        runtime.spawn(door::listen(newest(&self.seat), listener.0));
        Ok(Running {
            runtime: Some(runtime),
            seat: self.seat,
            address,
            #[cfg(feature = "otel")]
            exporter,
        })
    }
}

/// A guard that serves. It ends when this is dropped: what is under way is cut off after half a second.
pub struct Running {
    runtime: Option<Runtime>,
    seat: Arc<Seat>,
    address: Option<SocketAddr>,
    #[cfg(feature = "otel")]
    exporter: Option<otel::Exporter>,
}

impl Running {
    /// Serves connections of a further listener too. All together have the places of [`GuardLimits::connections`].
    pub fn listen(&self, listener: Listener) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(door::listen(self.shared(), listener.0));
        }
    }

    /// Tells counts at `/metrics` of this listener, in the form of OpenMetrics: requests by what they were and what became of them, findings, what could not be examined, open connections and
    /// held bytes. No content, and no names of hosts.
    pub fn metrics(&self, listener: Listener) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(door::tell(self.shared(), listener.0));
        }
    }

    /// Shows the last records at a page of this machine, without content, and gives its address, which holds a token: whoever has it can look. Who has [another](Page::approving) can also let pass once what
    /// was refused for findings of rules of medium confidence ([`Inspector::approvable`]), which is recorded; nothing else can be changed there. Clients of the guard are not led to the page.
    ///
    /// # Errors
    ///
    /// An address that is not of this machine alone, and those of the system.
    pub fn show(&self, listener: TcpListener) -> io::Result<Page> {
        let address = listener.local_addr()?;
        if !address.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the address is not of this machine alone",
            ));
        }
        let (ui, shared) = (Arc::new(Ui::new(address)?), self.shared());
        let page = ui.page();
        self.shared().pages.add(address);
        shared.metrics.timeline.begin();
        shared.approvals.begin();
        if let Some(runtime) = &self.runtime {
            runtime.spawn(door::show(shared, ui, listener));
        }
        Ok(page)
    }

    /// Answers questions of the DNS at this socket: names that may be reached have these addresses, whoever they belong to, and all others are refused. Nothing is asked elsewhere. Names are examined, one
    /// by one and together.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn dns(&self, socket: UdpSocket, v4: Option<Ipv4Addr>, v6: Option<Ipv6Addr>) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        if let Some(runtime) = &self.runtime {
            runtime.spawn(dns::serve(self.shared(), socket, Addresses::Same { v4, v6 }));
        }
        Ok(())
    }

    /// Answers questions of the DNS at this listener, in the form that they have over TCP: for a sandbox whose own loopback everything comes to. Each name that may be reached has an address of its own in
    /// 127.64.0.0/10, and a client that asks for a tunnel to such an address (`CONNECT 127.64.0.1:443`, or by SOCKS) is let through to that name, if it may be reached then. All other names are refused.
    pub fn names(&self, listener: Listener) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(door::name(self.shared(), listener.0));
        }
    }

    /// Takes other settings for whatever begins from now on: requests, messages of WebSocket, channels of SSH. What is under way goes on as it began. The certificate authority, the keys of SSH, the
    /// [limits](Settings::limits), the [sink](Settings::sink), what the session has shown and been refused for, and the tokens of its logins stay as they are; so does whether there is a gateway of SSH. Objects that come in many
    /// requests must begin anew.
    ///
    /// Hosts that are [allowed](Settings::allow) only now are not among those for which the authority may sign, if there was a list before, until it was [renewed](Running::renew) twice.
    ///
    /// # Errors
    ///
    /// [`GuardError`] for settings with which no guard would start. Then nothing changes.
    pub fn reload(&self, settings: Settings) -> Result<(), GuardError> {
        self.shared().change(|newest| newest.renewed(settings).map(Some)).map(drop)
    }

    /// Lets the next certificate authority take the place of the one that has signed for a week, where there is a next one ([`Settings::lasting`]); `now` is what the clock says, which may be asked as often as one likes.
    /// Before that `write` gets what clients must trust from then on, in which both stand, and the one that follows. False if it is not time yet. Whoever has read what clients must trust once needs to do so
    /// again after a week. The list of hosts for which the one that follows may sign is that of the last reload.
    ///
    /// # Errors
    ///
    /// Those of `write`, and of making keys. Then nothing changes, and it is tried again when this is called again.
    pub fn renew(&self, now: SystemTime, write: impl FnOnce(&str) -> io::Result<()>) -> io::Result<bool> {
        self.renew_after(PERIOD, now, write)
    }

    /// The same after another time.
    ///
    /// # Errors
    ///
    /// As [`Running::renew`] has them.
    pub fn renew_after(
        &self,
        period: Duration,
        now: SystemTime,
        write: impl FnOnce(&str) -> io::Result<()>,
    ) -> io::Result<bool> {
        let shared = self.shared();
        shared.authority.renew(shared.gate.allow.as_deref(), period, now, write)
    }

    /// Where its first listener is, if that is an address.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether the session is in quarantine: after repeated hits every request is refused.
    #[must_use]
    pub fn is_quarantined(&self) -> bool {
        self.shared().is_quarantined()
    }

    /// Ends the quarantine, and forgets what led to it. For a person to decide, never for whoever is behind the guard.
    pub fn lift_quarantine(&self) {
        self.shared().quarantine().lift();
    }
}

impl Running {
    fn shared(&self) -> Arc<Shared> {
        newest(&self.seat)
    }
}

/// The way to a collector of telemetry: as to servers, but whoever starts the guard has named it, so no list of hosts is asked.
#[cfg(feature = "otel")]
fn collector(settings: &Settings, roots: &Roots, limits: &GuardLimits) -> Result<Dialer, GuardError> {
    let gate = Gate {
        engine: settings.engine.clone(),
        config: Config::default(),
        allow: None,
        closed_network: false,
    };
    Ok(Dialer {
        gate: Arc::new(gate),
        tls: roots.config(&[b"http/1.1"])?,
        resolve: Arc::new(settings.places()),
        proxy: settings.upstream_proxy.clone(),
        tunnels: false,
        pages: Arc::default(),
        patience: limits.connect,
    })
}

fn newest(seat: &Seat) -> Arc<Shared> {
    seat.read().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            self.shared().busy.settle(LAST);
            runtime.shutdown_timeout(LAST);
        }
        // Behind all that is told.
        #[cfg(feature = "otel")]
        if let Some(exporter) = self.exporter.take() {
            exporter.finish();
        }
    }
}
