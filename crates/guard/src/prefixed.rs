//! [`Prefixed`]: a connection of which some bytes were read already.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// The most bytes that are read ahead: enough to tell TLS from HTTP.
const AHEAD: usize = 16;

/// A connection whose first bytes were looked at, and are read again.
pub(crate) struct Prefixed<S> {
    ahead: [u8; AHEAD],
    read: usize,
    given: usize,
    inner: S,
}

impl<S: AsyncRead + Unpin> Prefixed<S> {
    /// Reads the first bytes: what comes in one piece, one byte at least unless the connection ends.
    pub(crate) async fn new(mut inner: S) -> io::Result<Prefixed<S>> {
        let mut ahead = [0; AHEAD];
        let read = inner.read(&mut ahead).await?;
        Ok(Prefixed { ahead, read, given: 0, inner })
    }

    /// The first bytes.
    pub(crate) fn ahead(&self) -> &[u8] {
        &self.ahead[..self.read]
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.given < this.read {
            let n = buf.remaining().min(this.read - this.given);
            buf.put_slice(&this.ahead[this.given..this.given + n]);
            this.given += n;
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
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
