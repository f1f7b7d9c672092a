//! [`Sftp`]: files in packets.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use exfilter::wire::ssh::{Packets, STATUS_DENIED, STATUS_OK, SftpReply, SftpRequest, SshError, sftp_status};

use super::scp::shown;
use super::{Examiner, HELD_MAX, Out};
use crate::ssh::watch::{Found, Refusal, Scene, Watch};

/// The most files that are open at once, and the most requests without an answer that are kept in mind.
const OPEN_MAX: usize = 256;
const ASKED_MAX: usize = 4096;

/// Bytes of one file that may come before those that stand before them.
const EARLY_MAX: usize = 8 << 20;

const OVERLAP: &str =
    "blocked by policy: bytes of a file that were written already are written anew, which cannot be examined";

/// Where the number of a request stands in a packet.
const NUMBER: std::ops::Range<usize> = 5..9;

/// Texts of so many bytes are numbers; no secret is as short.
const NUMBERS: usize = 12;

/// From here on numbers of requests are the gateway's own. Clients count from nothing, and take numbers anew.
const OWN: u32 = 0xf000_0000;

/// What a client of SFTP asks.
///
/// ```text
/// WRITE  -> the next bytes of a file, which are a text: the packet leaves once all of it may; until then the client is told that it went well, for it waits (see [`Answers`])
///           bytes further on: kept until those before them came        bytes that were there before: refused
/// CLOSE  -> the text ends: what was kept leaves, or is dropped, and the client hears it as the answer to this
/// ```
pub(super) struct Sftp {
    scene: Scene,
    found: Found,
    requests: Packets,
    replies: Packets,
    /// What is asked for, until it is answered.
    asked: HashMap<u32, Asked>,
    files: HashMap<Vec<u8>, File>,
    /// The next number of the gateway's own.
    own: u32,
    answers: Answers,
}

/// Answers to writes in the order in which the client asked: one of a packet that is kept does not overtake that of one before it, which is on its way. Clients may take a file for
/// written only as far as answers came in order, and cut it there when they are done (OpenSSH's `scp`, with what its server would call a success).
#[derive(Default)]
struct Answers(VecDeque<(u32, Option<Bytes>)>);

impl Answers {
    /// Keeps a place for the answer to the write of the gateway's number `own`.
    fn place(&mut self, own: u32, answer: Option<Bytes>) {
        self.0.push_back((own, answer));
    }

    /// Puts an answer in its place.
    fn put(&mut self, own: u32, answer: Bytes) {
        if let Some((_, place)) = self.0.iter_mut().find(|(number, place)| *number == own && place.is_none())
        {
            *place = Some(answer);
        }
    }

    /// Gives out what has no answer missing before it.
    fn give(&mut self, out: &mut Out) {
        while let Some((_, answer)) = self.0.front_mut() {
            let Some(answer) = answer.take() else { return };
            out.down.push(answer);
            self.0.pop_front();
        }
    }
}

/// A request of which the answer matters.
enum Asked {
    Open {
        name: String,
        appends: bool,
    },
    /// A packet of the gateway's own number; the client's, unless it was answered already.
    Write {
        handle: Vec<u8>,
        client: Option<u32>,
    },
    Close {
        handle: Vec<u8>,
        ended: Result<(), u32>,
    },
}

/// An open file.
struct File {
    name: String,
    appends: bool,
    watch: Option<Watch>,
    /// Where the next bytes belong, once some came.
    next: Option<u64>,
    /// Bytes of the text so far.
    pushed: u64,
    /// Packets that may not leave, and how far of the text they go.
    held: VecDeque<(Bytes, u64)>,
    early: BTreeMap<u64, Bytes>,
    kept: usize,
    /// Whether something was refused, or how the server failed.
    failed: Option<u32>,
}

impl Sftp {
    pub(super) fn new(scene: Scene, found: Found) -> Sftp {
        let (asked, files) = (HashMap::new(), HashMap::new());
        let answers = Answers::default();
        Sftp {
            scene,
            found,
            requests: Packets::new(),
            replies: Packets::new(),
            asked,
            files,
            own: OWN,
            answers,
        }
    }

