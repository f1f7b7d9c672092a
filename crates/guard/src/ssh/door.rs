//! The side of the client: who it is, and what it asks for.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use exfilter::Authority;
use russh::keys::PublicKey;
use russh::server::{self, Auth, ChannelOpenHandle, Msg, PublicKeyOffer, Session, VerifiedPublicKey};
use russh::{
    Channel, ChannelId, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf, MethodKind, MethodSet,
    Preferred, Pty,
};
use tokio::io::{AsyncRead, AsyncWrite};

use super::channel::{self, Ask, Client, Order, Terminal};
use super::pace::{Pace, Paced, Side};
use super::settings::SshSettings;
use super::upstream::CIPHERS;
use super::verb::Verb;
use super::watch::{Found, Refusal, Scene, Watch};
use crate::gate::Closed;
use crate::guard::Shared;
use crate::record::{Outcome, Record};

/// The most variables that a channel may set, and the longest of one, in bytes.
const VARIABLES: usize = 64;
const VARIABLE_MAX: usize = 32 << 10;

/// The most packets that may come before a channel asks for something.
const EARLY: usize = 256;

/// Serves a client that speaks SSH, until its connection ends.
pub(crate) async fn serve<S>(shared: Arc<Shared>, settings: Arc<SshSettings>, to: Authority, io: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(keys) = &shared.ssh_keys else { return };
    let name = to.host().trim_start_matches('[').trim_end_matches(']');
    let Ok(certificate) = keys.certificate(name) else { return };
    let config = server::Config {
        server_id: super::id(),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: Duration::from_millis(100),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![keys.host.clone()],
        certificates: vec![certificate],
        channel_buffer_size: super::MESSAGES,
        preferred: Preferred { cipher: Cow::Borrowed(CIPHERS), ..Preferred::DEFAULT },
        inactivity_timeout: None,
        keepalive_interval: Some(super::ALIVE),
        ..server::Config::default()
    };
    let pace = Arc::new(Pace::default());
    let io = Paced::new(io, pace.clone(), Side::Client);
    let scene = Scene { shared: shared.clone(), to };
    let door = Door { scene, settings, pace, user: String::new(), channel: None };
    let started = tokio::time::timeout(shared.limits.head, server::run_stream(Arc::new(config), io, door));
    if let Ok(Ok(session)) = started.await {
        // How it ends is told by its channels.
        let _ = session.await;
    }
}

/// The channel, if there is one.
struct Open {
    id: ChannelId,
    /// What it needs to run; taken when it does.
    ends: Option<(ChannelReadHalf, ChannelWriteHalf<Msg>)>,
    variables: Vec<(String, String)>,
    terminal: Option<Terminal>,
    refusal: Option<Refusal>,
    early: usize,
    /// Set when it is closed from here.
    done: Arc<AtomicBool>,
}

struct Door {
    scene: Scene,
    settings: Arc<SshSettings>,
    pace: Arc<Pace>,
    user: String,
    channel: Option<Open>,
}

impl Door {
    fn is_own(&self, key: &PublicKey) -> bool {
        self.scene.shared.ssh_keys.as_ref().is_some_and(|keys| keys.is_client(key))
    }

    fn open(&mut self, id: ChannelId) -> Option<&mut Open> {
        self.channel.as_mut().filter(|open| open.id == id)
    }

    /// Starts what a channel asks for, or says why not.
    fn start(
        &mut self,
        id: ChannelId,
        verb: Verb,
        ask: Ask,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        // As the guard is set now: the connection may be older.
        let scene = Scene { shared: self.scene.shared.newest(), to: self.scene.to.clone() };
        let settings = scene.shared.ssh.clone().unwrap_or_else(|| self.settings.clone());
        let (pace, user) = (self.pace.clone(), self.user.clone());
        let Some(open) = self.open(id) else { return session.channel_failure(id) };
        let Some((read, write)) = open.ends.take() else { return session.channel_failure(id) };
        let (refusal, done) = (open.refusal.take(), open.done.clone());
        let order = Order {
            verb,
            ask,
            user,
            variables: std::mem::take(&mut open.variables),
            terminal: open.terminal.take(),
        };
        session.channel_success(id)?;
        let mut found = Found::default();
        let mut holds_secret = false;
        let examined = match refusal {
            Some(refusal) => Err(refusal),
            None => match admitted(&scene, &mut found) {
                Ok(()) => examine(&scene, &settings, &order, &mut found),
                Err(closed) => {
                    // Of a name that holds a secret, or the rest of one, nothing is repeated.
                    holds_secret = matches!(closed, Closed::Secret(_));
                    Err(Refusal::plain(closed.text()))
                }
            },
        };
        if let Err(refusal) = examined {
            let outcome = Outcome::Refused { why: refusal.operator };
            let to = (!holds_secret).then(|| scene.to.to_string());
            let mut record = Record::new(to, verb.conversation(), outcome);
            found.hand_over(&mut record);
            // What is refused is refused, recorded or not.
            let _ = scene.shared.sink.record(&record);
            done.store(true, Ordering::Relaxed);
            return channel::refuse_at_once(id, verb, &refusal.subject, session);
        }
        let client = Client { id, handle: session.handle(), write: Arc::new(write), done };
        tokio::spawn(channel::run(scene, settings, order, found, read, client, pace));
        Ok(())
    }
}

