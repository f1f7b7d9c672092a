//! [`Inspector`]: head, body and trailers of one request.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use exfilter_engine::{
    Action, Authority, Coverage, Edit, Engine, FindingId, Flow, OpaqueReason, Session, Verdict,
};
use exfilter_wire::git::Advertisement;
use exfilter_wire::{
    BodyLength, Conversation, HeadError, Headers, Part, PartAt, RequestHead, fields, places,
};

use super::body::Body;
use super::chunked::Chunked;
use super::decoded;
use super::head::Texts;
use super::inspection::Inspection;
use super::locate::Names;
use super::log::Log;
use super::prefixes::{CleanHead, Prefix, SHORTEST, SentHead};
use super::repeat::Repeat;
use super::sighting::Sighting;
use super::transcode::{Kept, Pieces};
use super::uploads::Taken;
use crate::substitute::Substitutes;

/// One request on its way out. See the [module](super) for what is examined.
///
/// # Resource usage
///
/// Two streams at most, whose memory is [`Stream::memory`](crate::Stream::memory)'s, the head, a push's commands (16 MiB at most), and, of an editable coded body, that body and its text
/// ([`Inspection::replace_max`]). The embedder keeps the bytes that have not left.
pub struct Inspector {
    engine: Engine,
    flow: Flow,
    own_keys: Action,
    substitutes: Vec<Arc<Substitutes>>,
    head: RequestHead,
    conversation: Conversation,
    body: Body,
    /// What is around the body's content.
    chunked: Option<Box<Chunked>>,
    /// Whether fields of the body are held to what is done about bodies that can be edited.
    edited: bool,
    /// Whether requests with this head are examined as this one is, whatever their bodies are.
    repeats: bool,
    log: Log,
    finished: Option<Verdict>,
}

impl Inspector {
    /// Examines the head. [`Inspector::verdict`] says whether it may leave.
    ///
    /// # Errors
    ///
    /// [`HeadError`] if the head names another host than the one it will be sent to. [`Reply::bad_request`](crate::wire::Reply::bad_request) answers it.
    pub fn new(engine: &Engine, inspection: &Inspection, head: RequestHead) -> Result<Inspector, HeadError> {
        let authority = &inspection.authority;
        let sent = inspection.prefixes.as_ref().map(|prefixes| {
            let to = authority.to_string();
            SentHead::new(prefixes, engine, &to, &head)
        });
        let known = sent.as_ref().and_then(SentHead::known);
        if known.is_none() && !names(authority, &head) {
            return Err(HeadError::other_host());
        }
        let reference = match inspection.reference {
            // One number for all streams of a request.
            0 => RandomState::new().hash_one(0) | 1,
            reference => reference,
        };
        let flow = Flow::outbound(authority.clone()).reference(reference).approved(&inspection.approved);
        let conversation = known.as_ref().map_or_else(|| head.conversation(), |known| known.conversation);
        let part = if known.as_ref().is_none_or(|known| known.has_part) { head.part() } else { None };
        let mut body_flow = flow.clone();
        // Each text of the head is examined at once.
        let flow = flow.whole();
        if inspection.lines || has_lines(conversation) {
            body_flow = body_flow.lines();
        }
        let codings = head.codings();
        let own_keys = inspection.own_keys;
        let mut log = Log { session: inspection.session.clone(), ..Log::default() };
        if inspection.quarantined {
            log.settle(engine.stream(flow.clone().quarantined()).finish());
        }
        let substitutes = &inspection.substitutes[..];
        match known {
            Some(known) => log.coverage.add(&known.coverage),
            None => {
                let mut texts =
                    Texts { engine, flow: &flow, own_keys, substitutes, head: &head, log: &mut log };
                let clean = texts.examine(&places::texts(&head));
                if let (Some(sent), Some(coverage)) = (sent, clean) {
                    sent.remember(CleanHead { conversation, coverage, has_part: part.is_some() });
                }
            }
        }
        // Pieces of a secret may stand in the head and in the body.
        let body_flow = body_flow.session(&log.session);
        let chunked = head.is_aws_chunked().then(|| Box::new(Chunked::new()));
        let edited = chunked.is_none() && is_editable(inspection, &head);
        // What passes once, or is joined with what came before, is none that repeats; nor is what is answered or sent on in another form.
        let repeats = codings.is_empty()
            && part.is_none()
            && chunked.is_none()
            && !inspection.quarantined
            && inspection.approved.is_empty()
            && !matches!(conversation, Conversation::Tunnel | Conversation::GitPushRefs)
            && head.upgrades().next().is_none()
            && substitutes.iter().all(|set| set.goes_by_head(authority, &head));
        let what = What { head: &head, conversation, part, is_chunked: chunked.is_some(), editable: edited };
        let body = open_body(engine, inspection, what, &codings, body_flow, &mut log);
        let substitutes = inspection.substitutes.clone();
        let engine = engine.clone();
        let mut inspector = Inspector {
            engine,
            flow,
            own_keys,
            substitutes,
            head,
            conversation,
            body,
            chunked,
            edited,
            repeats,
            log,
            finished: None,
        };
        if conversation == Conversation::Tunnel {
            inspector.body.refuse(OpaqueReason::Tunnel, &mut inspector.log);
        }
        let is_coded = !codings.is_empty() || inspector.chunked.is_some();
        if conversation == Conversation::GitReceivePack && is_coded {
            // git codes no push, and its commands could not be read.
            inspector.body.refuse(OpaqueReason::UnknownCoding, &mut inspector.log);
        }
        Ok(inspector)
    }