    /// One request, with its bytes.
    fn request(&mut self, packet: &Bytes, out: &mut Out) -> Result<(), SshError> {
        match SftpRequest::parse(packet)? {
            SftpRequest::Init(_) => out.pass(packet.clone()),
            SftpRequest::Open { id, path, appends, rest } => {
                if self.examine(id, &[path, rest], out) {
                    let name = shown(path);
                    self.ask(id, Asked::Open { name, appends }, out);
                    out.pass(packet.clone());
                }
            }
            SftpRequest::Write { id, handle, offset, data } => {
                // Read where they stand in the packet, which is kept.
                let at = packet.len() - data.len();
                let mut renumbered = packet.to_vec();
                renumbered[NUMBER].copy_from_slice(&self.own.to_be_bytes());
                self.write(id, handle.to_vec(), offset, at, &Bytes::from(renumbered), out);
            }
            SftpRequest::Close { id, handle } => self.close(id, handle.to_vec(), packet, out),
            SftpRequest::Other { id, texts } => {
                if texts.first().is_some_and(|text| self.files.contains_key(*text)) {
                    // Its attributes, or that it be written down: what was kept leaves before that.
                    let handle = texts[0].to_vec();
                    self.end_text(&handle, out);
                }
                let unknown: Vec<&[u8]> = texts
                    .iter()
                    .copied()
                    .filter(|text| text.len() > NUMBERS && !self.files.contains_key(*text))
                    .collect();
                if self.examine(id, &unknown, out) {
                    out.pass(packet.clone());
                }
            }
            _ => {
                out.refuse(Refusal::plain("blocked by policy: this is no request of sftp's version 3"));
            }
        }
        Ok(())
    }

    /// Whether texts may leave; if not, the request is answered.
    fn examine(&mut self, id: u32, texts: &[&[u8]], out: &mut Out) -> bool {
        let Scene { shared, to } = &self.scene;
        for text in texts.iter().filter(|text| !text.is_empty()) {
            if let Err(refusal) = Watch::text(shared, to, "sftp's request", text, &mut self.found) {
                out.down.push(denied(id, &refusal));
                note(refusal, out);
                return false;
            }
        }
        true
    }

    fn write(&mut self, id: u32, handle: Vec<u8>, offset: u64, at: usize, packet: &Bytes, out: &mut Out) {
        let Some(file) = self.files.get_mut(&handle) else {
            return out.down.push(denied(id, &Refusal::plain("no such file is open")));
        };
        if let Some(code) = file.failed {
            return out.down.push(Bytes::from(sftp_status(id, code, "this file is not written any more")));
        }
        let len = (packet.len() - at) as u64;
        let next = *file.next.get_or_insert(offset);
        let refusal = if file.appends || offset == next {
            None
        } else if offset < next || file.early.contains_key(&offset) {
            Some(OVERLAP)
        } else if file.kept + packet.len() > EARLY_MAX {
            Some("blocked by policy: a file is written in another order than can be examined")
        } else {
            file.kept += packet.len();
            file.early.insert(offset, packet.clone());
            return self.await_write(id, handle, true, out);
        };
        if let Some(why) = refusal {
            return self.fail(id, &handle, Refusal::plain(why), out);
        }
        if let Err(refusal) = self.take(&handle, packet.clone(), at, len, out) {
            return self.fail(id, &handle, refusal, out);
        }
        let is_held = self.files.get(&handle).is_some_and(|file| !file.held.is_empty());
        self.await_write(id, handle.clone(), is_held, out);
        if let Err(refusal) = self.take_early(&handle, out) {
            // Its own packet was answered, so the next one says it.
            self.spoil(&handle, refusal, out);
        }
    }

    /// Examines the next bytes of a file and lets packets go that may.
    fn take(
        &mut self,
        handle: &[u8],
        packet: Bytes,
        at: usize,
        len: u64,
        out: &mut Out,
    ) -> Result<(), Refusal> {
        let Scene { shared, to } = &self.scene;
        let Some(file) = self.files.get_mut(handle) else { return Ok(()) };
        let watch = file.watch.get_or_insert_with(|| Watch::new(shared, to, file.name.clone()));
        let through = watch.examine(&packet[at..], shared, &mut self.found)?;
        file.pushed += len;
        file.next = file.next.map(|next| next.saturating_add(len));
        file.held.push_back((packet, file.pushed));
        file.let_go(through, out);
        let held: usize = file.held.iter().map(|(packet, _)| packet.len()).sum();
        if held > HELD_MAX {
            return Err(Refusal::plain(
                "blocked by policy: more of a file would have to be held back than is held",
            ));
        }
        Ok(())
    }

