"""The exceptions. None of them carries a value: what they say is safe to log."""

from __future__ import annotations

# Without the module that says this: it takes half of the time of importing this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._http import Foreign
    from ._native import Block


class ExfilterError(Exception):
    """What everything that this package raises is."""


class ParseError(ExfilterError, ValueError):
    """An authority, slot, host pattern, key or word that is none."""


class RuleError(ExfilterError, ValueError):
    """A rule file with a fault: where it stands and what to write instead."""

    def __init__(self, file: str, line: int, field: str, message: str) -> None:
        super().__init__(f"{file}:{line}: {field}: {message}" if field else f"{file}:{line}: {message}")
        self.file = file
        self.line = line
        self.field = field
        self.message = message


class PolicyError(ExfilterError, ValueError):
    """A policy file with a fault: where it stands and what to write instead."""

    def __init__(self, file: str, line: int, field: str, message: str) -> None:
        super().__init__(f"{file}:{line}: {field}: {message}" if field else f"{file}:{line}: {message}")
        self.file = file
        self.line = line
        self.field = field
        self.message = message


class HeadError(ExfilterError, ValueError):
    """The head of a request that is malformed, that two readers may take for different requests, or that names another host."""


class BuildError(ExfilterError, ValueError):
    """An engine that could not be built."""

    def __init__(self, subject: str, message: str) -> None:
        super().__init__(f"{subject}: {message}")
        self.subject = subject
        self.message = message


class RefusedError(ExfilterError, ValueError):
    """A value that was not enrolled, and why: too short, too weak, no secret. ``code`` is stable, ``remedy`` says what to do."""

    def __init__(self, name: str, code: str, message: str, remedy: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.code = code
        self.remedy = remedy


class MisuseError(ExfilterError, RuntimeError):
    """A stream that was used after its end or by two threads at once, or secrets that were given to two engines."""


class StoreError(ExfilterError):
    """A store of known secrets that cannot be opened, and why. ``code`` is stable, ``remedy`` says what to do."""

    def __init__(self, path: str, code: str, message: str, remedy: str) -> None:
        super().__init__(f"{path}: {code}: {message}; {remedy}")
        self.path = path
        self.code = code
        self.remedy = remedy


class SavedError(ExfilterError, ValueError):
    """A saved engine that could not be written or read: other bytes, another version, another key."""


class ArrowError(ExfilterError, ValueError):
    """A table whose producer breaks the rules of Arrow's interface, or fails. Nothing of it counts as examined."""


class BlockedError(ExfilterError):
    """Something was not let out. The text is the one for whatever sent the bytes; ``block`` has the operator's.

    It is no ``OSError``, for HTTP clients try again after those.
    """

    def __init__(self, block: Block | Foreign) -> None:
        super().__init__(block.subject_text)
        self.block = block
        self.reference = block.reference
