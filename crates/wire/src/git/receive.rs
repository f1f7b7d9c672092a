//! [`Receive`]: what a push asks for, up to its pack.

use crate::error::GitError;

use super::pkt::{self, Next, Packets};

/// The most commands of a push.
const COMMANDS_MAX: usize = 100_000;

/// The most bytes before the pack.
const SECTION_MAX: u64 = 16 << 20;

/// `PACK`, a version, and how many objects there are.
const PACK_HEADER: usize = 12;

/// Lengths of a pack without objects, with a trailer of SHA-1 and of SHA-256.
const EMPTY_PACKS: [u64; 2] = [32, 44];

/// One command of a push.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    name: Vec<u8>,
    deletes: bool,
    hidden: bool,
}

impl Command {
    /// The name of the ref as it came.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Whether a report does not name it.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.hidden
    }

    /// Whether it deletes the ref.
    #[must_use]
    pub fn deletes(&self) -> bool {
        self.deletes
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Command({})", if self.deletes { "delete" } else { "update" })
    }
}

/// Reads the body of a push (git-receive-pack) up to where its pack begins.
///
/// ```text
/// shallow oid             any number of times
/// push-cert\0caps         or: a certificate, whose lines hold the commands
/// old new ref\0caps       commands; what stands behind a NUL are capabilities
/// old new ref
/// 0000
/// option ... 0000         if capabilities have push-options
/// PACK...                 unless every command deletes
/// ```
///
/// A probe is `0000` alone. Memory: the names, and one pkt-line; 16 MiB at most.
#[derive(Default)]
pub struct Receive {
    packets: Packets,
    state: State,
    commands: Vec<Command>,
    capabilities: Vec<u8>,
    oid_len: Option<usize>,
    bytes: u64,
    /// Why it is none: nothing more is read then.
    broken: Option<GitError>,
    /// The first bytes behind the section.
    header: [u8; PACK_HEADER],
    pack_bytes: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Commands,
    /// The head of a certificate, to its empty line.
    CertificateHead,
    /// Its commands and its signature.
    CertificateBody,
    Options,
    Done,
}

impl Receive {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Receive {
        Receive::default()
    }

    /// Reads on, and takes off `input` what stands before the pack; shows the content of each pkt-line to `sink`.
    ///
    /// # Errors
    ///
    /// [`GitError`] for what is no push. Whoever passes such a body on does not know what it is. [`Receive::unread`] is what it broke at.
    pub fn feed(&mut self, input: &mut &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<(), GitError> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        let read = self.read(input, sink);
        self.broken = read.err();
        read
    }

    fn read(&mut self, input: &mut &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<(), GitError> {
        while self.state != State::Done {
            let before = input.len();
            let next = self.packets.take(input)?;
            self.bytes += (before - input.len()) as u64;
            if self.bytes > SECTION_MAX {
                return Err(GitError::too_much());
            }
            match next {
                Next::More => break,
                Next::Flush => self.flush()?,
                Next::Other => return Err(GitError::command()),
                Next::Data => {
                    sink(self.packets.data());
                    self.line()?;
                }
            }
            self.packets.clear();
        }
        Ok(())
    }

    /// What was taken of the pkt-line that is not over, or that is none: where a push breaks does not depend on how it came.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        self.packets.raw()
    }

    /// Looks at what follows the section: nothing, or a pack.
    ///
    /// # Errors
    ///
    /// [`GitError`] for bytes that are neither, or come where the section is not over.
    pub fn rest(&mut self, bytes: &[u8]) -> Result<(), GitError> {
        if bytes.is_empty() {
            return Ok(());
        }
        if !self.is_done() || !self.expects_pack() {
            return Err(GitError::trailing());
        }
        let at = usize::try_from(self.pack_bytes).unwrap_or(usize::MAX).min(PACK_HEADER);
        let n = bytes.len().min(PACK_HEADER - at);
        self.header[at..at + n].copy_from_slice(&bytes[..n]);
        self.pack_bytes = self.pack_bytes.saturating_add(bytes.len() as u64);
        let magic = &self.header[..(at + n).min(4)];
        if b"PACK".starts_with(magic) { Ok(()) } else { Err(GitError::no_pack()) }
    }

    /// Says that the body ends here.
    ///
    /// # Errors
    ///
    /// [`GitError`] if it may not.
    pub fn finish(&self) -> Result<(), GitError> {
        if !self.is_done() || self.expects_pack() && self.pack_bytes < PACK_HEADER as u64 {
            return Err(GitError::truncated());
        }
        match self.pack() {
            // A pack of nothing is its header and its trailer: nobody would look at what else is in it.
            Some((0, len)) if !EMPTY_PACKS.contains(&len) => Err(GitError::trailing()),
            _ => Ok(()),
        }
    }

