//! [`Body`]: the streams of a body, one behind the other.

use exfilter_engine::{Edit, Engine, Flow, OpaqueReason, Stream, Verdict};
use exfilter_wire::git::Receive;
use exfilter_wire::{CrateUpload, Members, Section};

use zeroize::Zeroizing;

use super::decoded::Decoded;
use super::log::Log;
use super::prefixes::Prefix;
use super::repeat::Repeat;
use super::transcode::{Kept, Pieces};
use super::uploads::PartBody;

/// A body under way.
pub(super) enum Body {
    Plain(Box<Plain>),
    Push(Box<Push>),
    Crate(Box<Package>),
    Part(Box<PartBody>),
}

/// One stream. While its codings may have to be undone for a redaction, it is kept, and nothing leaves.
pub(super) struct Plain {
    stream: Stream,
    /// Passes by what was sent before.
    prefix: Option<Box<Prefix>>,
    kept: Option<Kept>,
    /// Examines what is kept as the text that it stands for; the stream has nothing of it meanwhile.
    decoded: Option<Box<Decoded>>,
    /// So many bytes have come that the stream is to get at the end from whoever holds the body.
    behind: Option<u64>,
    /// The body, if it may be one with credentials in places of its own.
    small: Option<Zeroizing<Vec<u8>>>,
    members: Option<Members>,
    /// Edits of bytes that the stream has let go of and that are still held: no later list of the stream has them.
    edits: Vec<Edit>,
    /// Sightings of a body that may still be replaced, or be looked at by its places.
    aside: Log,
}

/// The longest body with places of its own, in bytes: as long as a slot's value may be, and a document around it.
const SMALL_MAX: u64 = 16 << 10;

/// The place of what stands in the text that a coded body decodes to.
const DECODED: &str = "body, decoded";

/// A push: nothing of it leaves before its end, since a pack is whole or nothing.
pub(super) struct Push {
    pub(super) receive: Receive,
    flow: Flow,
    commands: Stream,
    pack: Stream,
    /// Bytes before the pack.
    section: u64,
    pushed: u64,
    /// Why it is none. Told at the end, with its whole length: nothing leaves before that.
    broken: Option<OpaqueReason>,
}

/// A crate. Lengths are examined with the metadata: where a body only pretends to be one, they are its text.
pub(super) struct Package {
    upload: CrateUpload,
    metadata: Stream,
    package: Stream,
    pushed: u64,
    /// Bytes before the package, once it has begun.
    package_at: Option<u64>,
    /// Whether something follows it.
    trails: bool,
}

impl Body {
    pub(super) fn plain(
        engine: &Engine,
        flow: Flow,
        codings: &[u8],
        kept: Option<Kept>,
        members: bool,
    ) -> Body {
        let stream = engine.stream(flow.content_encoding(codings));
        let members = members.then(Members::new);
        let (decoded, behind, small, edits, aside) = Default::default();
        Body::Plain(Box::new(Plain {
            stream,
            prefix: None,
            kept,
            decoded,
            behind,
            small,
            members,
            edits,
            aside,
        }))
    }

    /// Keeps the body, which has so many bytes, to look at it by its places if it would be refused.
    pub(super) fn keep_small(&mut self, len: u64) {
        if let Body::Plain(plain) = self
            && len <= SMALL_MAX
            && plain.kept.is_none()
        {
            plain.small = Some(Zeroizing::new(Vec::with_capacity(len as usize)));
        }
    }

    /// Compares the body with what was sent before, and remembers it.
    pub(super) fn compare(&mut self, prefix: Prefix) {
        if let Body::Plain(plain) = self
            && plain.kept.is_none()
            && plain.small.is_none()
        {
            plain.prefix = Some(Box::new(prefix));
        }
    }

    /// Examines what the body, which is kept, coded and has so many bytes, decodes to.
    pub(super) fn decode(&mut self, prefix: Option<Prefix>, len: u64) {
        if let Body::Plain(plain) = self
            && let Some(kept) = &plain.kept
        {
            plain.decoded = kept.decoded(prefix, len).map(Box::new);
        }
    }

    /// The body, if it was kept, would be refused, and is whole.
    pub(super) fn take_small(&mut self) -> Option<(Zeroizing<Vec<u8>>, Verdict)> {
        let Body::Plain(plain) = self else { return None };
        let small = plain.small.take()?;
        let verdict = plain.stream.finish();
        verdict.is_block().then_some((small, verdict))
    }

