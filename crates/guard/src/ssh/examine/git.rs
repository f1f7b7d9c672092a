//! [`Push`]: a push of git. It is a whole or nothing, so nothing of it leaves before its end; a refusal is a report, so that git says why of every ref.

use bytes::Bytes;
use exfilter::inspector::Inspector;
use exfilter::wire::git::{Advertisement, Receive};
use exfilter::wire::{Conversation, Reply, RequestHead};
use exfilter::{Audience, Verdict};

use super::{Examiner, Out, Piece};
use crate::held::Held;
use crate::record::Record;
use crate::ssh::watch::{Found, Refusal, Scene};

/// What a client pushes.
pub(super) struct Push {
    scene: Scene,
    found: Found,
    inspector: Inspector,
    held: Option<Held>,
    /// The commands once more: a push that only deletes ends with them, and its client waits.
    receive: Receive,
    advertisement: Option<Advertisement>,
}

impl Push {
    pub(super) fn open(scene: Scene, found: Found) -> Box<dyn Examiner> {
        match inspector(&scene) {
            Some(inspector) => {
                let held = Some(Held::new(&scene.shared.limits, &scene.shared.budget));
                let (receive, advertisement) = (Receive::new(), Some(Advertisement::new()));
                Box::new(Push { scene, found, inspector, held, receive, advertisement })
            }
            // The names are the gateway's own, so this does not happen; as a text it is examined all the same.
            None => Box::new(super::raw::Raw::new(false, scene, found)),
        }
    }

    /// Decides about the whole.
    fn conclude(&mut self, out: &mut Out) {
        let Some(mut held) = self.held.take() else { return };
        let verdict = self.inspector.finish();
        self.scene.shared.note(self.inspector.session());
        if let Verdict::Block(_) = verdict {
            self.inspector.locate(held.pieces());
            held.clear();
            self.note();
            self.found.quarantine |= self.scene.shared.count(&self.inspector);
            return self.report(out);
        }
        self.note();
        out.up.push(Piece::Held(held));
        out.up_end = true;
    }

    fn report(&mut self, out: &mut Out) {
        let why = self.inspector.text(Audience::Operator).unwrap_or_else(|| "blocked by policy".into());
        match self.inspector.reply(Audience::Subject) {
            // As long as its commands were read to their end, a report names every ref.
            Some(Reply { status: 200, body, .. }) => {
                out.down.push(Bytes::from(body));
                out.stop(why, 0);
            }
            _ => {
                let subject = self.inspector.text(Audience::Subject).unwrap_or_else(|| why.clone());
                out.refuse(Refusal { subject, operator: why });
            }
        }
    }

    fn note(&mut self) {
        let mut record = Record::new(None, "", crate::record::Outcome::Sent);
        while let Some(sighting) = self.inspector.poll() {
            record.note(&self.scene.shared.engine, &sighting);
        }
        self.found.noted.append(&mut record.noted);
        self.found.unseen.append(&mut record.unseen);
    }
}

impl Examiner for Push {
    fn client_says(&mut self, data: Bytes, out: &mut Out) {
        let Some(held) = &mut self.held else {
            return out.refuse(Refusal::plain("blocked by policy: bytes follow the end of the push"));
        };
        if !self.receive.is_done() {
            // What it says is wrong, the inspector says too.
            let _ = self.receive.feed(&mut &data[..], &mut |_| {});
        }
        let _ = self.inspector.push(&data);
        if let Err(full) = held.push(data) {
            held.clear();
            return out.refuse(Refusal::plain(full.text()));
        }
        if self.receive.is_done() && !self.receive.expects_pack() {
            self.conclude(out);
        }
    }

    fn end(&mut self, out: &mut Out) {
        match &self.held {
            // A client that only wanted to see the refs.
            Some(held) if held.len() == 0 => {
                self.held = None;
                out.up_end = true;
            }
            _ => self.conclude(out),
        }
    }

    fn server_says(&mut self, data: Bytes, out: &mut Out) {
        let Some(advertisement) = &mut self.advertisement else { return out.down.push(data) };
        let mut rewritten = Vec::new();
        advertisement.feed(&data, &mut rewritten);
        if !rewritten.is_empty() {
            out.down.push(Bytes::from(rewritten));
        }
    }

    fn server_end(&mut self, out: &mut Out) {
        if let Some(mut advertisement) = self.advertisement.take() {
            let mut rest = Vec::new();
            advertisement.finish(&mut rest);
            if !rest.is_empty() {
                out.down.push(Bytes::from(rest));
            }
        }
    }

    fn found(&mut self) -> Found {
        std::mem::take(&mut self.found)
    }
}

/// The facade's conversation of a push; over HTTP it is a request's body.
fn inspector(scene: &Scene) -> Option<Inspector> {
    let to = &scene.to;
    let host = format!("{}:{}", to.host(), to.port());
    let fields = [("Host", host.as_str()), ("Content-Type", "application/x-git-receive-pack-request")];
    let head = RequestHead::new(b"POST", b"/git-receive-pack", fields).ok()?;
    let inspector = Inspector::new(&scene.shared.engine, &scene.shared.inspection(to), head).ok()?;
    (inspector.conversation() == Conversation::GitReceivePack).then_some(inspector)
}