    /// Examines the next bytes of the body and says how far it may leave. After [`Inspector::finish`] the answer is a block for misuse.
    ///
    /// What a client sends after an upgrade to WebSocket counts as the body.
    pub fn push(&mut self, chunk: &[u8]) -> Verdict {
        if self.finished.is_some() {
            self.body.misuse(&mut self.log);
            return self.verdict();
        }
        if let Some(chunked) = &mut self.chunked {
            chunked.push(chunk, &mut self.body, &mut self.log);
            return self.or_block(Verdict::Forward { through: 0 });
        }
        let verdict = self.body.push(chunk, &mut self.log);
        self.or_block(verdict)
    }

    /// Examines trailers, which come before [`Inspector::finish`].
    pub fn trailers(&mut self, trailers: &Headers) -> Verdict {
        self.body.is_over(&mut self.log);
        let texts = places::trailers(trailers);
        let _clean = self.texts().examine(&texts);
        self.verdict()
    }

    /// Ends the request: all of the body may leave, or none more. Where the inspection says that the body is [held](Inspection::held), a coded one that would be redacted is refused: see [`Inspector::finish_held`].
    pub fn finish(&mut self) -> Verdict {
        self.finish_with(&mut |_| {})
    }

    /// Ends the request as [`Inspector::finish`] does; `body` is the whole body, in chunks, which the embedder has kept. It is decoded once more if it is coded and is to be redacted, and else not asked for.
    pub fn finish_held<C: AsRef<[u8]>>(&mut self, body: impl IntoIterator<Item = C>) -> Verdict {
        let mut body = body.into_iter();
        self.finish_with(&mut |look| while body.next().is_some_and(|piece| look(piece.as_ref())) {})
    }

    fn finish_with(&mut self, held: Pieces<'_>) -> Verdict {
        if self.finished.is_none() {
            if let Some(chunked) = &mut self.chunked {
                chunked.is_over(&mut self.body, &mut self.log);
            }
            let mut verdict = self.by_places().unwrap_or_else(|| self.body.finish(held, &mut self.log));
            if let Some(chunked) = &mut self.chunked {
                chunked.finish(&self.engine, &self.flow, &mut self.log);
                verdict = Verdict::Forward { through: chunked.len() };
            }
            self.finished = Some(verdict);
        }
        let verdict = self.finished.unwrap_or(Verdict::Forward { through: 0 });
        self.or_block(verdict)
    }

    /// Ends the examination of a refused request: what comes is not looked at. Does nothing before a block.
    pub fn discard(&mut self) {
        if self.log.blocked.is_some() {
            self.body.discard();
        }
    }

    /// What examines requests like this one, which is over and was clean: nothing was found in it, not even a piece of a secret, but credentials in its head that are at home there ([`Sighting::is_at_home`]), all of it was examined, and it leaves as it came, or with what
    /// [`Substitutes::exchange`] makes of its head: of the same head the same substitutes make the same. None where that is not so, where the body has a coding or is not one stream, where what came before counts (parts of objects, a session that has shown something), and where more than the head
    /// decides what is put into it: a signature is made anew, or there are tokens of logins.
    pub fn into_repeat(self) -> Option<Repeat> {
        let is_over = matches!(self.finished, Some(Verdict::Forward { .. }));
        if !(self.repeats && is_over && self.log.is_spotless()) {
            return None;
        }
        self.body.into_repeat()
    }