    pub(super) fn push_of_git(engine: &Engine, flow: Flow) -> Body {
        let (commands, pack) = (engine.stream(flow.clone()), engine.stream(flow.clone()));
        let receive = Receive::new();
        Body::Push(Box::new(Push { receive, flow, commands, pack, section: 0, pushed: 0, broken: None }))
    }

    pub(super) fn package(engine: &Engine, flow: Flow) -> Body {
        Body::Crate(Box::new(Package {
            upload: CrateUpload::new(),
            metadata: engine.stream(flow.clone()),
            package: engine.stream(flow.content_encoding(b"gzip")),
            pushed: 0,
            package_at: None,
            trails: false,
        }))
    }

    /// Says that the body cannot be examined as what it is.
    pub(super) fn refuse(&mut self, reason: OpaqueReason, log: &mut Log) {
        let stream = match self {
            Body::Plain(plain) => {
                // No look at its places changes that.
                plain.small = None;
                &mut plain.stream
            }
            Body::Push(push) => &mut push.commands,
            Body::Crate(package) => &mut package.metadata,
            Body::Part(part) => return part.refuse(reason, log),
        };
        log.settle(stream.unexamined(reason, 0..0));
        log.drain(stream, "body", 0);
    }

    /// Examines the next bytes; returns how many may leave, unless the log has a block.
    pub(super) fn push(&mut self, chunk: &[u8], log: &mut Log) -> Verdict {
        match self {
            Body::Plain(plain) => plain.push(chunk, log),
            Body::Push(push) => push.push(chunk, log),
            Body::Crate(package) => package.push(chunk, log),
            Body::Part(part) => part.push(chunk, log),
        }
    }

    /// Says that trailers follow: what is told of the body so far is told before what is told of them.
    pub(super) fn is_over(&mut self, log: &mut Log) {
        if let Body::Plain(plain) = self
            && plain.prefix.is_some()
        {
            plain.end_comparison();
            log.settle(plain.stream.push(&[]));
            log.drain(&mut plain.stream, "body", 0);
        }
    }

    /// Ends the body, which is in `held` if it was not kept.
    pub(super) fn finish(&mut self, held: Pieces<'_>, log: &mut Log) -> Verdict {
        match self {
            Body::Plain(plain) => plain.finish(held, log),
            Body::Push(push) => push.finish(log),
            Body::Crate(package) => package.finish(log),
            Body::Part(part) => part.finish(log),
        }
    }

    /// Says that bytes came after the end.
    pub(super) fn misuse(&mut self, log: &mut Log) {
        log.settle(match self {
            Body::Plain(plain) => plain.stream.push(&[]),
            Body::Push(push) => push.pack.push(&[]),
            Body::Crate(package) => package.package.push(&[]),
            Body::Part(part) => part.misuse(),
        });
    }

    pub(super) fn discard(&mut self) {
        match self {
            Body::Plain(plain) => {
                (plain.kept, plain.small, plain.prefix) = (None, None, None);
                (plain.decoded, plain.behind) = (None, None);
                plain.stream.discard();
            }
            Body::Push(push) => push.pack.discard(),
            Body::Crate(package) => package.package.discard(),
            Body::Part(part) => part.discard(),
        }
    }

    /// Whether nothing may leave before the end, not even the head.
    pub(super) fn is_held(&self) -> bool {
        match self {
            Body::Plain(plain) => plain.kept.is_some() || plain.small.is_some() || plain.behind.is_some(),
            Body::Push(_) => true,
            Body::Crate(_) | Body::Part(_) => false,
        }
    }

    pub(super) fn memory(&self) -> usize {
        match self {
            Body::Plain(plain) => {
                let kept = plain.kept.as_ref().map_or(0, Kept::memory);
                let compared = plain.prefix.as_deref().map_or(0, Prefix::memory);
                let decoded = plain.decoded.as_deref().map_or(0, Decoded::memory);
                plain.stream.memory() + kept + compared + decoded
            }
            Body::Push(push) => push.commands.memory() + push.pack.memory() + push.receive.memory(),
            Body::Crate(package) => package.metadata.memory() + package.package.memory(),
            Body::Part(part) => part.memory(),
        }
    }

    pub(super) fn edits(&self) -> &[Edit] {
        match self {
            Body::Plain(plain) if plain.edits.is_empty() => plain.stream.edits(),
            Body::Plain(plain) => &plain.edits,
            _ => &[],
        }
    }

