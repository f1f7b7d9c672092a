#!/usr/bin/env python3
"""A guard under mixed load for as long as is asked for: whether its memory, its descriptors or its threads grow.

    python3 bench/soak.py [--minutes 60] [--clients 4] [--pause 0.02]

A real `exfilter guard` stands before a server of this program's. Clients send, over connections that stay open or not, through tunnels with TLS and without: small and large bodies, conversations that grow, gzip, what is refused for a rule and for an
enrolled secret, heads that are no requests, tunnels of nothing, and clients that go away half way. Once a minute the guard reads its settings anew (SIGHUP). Each minute's resident memory, descriptors and threads are printed; at the end the medians of the second and the last
quarter, which are to be the same but for noise.
"""

import argparse
import gzip
import http.client
import json
import os
import random
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cli import binary  # noqa: E402

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
WORDS = ["return", "self", "value", "if", "else:", "import", "path", "open(name)", "result", "the", "of", "a", "test", "== 0", "\n    ", "def run(self):\n", "http"]


def serve(context):
    """A server that reads bodies and says that it did."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)

    def answer(connection):
        try:
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            reader = connection.makefile("rb")
            while True:
                length = 0
                while (line := reader.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                if not line:
                    return
                while length > 0:
                    if not (got := reader.read(min(length, 1 << 16))):
                        return
                    length -= len(got)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n")
        except OSError:
            pass
        finally:
            connection.close()

    def accept():
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listening.getsockname()[1]


def certificate(folder):
    """A server's side of TLS, and an authority for it in authority.pem, made by openssl."""
    (folder / "names").write_text("subjectAltName=DNS:soak.example\n")
    key = ["-newkey", "rsa:2048", "-nodes"]
    for command in (
        ["req", "-x509", *key, "-days", "2", "-subj", "/CN=soak", "-keyout", "authority.key", "-out", "authority.pem"],
        ["req", *key, "-subj", "/CN=soak.example", "-keyout", "key.pem", "-out", "request.pem"],
        ["x509", "-req", "-in", "request.pem", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem"],
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "key.pem")
    return context


class Client(threading.Thread):
    """One that sends whatever there is, until it is told to stop."""

    def __init__(self, number, port, ports, trust, secret, pause):
        super().__init__(daemon=True)
        self.drawn = random.Random(number)
        self.port, self.ports, self.trust, self.secret, self.pause = port, ports, trust, secret, pause
        self.counts = {}
        self.going = True
        self.messages = []

    def text(self, size):
        out = []
        while sum(map(len, out)) < size:
            out.append(" ".join(self.drawn.choices(WORDS, k=100)))
        return " ".join(out)[:size]

    def connection(self, secure):
        if secure:
            client = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=self.trust)
            client.set_tunnel("soak.example", self.ports[1])
        else:
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        return client

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def body(self):
        """A body, its headers, and whether it may pass."""
        kind = self.drawn.choice(["small", "small", "large", "turn", "turn", "gzip", "rule", "enrolled", "pieces"])
        if kind == "turn":
            self.messages.append({"role": "user", "content": self.text(self.drawn.randrange(200, 20_000))})
            if len(self.messages) > 40:
                self.messages.clear()
            return json.dumps({"model": "m", "messages": self.messages}).encode(), {}, True
        text = self.text({"large": 2_000_000, "gzip": 300_000}.get(kind, self.drawn.randrange(10, 5_000)))
        if kind == "gzip":
            return gzip.compress(text.encode()), {"content-encoding": "gzip"}, True
        if kind == "rule":
            # A form of which rules are sure, with a key that nobody has: a header of PEM and noise.
            noise = "\n".join("".join(self.drawn.choices(LETTERS, k=64)) for _ in range(12))
            dashes = "-" * 5
            text += f"\n{dashes}BEGIN PRIVATE KEY{dashes}\nMII{noise}\n{dashes}END PRIVATE KEY{dashes}\n"
            return text.encode(), {}, None
        if kind == "enrolled":
            return f"{text} {self.secret} {text}".encode(), {}, False
        return text.encode(), {}, True

    def run(self):
        open_ones = {}
        while self.going:
            secure = self.drawn.random() < 0.5
            if self.drawn.random() < 0.08:
                self.misbehave()
                continue
            step = "connect"
            try:
                client = open_ones.pop(secure, None) if self.drawn.random() < 0.9 else None
                client = client or self.connection(secure)
                body, headers, passes = self.body()
                target = "/v1/messages" if secure else f"http://soak.example:{self.ports[0]}/v1/messages"
                step = "request on a kept connection" if client.sock else "first request"
                client.request("POST", target, body=body, headers={"content-type": "application/json", **headers})
                step = step.replace("request", "answer")
                answer = client.getresponse()
                answer.read()
                self.count(answer.status)
                if passes is not None and (answer.status == 200) != passes:
                    self.count("wrong")
                open_ones[secure] = client
            except (OSError, http.client.HTTPException) as error:
                self.count(f"broke off: {step}: {type(error).__name__}")
            time.sleep(self.pause * self.drawn.random() * 2)

    def misbehave(self):
        junk = self.drawn.choice([
            ("two hosts", b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n"),
            ("a tunnel of nothing", b"CONNECT soak.example:443 HTTP/1.1\r\nhost: soak.example\r\n\r\n"),
            ("half a body", f"POST http://soak.example:{self.ports[0]}/ HTTP/1.1\r\nhost: soak.example:{self.ports[0]}\r\ncontent-length: 100000\r\n\r\nhalf".encode()),
            ("TLS", b"\x16\x03\x01\x00\x05hello"), ("SOCKS", b"\x05\x01\x00"), ("zeros", b"\x00" * 100),
        ])  # fmt: skip
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=60) as line:
                line.sendall(junk[1])
                if self.drawn.random() < 0.5:
                    line.shutdown(socket.SHUT_WR)
                    line.settimeout(5)
                    line.recv(4096)
            self.count("misbehaved")
        except OSError as error:
            # Whoever is sent away with bytes unread is told so by the system, and not in words.
            self.count(f"misbehaved: {junk[0]}: {type(error).__name__}")


