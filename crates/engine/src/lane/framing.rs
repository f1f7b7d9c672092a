//! Framings: content that a protocol cut into frames, as a lane of it joined.
//!
//! They are looked for where a stream begins, in what the flow's content codings yield, and in HTTP chunks. The parent goes on scanning the frames as they
//! stand, so only what a cut runs through, or what was masked, is reported from the lane.
//!
//! ```text
//! root    1a\r\n{"token": "ghp_q8Zt4LmN0p\r\n18\r\nR7sVx2...
//! lane          {"token": "ghp_q8Zt4LmN0pR7sVx2...
//!                                       ^ touched
//! ```

use exfilter_codec::chunked::{self, Chunked};
use exfilter_codec::grpc::{self, Grpc};
use exfilter_codec::sse::{self, Sse};
use exfilter_codec::websocket::{self, WebSocket};
use exfilter_codec::{Decoder, Piece, Source};

use super::{Lane, LaneKind, SEEN};
use crate::map::Origin;
use crate::path::LaneStep;

/// A protocol's framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Chunked,
    Events,
    Grpc,
    WebSocket,
}

impl Framing {
    pub(crate) const ALL: [Framing; 4] =
        [Framing::Chunked, Framing::Events, Framing::Grpc, Framing::WebSocket];

    pub(crate) fn step(self) -> LaneStep {
        match self {
            Framing::Chunked => LaneStep::Chunked,
            Framing::Events => LaneStep::Events,
            Framing::Grpc => LaneStep::Grpc,
            Framing::WebSocket => LaneStep::WebSocket,
        }
    }

    /// Whether content may begin with frames that begins with `bytes`, as far as a decision sees them.
    pub(crate) fn starts(self, bytes: &[u8]) -> bool {
        let bytes = &bytes[..bytes.len().min(SEEN as usize)];
        match self {
            Framing::Chunked => chunked::starts(bytes),
            Framing::Events => sse::starts(bytes),
            Framing::Grpc => grpc::starts(bytes),
            Framing::WebSocket => websocket::starts(bytes),
        }
    }

    pub(crate) fn decoder(self) -> Box<dyn Decoder> {
        match self {
            Framing::Chunked => Box::new(Chunked::new()),
            Framing::Events => Box::new(Sse::new()),
            Framing::Grpc => Box::new(Grpc::new()),
            Framing::WebSocket => Box::new(WebSocket::new()),
        }
    }
}

impl Lane {
    /// The framing that the content, which begins with `bytes`, may begin with.
    pub(crate) fn framing(&self, bytes: &[u8]) -> Option<Framing> {
        let fits = |framing: &Framing| self.kind != LaneKind::Framing(*framing) && framing.starts(bytes);
        Framing::ALL.into_iter().filter(|_| self.framed).find(fits)
    }

    /// Says where the next `len` bytes come from: of `pieces`, which begin in them, and before those of `last`. Where the parent is the stream itself,
    /// content of the frames that begin at `start` is mapped byte for byte, else to `coarse`.
    pub(crate) fn join(
        &mut self,
        last: &mut Piece,
        pieces: &mut Vec<Piece>,
        len: u64,
        start: Option<u64>,
        coarse: Origin,
    ) {
        let touched = self.touched.get_or_insert_default();
        let (mut at, end) = (self.pos, self.pos + len);
        for next in pieces.drain(..).map(Some).chain([None]) {
            let to = next.map_or(end, |piece| piece.at);
            if at < to {
                let origin = match (last.source, start) {
                    (Source::Plain(from) | Source::Changed(from), Some(start)) => {
                        Origin::Shift { outer: start + from + (at - last.at) }
                    }
                    _ => coarse,
                };
                self.map.push(at, origin);
                if !matches!(last.source, Source::Plain(_)) {
                    touched.add(at, to);
                }
            }
            let Some(piece) = next else { break };
            touched.add(piece.at, piece.at);
            (at, *last) = (to, piece);
        }
    }
}
