"""Ways in which a value can be written into a request: each is a body, with headers or without."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import quopri
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from urllib.parse import quote, urlencode

Headers = dict[str, str]


def _tar(raw: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("package/deep/config.js")
        member.size = len(raw)
        archive.addfile(member, io.BytesIO(raw))
    return out.getvalue()


def _zip(raw: bytes, how: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        archive.writestr("deep/config.js", raw)
    return out.getvalue()


def _deflate(raw: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(raw) + packer.flush()


def bodies(secret: str) -> Iterator[tuple[str, bytes, Headers]]:
    """Name, body and headers of each."""
    raw = secret.encode()
    text = b'{"note": "before ' + raw + b' and behind"}'
    yield "raw", text, {}
    yield "alone", raw, {}
    yield "base64", base64.b64encode(text), {}
    yield "base64 shifted by one", base64.b64encode(b"x" + text), {}
    yield "base64 shifted by two", base64.b64encode(b"xy" + text), {}
    yield "base64url", base64.urlsafe_b64encode(text).rstrip(b"="), {}
    yield "base64 folded", base64.encodebytes(text), {}
    yield "base64 twice", base64.b64encode(base64.b64encode(text)), {}
    yield "base64 in JSON", json.dumps({"content": base64.b64encode(text).decode()}).encode(), {}
    yield "hexadecimal", raw.hex().encode(), {}
    yield "hexadecimal, upper case", raw.hex().upper().encode(), {}
    yield "base32", base64.b32encode(b"some text in front of " + raw), {}
    yield "percent", b"note=" + quote("before " + secret).encode(), {}
    yield "percent of every byte", b"note=" + b"".join(b"%%%02x" % byte for byte in raw), {}
    yield "form", urlencode({"a": "1", "note": f"a {secret}"}).encode(), {"content-type": "application/x-www-form-urlencoded"}
    yield "JSON escapes", b'{"note": "' + b"".join(b"\\u%04x" % byte for byte in raw) + b'"}', {}
    yield "JSON in JSON", json.dumps({"a": json.dumps({"b": "\n" + secret})}).encode(), {}
    yield "HTML entities", b"".join(b"&#%d;" % byte for byte in raw), {}
    yield "quoted-printable", quopri.encodestring(b"a=b " + raw + b" c", quotetabs=True), {}
    yield "UTF-16LE", f"before {secret} behind".encode("utf-16-le"), {}
    yield "UTF-16BE", f"before {secret} behind".encode("utf-16-be"), {}
    yield "UTF-16LE in base64", base64.b64encode(f"before {secret} behind".encode("utf-16-le")), {}
    yield "character codes", b"[" + b", ".join(b"%d" % byte for byte in raw) + b"]", {}
    yield "multipart", (
        b'--b\r\ncontent-disposition: form-data; name="f"; filename="a"\r\n\r\n' + text + b"\r\n--b--\r\n"
    ), {"content-type": "multipart/form-data; boundary=b"}
    yield "multipart with gzip", (
        b'--b\r\ncontent-disposition: form-data; name="f"; filename="a.gz"\r\n\r\n' + gzip.compress(text) + b"\r\n--b--\r\n"
    ), {"content-type": "multipart/form-data; boundary=b"}
    yield "gzip", gzip.compress(text), {}
    yield "gzip as coding", gzip.compress(text), {"content-encoding": "gzip"}
    yield "deflate as coding", zlib.compress(text), {"content-encoding": "deflate"}
    yield "deflate without header as coding", _deflate(text), {"content-encoding": "deflate"}
    yield "gzip twice as codings", gzip.compress(gzip.compress(text)), {"content-encoding": "gzip, gzip"}
    yield "zlib", zlib.compress(text), {}
    yield "bzip2", bz2.compress(text), {}
    yield "xz", lzma.compress(text), {}
    yield "tar", _tar(text), {}
    yield "tgz", gzip.compress(_tar(text)), {}
    yield "tgz in base64 in JSON", json.dumps({"_attachments": {"a.tgz": {"data": base64.b64encode(gzip.compress(_tar(text))).decode()}}}).encode(), {}
    yield "zip", _zip(text, zipfile.ZIP_DEFLATED), {}
    yield "zip, stored", _zip(text, zipfile.ZIP_STORED), {}
    yield "zip in gzip", gzip.compress(_zip(text, zipfile.ZIP_DEFLATED)), {}
    yield "server-sent events", b"data: a\n\ndata: " + raw + b"\n\n", {"content-type": "text/event-stream"}
    yield "behind a megabyte", b"some ordinary text\n" * 60_000 + raw, {}


def needles(secret: str) -> list[bytes]:
    """Texts, any of which on a server would be (most of) the value."""
    raw = secret.encode()
    middle = raw[4:-2]
    forms = [middle, middle.hex().encode(), middle.hex().upper().encode(), raw[::-1][2:-4], middle.decode().encode("utf-16-le")]
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + raw)
        forms.append(encoded[8:-8])
    return forms
