"""What is at rest: buffers, files, folders."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence

from ._engines import default_engine
from ._native import ArrowScan, Coverage, Engine, Finding, Flow, Opaque, Scan, Stream

# The module that says this otherwise takes a tenth of the time of the whole import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from ._native import _ArrowTable

_CHUNK = 256 << 10
_AT_REST = Flow.at_rest()


class FileScan:
    """What came of one file: ``path``, ``findings``, ``opaques``, ``coverage``, ``suppressed`` (findings beyond the limit, counted by rule id or secret's name) and ``error`` (why the file was not read to its end)."""

    # No dataclass, for what makes those takes longer to import than all of this package.
    __slots__ = ("coverage", "error", "findings", "opaques", "path", "suppressed")

    def __init__(
        self, path: str, findings: list[Finding], opaques: list[Opaque], coverage: Coverage, suppressed: dict[str, int], error: str | None = None
    ) -> None:
        self.path = path
        self.findings = findings
        self.opaques = opaques
        self.coverage = coverage
        self.suppressed = suppressed
        self.error = error

    def __repr__(self) -> str:
        return f"FileScan(path={self.path!r}, {len(self.findings)} findings, complete={self.complete})"

    @property
    def complete(self) -> bool:
        """Whether everything was examined."""
        return self.error is None and self.coverage.complete

    def clean(self, confidence: str = "medium") -> bool:
        """Whether everything was examined and nothing found at or above a confidence, documented examples apart."""
        return self.complete and not self.suppressed and not any(finding.counts(confidence) for finding in self.findings)


class PathScan:
    """What came of a folder: ``files`` and ``bytes`` that were examined, ``reports`` of the files in which something was found or not examined, in order of path, and ``skipped``, what was not opened and
    why ("symlink", "git-objects", "special", or the system's words)."""

    __slots__ = ("bytes", "files", "reports", "skipped")

    def __init__(self) -> None:
        self.files = 0
        self.bytes = 0
        self.reports: list[FileScan] = []
        self.skipped: list[tuple[str, str]] = []

    def __repr__(self) -> str:
        return f"PathScan(files={self.files}, bytes={self.bytes}, {len(self.reports)} reports, complete={self.complete})"

    @property
    def complete(self) -> bool:
        """Whether every file was examined whole; what is skipped by rule (links, git's objects, pipes) does not count."""
        by_rule = {"symlink", "git-objects", "special"}
        return all(report.complete for report in self.reports) and all(reason in by_rule for _, reason in self.skipped)

    def clean(self, confidence: str = "medium") -> bool:
        """Whether every file is clean."""
        return self.complete and all(report.clean(confidence) for report in self.reports)


def scan_bytes(data: bytes | bytearray | memoryview, *, engine: Engine | None = None, flow: Flow | None = None) -> Scan:
    """Examines a buffer, as bytes at rest or those of a flow.

    >>> import exfilter, exfilter.testing
    >>> scan = exfilter.scan_bytes(b"token = " + exfilter.testing.token("npm-access-token", seed=1).encode())
    >>> [(finding.rule, finding.start, finding.proof) for finding in scan.findings]
    [('npm-access-token', 8, 'verified')]
    """
    return (engine or default_engine("thorough")).scan(data, flow)


def scan_arrow(table: _ArrowTable, *, engine: Engine | None = None, columns: Sequence[str] | None = None) -> ArrowScan:
    """Examines every cell of a table of Arrow: one of pyarrow, polars, DuckDB, pandas or whatever else has ``__arrow_c_stream__`` or ``__arrow_c_array__``. Arrow itself is not needed.

    What comes back is such a table, with a row for each finding. A stream is taken batch by batch.

    >>> import exfilter, exfilter.testing
    >>> import pyarrow  # doctest: +SKIP
    >>> scan = exfilter.scan_arrow(pyarrow.table({"text": ["nothing", exfilter.testing.token("github-pat")]}))  # doctest: +SKIP
    >>> pyarrow.table(scan).select(["row", "column", "name"]).to_pylist()  # doctest: +SKIP
    [{'row': 1, 'column': 'text', 'name': 'github-pat'}]
    """
    return (engine or default_engine("thorough")).scan_arrow(table, columns)


def scan_file(file: str | os.PathLike[str] | IO[bytes], *, engine: Engine | None = None) -> FileScan:
    """Examines a file, by path or open for reading, in pieces: its size does not matter.

    >>> import exfilter
    >>> exfilter.scan_file(__file__).clean()
    True
    """
    engine = engine or default_engine("thorough")
    if isinstance(file, (str, os.PathLike)):
        with open(file, "rb", buffering=0) as opened:
            return _drive(engine, opened, os.fspath(file))
    return _drive(engine, file, str(getattr(file, "name", "<stream>")))


def scan_path(
    root: str | os.PathLike[str],
    *,
    engine: Engine | None = None,
    progress: Callable[[PathScan, str], object] | None = None,
    workers: int | None = None,
) -> PathScan:
    """Examines every file below a folder with several threads. ``progress`` is called after each with the state so far and its path.

    Links are not followed and git's object stores are not entered; both stand in ``skipped``.
    """
    from concurrent.futures import Future, ThreadPoolExecutor

    engine = engine or default_engine("thorough")
    result = PathScan()
    workers = workers or min(8, os.cpu_count() or 1)
    waiting: list[Future[FileScan]] = []

    def settle(future: Future[FileScan]) -> None:
        report = future.result()
        result.files += 1
        result.bytes += report.coverage.bytes
        if report.findings or report.suppressed or not report.complete:
            result.reports.append(report)
        if progress is not None:
            progress(result, report.path)

    with ThreadPoolExecutor(workers) as pool:
        try:
            for path in _walk(os.fspath(root), result.skipped):
                waiting.append(pool.submit(_scan_named, engine, path))
                if len(waiting) >= 8 * workers:
                    settle(waiting.pop(0))
            for future in waiting:
                settle(future)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    result.reports.sort(key=lambda report: report.path)
    result.skipped.sort()
    return result


def _drive(engine: Engine, file: IO[bytes], name: str) -> FileScan:
    error: str | None = None
    with engine.stream(_AT_REST) as stream:
        findings: list[Finding] = []
        opaques: list[Opaque] = []
        try:
            while chunk := file.read(_CHUNK):
                stream.push(chunk)
                _drain(stream, findings, opaques)
        except OSError as failed:
            error = failed.strerror or type(failed).__name__
        stream.finish()
        _drain(stream, findings, opaques)
        return FileScan(name, findings, opaques, stream.coverage, stream.suppressed, error)


def _drain(stream: Stream, findings: list[Finding], opaques: list[Opaque]) -> None:
    for event in stream.events():
        if isinstance(event, Finding):
            findings.append(event)
        else:
            opaques.append(event)


def _scan_named(engine: Engine, path: str) -> FileScan:
    # Between the walk and this call it may have become a pipe or a link: opened without waiting, without following, and looked at again.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        opened = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    except OSError as failed:
        return FileScan(path, [], [], _nothing(engine), {}, failed.strerror or type(failed).__name__)
    with open(opened, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            return FileScan(path, [], [], _nothing(engine), {}, os.strerror(errno.EINVAL))
        return _drive(engine, file, path)


def _nothing(engine: Engine) -> Coverage:
    return engine.stream(_AT_REST).coverage


def _walk(root: str, skipped: list[tuple[str, str]]) -> Iterator[str]:
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except NotADirectoryError:
            yield folder
            continue
        except OSError as failed:
            skipped.append((folder, failed.strerror or type(failed).__name__))
            continue
        for entry in entries:
            try:
                if entry.is_symlink():
                    skipped.append((entry.path, "symlink"))
                elif entry.is_dir(follow_symlinks=False):
                    if entry.name == "objects" and _is_git_folder(folder):
                        skipped.append((entry.path, "git-objects"))
                    else:
                        folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield entry.path
                else:
                    skipped.append((entry.path, "special"))
            except OSError as failed:
                skipped.append((entry.path, failed.strerror or type(failed).__name__))


def _is_git_folder(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "HEAD")) and os.path.isdir(os.path.join(folder, "refs"))