    /// Goes on with what came early and is next now.
    fn take_early(&mut self, handle: &[u8], out: &mut Out) -> Result<(), Refusal> {
        loop {
            let Some(file) = self.files.get_mut(handle) else { return Ok(()) };
            if file.early.first_key_value().is_some_and(|(offset, _)| Some(*offset) < file.next) {
                return Err(Refusal::plain(OVERLAP));
            }
            let Some(packet) = file.next.and_then(|next| file.early.remove(&next)) else { return Ok(()) };
            file.kept -= packet.len();
            let Ok(SftpRequest::Write { data, .. }) = SftpRequest::parse(&packet) else { return Ok(()) };
            let (at, len) = (packet.len() - data.len(), data.len() as u64);
            self.take(handle, packet, at, len, out)?;
        }
    }

    /// Keeps in mind whose the answer to a packet will be. Of one that is kept the client is told at once that it went well.
    fn await_write(&mut self, id: u32, handle: Vec<u8>, is_kept: bool, out: &mut Out) {
        self.answers.place(self.own, is_kept.then(|| Bytes::from(sftp_status(id, STATUS_OK, ""))));
        self.answers.give(out);
        self.ask(self.own, Asked::Write { handle, client: (!is_kept).then_some(id) }, out);
        self.own = self.own.checked_add(1).unwrap_or(OWN);
    }

    /// Ends the text of a file: all that is kept leaves, or none of it.
    fn end_text(&mut self, handle: &[u8], out: &mut Out) {
        let mut ended = Ok(());
        loop {
            let Some(file) = self.files.get_mut(handle) else { return };
            if file.failed.is_some() {
                return;
            }
            if let Some(mut watch) = file.watch.take() {
                ended = watch.end(&self.scene.shared, &mut self.found);
                file.pushed = 0;
            }
            if ended.is_err() {
                break;
            }
            file.let_go(u64::MAX, out);
            // Behind a gap another text begins.
            let Some((offset, _)) = file.early.first_key_value() else { return };
            file.next = Some(*offset);
            ended = self.take_early(handle, out);
            if ended.is_err() {
                break;
            }
        }
        if let Err(refusal) = ended {
            self.spoil(handle, refusal, out);
        }
    }

    fn close(&mut self, id: u32, handle: Vec<u8>, packet: &Bytes, out: &mut Out) {
        self.end_text(&handle, out);
        let ended = self.files.remove(&handle).and_then(|file| file.failed).map_or(Ok(()), Err);
        // The handle was the server's own, or no one's.
        if self.examine(id, if handle.len() > NUMBERS { vec![&handle[..]] } else { vec![] }.as_slice(), out) {
            self.ask(id, Asked::Close { handle, ended }, out);
            out.pass(packet.clone());
        }
    }

    /// Answers a request of a file that is refused.
    fn fail(&mut self, id: u32, handle: &[u8], refusal: Refusal, out: &mut Out) {
        out.down.push(denied(id, &refusal));
        self.spoil(handle, refusal, out);
    }

    /// Nothing more of a file leaves.
    fn spoil(&mut self, handle: &[u8], refusal: Refusal, out: &mut Out) {
        if let Some(file) = self.files.get_mut(handle) {
            file.failed = Some(STATUS_DENIED);
            // Nobody answers what is dropped.
            for packet in file.held.iter().map(|(packet, _)| packet).chain(file.early.values()) {
                if let Ok(SftpRequest::Write { id, .. }) = SftpRequest::parse(packet) {
                    self.asked.remove(&id);
                }
            }
            (file.held, file.early, file.kept, file.watch) = Default::default();
        }
        note(refusal, out);
    }

    fn ask(&mut self, id: u32, asked: Asked, out: &mut Out) {
        if self.asked.len().max(self.answers.0.len()) >= ASKED_MAX
            || id >= OWN && !matches!(asked, Asked::Write { .. })
        {
            return out.refuse(Refusal::plain("blocked by policy: more requests than are kept in mind"));
        }
        self.asked.insert(id, asked);
    }

