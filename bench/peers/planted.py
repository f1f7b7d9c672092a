"""Fresh tokens, valid where a construction is known, planted in files of several kinds.

Every planted file holds one token; its name holds the number by which a report is matched, so no value is ever compared or printed.
Every kind of file also comes a few times without a token: a tool that reports those reports the wrapping, not the token.
"""

import base64
import gzip
import hashlib
import io
import json
import random
import shutil
import string
import subprocess
import tarfile
import zlib

B62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
ALNUM = string.ascii_letters + string.digits
URL64 = ALNUM + "-_"
CONTROLS = 4


def pick(rng, alphabet, n):
    return "".join(rng.choice(alphabet) for _ in range(n))


def base62_crc(body):
    crc, out = zlib.crc32(body.encode()), ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        out = B62[digit] + out
    return out


def crc_token(prefix):
    def make(rng):
        body = pick(rng, ALNUM, 30)
        return prefix + body + base62_crc(body)
    return make


def fine_grained(rng):
    head = "github_" + "pat_" + pick(rng, ALNUM, 22) + "_" + pick(rng, ALNUM, 43)
    return head + base64.b32encode(hashlib.sha256(head.encode()).digest()).decode()[:8] + pick(rng, ALNUM, 8)


def pem(rng):
    body = base64.b64encode(rng.randbytes(1190)).decode()
    lines = "\n".join(body[i:i + 64] for i in range(0, len(body), 64))
    return f"-----BEGIN {'RSA'} PRIVATE KEY-----\n{lines}\n-----END {'RSA'} PRIVATE KEY-----"


KINDS = {
    "github": crc_token("gh" + "p_"),
    "github-fine": fine_grained,
    "npm": crc_token("np" + "m_"),
    "gitlab": lambda r: "gl" + "pat-" + pick(r, URL64, 20),
    "aws": lambda r: "AK" + "IA" + "Q" + pick(r, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 15),
    "slack": lambda r: "xo" + "xb-" + pick(r, "123456789", 12) + "-" + pick(r, "123456789", 13) + "-" + pick(r, ALNUM, 24),
    "stripe": lambda r: "sk_" + "live_51" + pick(r, ALNUM, 97),
    "sendgrid": lambda r: "S" + "G." + pick(r, URL64, 22) + "." + pick(r, URL64, 43),
    "openai": lambda r: "sk-" + "proj-" + pick(r, ALNUM, 74) + "T3Blbk" + "FJ" + pick(r, ALNUM, 74),
    "anthropic": lambda r: "sk-" + "ant-api03-" + pick(r, URL64, 93) + "AA",
    "google": lambda r: "AI" + "za" + "Sy" + pick(r, URL64, 33),
    "huggingface": lambda r: "h" + "f_" + pick(r, string.ascii_letters, 34),
    "pypi": lambda r: "py" + "pi-" + "AgEIcHlwaS5vcmc" + pick(r, URL64, 155),
    "digitalocean": lambda r: "do" + "p_v1_" + pick(r, "0123456789abcdef", 64),
    "docker": lambda r: "dckr_" + "pat_" + pick(r, URL64, 27),
    "pem": pem,
}


def source(rng, secret, style="assign"):
    """Forty lines of dull Python around one line that holds the token."""
    lines = ["import os", "", ""]
    for i in range(18):
        a, b = rng.choice(["width", "count", "index", "total", "first"]), rng.choice(["height", "limit", "offset", "last"])
        lines += [f"def step_{i}({a}, {b}):", f"    return {a} * {i + 2} + {b}"]
    if secret is None:
        line = 'client = connect(os.environ["SERVICE_NAME"])'
    elif style == "url":
        line = f'response = get("https://service.example/v1/items?key={secret}&page=2")'
    elif "\n" in secret:
        line = f'client = connect("""{secret}""")'
    else:
        line = f'client = connect("{secret}")'
    lines.insert(21, line)
    return "\n".join(lines) + "\n"


def tar_gz(name, text):
    data, raw = text.encode(), io.BytesIO()
    with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as z, tarfile.open(fileobj=z, mode="w") as t:
        for member, content in (("package/package.json", b'{"name":"x","version":"1.0.0"}\n'), (f"package/lib/{name}.py", data)):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            t.addfile(info, io.BytesIO(content))
    return raw.getvalue()


def zstd(data):
    if not shutil.which("zstd"):
        return None
    return subprocess.run(["zstd", "-q", "-c", "-3"], input=data, stdout=subprocess.PIPE, check=True).stdout


def wrap(kind, name, rng, secret):
    """(file name, bytes) of one planted file; None when the means are missing."""
    text = source(rng, secret, kind)
    if kind in ("plain", "url"):
        return f"{name}.py", text.encode()
    if kind == "json":
        body = {"model": "m", "messages": [{"role": "user", "content": f"Here it is:\n{secret or 'nothing'}\n{text if secret is None else ''}"}]}
        return f"{name}.json", json.dumps(body).encode()
    if kind == "gzip":
        return f"{name}.py.gz", gzip.compress(text.encode(), mtime=0)
    if kind == "zstd":
        data = zstd(text.encode())
        return None if data is None else (f"{name}.py.zst", data)
    if kind == "tgz":
        return f"{name}.tgz", tar_gz(name, text)
    if kind == "base64":
        return f"{name}.yaml", b"data:\n  config: " + base64.b64encode(text.encode()) + b"\n"
    if kind == "base64 of tgz":
        return f"{name}.json", json.dumps({"attachment": base64.b64encode(tar_gz(name, text)).decode()}).encode()
    raise ValueError(kind)


WRAPS = ["plain", "url", "json", "gzip", "zstd", "tgz", "base64", "base64 of tgz"]


def plant(folder, seed):
    """Writes the files; returns {number: (wrap, kind or None)}."""
    rng, ledger, number = random.Random(seed), {}, 0
    folder.mkdir(parents=True)
    for kind in WRAPS:
        for token in [*KINDS, *[None] * CONTROLS]:
            number += 1
            name = f"plant-{number:03}"
            made = wrap(kind, name, rng, KINDS[token](rng) if token else None)
            if made is None:
                continue
            (folder / made[0]).write_bytes(made[1])
            ledger[number] = (kind, token)
    return ledger