def looks(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    field = lambda name: int(next(line for line in status.splitlines() if line.startswith(name)).split()[1])  # noqa: E731
    return field("VmRSS:") / 1024, len(os.listdir(f"/proc/{pid}/fd")), field("Threads:")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between a client's requests")
    args = parser.parse_args()
    program = binary()
    with tempfile.TemporaryDirectory(prefix="exfilter-soak-") as name:
        folder = Path(name)
        ports = serve(None), serve(certificate(folder))
        secret = "".join(random.Random(5).choices(LETTERS, k=40))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        # A quarantine would end the mixture: it is counted from more hits than there are.
        (folder / "policy.toml").write_text("version = 1\n[quarantine]\nhits = 0\n")
        command = [
            program, "guard", "--no-store", "--listen", f"127.0.0.1:{port}", "--bundle", "ca.pem", "--policy", "policy.toml", "--log", "run.log", "--direct",
            "--upstream-ca", "authority.pem", "--resolve", f"soak.example:{ports[0]}:127.0.0.1:{ports[0]}", "--resolve", f"soak.example:{ports[1]}:127.0.0.1:{ports[1]}",
        ]  # fmt: skip
        errors = open(folder / "errors", "wb")
        guard = subprocess.Popen(command, cwd=folder, env={**os.environ, "SOAK_TOKEN": secret}, stderr=errors)
        while not (folder / "ca.pem").exists():
            if guard.poll() is not None:
                sys.exit((folder / "errors").read_text())
            time.sleep(0.1)
        trust = ssl.create_default_context(cafile=folder / "ca.pem")
        clients = [Client(number, port, ports, trust, secret, args.pause) for number in range(args.clients)]
        for client in clients:
            client.start()
        rows = []
        print(f"{'minute':>6} {'MB':>7} {'descriptors':>12} {'threads':>8} {'requests':>9}", flush=True)
        for minute in range(1, args.minutes + 1):
            time.sleep(60)
            if guard.poll() is not None:
                sys.exit(f"the guard has ended with {guard.returncode}: {(folder / 'errors').read_text()[-2000:]}")
            rows.append(looks(guard.pid))
            done = sum(n for client in clients for what, n in client.counts.items() if isinstance(what, int))
            print(f"{minute:>6} {rows[-1][0]:>7.1f} {rows[-1][1]:>12} {rows[-1][2]:>8} {done:>9}", flush=True)
            guard.send_signal(signal.SIGHUP)
        for client in clients:
            client.going = False
        for client in clients:
            client.join(120)
        totals = {}
        for client in clients:
            for what, n in client.counts.items():
                totals[what] = totals.get(what, 0) + n
        quarter = max(1, len(rows) // 4)
        for at, what in enumerate(["MB", "descriptors", "threads"]):
            second = statistics.median(row[at] for row in rows[quarter : 2 * quarter] or rows)
            last = statistics.median(row[at] for row in rows[-quarter:])
            print(f"{what}: {second:.1f} in the second quarter, {last:.1f} in the last ({last / second - 1:+.1%})")
        print("answers:", dict(sorted(totals.items(), key=str)))
        print(f"journal: {(folder / 'run.log').stat().st_size / 1e6:.1f} MB")
        guard.terminate()
        guard.wait(30)


if __name__ == "__main__":
    main()
