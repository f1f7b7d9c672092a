//! [`Pace`]: how much of a connection waits in memory, and [`Paced`], the connection that is read no further while it is too much.
//!
//! The SSH library opens a channel's window again as soon as it has taken the bytes, so windows hold nobody back. What does is the connection: while more than [`SOFT`] waits for the other side, it is
//! not read. Where nothing at all leaves for a while, it is read a little at a time, so that what else is said in it is heard. It is read on while its own peer must first make room for what goes the other way, for that is said in the same connection; so what waits may grow to [`HARD`], and then the channel ends.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Bytes from which on a connection is not read.
pub(crate) const SOFT: i64 = 4 << 20;

/// Bytes that wait at most.
pub(crate) const HARD: i64 = 64 << 20;

/// How long nothing must have left until a connection is read a little, how much that is, and how often.
const STANDS_STILL: Duration = Duration::from_secs(2);
const LITTLE: usize = 256 << 10;
const OFTEN: Duration = Duration::from_millis(250);

/// One direction: bytes that came and have not left.
#[derive(Default)]
pub(crate) struct Lane {
    waiting: AtomicI64,
    /// Whether whoever gets them has made no room.
    stuck: AtomicBool,
}

/// Both directions of a channel.
#[derive(Default)]
pub(crate) struct Pace {
    up: Lane,
    down: Lane,
    wakers: Mutex<Vec<Waker>>,
    /// When bytes of the client left last.
    moved: Mutex<Option<Instant>>,
}

/// Which connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Pace {
    /// Begins anew: another channel.
    pub(crate) fn reset(&self) {
        for lane in [&self.up, &self.down] {
            lane.waiting.store(0, Ordering::Relaxed);
            lane.stuck.store(false, Ordering::Relaxed);
        }
        self.wake();
    }

    /// Bytes came in.
    pub(crate) fn came(&self, side: Side, bytes: usize) {
        self.lane(side).waiting.fetch_add(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Bytes that came from `side` have left, or will not.
    pub(crate) fn left(&self, side: Side, bytes: usize) {
        self.lane(side).waiting.fetch_sub(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::Relaxed);
        if side == Side::Client {
            *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        self.wake();
    }

    /// Says whether what came from `side` cannot leave.
    pub(crate) fn stuck(&self, side: Side, stuck: bool) {
        self.lane(side).stuck.store(stuck, Ordering::Relaxed);
        if stuck {
            self.wake();
        }
    }

    /// What waits of what came from `side`.
    pub(crate) fn waiting(&self, side: Side) -> i64 {
        self.lane(side).waiting.load(Ordering::Relaxed)
    }

    fn lane(&self, side: Side) -> &Lane {
        match side {
            Side::Client => &self.up,
            Side::Server => &self.down,
        }
    }

    fn other(&self, side: Side) -> &Lane {
        match side {
            Side::Client => &self.down,
            Side::Server => &self.up,
        }
    }

    /// Whether the connection of `side` is not to be read now. Its own peer says in it when there is room for the other direction.
    fn is_closed(&self, side: Side) -> bool {
        let waiting = self.waiting(side);
        let is_needed = self.other(side).stuck.load(Ordering::Relaxed);
        match side {
            Side::Client => waiting >= SOFT && !is_needed,
            // What a server sends can be left with it, whatever becomes of the other direction.
            Side::Server => waiting >= if is_needed { HARD } else { SOFT },
        }
    }

    /// Whether nothing leaves, though there is room for more of it.
    fn stands_still(&self, side: Side) -> bool {
        let moved = *self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        side == Side::Client
            && self.waiting(side) < HARD
            && moved.is_none_or(|moved| moved.elapsed() >= STANDS_STILL)
    }

    fn wake(&self) {
        let wakers = std::mem::take(&mut *self.wakers.lock().unwrap_or_else(PoisonError::into_inner));
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A connection that is read as [`Pace`] says.
pub(crate) struct Paced<S> {
    inner: S,
    pace: Arc<Pace>,
    side: Side,
    /// When a little may be read though too much waits, and what is left of it.
    timer: Option<Pin<Box<Sleep>>>,
    little: usize,
}

impl<S> Paced<S> {
    pub(crate) fn new(inner: S, pace: Arc<Pace>, side: Side) -> Paced<S> {
        Paced { inner, pace, side, timer: None, little: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.little == 0 && this.pace.is_closed(this.side) {
            this.pace.wakers.lock().unwrap_or_else(PoisonError::into_inner).push(cx.waker().clone());
            let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(OFTEN)));
            let is_time = timer.as_mut().poll(cx).is_ready();
            if is_time {
                this.timer = None;
                this.little = if this.pace.stands_still(this.side) { LITTLE } else { 0 };
            }
            // It may have been opened in between.
            if this.little == 0 && this.pace.is_closed(this.side) {
                if is_time {
                    cx.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        this.little = this.little.saturating_sub(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
