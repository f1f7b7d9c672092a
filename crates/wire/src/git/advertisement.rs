//! [`Advertisement`]: a server's refs and capabilities, with `no-thin` added.

use super::pkt::{self, Next, Packets};

/// Rewrites the answer to `info/refs?service=git-receive-pack`, or what an SSH server sends first, so that clients send packs that hold every base of their deltas.
///
/// ```text
/// 001f# service=git-receive-pack\n 0000      HTTP only
/// 00be<oid> <ref>\0report-status ofs-delta   the first ref: behind the NUL stand the capabilities
/// ```
///
/// What is no advertisement passes as it is: a pack that is thin then is told of by the engine. The answer must have no content coding: ask for it
/// without `Accept-Encoding`.
#[derive(Default)]
pub struct Advertisement {
    packets: Packets,
    state: State,
    added: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Lines,
    Through,
}

const CAPABILITY: &[u8] = b" no-thin";

impl Advertisement {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Advertisement {
        Advertisement::default()
    }

    /// Reads on and appends what is to be passed on.
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut rest = input;
        while self.state == State::Lines {
            match self.packets.take(&mut rest) {
                Ok(Next::More) => return,
                // The flush behind the service's name.
                Ok(Next::Flush) => self.pass(out),
                Ok(Next::Data) => {
                    let data = self.packets.data();
                    if data.starts_with(b"# service=") || data.starts_with(b"version 1") {
                        self.pass(out);
                        continue;
                    }
                    self.state = State::Through;
                    if !self.add(out) {
                        self.pass(out);
                    }
                    self.packets.clear();
                }
                Ok(Next::Other) | Err(_) => {
                    self.state = State::Through;
                    self.pass(out);
                }
            }
        }
        out.extend_from_slice(rest);
    }

    /// Says that the answer ends here: what was kept is passed on.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.state = State::Through;
        self.pass(out);
    }

    /// Whether the capability was added, or was there.
    #[must_use]
    pub fn is_added(&self) -> bool {
        self.added
    }

    fn pass(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.packets.raw());
        self.packets.clear();
    }

    fn add(&mut self, out: &mut Vec<u8>) -> bool {
        let data = self.packets.data();
        let Some(nul) = data.iter().position(|b| *b == 0) else { return false };
        let line = pkt::chomp(data);
        let capabilities = line.get(nul + 1..).unwrap_or_default();
        if capabilities.split(|b| *b == b' ').any(|word| word == &CAPABILITY[1..]) {
            self.added = true;
            return false;
        }
        if data.len() + CAPABILITY.len() > pkt::DATA_MAX {
            return false;
        }
        let tail = &data[line.len()..];
        pkt::write(&[line, CAPABILITY, tail].concat(), out);
        self.added = true;
        true
    }
}

impl std::fmt::Debug for Advertisement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Advertisement").field("added", &self.added).finish_non_exhaustive()
    }
}
