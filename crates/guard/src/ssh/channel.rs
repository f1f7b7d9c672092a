//! One channel, from what it asks for to its end.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use russh::client::{Handle as ServerHandle, Msg as ToServer};
use russh::server::{Handle, Msg as ToClient, Session};
use russh::{Channel, ChannelId, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect, Pty};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::block_in_place;
use tokio::time::Instant;

use super::examine::{self, Examiner, Out, Piece};
use super::pace::{HARD, Pace, Side};
use super::settings::SshSettings;
use super::upstream;
use super::verb::Verb;
use super::watch::{Found, Refusal, Scene};
use crate::guard::Shared;
use crate::record::{Outcome, Record};

/// How a command ends that was refused: nothing of the kind that commands themselves end with (`EX_NOPERM`).
pub(super) const REFUSED: u32 = 77;

/// How it ends if the server was not reached, as with ssh itself.
pub(super) const UNREACHED: u32 = 255;

/// How long a client must have said nothing until what is held is looked at once more, and until it is let go of: programs wait for answers.
const PAUSE: Duration = Duration::from_millis(15);
const LONG_PAUSE: Duration = Duration::from_secs(2);

/// How long what was said last may take to arrive.
const LAST: Duration = Duration::from_secs(20);

const FAULT: &str = "an internal fault; what was being examined was not sent";

/// What is to be done.
pub(crate) enum Ask {
    Exec(Vec<u8>),
    Shell,
    Sftp,
}

/// A terminal that is asked for.
pub(crate) struct Terminal {
    pub(crate) name: String,
    /// Columns, rows, width and height.
    pub(crate) size: [u32; 4],
    pub(crate) modes: Vec<(Pty, u32)>,
}

/// What a channel asks for.
pub(crate) struct Order {
    pub(crate) verb: Verb,
    pub(crate) ask: Ask,
    pub(crate) user: String,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) terminal: Option<Terminal>,
}

/// The client's end.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) id: ChannelId,
    pub(crate) handle: Handle,
    pub(crate) write: Arc<ChannelWriteHalf<ToClient>>,
    /// Whether it was closed from here: another may be opened.
    pub(crate) done: Arc<AtomicBool>,
}

/// Whoever is told how a channel ends: once, before its client is, and even if it is cut off.
struct Ledger {
    shared: Arc<Shared>,
    to: String,
    verb: Verb,
    /// What was found in what was asked for.
    asked: Found,
    is_told: bool,
}

impl Ledger {
    fn tell(&mut self, outcome: Outcome, bytes: u64, mut found: Found) {
        if std::mem::replace(&mut self.is_told, true) {
            return;
        }
        let mut record = Record::new(Some(self.to.clone()), self.verb.conversation(), outcome);
        record.bytes = bytes;
        found.hand_over(&mut record);
        // What has left has left, and what is refused is refused, recorded or not.
        let _ = self.shared.sink.record(&record);
    }

    /// Tells what was refused of a channel that goes on. Its bytes are told at its end.
    fn tell_refusal(&self, why: String, mut found: Found) {
        let outcome = Outcome::Refused { why };
        let mut record = Record::new(Some(self.to.clone()), self.verb.conversation(), outcome);
        found.hand_over(&mut record);
        // It is refused, recorded or not.
        let _ = self.shared.sink.record(&record);
    }

