//! Framings: how a protocol cuts content.

use std::io::Write as _;

use crate::rng::Rng;

/// A protocol's framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// HTTP/1.1 chunks.
    Chunked,
    /// Server-sent events: an event for each line.
    Events,
    /// gRPC messages with one field each.
    Grpc,
    /// WebSocket frames of a client.
    WebSocket,
}

/// All framings.
pub const FRAMINGS: [Framing; 4] = [Framing::Chunked, Framing::Events, Framing::Grpc, Framing::WebSocket];

/// `content` cut at `cuts`, which are in order.
pub fn frame(rng: &mut Rng, framing: Framing, content: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut from = 0;
    let mut pieces = Vec::new();
    for to in cuts.iter().copied().chain([content.len()]) {
        if from < to {
            pieces.push(&content[from..to]);
        }
        from = from.max(to);
    }
    match framing {
        Framing::Chunked => chunks(rng, &pieces),
        Framing::Events => events(&pieces),
        Framing::Grpc => pieces.iter().flat_map(|piece| message(rng, piece)).collect(),
        Framing::WebSocket => websocket(rng, &pieces),
    }
}

/// Content in a random framing that keeps it as it is but for a line feed at its end, cut anywhere.
pub fn any(rng: &mut Rng, content: &[u8]) -> (Framing, Vec<u8>) {
    let framing = match *rng.pick(&FRAMINGS) {
        Framing::Events if content.contains(&b'\r') => Framing::Chunked,
        framing => framing,
    };
    let most = *rng.pick(&[8, 40, 300, 3000]);
    let (mut at, mut cuts) = (0, Vec::new());
    while at < content.len() {
        at += 1 + rng.below(most);
        cuts.push(at.min(content.len()));
    }
    (framing, frame(rng, framing, content, &cuts))
}

fn chunks(rng: &mut Rng, pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        let extension = if rng.one_in(5) { ";name=\"value\"" } else { "" };
        out.extend(format!("{:x}{extension}\r\n", piece.len()).bytes());
        out.extend([piece, b"\r\n".as_slice()].concat());
    }
    out.extend(b"0\r\n");
    if rng.one_in(5) {
        out.extend(b"Expires: never\r\n");
    }
    out.extend(b"\r\n");
    out
}

fn events(pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = b"event: message\n".to_vec();
    for piece in pieces {
        let mut lines = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            out.extend([b"data: ", line, b"\n"].concat());
            if lines.peek().is_some() {
                out.push(b'\n');
            }
        }
    }
    out.push(b'\n');
    out
}

fn message(rng: &mut Rng, piece: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    if rng.one_in(3) {
        message.extend([0x10, 0x96, 0x01]);
    }
    message.push(0x1a);
    let mut len = piece.len();
    while len > 0x7f {
        message.push(len as u8 | 0x80);
        len >>= 7;
    }
    message.push(len as u8);
    message.extend(piece);
    [&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat()
}

fn websocket(rng: &mut Rng, pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    let is_one = rng.one_in(2);
    // Of a text, which one message is.
    let begins = if is_one && str::from_utf8(&pieces.concat()).is_ok() { 1 } else { 2 };
    let opcode = |first: bool| if first || !is_one { begins } else { 0 };
    let mut packer =
        rng.one_in(3).then(|| flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (i, piece) in pieces.iter().enumerate() {
        let last = !is_one || i + 1 == pieces.len();
        let mut payload = piece.to_vec();
        let mut first = opcode(i == 0) | if last { 0x80 } else { 0 };
        if let Some(packer) = &mut packer {
            packer.write_all(piece).expect("writing to memory");
            packer.flush().expect("writing to memory");
            payload = std::mem::take(packer.get_mut());
            if last {
                payload.truncate(payload.len() - 4);
            }
            if first & 0x0f != 0 {
                first |= 0x40;
            }
        }
        out.extend(masked(rng, first, &payload));
        if rng.one_in(4) {
            out.extend(masked(rng, 0x89, b""));
        }
    }
    out
}

/// A masked frame whose first byte is `first`.
pub fn masked(rng: &mut Rng, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        len @ 0..=125 => out.push(0x80 | len as u8),
        len @ 126..=0xffff => out.extend([&[0xfe][..], &(len as u16).to_be_bytes()].concat()),
        len => out.extend([&[0xff][..], &(len as u64).to_be_bytes()].concat()),
    }
    let mask = rng.bytes(4);
    out.extend(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}
