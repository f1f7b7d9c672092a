"""Bytes in, and out what may leave."""

from __future__ import annotations

from ._errors import BlockedError
from ._native import Block, Edit, Engine, Flow, Forward


class Gate:
    """Keeps the bytes of a stream until their verdict, so that callers need not.

    ``push`` and ``finish`` return what may be forwarded, edits applied, and raise ``BlockedError`` once nothing more may leave.

    >>> import exfilter
    >>> gate = exfilter.Gate(exfilter.default_engine())
    >>> gate.push(b"nothing ") + gate.push(b"secret") + gate.finish()
    b'nothing secret'
    """

    def __init__(self, engine: Engine, flow: Flow | None = None) -> None:
        self.stream = engine.stream(flow)
        self._held = bytearray()
        self._released = 0
        self._block: Block | None = None

    def push(self, chunk: bytes | bytearray | memoryview) -> bytes:
        """Examines the next bytes and returns those that may leave now."""
        self._check()
        verdict = self.stream.push(chunk)
        self._held += chunk
        return self._release(verdict)

    def finish(self) -> bytes:
        """Ends the stream and returns the rest."""
        self._check()
        return self._release(self.stream.finish())

    @property
    def held(self) -> int:
        """How many bytes wait for their verdict."""
        return len(self._held)

    def close(self) -> None:
        """Drops what is held and wipes what the stream remembers."""
        self._held.clear()
        self.stream.close()

    def _check(self) -> None:
        if self._block is not None:
            raise BlockedError(self._block)

    def _release(self, verdict: Forward | Edit | Block) -> bytes:
        if isinstance(verdict, Block):
            self._block = verdict
            self._held.clear()
            raise BlockedError(verdict)
        count = verdict.through - self._released
        out = bytes(self._held[:count])
        if isinstance(verdict, Edit):
            out = self.stream.apply_edits(self._released, out)
        del self._held[:count]
        self._released = verdict.through
        return out