    /// What is sent instead of the body.
    pub(super) fn replacement(&self) -> Option<&[u8]> {
        match self {
            Body::Plain(plain) => plain.kept.as_ref().and_then(Kept::replacement),
            _ => None,
        }
    }

    /// What examines bodies as this one, of which nothing is to be told, was examined.
    pub(super) fn into_repeat(self) -> Option<Repeat> {
        match self {
            Body::Plain(plain) if plain.stream.is_spotless() => {
                Some(Repeat::new(plain.stream.into_scanner()))
            }
            _ => None,
        }
    }

    pub(super) fn receive(&self) -> Option<&Receive> {
        match self {
            Body::Push(push) => Some(&push.receive),
            _ => None,
        }
    }

    /// Where the pack of a push begins, if ids in it are those that trees have.
    pub(super) fn pack_at(&self) -> Option<u64> {
        match self {
            Body::Push(push) if push.broken.is_none() && push.receive.has_sha1() => Some(push.section),
            _ => None,
        }
    }

    pub(super) fn id(&self) -> Option<i64> {
        match self {
            Body::Plain(plain) => plain.members.as_ref().and_then(Members::id),
            _ => None,
        }
    }
}

impl Plain {
    fn push(&mut self, chunk: &[u8], log: &mut Log) -> Verdict {
        if self.is_behind(chunk) {
            return Verdict::Forward { through: 0 };
        }
        if let Some(members) = &mut self.members {
            members.feed(chunk);
        }
        if self.small.is_none() {
            // Their bytes have left.
            self.edits.clear();
        }
        let verdict = match &mut self.prefix {
            Some(prefix) => prefix.push(&mut self.stream, chunk, &mut self.edits),
            None => self.stream.push(chunk),
        };
        if let Some(small) = &mut self.small {
            self.aside.drain(&mut self.stream, "body", 0);
            if small.len() + chunk.len() <= small.capacity() {
                small.extend_from_slice(chunk);
                let through = verdict.through().unwrap_or(0);
                let released = self.stream.edits().iter().filter(|edit| edit.range().end <= through);
                self.edits.extend(released.cloned());
                return Verdict::Forward { through: 0 };
            }
            // More than the head said.
            self.small = None;
            self.hand_over(log);
        }
        if let Some(kept) = &mut self.kept {
            self.aside.drain(&mut self.stream, "body", 0);
            if kept.take(chunk) {
                return Verdict::Forward { through: 0 };
            }
            // Too long to be replaced: what was found counts.
            self.kept = None;
            self.hand_over(log);
        }
        log.drain(&mut self.stream, "body", 0);
        log.settle(verdict);
        self.with_edits(verdict)
    }

    /// Takes the next bytes of a body that the stream does not get, or gets at the end; else it has all that came before.
    fn is_behind(&mut self, chunk: &[u8]) -> bool {
        if self.decoded.as_mut().is_some_and(|decoded| !decoded.push(chunk)) {
            self.catch_up();
        }
        if let Some(kept) = &mut self.kept
            && self.decoded.is_some()
            && !kept.take(chunk)
        {
            self.catch_up();
        }
        if let Some(len) = &mut self.behind {
            *len += chunk.len() as u64;
            if self.kept.as_mut().is_some_and(|kept| !kept.take(chunk)) {
                // Too long to be replaced.
                self.kept = None;
            }
        }
        self.decoded.is_some() || self.behind.is_some()
    }

    /// Gives the stream what has come, or will: the body is not examined as a text.
    fn catch_up(&mut self) {
        self.decoded = None;
        let Some(kept) = &self.kept else { return };
        match kept.bytes() {
            Some(bytes) => {
                let _ = self.stream.push(bytes);
                self.aside.drain(&mut self.stream, "body", 0);
            }
            None => self.behind = Some(kept.len()),
        }
    }