/// Whether the server may be reached.
fn admitted(scene: &Scene, found: &mut Found) -> Result<(), Closed> {
    let admitted = scene.shared.admits(&scene.to, scene.to.host());
    if let Err(Closed::Secret(Some(hit))) = admitted {
        found.quarantine |= scene.shared.count_hit(hit);
    }
    admitted
}

/// Whether what is asked for may be done: what it is, and whether anything stands in it.
fn examine(scene: &Scene, settings: &SshSettings, order: &Order, found: &mut Found) -> Result<(), Refusal> {
    let (shared, to) = (&scene.shared, &scene.to);
    Watch::text(shared, to, "user", order.user.as_bytes(), found)?;
    if let Ask::Exec(line) = &order.ask {
        Watch::text(shared, to, "command", line, found)?;
    }
    for (name, value) in &order.variables {
        Watch::text(shared, to, "variable", format!("{name}={value}").as_bytes(), found)?;
    }
    if let Some(terminal) = &order.terminal {
        Watch::text(shared, to, "terminal", terminal.name.as_bytes(), found)?;
    }
    match order.verb.refusal() {
        Some(why) => Err(Refusal::plain(why)),
        None if !settings.admits(order.verb) => {
            Err(Refusal::plain(format!("{} is not one of what may be done (--ssh-verb)", order.verb.name())))
        }
        None => Ok(()),
    }
}

impl server::Handler for Door {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        _: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, russh::Error> {
        Ok(if self.is_own(offer.public_key) { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        if !self.is_own(key.public_key) {
            return Ok(Auth::reject());
        }
        self.user = user.to_owned();
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        if self.channel.as_ref().is_some_and(|open| !open.done.load(Ordering::Relaxed)) {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let id = channel.id();
        let ends = Some(channel.split());
        let variables = Vec::new();
        self.pace.reset();
        let done = Arc::default();
        self.channel = Some(Open { id, ends, variables, terminal: None, refusal: None, early: 0, done });
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.forwarding("ssh-forward")
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.forwarding("ssh-forward")
    }

    async fn tcpip_forward(&mut self, _: &str, _: &mut u32, _: &mut Session) -> Result<bool, russh::Error> {
        self.forwarding("ssh-forward").map(|()| false)
    }

    async fn streamlocal_forward(&mut self, _: &str, _: &mut Session) -> Result<bool, russh::Error> {
        self.forwarding("ssh-forward").map(|()| false)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _: bool,
        _: &str,
        _: &str,
        _: u32,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_failure(channel)
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), russh::Error> {
        if self.open(channel).is_some() {
            self.channel = None;
        }
        Ok(())
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], _: &mut Session) -> Result<(), russh::Error> {
        self.pace.came(Side::Client, data.len());
        // Before anything is asked for nobody takes what comes.
        match self.open(channel) {
            Some(open) if open.ends.is_some() => {
                open.early += 1;
                if open.early > EARLY { Err(russh::Error::Inconsistent) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    async fn extended_data(
        &mut self,
        channel: ChannelId,
        _: u32,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        // Clients have one stream alone; what comes as another is dropped.
        self.data(channel, data, session).await
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let Some(open) = self.open(channel) else { return Ok(()) };
        if open.ends.is_none() {
            // What it is for has begun.
            return session.channel_failure(channel);
        }
        if open.variables.len() < VARIABLES && name.len() + value.len() <= VARIABLE_MAX {
            open.variables.push((name.to_owned(), value.to_owned()));
        } else {
            open.refusal =
                Some(Refusal::plain("blocked by policy: more or longer variables than are examined"));
        }
        session.channel_success(channel)
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        columns: u32,
        rows: u32,
        width: u32,
        height: u32,
        modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let Some(open) = self.open(channel) else { return Ok(()) };
        let size = [columns, rows, width, height];
        open.terminal = Some(Terminal { name: term.to_owned(), size, modes: modes.to_vec() });
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        self.start(channel, Verb::Shell, Ask::Shell, session)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.start(channel, Verb::of(line), Ask::Exec(line.to_vec()), session)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let verb = if name == "sftp" { Verb::Sftp } else { Verb::Subsystem };
        self.start(channel, verb, Ask::Sftp, session)
    }
}

impl Door {
    /// Tells of a forwarding, which is refused.
    fn forwarding(&self, what: &'static str) -> Result<(), russh::Error> {
        let why = "forwarded connections are not passed on: nobody can tell what is spoken in them".into();
        let record = Record::new(Some(self.scene.to.to_string()), what, Outcome::Refused { why });
        let _ = self.scene.shared.sink.record(&record);
        Ok(())
    }
}