    /// The next thing that was found.
    pub fn poll(&mut self) -> Option<Sighting> {
        self.log.waiting.pop_front()
    }

    /// Looks up in which files of which commits things were found in a push that is refused, so that the refusal says `config.py:3 in commit 1234abcd`. `body` is the whole body, in
    /// chunks, which the embedder has kept: nothing of it has left. Decodes the pack once more; does nothing for other requests, for repositories with SHA-256, or where something stands in the name of a file.
    pub fn locate<C: AsRef<[u8]>>(&mut self, body: impl IntoIterator<Item = C>) {
        if self.log.blocked.is_none() || self.log.in_names {
            return;
        }
        let Some(section) = self.body.pack_at() else { return };
        let names = Names::read(self.engine.limits(), section, body);
        self.log.acting.iter_mut().chain(&mut self.log.waiting).for_each(|sighting| names.name(sighting));
    }

    /// Whether the request is refused so far; `through` counts bytes of the body, and is 0 before the first of them.
    pub fn verdict(&self) -> Verdict {
        self.or_block(Verdict::Forward { through: 0 })
    }

    /// Whether the head must not leave before [`Inspector::finish`]: a push is whole or nothing, and a body that is replaced has another head.
    pub fn holds_head(&self) -> bool {
        self.body.is_held() || self.chunked.is_some()
    }

    /// The edits to apply to the body before bytes leave, as [`Stream::edits`](crate::Stream::edits) says.
    pub fn edits(&self) -> &[Edit] {
        self.body.edits()
    }

    /// What is sent instead of the whole body, after a finish that says [`Verdict::Edit`].
    pub fn replacement(&self) -> Option<&[u8]> {
        self.body.replacement()
    }

    /// The head to send: that of a replaced body has no coding and its length; a client that will push must be shown refs that can be rewritten, so no coding is asked for; HTTP/2
    /// is not offered (`Upgrade: h2c`), for what follows would be no request that somebody reads.
    pub fn forwarded_head(&self) -> RequestHead {
        let mut head = self.head.clone();
        if let Some(bytes) = self.replacement() {
            let headers = head.headers_mut();
            headers.remove("content-encoding");
            headers.remove("transfer-encoding");
            headers.set("content-length", bytes.len().to_string().as_bytes()).expect("digits are a value");
        }
        let is_h2c = |protocol: &&[u8]| protocol.eq_ignore_ascii_case(b"h2c");
        if self.head.upgrades().any(|protocol| is_h2c(&protocol)) {
            let others: Vec<&[u8]> = self.head.upgrades().filter(|protocol| !is_h2c(protocol)).collect();
            let headers = head.headers_mut();
            headers.remove("http2-settings");
            headers.remove("upgrade");
            // What it names is gone, or the one that is left.
            headers.remove("connection");
            if !others.is_empty() {
                headers.set("upgrade", &others.join(&b", "[..])).expect("parts of values are a value");
                headers.set("connection", b"upgrade").expect("a word is a value");
            }
        }
        if self.conversation == Conversation::GitPushRefs {
            head.headers_mut().remove("accept-encoding");
        }
        head
    }

    /// What rewrites the answer, if the request asks what a push needs to know: packs then hold the bases of their deltas.
    pub fn advertisement(&self) -> Option<Advertisement> {
        (self.conversation == Conversation::GitPushRefs).then(Advertisement::new)
    }

    /// What the request is part of.
    pub fn conversation(&self) -> Conversation {
        self.conversation
    }

    /// The head as it came.
    pub fn head(&self) -> &RequestHead {
        &self.head
    }

    /// What the session has shown of known secrets in pieces, with this request: to be merged into the session that the embedder keeps, whatever became of the request.
    pub fn session(&self) -> &Session {
        &self.log.session
    }

    /// Whether the request is refused for an enrolled secret, whole or in pieces, or a canary: a hit. See [`Inspector::counts`].
    pub fn is_hit(&self) -> bool {
        self.log.blocked.is_some() && self.log.acts_on_known
    }

    /// Whether the embedder's [`Quarantine`](crate::Quarantine) counts the refusal: it is a hit, and not only of values that somebody else may have chosen ([`KnownSecrets::add_chosen`](crate::KnownSecrets::add_chosen)).
    pub fn counts(&self) -> bool {
        self.is_hit() && self.log.counts
    }

