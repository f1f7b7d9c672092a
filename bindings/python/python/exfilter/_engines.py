"""The engines that helpers use when they are given none, and engines in files."""

from __future__ import annotations

import contextlib
import os
import threading

from ._native import Engine

_lock = threading.Lock()
_engines: dict[str, Engine] = {}
_loaded: dict[tuple[str, str], tuple[tuple[int, int, int], Engine]] = {}

_LONGEST_ENGINE = 1 << 30


def default_engine(profile: str = "inline") -> Engine:
    """The engine of the built-in rules, built once per process and profile ("inline" or "thorough")."""
    with _lock:
        engine = _engines.get(profile)
        if engine is None:
            engine = _engines[profile] = Engine(profile=profile)
        return engine


def save_engine(engine: Engine, path: str | os.PathLike[str], *, key_file: str | os.PathLike[str]) -> None:
    """Writes a compiled engine into a file for ``load_engine``, under the key in ``key_file``: 32 bytes, which are drawn if there is no such file.

    Whoever has both files can look for the known secrets in it, so keep them apart. The engine's known secrets must have been made with the same key:
    ``KnownSecrets(pathlib.Path(key_file).read_bytes())``.

    >>> import exfilter, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> exfilter.save_engine(exfilter.Engine(), f"{folder}/engine", key_file=f"{folder}/key")
    >>> exfilter.load_engine(f"{folder}/engine", key_file=f"{folder}/key").scan(b"nothing").clean()
    True
    """
    import tempfile

    with contextlib.suppress(FileExistsError):
        descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(os.urandom(32))
    data = engine.to_bytes(_key(key_file))
    path = os.fspath(path)
    # Whoever reads it meanwhile reads the old one or the new one.
    descriptor, written = tempfile.mkstemp(prefix=".exfilter-", dir=os.path.dirname(path) or ".")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.replace(written, path)
    except BaseException:
        os.unlink(written)
        raise


def load_engine(path: str | os.PathLike[str], *, key_file: str | os.PathLike[str]) -> Engine:
    """The engine of a file, read once per process as long as the file stays the same: what each worker of Ray or Spark calls for each of its batches.

    A file of another version, under another key, or with one other bit is a ``SavedError``.
    """
    path, key_path = os.fspath(path), os.fspath(key_file)
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        with _lock:
            known = _loaded.get((path, key_path))
            if known is None or known[0] != stamp:
                # Read into memory of our own, for nobody else may write to it while it is checked.
                known = (stamp, Engine.from_bytes(file.read(_LONGEST_ENGINE), _key(key_path)))
                _loaded[path, key_path] = known
            return known[1]


def _key(path: str | os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        return file.read(33)
