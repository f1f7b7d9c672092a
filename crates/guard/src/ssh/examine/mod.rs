//! What a client sends, by what its channel does: each kind is examined in its own way, and refused so that its client says why.
//!
//! ```text
//! git.rs    a push: held whole, then sent, or answered with a report
//! scp.rs    files between lines: held back by the watermark       sftp.rs   the same, in packets that say where they belong
//! raw.rs    everything else: one text, held back by the watermark
//! ```

mod git;
mod raw;
mod scp;
mod sftp;

use bytes::Bytes;

use super::verb::Verb;
use super::watch::{Found, Refusal, Scene};
use crate::held::Held;
use crate::record::Outcome;

/// The most bytes that are held back of a file or a channel until they are decided about.
const HELD_MAX: usize = 64 << 20;

/// How much of what is refused is read, so that the client listens to the answer.
const DRAIN: u64 = crate::limits::DRAIN;

/// Examines one channel. All in order, and without waiting.
pub(super) trait Examiner: Send {
    /// Bytes of the client.
    fn client_says(&mut self, data: Bytes, out: &mut Out);

    /// The client has nothing more to say.
    fn end(&mut self, out: &mut Out);

    /// Bytes of the server.
    fn server_says(&mut self, data: Bytes, out: &mut Out) {
        out.down.push(data);
    }

    /// The server has nothing more to say.
    fn server_end(&mut self, _: &mut Out) {}

    /// Whether something is held of which the end may not come before it is answered.
    fn holds(&self) -> bool {
        false
    }

    /// The client has said nothing for a while, or for long.
    fn pause(&mut self, _is_long: bool, _: &mut Out) {}

    /// What was found.
    fn found(&mut self) -> Found;
}

/// What an examiner gives out.
#[derive(Default)]
pub(super) struct Out {
    pub(super) up: Vec<Piece>,
    pub(super) up_end: bool,
    pub(super) down: Vec<Bytes>,
    /// Why something was refused though the channel goes on, for the operator: recorded before anything of this goes to the client.
    pub(super) refused: Vec<String>,
    /// A line for the person at the client.
    pub(super) notice: Option<String>,
    pub(super) down_end: bool,
    pub(super) stop: Option<Stop>,
}

/// The end of a channel.
pub(super) struct Stop {
    pub(super) outcome: Outcome,
    pub(super) status: u32,
}

/// Bytes for the server.
pub(super) enum Piece {
    Bytes(Bytes),
    Held(Held),
}

impl Piece {
    pub(super) fn len(&self) -> u64 {
        match self {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::Held(held) => held.len(),
        }
    }

    /// Bytes that count as waiting: what is held is counted by its own budget.
    pub(super) fn counted(&self) -> usize {
        match self {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::Held(_) => 0,
        }
    }
}

impl Out {
    /// Lets bytes go.
    pub(super) fn pass(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.up.push(Piece::Bytes(bytes));
        }
    }

    /// Ends the channel, and says why.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.notice = Some(refusal.subject);
        self.stop(refusal.operator, super::channel::REFUSED);
    }

    /// Ends the channel; why was said already.
    pub(super) fn stop(&mut self, why: String, status: u32) {
        self.up.clear();
        self.up_end = false;
        self.stop = Some(Stop { outcome: Outcome::Refused { why }, status });
    }

    /// Ends the channel, for the other side does not go along.
    pub(super) fn fail(&mut self, why: &'static str) {
        self.notice = Some(why.into());
        self.stop = Some(Stop { outcome: Outcome::Failed { why }, status: super::channel::UNREACHED });
    }
}

/// Who examines what a verb sends.
pub(super) fn of(verb: Verb, has_terminal: bool, scene: Scene, found: Found) -> Box<dyn Examiner> {
    match verb {
        Verb::ReceivePack => git::Push::open(scene, found),
        Verb::ScpTo => Box::new(scp::Files::sender(scene, found)),
        Verb::ScpFrom => Box::new(scp::Files::receiver(scene, found)),
        Verb::Sftp => Box::new(sftp::Sftp::new(scene, found)),
        _ => Box::new(raw::Raw::new(has_terminal, scene, found)),
    }
}