    /// One answer, which passes, is another, or is none for the client.
    fn reply(&mut self, packet: Bytes, out: &mut Out) {
        match SftpReply::parse(&packet) {
            Ok(SftpReply::Version(3)) => {}
            Ok(SftpReply::Version(_)) => {
                let why = "blocked by policy: the server speaks another version of sftp than the third";
                return out.refuse(Refusal::plain(why));
            }
            Ok(SftpReply::Handle { id, handle }) => {
                if let Some(Asked::Open { name, appends }) = self.asked.remove(&id)
                    && self.files.len() < OPEN_MAX
                {
                    self.files.insert(handle.to_vec(), File::new(name, appends));
                }
            }
            Ok(SftpReply::Status { id, code }) => match self.asked.remove(&id) {
                Some(Asked::Write { client: Some(client), .. }) => {
                    let mut renumbered = packet.to_vec();
                    renumbered[NUMBER].copy_from_slice(&client.to_be_bytes());
                    self.answers.put(id, Bytes::from(renumbered));
                    return self.answers.give(out);
                }
                Some(Asked::Write { handle, client: None }) => {
                    if let Some(file) = self.files.get_mut(&handle).filter(|_| code != STATUS_OK) {
                        file.failed.get_or_insert(code);
                    }
                    return self.closing_fails(&handle, code);
                }
                Some(Asked::Close { ended: Err(code), .. }) => {
                    return out.down.push(Bytes::from(sftp_status(
                        id,
                        code,
                        "the file was not written to its end",
                    )));
                }
                _ => {}
            },
            Ok(_) => {}
            Err(_) => return out.fail("the server speaks no sftp that is understood"),
        }
        out.down.push(packet);
    }

    /// What failed after its file was closed: the answer to that is still to come.
    fn closing_fails(&mut self, handle: &[u8], code: u32) {
        if code == STATUS_OK {
            return;
        }
        for asked in self.asked.values_mut() {
            if let Asked::Close { handle: closing, ended } = asked
                && closing == handle
            {
                *ended = ended.and(Err(code));
            }
        }
    }
}

impl File {
    fn new(name: String, appends: bool) -> File {
        File {
            name,
            appends,
            watch: None,
            next: None,
            pushed: 0,
            held: VecDeque::new(),
            early: BTreeMap::new(),
            kept: 0,
            failed: None,
        }
    }

    fn let_go(&mut self, through: u64, out: &mut Out) {
        while self.held.front().is_some_and(|(_, end)| *end <= through) {
            if let Some((packet, _)) = self.held.pop_front() {
                out.pass(packet);
            }
        }
    }
}

impl Examiner for Sftp {
    fn client_says(&mut self, data: Bytes, out: &mut Out) {
        let mut rest = &data[..];
        loop {
            let next = self.requests.next(&mut rest);
            let done = match next {
                Ok(false) => return,
                Ok(true) => {
                    let packet = Bytes::copy_from_slice(self.requests.packet());
                    self.request(&packet, out)
                }
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                return out.refuse(Refusal::plain(format!("blocked by policy: {error}")));
            }
        }
    }

    fn end(&mut self, out: &mut Out) {
        let handles: Vec<Vec<u8>> = self.files.keys().cloned().collect();
        for handle in handles {
            self.end_text(&handle, out);
        }
        out.up_end = true;
    }

    fn server_says(&mut self, data: Bytes, out: &mut Out) {
        let mut rest = &data[..];
        loop {
            match self.replies.next(&mut rest) {
                Ok(false) => return,
                Ok(true) => {
                    let packet = Bytes::copy_from_slice(self.replies.packet());
                    self.reply(packet, out);
                }
                // What a login script prints, for one.
                Err(_) => return out.fail("the server speaks no sftp that is understood"),
            }
        }
    }

    fn found(&mut self) -> Found {
        let watches = self.files.values().filter_map(|file| file.watch.as_ref());
        watches.for_each(|watch| watch.note(&self.scene.shared));
        std::mem::take(&mut self.found)
    }
}

/// Tells of a refusal behind which the channel goes on.
fn note(refusal: Refusal, out: &mut Out) {
    out.notice = Some(refusal.subject);
    out.refused.push(refusal.operator);
}

fn denied(id: u32, refusal: &Refusal) -> Bytes {
    Bytes::from(sftp_status(id, STATUS_DENIED, &format!("exfilter: {}", refusal.subject)))
}

#[cfg(test)]
mod tests {
    use exfilter::{Authority, Engine};
    use exfilter_testing::{Rng, keys, split};

    use super::super::Piece;
    use super::*;
    use crate::guard::Guard;
    use crate::settings::Settings;

    fn packet(kind: u8, id: u32, fields: &[&[u8]]) -> Vec<u8> {
        let fields = fields.concat();
        let length = u32::try_from(fields.len() + 5).expect("it is short");
        [&length.to_be_bytes()[..], &[kind], &id.to_be_bytes(), &fields].concat()
    }