    /// How many objects the pack says it has, and its length in bytes so far.
    #[must_use]
    pub fn pack(&self) -> Option<(u32, u64)> {
        let [.., a, b, c, d] = self.header;
        (self.pack_bytes >= PACK_HEADER as u64).then_some((u32::from_be_bytes([a, b, c, d]), self.pack_bytes))
    }

    /// Whether the section is over: what follows is the pack, if one is expected.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether a pack must follow.
    #[must_use]
    pub fn expects_pack(&self) -> bool {
        self.commands.iter().any(|command| !command.deletes)
    }

    /// Whether it is a probe: a flush and nothing else.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.is_done() && self.commands.is_empty()
    }

    /// The commands, in order.
    #[must_use]
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// Whether ids are those of SHA-1.
    #[must_use]
    pub fn has_sha1(&self) -> bool {
        self.oid_len == Some(40)
    }

    /// Keeps refs whose names say what must not be repeated out of reports.
    pub fn hide(&mut self, mut hides: impl FnMut(&[u8]) -> bool) {
        self.commands.iter_mut().for_each(|command| command.hidden = hides(&command.name));
    }

    /// Whether the client has a capability: `side-band-64k`, or `agent` for `agent=..`.
    #[must_use]
    pub fn has(&self, capability: &str) -> bool {
        let name = |word: &[u8]| word.split(|b| *b == b'=').next() == Some(capability.as_bytes());
        self.capabilities.split(|b| matches!(b, b' ' | b'\n')).any(name)
    }

    /// Memory in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let names = self.commands.iter().map(|command| command.name.capacity()).sum::<usize>();
        names
            + self.commands.capacity() * size_of::<Command>()
            + self.capabilities.capacity()
            + self.packets.raw().len()
    }

    fn flush(&mut self) -> Result<(), GitError> {
        self.state = match self.state {
            State::Commands if self.has("push-options") && !self.commands.is_empty() => State::Options,
            State::Commands | State::Options => State::Done,
            _ => return Err(GitError::certificate()),
        };
        Ok(())
    }

    fn line(&mut self) -> Result<(), GitError> {
        let data = self.packets.data();
        let mut halves = data.splitn(2, |b| *b == 0);
        let line = halves.next().unwrap_or_default().to_vec();
        let line = pkt::chomp(&line);
        if let Some(capabilities) = halves.next() {
            if !matches!(self.state, State::Commands) || capabilities.contains(&0) {
                return Err(GitError::command());
            }
            self.capabilities.push(b' ');
            self.capabilities.extend_from_slice(pkt::chomp(capabilities));
        }
        match self.state {
            State::Commands => {
                if let Some(oid) = line.strip_prefix(b"shallow ") {
                    self.check_oid(oid)
                } else if line == b"push-cert" {
                    self.state = State::CertificateHead;
                    Ok(())
                } else {
                    self.command(line)
                }
            }
            State::CertificateHead => {
                if line.is_empty() {
                    self.state = State::CertificateBody;
                }
                if line == b"push-cert-end" { Err(GitError::certificate()) } else { Ok(()) }
            }
            State::CertificateBody => {
                if line == b"push-cert-end" {
                    if self.commands.is_empty() {
                        return Err(GitError::certificate());
                    }
                    self.state = State::Commands;
                    return Ok(());
                }
                // What the signature's lines are is the server's affair; they are no commands.
                if self.is_command(line) { self.command(line) } else { Ok(()) }
            }
            State::Options | State::Done => Ok(()),
        }
    }

    fn command(&mut self, line: &[u8]) -> Result<(), GitError> {
        let mut words = line.splitn(3, |b| *b == b' ');
        let (Some(old), Some(new), Some(name)) = (words.next(), words.next(), words.next()) else {
            return Err(GitError::command());
        };
        self.check_oid(old)?;
        self.check_oid(new)?;
        if name.is_empty() || name.iter().any(|b| *b < b' ' || *b == 0x7f) {
            return Err(GitError::command());
        }
        if self.commands.len() == COMMANDS_MAX {
            return Err(GitError::too_much());
        }
        let deletes = new.iter().all(|b| *b == b'0');
        self.commands.push(Command { name: name.to_vec(), deletes, hidden: false });
        Ok(())
    }

    fn is_command(&self, line: &[u8]) -> bool {
        let oid = |word: Option<&[u8]>| word.is_some_and(is_oid);
        let mut words = line.splitn(3, |b| *b == b' ');
        oid(words.next()) && oid(words.next()) && words.next().is_some()
    }

    fn check_oid(&mut self, oid: &[u8]) -> Result<(), GitError> {
        if is_oid(oid) && *self.oid_len.get_or_insert(oid.len()) == oid.len() {
            return Ok(());
        }
        Err(GitError::command())
    }
}

impl std::fmt::Debug for Receive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receive")
            .field("commands", &self.commands.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// SHA-1 or SHA-256 in hexadecimal digits.
fn is_oid(word: &[u8]) -> bool {
    matches!(word.len(), 40 | 64) && word.iter().all(u8::is_ascii_hexdigit)
}
