"""exfilter stops secrets on their way out.

It compiles *known secrets* (your own, held as keyed fingerprints) and *key patterns* (rules for providers' token formats) into one engine, and runs it over
bytes. Chunk by chunk it answers how many of them may leave.

>>> import exfilter
>>> engine = exfilter.Engine()                                   # once per process: the built-in rules
>>> stream = engine.stream(exfilter.Flow.outbound("https://api.example.com"))
>>> match stream.push(b"hello, nothing secret here"):
...     case exfilter.Forward(through):
...         pass                                                 # bytes before `through` may leave
...     case exfilter.Edit(through):
...         pass                                                 # ... after stream.apply_edits
...     case exfilter.Block() as block:
...         print(block.subject_text)                            # nothing more may leave
>>> stream.finish()
Forward(through=26)

``scan_bytes``, ``scan_file``, ``scan_path`` and ``scan_arrow`` examine what is at rest, ``redact`` overwrites what it finds, ``Gate`` lets through what may leave. Modules of their own: ``exfilter.logging``,
``exfilter.structlog``, ``exfilter.asgi``, ``exfilter.wsgi``, ``exfilter.httpx``, ``exfilter.requests``, ``exfilter.aiohttp``, ``exfilter.mitmproxy`` and
``exfilter.testing``.
"""

from __future__ import annotations

from ._engines import default_engine, load_engine, save_engine
from ._errors import (
    ArrowError, BlockedError, BuildError, ExfilterError, HeadError, MisuseError, ParseError, PolicyError, RefusedError, RuleError, SavedError, StoreError,
)  # fmt: skip
from ._gate import Gate
from ._native import (
    ArrowScan,
    Block,
    Coverage,
    Edit,
    Engine,
    Finding,
    Flow,
    Forward,
    Inspector,
    KnownSecrets,
    Limits,
    Opaque,
    Policy,
    PolicyFile,
    Reply,
    Rule,
    Rules,
    Scan,
    Scanner,
    Session,
    Sighting,
    Stream,
    Substitutes,
    Uploads,
    __VERSION__ as __version__,
)
from ._redact import redact
from ._scan import FileScan, PathScan, scan_arrow, scan_bytes, scan_file, scan_path
from ._sources import load_rules, secrets_from_env

Verdict = Forward | Edit | Block
"""What ``push`` and ``finish`` answer."""

Event = Finding | Opaque
"""What ``Stream.events`` lists."""

__all__ = [
    "ArrowError",
    "ArrowScan",
    "Block",
    "BlockedError",
    "BuildError",
    "Coverage",
    "Edit",
    "Engine",
    "Event",
    "ExfilterError",
    "FileScan",
    "Finding",
    "Flow",
    "Forward",
    "Gate",
    "HeadError",
    "Inspector",
    "KnownSecrets",
    "Limits",
    "MisuseError",
    "Opaque",
    "ParseError",
    "PathScan",
    "Policy",
    "PolicyError",
    "PolicyFile",
    "RefusedError",
    "Reply",
    "Rule",
    "RuleError",
    "Rules",
    "SavedError",
    "Scan",
    "Scanner",
    "Session",
    "Sighting",
    "StoreError",
    "Stream",
    "Substitutes",
    "Uploads",
    "Verdict",
    "__version__",
    "default_engine",
    "load_engine",
    "load_rules",
    "redact",
    "save_engine",
    "scan_arrow",
    "scan_bytes",
    "scan_file",
    "scan_path",
    "secrets_from_env",
]