    fn string(text: &[u8]) -> Vec<u8> {
        [&u32::try_from(text.len()).expect("it is short").to_be_bytes()[..], text].concat()
    }

    /// A server that writes down what arrives, and a client that hears how it went.
    struct Play {
        sftp: Sftp,
        requests: Packets,
        answers: Packets,
        file: Vec<u8>,
        statuses: Vec<(u32, u32)>,
        /// What the server has said and the gateway not heard, if its answers are late.
        late: Option<Vec<u8>>,
    }

    impl Play {
        fn new() -> Play {
            let engine =
                Engine::builder().rules(exfilter::rules::builtin()).build().expect("the pack compiles");
            let shared = Guard::new(Settings::new(engine)).expect("a guard").shared();
            let to = Authority::parse(b"ssh://git.example.com:22").expect("an authority");
            let sftp = Sftp::new(Scene { shared, to }, Found::default());
            let (requests, answers) = (Packets::new(), Packets::new());
            Play { sftp, requests, answers, file: Vec::new(), statuses: Vec::new(), late: None }
        }

        /// The server's answers arrive.
        fn hear(&mut self) {
            let mut out = Out::default();
            self.sftp.server_says(Bytes::from(self.late.take().unwrap_or_default()), &mut out);
            self.serve(out);
        }

        fn say(&mut self, bytes: &[u8]) {
            let mut out = Out::default();
            self.sftp.client_says(Bytes::copy_from_slice(bytes), &mut out);
            self.serve(out);
        }

        fn serve(&mut self, out: Out) {
            assert!(out.stop.is_none());
            let mut replies = Vec::new();
            for piece in out.up {
                let Piece::Bytes(bytes) = piece else { panic!("nothing is held as a whole") };
                let mut rest = &bytes[..];
                while self.requests.next(&mut rest).expect("packets") {
                    match SftpRequest::parse(self.requests.packet()).expect("a request") {
                        SftpRequest::Open { id, .. } => replies.extend(packet(102, id, &[&string(b"h")])),
                        SftpRequest::Write { id, offset, data, .. } => {
                            let at = usize::try_from(offset).expect("it is short");
                            self.file.resize(self.file.len().max(at + data.len()), 0);
                            self.file[at..at + data.len()].copy_from_slice(data);
                            replies.extend(sftp_status(id, STATUS_OK, ""));
                        }
                        SftpRequest::Close { id, .. } => replies.extend(sftp_status(id, STATUS_OK, "")),
                        _ => panic!("nothing else is asked for"),
                    }
                }
            }
            for bytes in out.down {
                let mut rest = &bytes[..];
                while self.answers.next(&mut rest).expect("packets") {
                    if let Ok(SftpReply::Status { id, code }) = SftpReply::parse(self.answers.packet()) {
                        self.statuses.push((id, code));
                    }
                }
            }
            if let Some(late) = &mut self.late {
                late.extend(replies);
            } else if !replies.is_empty() {
                let mut out = Out::default();
                self.sftp.server_says(Bytes::from(replies), &mut out);
                self.serve(out);
            }
        }

        /// Writes the file in pieces that come in this order; the answer to CLOSE.
        fn write(&mut self, content: &[u8], lengths: &[usize], order: impl Fn(&mut Vec<Vec<u8>>)) -> u32 {
            self.say(&packet(3, 1, &[&string(b"name"), &[0, 0, 0, 0x1a], &[0; 4]]));
            let (mut at, mut writes) = (0, Vec::new());
            for (n, length) in lengths.iter().enumerate() {
                let id = u32::try_from(n).expect("few") + 3;
                let data = string(&content[at..at + length]);
                writes.push(packet(6, id, &[&string(b"h"), &(at as u64).to_be_bytes(), &data]));
                at += length;
            }
            order(&mut writes);
            writes.iter().for_each(|write| self.say(write));
            self.say(&packet(4, 2, &[&string(b"h")]));
            // Each was answered once.
            assert_eq!(self.statuses.len(), lengths.len() + 1);
            self.statuses.pop().expect("the last is that of CLOSE").1
        }
    }