    /// A verdict that lets held bytes go, with all of their edits.
    fn with_edits(&mut self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Forward { through } | Verdict::Edit { through } if !self.edits.is_empty() => {
                self.edits.extend_from_slice(self.stream.edits());
                Verdict::Edit { through }
            }
            verdict => verdict,
        }
    }

    /// Examines what waited to be compared: nothing more comes.
    fn end_comparison(&mut self) {
        if let Some(mut prefix) = self.prefix.take() {
            self.edits.clear();
            if let Verdict::Edit { .. } = prefix.begin(&mut self.stream) {
                self.edits.extend_from_slice(self.stream.edits());
            }
        }
    }

    fn finish(&mut self, held: Pieces<'_>, log: &mut Log) -> Verdict {
        self.end_comparison();
        if let Some(decoded) = self.decoded.take() {
            match decoded.finish() {
                Some((stream, verdict)) => return self.finish_decoded(stream, verdict, held, log),
                None => self.catch_up(),
            }
        }
        let (behind, text) = (self.behind.is_some(), self.take_held(held));
        let verdict = self.stream.finish();
        if let Some(kept) = &mut self.kept {
            self.aside.drain(&mut self.stream, "body", 0);
            // What does not block a coded body may be redacted in a text.
            if (verdict.is_block() || self.aside.seen() > 0)
                && let Some(text) = if behind { text } else { kept.decode(held) }
                && let Some(mut edited) = kept.redact(text, verdict.is_block())
            {
                let through = kept.len();
                log.drain(&mut edited, DECODED, 0);
                log.coverage.add(&edited.coverage());
                return Verdict::Edit { through };
            }
        }
        self.hand_over(log);
        log.coverage.add(&self.stream.coverage());
        log.drain(&mut self.stream, "body", 0);
        log.settle(verdict);
        self.with_edits(verdict)
    }

    /// Ends a body of which all of the text was examined.
    fn finish_decoded(
        &mut self,
        mut stream: Stream,
        mut verdict: Verdict,
        held: Pieces<'_>,
        log: &mut Log,
    ) -> Verdict {
        let Some(kept) = &mut self.kept else { return stream.push(&[]) };
        let whole = kept.len();
        // What comes behind the end is misuse.
        let _ = self.stream.finish();
        if let Verdict::Edit { .. } = verdict {
            let edited = kept.decode(held).and_then(|text| kept.redact(text, true));
            match edited {
                Some(edited) => stream = edited,
                // Whoever holds the body has handed over another one.
                None => verdict = stream.push(&[]),
            }
        }
        log.coverage.add(&stream.coverage());
        log.drain(&mut stream, DECODED, 0);
        log.settle(verdict);
        match verdict {
            Verdict::Forward { .. } => Verdict::Forward { through: whole },
            Verdict::Edit { .. } => Verdict::Edit { through: whole },
            block => block,
        }
    }

    /// Gives the stream the body from whoever holds it, if it has nothing of it yet; what it decodes to, if that can be replaced.
    fn take_held(&mut self, held: Pieces<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let len = self.behind.take()?;
        let (stream, aside) = (&mut self.stream, &mut self.aside);
        let mut seen = 0;
        let mut all = |look: &mut dyn FnMut(&[u8]) -> bool| {
            let mut looks = true;
            held(&mut |piece| {
                seen += piece.len() as u64;
                let _ = stream.push(piece);
                aside.drain(stream, "body", 0);
                looks = looks && look(piece);
                true
            });
        };
        let text = match &mut self.kept {
            Some(kept) => kept.decode(&mut all),
            None => {
                all(&mut |_| true);
                None
            }
        };
        if seen != len {
            // Another body than the one that came: a push behind the end is refused.
            let _ = self.stream.finish();
            let _ = self.stream.push(&[]);
        }
        text
    }

    fn hand_over(&mut self, log: &mut Log) {
        let aside = std::mem::take(&mut self.aside);
        aside.waiting.into_iter().for_each(|sighting| log.take(sighting));
        log.dropped += aside.dropped;
        log.session.merge(&aside.session);
        log.add_approved(&aside.approved);
    }
}

impl Push {
    fn push(&mut self, chunk: &[u8], log: &mut Log) -> Verdict {
        self.pushed += chunk.len() as u64;
        let mut rest = chunk;
        if !self.receive.is_done() && self.broken.is_none() {
            let commands = &mut self.commands;
            let mut text = |line: &[u8]| {
                // Each on a line of its own: what stands before one in the body is its length, in digits that belong to no token.
                let _ = commands.push(line);
                if !line.ends_with(b"\n") {
                    let _ = commands.push(b"\n");
                }
            };
            let read = self.receive.feed(&mut rest, &mut text);
            self.section += (chunk.len() - rest.len()) as u64;
            match read {
                Ok(()) if self.receive.is_done() => self.end_commands(log),
                Ok(()) => {}
                Err(_) => {
                    self.broken = Some(OpaqueReason::Corrupt);
                    self.take_unread();
                }
            }
        }
        if rest.is_empty() {
            return Verdict::Forward { through: 0 };
        }
        if self.broken.is_none() && self.receive.rest(rest).is_err() {
            self.broken = Some(OpaqueReason::Corrupt);
        }
        let verdict = self.pack.push(rest);
        log.drain(&mut self.pack, "body", self.section);
        log.settle(verdict);
        Verdict::Forward { through: 0 }
    }