    /// How it ends if nobody has said: it was cut off, by a fault or because the guard ends.
    fn cut_off() -> Outcome {
        match std::thread::panicking() {
            true => Outcome::Refused { why: FAULT.into() },
            false => Outcome::Failed { why: "cut off: the guard has ended" },
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let asked = std::mem::take(&mut self.asked);
        self.tell(Ledger::cut_off(), 0, asked);
    }
}

/// Says why a channel is refused, in the form that its client shows, and closes it.
pub(crate) fn refuse_at_once(
    id: ChannelId,
    verb: Verb,
    why: &str,
    session: &mut Session,
) -> Result<(), russh::Error> {
    if verb == Verb::ReceivePack || verb == Verb::UploadPack {
        session.data(id, exfilter::wire::git::error_line(&format!("exfilter: {why}")))?;
    } else {
        session.extended_data(id, 1, format!("exfilter: {why}\r\n"))?;
    }
    session.exit_status_request(id, REFUSED)?;
    session.eof(id)?;
    session.close(id)
}

/// Runs a channel. A panic on the way is a refusal.
pub(crate) async fn run(
    scene: Scene,
    settings: Arc<SshSettings>,
    order: Order,
    found: Found,
    read: ChannelReadHalf,
    client: Client,
    pace: Arc<Pace>,
) {
    let (verb, shared, to) = (order.verb, scene.shared.clone(), scene.to.to_string());
    let _under_way = shared.busy.begin();
    let opened = Record::new(Some(to.clone()), verb.conversation(), Outcome::Opened);
    if shared.sink.record(&opened).is_err() {
        return say(&client, "the channel could not be recorded", UNREACHED).await;
    }
    let ledger = Ledger { shared, to, verb, asked: found, is_told: false };
    let (told, end) =
        (client.clone(), tokio::spawn(pass(scene, settings, order, read, client, pace, ledger)));
    if end.await.is_err() {
        say(&told, FAULT, UNREACHED).await;
    }
}

async fn pass(
    scene: Scene,
    settings: Arc<SshSettings>,
    order: Order,
    read: ChannelReadHalf,
    client: Client,
    pace: Arc<Pace>,
    mut ledger: Ledger,
) {
    let (status, found) = (scene.shared.limits.status, ledger.asked.clone());
    let server = match reach(&scene, &settings, &order, &pace).await {
        Ok(server) => server,
        Err(why) => {
            ledger.tell(Outcome::Failed { why }, 0, found);
            return say(&client, why, UNREACHED).await;
        }
    };
    let (from_server, to_server) = server.channel.split();
    let examiner = examine::of(order.verb, order.terminal.is_some(), scene.clone(), found);
    let to_server = Arc::new(to_server);
    let (up, up_rest) = unbounded_channel();
    let (down, down_rest) = unbounded_channel();
    let upward = tokio::spawn(write_up(to_server.clone(), up_rest, pace.clone()));
    let downward = tokio::spawn(write_down(client.clone(), down_rest, pace.clone(), status));
    let passage = Passage { examiner, ledger, up, down, to_server, pace, bytes: 0, ended: false };
    passage.run(read, from_server).await;
    // What was said last arrives before the connection ends.
    let _ = tokio::time::timeout(LAST, downward).await;
    upward.abort();
    let _ = server.connection.disconnect(Disconnect::ByApplication, "", "").await;
}

/// A server that does what was asked for.
struct Server {
    connection: ServerHandle<upstream::Upstream>,
    channel: Channel<ToServer>,
}

/// Connects, logs in, and asks the server for what the client asked for.
async fn reach(
    scene: &Scene,
    settings: &SshSettings,
    order: &Order,
    pace: &Arc<Pace>,
) -> Result<Server, &'static str> {
    let (dialer, limits) = (&scene.shared.dialer, &scene.shared.limits);
    let connection = upstream::connect(dialer, limits, settings, &scene.to, &order.user, pace).await?;
    let opened = tokio::time::timeout(limits.connect, connection.channel_open_session()).await;
    let Ok(Ok(channel)) = opened else { return Err("the server opens no channel") };
    ask(&channel, order).await.map_err(|_| "the server closed the connection")?;
    Ok(Server { connection, channel })
}

/// Asks the server for what the client asked for.
async fn ask(server: &Channel<ToServer>, order: &Order) -> Result<(), russh::Error> {
    for (name, value) in &order.variables {
        server.set_env(false, name.as_str(), value.as_str()).await?;
    }
    if let Some(terminal) = &order.terminal {
        let [columns, rows, width, height] = terminal.size;
        server.request_pty(false, &terminal.name, columns, rows, width, height, &terminal.modes).await?;
    }
    match &order.ask {
        Ask::Exec(line) => server.exec(true, line.clone()).await,
        Ask::Shell => server.request_shell(true).await,
        Ask::Sftp => server.request_subsystem(true, "sftp").await,
    }
}

/// What goes to the client, in order.
enum Down {
    Data(Bytes),
    Extended(u32, Bytes),
    Status(u32),
    Signal(Box<(russh::Sig, bool)>),
    Eof,
    Close,
}

/// What goes to the server, in order.
enum Up {
    Piece(Piece),
    Eof,
}

struct Passage {
    examiner: Box<dyn Examiner>,
    ledger: Ledger,
    up: UnboundedSender<Up>,
    down: UnboundedSender<Down>,
    to_server: Arc<ChannelWriteHalf<ToServer>>,
    pace: Arc<Pace>,
    bytes: u64,
    /// Whether the client has nothing more to say.
    ended: bool,
}

impl Passage {
    /// Passes what may pass until one side ends.
    async fn run(mut self, mut client: ChannelReadHalf, mut server: ChannelReadHalf) {
        let never = Instant::now() + Duration::from_secs(86_400 * 365);
        let (mut due, mut is_long, mut turn) = (never, false, false);
        loop {
            let mut out = Out::default();
            let waits = self.examiner.holds().then_some(due);
            let heard = next(&mut client, &mut server, waits, &mut turn).await;
            let is_server = matches!(heard, Heard::Server(_));
            let ended = match heard {
                Heard::Client(Some(message)) => {
                    if let ChannelMsg::Data { .. } = message {
                        (due, is_long) = (Instant::now() + PAUSE, false);
                    }
                    self.client_says(message, &mut out).await
                }
                Heard::Server(Some(message)) => self.server_says(message, &mut out),
                Heard::Client(None) | Heard::Server(None) => ControlFlow::Break(()),
                Heard::Nothing => {
                    self.examiner.pause(is_long, &mut out);
                    (due, is_long) = (Instant::now() + LONG_PAUSE, true);
                    ControlFlow::Continue(())
                }
            };
            if ended.is_break() {
                self.tell(Outcome::Sent);
                if is_server {
                    self.send_down(Down::Close, 0);
                }
            } else if !self.take(out) {
                continue;
            }
            let _ = self.to_server.close().await;
            return;
        }
    }