    #[test]
    fn files_arrive_in_any_pieces_and_secrets_in_none() {
        let mut rng = Rng::new(61);
        let clean = rng.bytes(3000);
        let token = keys::github(&mut rng, "ghp_");
        let dirty = [&rng.bytes(200)[..], b"\nkey = '", &token, b"'\n", &rng.bytes(200)].concat();
        for lengths in split::standard(&mut rng, clean.len()).into_iter().take(12) {
            let lengths: Vec<usize> = lengths.into_iter().filter(|n| *n > 0).collect();
            let mut play = Play::new();
            assert_eq!(play.write(&clean, &lengths, |_| {}), STATUS_OK);
            assert!(play.file == clean);
            // The second behind the third: kept until it came.
            let mut play = Play::new();
            let swapped = play.write(&clean, &lengths, |writes| {
                if writes.len() > 2 {
                    writes.swap(1, 2);
                }
            });
            assert_eq!((swapped, play.file == clean), (STATUS_OK, true));
        }
        for lengths in split::standard(&mut rng, dirty.len()) {
            let lengths: Vec<usize> = lengths.into_iter().filter(|n| *n > 0).collect();
            for swap in [false, true] {
                let mut play = Play::new();
                let closed = play.write(&dirty, &lengths, |writes| {
                    let (middle, last) = (writes.len() / 2, writes.len() - 1);
                    if swap && last > 1 {
                        writes.swap(middle, last);
                    }
                });
                let half = token.len() / 2;
                for piece in [&token[..half], &token[half..]] {
                    assert!(!play.file.windows(half).any(|window| window == piece), "{swap} {lengths:?}");
                }
                assert_eq!(closed, STATUS_DENIED, "{swap} {lengths:?}");
            }
        }
    }

    #[test]
    fn a_write_that_is_kept_is_not_answered_before_those_before_it() {
        let mut rng = Rng::new(62);
        let run = exfilter_testing::wrap::base64(&rng.bytes(3000), false, true);
        let content = [&b"plain words, one by one\n".repeat(40)[..], &run, b"\nand more of them\n"].concat();
        let mut play = Play::new();
        play.say(&packet(3, 1, &[&string(b"name"), &[0, 0, 0, 0x1a], &[0; 4]]));
        let write = |n: u32| {
            let at = n as usize * 500;
            let data = string(&content[at..content.len().min(at + 500)]);
            packet(6, n + 2, &[&string(b"h"), &(at as u64).to_be_bytes(), &data])
        };
        let count = u32::try_from(content.len().div_ceil(500)).expect("few");
        play.late = Some(Vec::new());
        let mut kept = 0;
        for n in 0..count {
            play.say(&write(n));
            kept += usize::from(play.file.len() < content.len().min((n as usize + 1) * 500));
        }
        assert_eq!(play.statuses, [], "the first one left, and its answer is not here");
        assert!(kept > 3, "some are kept: {kept}");
        play.hear();
        play.say(&packet(4, 1, &[&string(b"h")]));
        let wanted: Vec<(u32, u32)> = (2..count + 2).chain([1]).map(|id| (id, STATUS_OK)).collect();
        assert_eq!(play.statuses, wanted);
        assert!(play.file == content);
    }

    #[test]
    fn what_was_written_is_not_written_anew() {
        let mut play = Play::new();
        play.say(&packet(3, 1, &[&string(b"name"), &[0, 0, 0, 0x1a], &[0; 4]]));
        let write =
            |id, at: u64, data: &[u8]| packet(6, id, &[&string(b"h"), &at.to_be_bytes(), &string(data)]);
        play.say(&write(2, 0, b"0123456789"));
        play.say(&write(3, 5, b"abc"));
        assert_eq!(play.statuses.pop(), Some((3, STATUS_DENIED)));
        play.say(&write(4, 10, b"more"));
        assert_eq!(play.statuses.pop(), Some((4, STATUS_DENIED)));
        play.say(&packet(4, 5, &[&string(b"h")]));
        assert_eq!(play.statuses.pop(), Some((5, STATUS_DENIED)));
        // Overlaps that come early.
        let mut play = Play::new();
        play.say(&packet(3, 1, &[&string(b"name"), &[0, 0, 0, 0x1a], &[0; 4]]));
        play.say(&write(2, 0, b"01234"));
        play.say(&write(3, 7, b"789"));
        play.say(&write(4, 5, b"56xyz"));
        play.say(&packet(4, 5, &[&string(b"h")]));
        assert_eq!(play.statuses.pop(), Some((5, STATUS_DENIED)));
    }
}