    /// The same, if no enrolled secret stands elsewhere than in the body, and the body is no part of an object in many requests: then another request with the same body, read in the same way, is refused as this one is, whatever else is in it.
    pub fn is_hit_in_body_alone(&self) -> bool {
        self.is_hit() && !self.log.known_outside && !matches!(self.body, Body::Part(_))
    }

    /// For what the request is refused, if a person may let it pass: findings of rules alone, all of medium confidence and with an id. None of anything else: an enrolled secret, a finding of high confidence, what
    /// could not be examined, a quarantine; nor where there are more findings than were kept.
    pub fn approvable(&self) -> Option<Vec<FindingId>> {
        // Nothing of an object in many requests is approved.
        if let Body::Part(_) = self.body {
            return None;
        }
        self.log.approvable()
    }

    /// What would be refused, had nobody [approved](Inspection::approved) it.
    pub fn approved(&self) -> &[FindingId] {
        &self.log.approved
    }

    /// What was examined, head and finished body together.
    pub fn coverage(&self) -> &Coverage {
        &self.log.coverage
    }

    /// Memory in bytes: the head, what is kept of the body, and its streams but for decoders' windows.
    pub fn memory(&self) -> usize {
        let headers = self.head.headers().iter().map(|(name, value)| name.len() + value.len());
        size_of::<Inspector>()
            + self.head.target().as_bytes().len()
            + headers.sum::<usize>()
            + self.body.memory()
            + self.chunked.as_ref().map_or(0, |chunked| chunked.memory())
    }

    /// Sightings that were not kept because nobody polled.
    pub fn dropped(&self) -> u64 {
        self.log.dropped
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn body(&self) -> &Body {
        &self.body
    }

    /// Looks at a small body that would be refused by its places: what is at home in one of them passes, and all else is examined as a text. None where that changes nothing.
    fn by_places(&mut self) -> Option<Verdict> {
        let (body, _) = self.body.take_small()?;
        let mut log = Log { session: self.log.session.clone(), ..Log::default() };
        let text = fields::text(&self.head, &body);
        if text.parts.is_empty() {
            return None;
        }
        let substitutes = &self.substitutes[..];
        // What would be overwritten there, and cannot be in what is read by its places, is refused.
        let flow = if self.edited { self.flow.clone().edited_decoded() } else { self.flow.clone() };
        let (engine, flow, own_keys) = (&self.engine, &flow, self.own_keys);
        let mut texts = Texts { engine, flow, own_keys, substitutes, head: &self.head, log: &mut log };
        let _clean = texts.examine(&[text]);
        if log.blocked.is_some() {
            return None;
        }
        self.log.coverage.add(&log.coverage);
        self.log.add_approved(&log.approved);
        log.waiting.into_iter().for_each(|sighting| self.log.take(sighting));
        Some(Verdict::Forward { through: body.len() as u64 })
    }

    fn texts(&mut self) -> Texts<'_> {
        let substitutes = &self.substitutes[..];
        Texts {
            engine: &self.engine,
            flow: &self.flow,
            own_keys: self.own_keys,
            substitutes,
            head: &self.head,
            log: &mut self.log,
        }
    }

    fn or_block(&self, verdict: Verdict) -> Verdict {
        self.log.blocked.map_or(verdict, Verdict::Block)
    }
}

impl std::fmt::Debug for Inspector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspector")
            .field("conversation", &self.conversation)
            .field("blocked", &self.log.blocked)
            .finish_non_exhaustive()
    }
}

/// Fields that say what a body is, so that an edited one is another one.
const DIGESTS: [&str; 5] = ["content-md5", "digest", "content-digest", "repr-digest", "x-amz-content-sha256"];

/// Whether a body that is not in chunks, which tell their lengths, may be edited: no field of the head says what it is.
fn is_editable(inspection: &Inspection, head: &RequestHead) -> bool {
    inspection.editable && !DIGESTS.iter().any(|name| head.headers().get(name).is_some())
}

/// What is known of a body before it comes.
struct What<'a> {
    head: &'a RequestHead,
    conversation: Conversation,
    part: Option<Part>,
    is_chunked: bool,
    editable: bool,
}