    /// Records how the channel ends, unless that has happened.
    fn tell(&mut self, outcome: Outcome) {
        let found = self.examiner.found();
        self.ledger.tell(outcome, self.bytes, found);
    }

    /// A message of the client; a break is its end.
    async fn client_says(&mut self, message: ChannelMsg, out: &mut Out) -> ControlFlow<()> {
        match message {
            ChannelMsg::Data { data } => {
                let len = data.len();
                if self.pace.waiting(Side::Client) > HARD {
                    let why =
                        "blocked by policy: the server takes nothing, and more waits for it than is held";
                    out.refuse(Refusal::plain(why));
                } else if len >= LONG {
                    block_in_place(|| self.examiner.client_says(data, out));
                } else {
                    self.examiner.client_says(data, out);
                }
                self.pace.left(Side::Client, len);
            }
            ChannelMsg::ExtendedData { data, .. } => self.pace.left(Side::Client, data.len()),
            ChannelMsg::Eof if !std::mem::replace(&mut self.ended, true) => {
                block_in_place(|| self.examiner.end(out));
            }
            ChannelMsg::WindowChange { col_width, row_height, pix_width, pix_height } => {
                let _ = self.to_server.window_change(col_width, row_height, pix_width, pix_height).await;
            }
            // A name of one's own choice is a text.
            ChannelMsg::Signal { signal } if !matches!(signal, russh::Sig::Custom(_)) => {
                let _ = self.to_server.signal(signal).await;
            }
            ChannelMsg::Close => return ControlFlow::Break(()),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// A message of the server; a break is its end.
    fn server_says(&mut self, message: ChannelMsg, out: &mut Out) -> ControlFlow<()> {
        match message {
            ChannelMsg::Data { data } => {
                let len = data.len();
                self.examiner.server_says(data, out);
                self.pace.left(Side::Server, len);
            }
            ChannelMsg::ExtendedData { data, ext } => {
                let len = data.len();
                self.send_down(Down::Extended(ext, data), len);
                self.pace.left(Side::Server, len);
            }
            ChannelMsg::Eof => {
                self.examiner.server_end(out);
                out.down_end = true;
            }
            ChannelMsg::ExitStatus { exit_status } => self.send_down(Down::Status(exit_status), 0),
            ChannelMsg::ExitSignal { signal_name, core_dumped, .. } => {
                self.send_down(Down::Signal(Box::new((signal_name, core_dumped))), 0);
            }
            ChannelMsg::Failure => out.fail("the server refuses what was asked for"),
            ChannelMsg::Close => return ControlFlow::Break(()),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// Sends what an examiner gave out; whether the channel ends.
    fn take(&mut self, out: Out) -> bool {
        for why in out.refused {
            self.ledger.tell_refusal(why, self.examiner.found());
        }
        for piece in out.up {
            self.bytes += piece.len();
            self.pace.came(Side::Client, piece.counted());
            let _ = self.up.send(Up::Piece(piece));
        }
        let stop = out.stop.map(|stop| {
            // Before the client is told: it may be the last that the guard lives to see.
            self.tell(stop.outcome);
            stop.status
        });
        if out.up_end {
            let _ = self.up.send(Up::Eof);
        }
        for data in out.down {
            let len = data.len();
            self.send_down(Down::Data(data), len);
        }
        if let Some(text) = out.notice {
            let data = Bytes::from(format!("exfilter: {text}\r\n"));
            let len = data.len();
            self.send_down(Down::Extended(1, data), len);
        }
        if out.down_end {
            self.send_down(Down::Eof, 0);
        }
        let Some(status) = stop else { return false };
        self.send_down(Down::Status(status), 0);
        self.send_down(Down::Eof, 0);
        self.send_down(Down::Close, 0);
        true
    }

    fn send_down(&self, what: Down, len: usize) {
        self.pace.came(Side::Server, len);
        let _ = self.down.send(what);
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        // Of an examiner that has failed nothing is asked; the ledger has what was found before it.
        if !std::thread::panicking() {
            self.tell(Ledger::cut_off());
        }
    }
}

/// What came first.
enum Heard {
    Client(Option<ChannelMsg>),
    Server(Option<ChannelMsg>),
    /// Nothing until it was time.
    Nothing,
}

/// Waits for either side, each the first to be asked in turn.
async fn next(
    client: &mut ChannelReadHalf,
    server: &mut ChannelReadHalf,
    due: Option<Instant>,
    turn: &mut bool,
) -> Heard {
    let mut time = due.map(|due| Box::pin(tokio::time::sleep_until(due)));
    *turn = !*turn;
    let client_first = *turn;
    poll_fn(|cx| {
        for is_client in [client_first, !client_first] {
            // Nothing is lost with a wait that is given up.
            if is_client {
                if let Poll::Ready(message) = pin!(client.wait()).poll(cx) {
                    return Poll::Ready(Heard::Client(message));
                }
            } else if let Poll::Ready(message) = pin!(server.wait()).poll(cx) {
                return Poll::Ready(Heard::Server(message));
            }
        }
        match time.as_mut().map(|time| time.as_mut().poll(cx)) {
            Some(Poll::Ready(())) => Poll::Ready(Heard::Nothing),
            _ => Poll::Pending,
        }
    })
    .await
}

/// From so many bytes on, examining them takes a thread for itself.
const LONG: usize = 16 << 10;

async fn write_up(
    server: Arc<ChannelWriteHalf<ToServer>>,
    mut rest: UnboundedReceiver<Up>,
    pace: Arc<Pace>,
) -> Result<(), russh::Error> {
    while let Some(what) = rest.recv().await {
        match what {
            Up::Piece(Piece::Bytes(bytes)) => {
                let len = bytes.len();
                pace.stuck(Side::Client, true);
                let sent = server.data_bytes(bytes).await;
                pace.stuck(Side::Client, false);
                pace.left(Side::Client, len);
                sent?;
            }
            Up::Piece(Piece::Held(mut held)) => {
                for bytes in held.pieces() {
                    server.data_bytes(bytes).await?;
                }
            }
            Up::Eof => server.eof().await?,
        }
    }
    Ok(())
}

async fn write_down(
    client: Client,
    mut rest: UnboundedReceiver<Down>,
    pace: Arc<Pace>,
    status: Duration,
) -> Result<(), russh::Error> {
    // Until when the end of the output waits for how the command ended, if that is not known.
    let (mut eof, mut is_known) = (None::<Instant>, false);
    loop {
        let heard = match eof {
            Some(due) => tokio::time::timeout_at(due, rest.recv()).await,
            None => Ok(rest.recv().await),
        };
        // Whatever comes but how the command ended, and nothing for so long, leaves the end behind it.
        let ends = matches!(heard, Ok(Some(Down::Status(_) | Down::Signal(_))));
        if eof.is_some() && !ends {
            eof = None;
            let _ = client.handle.eof(client.id).await;
        }
        let what = match heard {
            Ok(Some(what)) => what,
            Ok(None) => break,
            Err(_) => continue,
        };
        let (extended, bytes) = match what {
            Down::Data(bytes) => (None, bytes),
            Down::Extended(kind, bytes) => (Some(kind), bytes),
            Down::Status(status) => {
                let _ = client.handle.exit_status_request(client.id, status).await;
                (is_known, eof) = (true, eof.map(|_| Instant::now()));
                continue;
            }
            Down::Signal(signal) => {
                let (name, dumped) = *signal;
                let _ = client
                    .handle
                    .exit_signal_request(client.id, name, dumped, String::new(), String::new())
                    .await;
                (is_known, eof) = (true, eof.map(|_| Instant::now()));
                continue;
            }
            Down::Eof => {
                eof = Some(if is_known { Instant::now() } else { Instant::now() + status });
                continue;
            }
            Down::Close => {
                client.done.store(true, Ordering::Relaxed);
                let _ = client.handle.close(client.id).await;
                continue;
            }
        };
        let len = bytes.len();
        pace.stuck(Side::Server, true);
        let sent = match extended {
            None => client.write.data_bytes(bytes).await,
            Some(kind) => client.write.extended_data_bytes(kind, bytes).await,
        };
        pace.stuck(Side::Server, false);
        pace.left(Side::Server, len);
        sent?;
    }
    Ok(())
}

/// Tells a client that nothing comes of what it asked for.
async fn say(client: &Client, why: &str, status: u32) {
    let text = Bytes::from(format!("exfilter: {why}\r\n"));
    let said = async {
        let _ = client.write.extended_data_bytes(1, text).await;
        let _ = client.handle.exit_status_request(client.id, status).await;
        let _ = client.handle.eof(client.id).await;
        client.done.store(true, Ordering::Relaxed);
        let _ = client.handle.close(client.id).await;
    };
    let _ = tokio::time::timeout(LAST, said).await;
}
