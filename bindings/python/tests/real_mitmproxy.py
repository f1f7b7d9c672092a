"""Real mitmproxies before servers that keep every byte they get: what their tests stand on."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from mitmproxy import certs
from recorder import Recorder

from exfilter import testing

TOKEN = testing.token("github-pat", seed=21)
VALUE = testing.secret(seed=22)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Sink:
    """A server of raw TCP or UDP that keeps what it gets; with a web socket's answer if it is asked for one."""

    def __init__(self, kind=socket.SOCK_STREAM):
        self.received = bytearray()
        self._socket = socket.socket(socket.AF_INET, kind)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        if kind == socket.SOCK_STREAM:
            self._socket.listen()
            threading.Thread(target=self._accept, daemon=True).start()
        else:
            threading.Thread(target=self._datagrams, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection):
        head = b""
        while data := connection.recv(65536):
            self.received += data
            head = (head + data)[:4096]
            if b"sec-websocket-key:" in head.lower() and head.endswith(b"\r\n\r\n"):
                key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")).split(b":")[1].strip()
                accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
                connection.sendall(
                    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: " + accept + b"\r\n\r\n"
                )
                head = b"done"

    def _datagrams(self):
        while True:
            try:
                data, peer = self._socket.recvfrom(65536)
            except OSError:
                return
            self.received += data
            if len(data) > 12:
                # A DNS answer without records.
                self._socket.sendto(data[:2] + b"\x81\x80" + data[4:6] + b"\0\0\0\0\0\0" + data[12:], peer)


class Proxy:
    """A running mitmdump."""

    def __init__(self, folder: Path, modes: list[str], config: str | None = None, options=(), script=None, environment=None):
        self.folder = folder
        self.config = folder / "exfilter.toml"
        self.flows = folder / "flows"
        self.log_path = folder / "log"
        arguments = ["-s", script or self.script(), "--set", f"confdir={folder}", "-w", str(self.flows)]
        for mode in modes:
            arguments += ["--mode", mode]
        for option in ("exfilter_reload=1", *options):
            arguments += ["--set", option]
        if config is not None:
            self.config.write_text(config)
            arguments += ["--set", f"exfilter_config={self.config}"]
        program = str(Path(sys.executable).parent / "mitmdump")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [program, *arguments], stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONUNBUFFERED": "1", "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_STATE_HOME": str(folder), **(environment or {})}
            )

    @staticmethod
    def script():
        out = subprocess.run([sys.executable, "-c", "import exfilter.mitmproxy as m; m.print_path()"], capture_output=True, text=True, check=True)
        return out.stdout.strip()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_for(self, text, count=1, seconds=90):
        deadline = time.monotonic() + seconds
        while self.log().count(text) < count:
            assert time.monotonic() < deadline and self.process.poll() is None, self.log()
            time.sleep(0.05)
        return self

    @property
    def ca(self):
        return self.folder / "mitmproxy-ca-cert.pem"

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def certificate(folder):
    """The files of a certificate for localhost, with its key, and of whoever signed it."""
    from cryptography.hazmat.primitives import serialization as forms

    folder = folder / "upstream"
    folder.mkdir()
    store = certs.CertStore.from_store(folder, "upstream", 2048)
    entry = store.get_cert("localhost", [certs.x509.DNSName("localhost")])
    key = entry.privatekey.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.TraditionalOpenSSL, forms.NoEncryption())
    (folder / "chain.pem").write_bytes(entry.cert.to_pem() + key)
    (folder / "trusted.pem").write_bytes(store.default_ca.to_pem())
    return str(folder / "chain.pem"), str(folder / "trusted.pem")


class Bench:
    """One proxy in all modes, and the servers behind it."""


def send(bench, path="/", body=None, headers=None, method="POST", port=None, via="proxy"):
    """One request with Python's own client: status and text."""
    if via == "proxy":
        client = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=30)
        target = f"{bench.server.url}{path}"
    elif via == "reverse":
        client = http.client.HTTPConnection("127.0.0.1", bench.reverse, timeout=30)
        target = path
    else:
        import ssl

        context = ssl.create_default_context(cafile=str(bench.proxy.ca))
        client = http.client.HTTPSConnection("127.0.0.1", bench.port, timeout=30, context=context)
        client.set_tunnel("localhost", bench.secure.port)
        target = path
    try:
        client.request(method, target, body=body, headers=headers or {})
        response = client.getresponse()
        return response.status, response.read()
    finally:
        client.close()


def start(tmp_path, config=None, options=(), script=None, environment=None, ready="listening at", modes=()):
    server = Recorder()
    port = free_port()
    proxy = Proxy(tmp_path, [f"regular@127.0.0.1:{port}", *modes], config, options, script, environment)
    bench = Bench()
    bench.server, bench.port, bench.proxy = server, port, proxy
    if ready:
        proxy.wait_for(ready)
    return bench