/// Whether a head names the host that it is sent to, and no other.
fn names(authority: &Authority, head: &RequestHead) -> bool {
    let named = head.host().map(|host| [authority.scheme().as_bytes(), b"://", host].concat());
    let same = named.is_some_and(|named| Authority::parse(&named).is_ok_and(|named| named == *authority));
    same && head.names_one_host()
}

/// The body of a request, by what the request is.
fn open_body(
    engine: &Engine,
    inspection: &Inspection,
    What { head, conversation, part, is_chunked, editable }: What<'_>,
    codings: &[u8],
    flow: Flow,
    log: &mut Log,
) -> Body {
    let as_held = |flow: Flow| if inspection.held { flow.whole() } else { flow };
    match conversation {
        Conversation::GitReceivePack => return Body::push_of_git(engine, flow.whole()),
        Conversation::CargoPublish if codings.is_empty() => return Body::package(engine, as_held(flow)),
        _ => {}
    }
    let unseen = match (part, &inspection.uploads) {
        // Its stream is that of other requests, too: what is approved is approved once.
        (Some(part), Some(uploads)) => {
            match (uploads.take(engine, &flow.clone().approved(&[]), &part), part.at) {
                // The end of an object, in a request that has nothing of it.
                (Taken::Part(mut object), PartAt::Nowhere) => {
                    let _ = object.finish(log);
                    None
                }
                (Taken::Part(object), _) => {
                    let mut body = Body::Part(object);
                    if !codings.is_empty() {
                        body.refuse(OpaqueReason::UnknownCoding, log);
                    }
                    return body;
                }
                (Taken::Gap, _) => Some(OpaqueReason::Gap),
                (Taken::Full, _) => Some(OpaqueReason::Spool),
            }
        }
        // What stands before it has not been seen.
        (Some(Part { at: PartAt::Byte(1..) | PartAt::Number(0 | 2..), .. }), None) => Some(OpaqueReason::Gap),
        _ => None,
    };
    let flow = as_held(flow);
    let decoded = if editable { flow.clone().editable() } else { flow.clone() };
    // What is coded is never edited in place.
    let (flow, kept) = match codings.is_empty() {
        true => (decoded, None),
        false if editable => {
            let kept = Kept::new(engine, decoded.whole(), codings, inspection.replace_max, inspection.held);
            // What would be redacted and cannot be, for it is too long or has two codings, is refused.
            (flow.edited_decoded(), kept)
        }
        false => (flow, None),
    };
    let members = conversation == Conversation::Mcp && codings.is_empty();
    let mut body = Body::plain(engine, flow, codings, kept, members);
    if let Some(reason) = unseen {
        body.refuse(reason, log);
    } else if codings.is_empty()
        && !is_chunked
        && let BodyLength::Exactly(len @ 1..) = head.length()
        && fields::has(head)
    {
        body.keep_small(len);
    }
    if is_resent(conversation) && unseen.is_none() && !is_chunked {
        // What passes once is not remembered as clean.
        let remembers = !(inspection.lines || inspection.quarantined) && inspection.approved.is_empty();
        let prefixes = inspection.prefixes.as_ref().filter(|_| remembers);
        let prefix = || {
            let place = format!("{} {editable}", inspection.authority);
            prefixes.map(|prefixes| Prefix::new(prefixes, engine, &place))
        };
        match head.length() {
            // One of which no end is told may be longer than what can be replaced, and leaves then as it comes. Of what is refused already nobody keeps the body, so it is looked into as it comes.
            BodyLength::Exactly(len @ decoded::SHORTEST..)
                if !codings.is_empty() && len <= inspection.replace_max as u64 && log.blocked.is_none() =>
            {
                body.decode(prefix(), len);
            }
            BodyLength::Exactly(..SHORTEST) => {}
            _ if codings.is_empty() => prefix().into_iter().for_each(|prefix| body.compare(prefix)),
            _ => {}
        }
    }
    body
}

/// What is sent again with every turn.
fn is_resent(conversation: Conversation) -> bool {
    matches!(conversation, Conversation::Anthropic | Conversation::OpenAi | Conversation::GoogleAi)
}

/// Uploads of files that people have: they look for the line. Other bodies are long and read by machines.
fn has_lines(conversation: Conversation) -> bool {
    matches!(
        conversation,
        Conversation::GitReceivePack
            | Conversation::NpmPublish
            | Conversation::PypiUpload
            | Conversation::CargoPublish
            | Conversation::GemPush
            | Conversation::VsixPublish
    )
}
