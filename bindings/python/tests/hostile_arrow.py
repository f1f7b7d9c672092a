"""Arrow's structures, made by hand: producers that are right, and such as lie."""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p


class Schema(ctypes.Structure):
    pass


class Array(ctypes.Structure):
    pass


class Stream(ctypes.Structure):
    pass


ReleaseSchema = CFUNCTYPE(None, POINTER(Schema))
ReleaseArray = CFUNCTYPE(None, POINTER(Array))
GetSchema = CFUNCTYPE(c_int, POINTER(Stream), POINTER(Schema))
GetNext = CFUNCTYPE(c_int, POINTER(Stream), POINTER(Array))
GetLastError = CFUNCTYPE(c_char_p, POINTER(Stream))
ReleaseStream = CFUNCTYPE(None, POINTER(Stream))

Schema._fields_ = [
    ("format", c_void_p), ("name", c_void_p), ("metadata", c_void_p), ("flags", c_int64), ("n_children", c_int64),
    ("children", c_void_p), ("dictionary", c_void_p), ("release", ReleaseSchema), ("private_data", c_void_p),
]  # fmt: skip
Array._fields_ = [
    ("length", c_int64), ("null_count", c_int64), ("offset", c_int64), ("n_buffers", c_int64), ("n_children", c_int64),
    ("buffers", c_void_p), ("children", c_void_p), ("dictionary", c_void_p), ("release", ReleaseArray), ("private_data", c_void_p),
]  # fmt: skip
Stream._fields_ = [
    ("get_schema", GetSchema), ("get_next", GetNext), ("get_last_error", GetLastError), ("release", ReleaseStream), ("private_data", c_void_p),
]  # fmt: skip

_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype = ctypes.py_object
_capsule.argtypes = [c_void_p, c_char_p, c_void_p]

# Names of capsules and everything that an address points to has to outlive them: tests are short.
_alive: list[object] = []
_names: dict[bytes, ctypes.Array[ctypes.c_char]] = {}


def keep(thing):
    _alive.append(thing)
    return thing


def address(thing) -> int:
    return ctypes.addressof(keep(thing))


def text(content: bytes) -> int:
    return address(ctypes.create_string_buffer(content))


def pointers(addresses) -> int:
    return address((c_void_p * len(addresses))(*addresses)) if addresses else 0


def integers(kind, values) -> int:
    return address((kind * max(1, len(values)))(*values))


class Released:
    """Counts releases: each structure is released once, by whoever holds it at the end."""

    def __init__(self):
        self.schemas = self.arrays = self.streams = 0

    def schema(self, which):
        which.contents.release = ReleaseSchema()
        self.schemas += 1

    def array(self, which):
        which.contents.release = ReleaseArray()
        self.arrays += 1

    def stream(self, which):
        which.contents.release = ReleaseStream()
        self.streams += 1


def schema(kind, called=b"", below=(), dictionary=None, released=None, **changed):
    made = keep(Schema())
    made.format, made.name = text(kind), text(called)
    made.n_children, made.children = len(below), pointers([ctypes.addressof(child) for child in below])
    made.dictionary = ctypes.addressof(dictionary) if dictionary is not None else None
    made.release = keep(ReleaseSchema((released or Released()).schema))
    for field, value in changed.items():
        setattr(made, field, value)
    return made


def array(elements, addresses, below=(), dictionary=None, released=None, **changed):
    made = keep(Array())
    made.length, made.n_buffers, made.buffers = elements, len(addresses), pointers(addresses)
    made.n_children, made.children = len(below), pointers([ctypes.addressof(child) for child in below])
    made.dictionary = ctypes.addressof(dictionary) if dictionary is not None else None
    made.release = keep(ReleaseArray((released or Released()).array))
    for field, value in changed.items():
        setattr(made, field, value)
    return made


def strings(values, **changed):
    """An array of texts."""
    data, offsets = b"".join(values), [0]
    for value in values:
        offsets.append(offsets[-1] + len(value))
    return array(len(values), [0, integers(ctypes.c_int32, offsets), text(data)], **changed)


def capsule(thing, name: bytes):
    """A capsule without a destructor: what is not consumed is never released."""
    if name not in _names:
        _names[name] = ctypes.create_string_buffer(name)
    return _capsule(ctypes.addressof(thing), ctypes.cast(_names[name], c_char_p), None)


class OneArray:
    """An object with an array."""

    def __init__(self, schema_, array_):
        self.schema, self.array = schema_, array_

    def __arrow_c_array__(self, requested_schema=None):
        return capsule(self.schema, b"arrow_schema"), capsule(self.array, b"arrow_array")


class Batches:
    """An object with a stream of arrays; `fail` is the number of the batch at which it says an error."""

    def __init__(self, schema_, arrays, fail=None, released=None):
        waiting = list(arrays)

        def get_schema(_stream, out):
            if schema_ is None:
                return 5
            ctypes.memmove(out, ctypes.byref(schema_), ctypes.sizeof(Schema))
            return 0

        def get_next(_stream, out):
            if fail is not None and len(arrays) - len(waiting) == fail:
                return 22
            if not waiting:
                ctypes.memset(out, 0, ctypes.sizeof(Array))
                return 0
            ctypes.memmove(out, ctypes.byref(waiting.pop(0)), ctypes.sizeof(Array))
            return 0

        self.stream = keep(Stream())
        self.stream.get_schema, self.stream.get_next = keep(GetSchema(get_schema)), keep(GetNext(get_next))
        self.stream.get_last_error = keep(GetLastError(lambda _stream: b"what a producer says"))
        self.stream.release = keep(ReleaseStream((released or Released()).stream))

    def __arrow_c_stream__(self, requested_schema=None):
        return capsule(self.stream, b"arrow_array_stream")
