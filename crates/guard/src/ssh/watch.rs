//! [`Watch`]: a stream of the engine over what a channel sends, and what it found.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use exfilter::{Action, Audience, Authority, Block, BlockReason, Engine, Event, Flow, Kind, Stream, Verdict};

use crate::guard::Shared;
use crate::record::{Noted, Record, Unseen};

/// The most findings that are kept of a channel.
const KEPT: usize = 1000;

/// A refusal, in words for whoever uses the channel and for the operator.
#[derive(Clone)]
pub(crate) struct Refusal {
    pub(crate) subject: String,
    pub(crate) operator: String,
}

impl Refusal {
    /// With the same words for both.
    pub(crate) fn plain(text: impl Into<String>) -> Refusal {
        let text = text.into();
        Refusal { subject: text.clone(), operator: text }
    }
}

/// What was found in a channel so far.
#[derive(Clone, Default)]
pub(crate) struct Found {
    pub(crate) noted: Vec<Noted>,
    pub(crate) unseen: Vec<Unseen>,
    /// Whether the session is in quarantine because of it.
    pub(crate) quarantine: bool,
}

impl Found {
    pub(crate) fn hand_over(&mut self, record: &mut Record) {
        record.quarantine |= std::mem::take(&mut self.quarantine);
        record.noted.append(&mut self.noted);
        record.unseen.append(&mut self.unseen);
    }
}

/// A part of a channel that is examined as one text: what it holds back, until it may leave.
pub(crate) struct Watch {
    stream: Stream,
    /// The stream's.
    engine: Engine,
    place: String,
    /// What has not left; its end is the end of what was pushed.
    held: BytesMut,
    at: u64,
}

impl Watch {
    pub(crate) fn new(shared: &Arc<Shared>, to: &Authority, place: impl Into<String>) -> Watch {
        let shared = shared.newest();
        let mut flow = Flow::outbound(to.clone()).session(&shared.session());
        if shared.is_quarantined() {
            flow = flow.quarantined();
        }
        let (stream, engine) = (shared.engine.stream(flow), shared.engine.clone());
        Watch { stream, engine, place: place.into(), held: BytesMut::new(), at: 0 }
    }

    /// Examines a whole text.
    pub(crate) fn text(
        shared: &Arc<Shared>,
        to: &Authority,
        place: &str,
        text: &[u8],
        found: &mut Found,
    ) -> Result<(), Refusal> {
        let mut watch = Watch::new(shared, to, place);
        watch.examine(text, shared, found)?;
        watch.end(shared, found)
    }

    /// Examines the next bytes and keeps nothing; gives how far the text may leave.
    pub(crate) fn examine(
        &mut self,
        bytes: &[u8],
        shared: &Shared,
        found: &mut Found,
    ) -> Result<u64, Refusal> {
        let verdict = self.stream.push(bytes);
        let through = self.settle(verdict, shared, found)?;
        match shared.is_quarantined() {
            // It may have begun since this text did.
            true => Err(Refusal::plain("blocked by policy")),
            false => Ok(through),
        }
    }

    /// Ends the text.
    pub(crate) fn end(&mut self, shared: &Shared, found: &mut Found) -> Result<(), Refusal> {
        let verdict = self.stream.finish();
        let settled = self.settle(verdict, shared, found);
        shared.note(&self.stream.contribution());
        settled.map(drop)
    }

    /// Examines the next bytes; gives those that may leave.
    pub(crate) fn push(
        &mut self,
        bytes: &Bytes,
        shared: &Shared,
        found: &mut Found,
    ) -> Result<Bytes, Refusal> {
        let through = self.examine(bytes, shared, found)?;
        if self.held.is_empty() && through == self.at + bytes.len() as u64 {
            self.at = through;
            return Ok(bytes.clone());
        }
        self.held.extend_from_slice(bytes);
        Ok(self.release(through))
    }

    /// Looks once more at what is held, since nothing else comes for now; gives what may leave.
    pub(crate) fn catch_up(&mut self, shared: &Shared, found: &mut Found) -> Result<Bytes, Refusal> {
        let verdict = self.stream.catch_up();
        let through = self.settle(verdict, shared, found)?;
        Ok(self.release(through))
    }

    /// Lets go all that is held, if nothing stands in it as it is. Of what may go on in it, the beginning has left then.
    pub(crate) fn let_go(
        &mut self,
        shared: &Arc<Shared>,
        to: &Authority,
        found: &mut Found,
    ) -> Result<Bytes, Refusal> {
        let held = self.held.clone().freeze();
        Watch::text(shared, to, &self.place, &held, found)?;
        self.at += self.held.len() as u64;
        Ok(self.held.split().freeze())
    }

    /// Ends the text; gives the rest.
    pub(crate) fn finish(&mut self, shared: &Shared, found: &mut Found) -> Result<Bytes, Refusal> {
        self.end(shared, found)?;
        self.at += self.held.len() as u64;
        Ok(self.held.split().freeze())
    }

    /// Tells the session what was shown of secrets in pieces, though the text has not ended.
    pub(crate) fn note(&self, shared: &Shared) {
        shared.note(&self.stream.contribution());
    }

    /// What is held.
    pub(crate) fn held(&self) -> &[u8] {
        &self.held
    }

    fn release(&mut self, through: u64) -> Bytes {
        let n = usize::try_from(through.saturating_sub(self.at)).unwrap_or(0).min(self.held.len());
        self.at += n as u64;
        self.held.split_to(n).freeze()
    }

    fn settle(&mut self, verdict: Verdict, shared: &Shared, found: &mut Found) -> Result<u64, Refusal> {
        let mut what = None;
        while let Some(event) = self.stream.poll_event() {
            match event {
                Event::Finding(finding) => {
                    let path = self.stream.path(finding.path()).to_string();
                    let place =
                        if path.is_empty() { self.place.clone() } else { format!("{} > {path}", self.place) };
                    let noted = Noted::of(&self.engine, &finding, place, finding.action());
                    if noted.action == Action::Block || noted.action == Action::Redact {
                        what.get_or_insert_with(|| format!("{} ({})", noted.place, noted.what));
                    }
                    if found.noted.len() < KEPT {
                        found.noted.push(noted);
                    }
                }
                Event::Opaque(opaque) if found.unseen.len() < KEPT => {
                    let (reason, action) = (opaque.reason(), opaque.action());
                    found.unseen.push(Unseen { reason, place: self.place.clone(), action });
                }
                _ => {}
            }
        }
        match verdict {
            Verdict::Forward { through } | Verdict::Edit { through } => Ok(through),
            Verdict::Block(block) => {
                found.quarantine |= block.counts() && shared.count_hit(block.reference());
                Err(self.refusal(block, what))
            }
        }
    }

    fn refusal(&self, block: Block, what: Option<String>) -> Refusal {
        let operator = match what {
            Some(what) => format!("secret detected in {what}, reference {}", block.reference()),
            None => block.audience_text(&self.engine, Audience::Operator),
        };
        let subject = match block.reason() {
            BlockReason::Finding(Kind::Known(..)) => block.audience_text(&self.engine, Audience::Subject),
            _ => operator.clone(),
        };
        Refusal { subject, operator }
    }
}

/// What every part of a channel needs.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) shared: Arc<Shared>,
    pub(crate) to: Authority,
}
