//! [`Report`]: how a push is refused so that git says why.

use crate::reply::one_line;

use super::pkt;
use super::receive::Receive;

/// The longest reason of a ref, in bytes.
const REASON_MAX: usize = 240;

/// The report of a server that took nothing, in the form that the client asked for.
///
/// ```text
/// band 2   message, line by line                      printed as `remote: ...`
/// band 1   unpack ok, ng REF REASON for every ref     printed as `! [remote rejected] main -> main (REASON)`
/// ```
///
/// Without a side band the lines stand as they are, and no message does; a client that asked for no report gets the message alone.
#[derive(Debug)]
pub struct Report<'a> {
    /// The push.
    pub push: &'a Receive,
    /// Why, in a few words: stands behind each ref.
    pub reason: &'a str,
    /// Lines for the person at the client.
    pub message: &'a [String],
}

impl Report<'_> {
    /// The bytes: the body of an HTTP answer with `application/x-git-receive-pack-result`, or what an SSH channel sends.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // The band's number takes one byte of each line.
        let room = match (self.push.has("side-band-64k"), self.push.has("side-band")) {
            (true, _) => Some(pkt::DATA_MAX - 1),
            (_, true) => Some(995),
            _ => None,
        };
        let mut out = Vec::new();
        let status = self.status();
        let Some(room) = room else {
            out.extend(status);
            return out;
        };
        for line in self.message {
            let line = one_line(line, REASON_MAX);
            band(2, [line.as_bytes(), b"\n"].concat().as_slice(), room, &mut out);
        }
        band(1, &status, room, &mut out);
        pkt::flush(&mut out);
        out
    }

    fn status(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.push.has("report-status") && !self.push.has("report-status-v2") {
            return out;
        }
        let reason = one_line(self.reason, REASON_MAX);
        let hides = self.push.commands().iter().any(|command| command.is_hidden());
        // git shows this text too, which it has to where no ref can carry it.
        let unpack = if hides { reason.as_str() } else { "ok" };
        pkt::write(format!("unpack {unpack}\n").as_bytes(), &mut out);
        for command in self.push.commands().iter().filter(|command| !command.is_hidden()) {
            pkt::write(&[b"ng ", command.name(), b" ", reason.as_bytes(), b"\n"].concat(), &mut out);
        }
        pkt::flush(&mut out);
        out
    }
}

/// `data` on a band, in as many pkt-lines as it takes.
fn band(number: u8, data: &[u8], room: usize, out: &mut Vec<u8>) {
    for piece in data.chunks(room) {
        pkt::write(&[&[number], piece].concat(), out);
    }
}

/// `ERR text`: how a server ends a conversation before it has begun; git prints `fatal: remote error: text`.
#[must_use]
pub fn error_line(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    pkt::write(format!("ERR {}", one_line(text, REASON_MAX)).as_bytes(), &mut out);
    out
}