    fn finish(&mut self, log: &mut Log) -> Verdict {
        if !self.receive.is_done() && self.broken.is_none() {
            self.take_unread();
        }
        let (commands, pack) = (self.commands.finish(), self.pack.finish());
        log.drain(&mut self.commands, "git commands", 0);
        log.settle(commands);
        log.settle(pack);
        log.drain(&mut self.pack, "body", self.section);
        let coverage = self.pack.coverage();
        log.coverage.add(&self.commands.coverage());
        log.coverage.add(&coverage);
        let unseen =
            |(objects, _)| coverage.members < u64::from(objects) || objects > 0 && coverage.containers == 0;
        let broken = match self.broken {
            None if self.receive.finish().is_err() => Some(OpaqueReason::Truncated),
            // Whatever it is, the engine has not taken it for a pack, so nothing in it was looked into.
            None if self.receive.pack().is_some_and(unseen) => Some(OpaqueReason::Corrupt),
            broken => broken,
        };
        if let Some(reason) = broken {
            log.settle(self.commands.unexamined(reason, 0..self.pushed));
            log.drain(&mut self.commands, "body", 0);
        }
        Verdict::Forward { through: self.pushed }
    }
}

impl Push {
    /// From the line on that is none, or is not over, the push is any body.
    fn take_unread(&mut self) {
        let unread = self.receive.unread();
        self.section -= unread.len() as u64;
        let _ = self.pack.push(unread);
    }

    /// Decides about commands and options. Where something was found, no name that holds it is repeated in a report.
    fn end_commands(&mut self, log: &mut Log) {
        log.settle(self.commands.finish());
        let before = log.seen();
        log.drain(&mut self.commands, "git commands", 0);
        if log.seen() > before {
            let (engine, flow) = (self.commands.engine().clone(), self.flow.clone());
            self.receive.hide(|name| {
                let mut stream = engine.stream(flow.clone());
                let _ = (stream.push(name), stream.finish());
                stream.poll_event().is_some()
            });
        }
    }
}

impl Package {
    fn push(&mut self, chunk: &[u8], log: &mut Log) -> Verdict {
        let mut rest = chunk;
        while let Some((section, bytes)) = self.upload.next(&mut rest) {
            match section {
                Section::Length | Section::Metadata => log.settle(self.metadata.push(bytes)),
                Section::Package => {
                    if self.package_at.is_none() {
                        self.package_at = Some(self.pushed);
                        log.settle(self.metadata.finish());
                    }
                    log.settle(self.package.push(bytes));
                }
                // Where it stands is told at the end, when its length is known; nothing of what is held leaves for it.
                Section::Trailing => self.trails = true,
            }
            self.pushed += bytes.len() as u64;
        }
        self.drain(log);
        let through = match self.package_at {
            None => self.metadata.push(&[]).through(),
            Some(at) => self.package.push(&[]).through().map(|through| at + through),
        };
        Verdict::Forward { through: through.unwrap_or(0) }
    }

    fn finish(&mut self, log: &mut Log) -> Verdict {
        log.settle(self.metadata.finish());
        log.settle(self.package.finish());
        self.drain(log);
        let broken = match self.upload.is_whole() {
            _ if self.trails => Some(OpaqueReason::Corrupt),
            false => Some(OpaqueReason::Truncated),
            true => None,
        };
        if let Some(reason) = broken {
            log.settle(self.package.unexamined(reason, 0..self.pushed));
            log.drain(&mut self.package, "body", 0);
        }
        log.coverage.add(&self.metadata.coverage());
        log.coverage.add(&self.package.coverage());
        Verdict::Forward { through: self.pushed }
    }

    fn drain(&mut self, log: &mut Log) {
        log.drain(&mut self.metadata, "metadata", 0);
        log.drain(&mut self.package, "package", self.package_at.unwrap_or(0));
    }
}
