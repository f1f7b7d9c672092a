//! [`Ahead`]: a thread that unpacks a file while this one looks at what was unpacked.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use exfilter::{Stream, Unpacked, Unpacker};
use zeroize::Zeroizing;

/// Pieces of the file that the thread has before they are looked at here.
const PIECES: usize = 8;

/// Batches of what was unpacked, each of some 64 KiB, that wait to be looked at.
const BATCHES: usize = 8;

type Piece = Arc<Zeroizing<Vec<u8>>>;

/// A file on its way through the thread and through a stream.
pub(crate) struct Ahead {
    /// Those that are still to be pushed.
    waiting: VecDeque<Piece>,
    /// None once the thread wants no more.
    sender: Option<SyncSender<Piece>>,
    thread: JoinHandle<()>,
}

impl Ahead {
    /// Begins, if the stream's content, which begins with `first`, is compressed, and the system gives a thread.
    pub(crate) fn begin(stream: &mut Stream, first: &[u8]) -> Option<Ahead> {
        let (sender, pieces) = sync_channel::<Piece>(PIECES + 1);
        let (batches, unpacked) = sync_channel::<Unpacked>(BATCHES);
        let (give, unpacker) = sync_channel::<Unpacker>(1);
        let thread = Builder::new().name("unpack".into()).spawn(move || {
            let mut hand = |batch| batches.send(batch).is_ok();
            let Ok(mut unpacker) = unpacker.recv() else { return };
            for piece in pieces {
                if !unpacker.push(&piece, &mut hand) {
                    return;
                }
            }
            unpacker.finish(&mut hand);
        });
        let thread = thread.ok()?;
        let unpacked = AssertUnwindSafe(unpacked);
        let next = move || {
            let AssertUnwindSafe(unpacked) = &unpacked;
            unpacked.recv().ok()
        };
        // Where the stream has nothing to unpack, the thread is given nothing and ends.
        let unpacker = stream.unpack_ahead(first, Box::new(next))?;
        give.send(unpacker).ok()?;
        Some(Ahead { waiting: VecDeque::new(), sender: Some(sender), thread })
    }

    /// Takes the next piece of the file. Returns the one whose turn it is, once there are enough.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Option<Piece> {
        let piece = Arc::new(Zeroizing::new(bytes.to_vec()));
        // It is full, or closed, only if what the thread yields is not taken any more: the content has ended, or a limit was hit.
        let is_sent = self.sender.as_ref().is_some_and(|sender| sender.try_send(Arc::clone(&piece)).is_ok());
        if !is_sent {
            self.sender = None;
        }
        self.waiting.push_back(piece);
        (self.waiting.len() > PIECES).then(|| self.waiting.pop_front()).flatten()
    }

    /// Says that the file is over. Returns what is still to be pushed, and the thread, to be waited for once the stream has ended.
    pub(crate) fn finish(self) -> (VecDeque<Piece>, JoinHandle<()>) {
        (self.waiting, self.thread)
    }
}
