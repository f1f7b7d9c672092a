"""What the add-on adds to a mitmproxy: the time of a request, and the processor time of the proxy.

Two mitmdumps, one without the add-on and one with it, before one server, are asked in turn over connections that stay open, so whatever else the machine does befalls both. Printed for each kind of body: medians of the
time of a request, the median of the differences of neighbouring requests as a part of the time without the add-on, and the same of processor time per request, which neighbours disturb least.

    python bench/python/proxied.py [--tls] [--exchange] [--pairs 1] [--only KIND] [--requests 400] [--rounds 5] [--profile FILE]

One pair of processes differs from the next by more than the add-on takes, for where they lie in memory differs: with --pairs others are started, and the middle one of all is printed.

With --tls the requests are those of a tunnel that mitmproxy intercepts, with TLS on both sides, which is how an API is called; without it they are plain HTTP.

With --exchange, which is with --tls, clients send a placeholder as the key of the API, and the add-on puts the real one (of exfilter.testing) in its place and searches the answers for it. The proxy without the add-on passes the placeholder on.

needs Python 3.12, mitmproxy and the wheel in one environment (bindings/python/test.sh --mitmproxy makes one: target/python-3.12).
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import os
import random
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path


def body_of(size: int) -> bytes:
    """A conversation as coding agents send it: text and code in JSON strings."""
    rng = random.Random(size)
    words = ["return", "self", "value", "if", "else:", "import", "path", "open(name)", "result", "the", "of", "a", "test", "== 0", "\n    ", "def run(self):\n", "http", "config['name']", "# ", "0x1f", "3.14"]
    messages = []
    while len(json.dumps(messages)) < size:
        text = " ".join(rng.choices(words, k=400))
        messages.append({"role": rng.choice(["user", "assistant"]), "content": [{"type": "text", "text": text}]})
    whole = json.dumps({"model": "claude-sonnet", "max_tokens": 4096, "messages": messages}).encode()
    return whole[: size - 4] + b'"}]}'


class Server:
    """Answers every request with a small body, having read its own, and does as little else as it can."""

    def __init__(self, tls: ssl.SSLContext | None, key: str | None = None) -> None:
        self._tls = tls
        self._key = key.encode() if key is not None else b"\n\n"
        self.with_key = 0
        """How many requests had the key."""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        place = memoryview(bytearray(1 << 20))
        while True:
            got = 0
            while (end := bytes(place[:got]).find(b"\r\n\r\n")) < 0:
                if not (more := connection.recv_into(place[got : got + 4096])):
                    return
                got += more
            lines = bytes(place[:end]).lower().split(b"\r\n")
            length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
            self.with_key += self._key in bytes(place[:end])
            missing = length - (got - end - 4)
            while missing > 0:
                if not (more := connection.recv_into(place)):
                    return
                missing -= more
            connection.sendall(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{"answer": "a"}')


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certificate(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS for localhost; whoever is to trust it reads trusted.pem."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization as forms
    from mitmproxy import certs

    folder.mkdir()
    store = certs.CertStore.from_store(folder, "upstream", 2048)
    entry = store.get_cert("localhost", [x509.DNSName("localhost")])
    key = entry.privatekey.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.TraditionalOpenSSL, forms.NoEncryption())
    (folder / "chain.pem").write_bytes(entry.cert.to_pem() + key)
    (folder / "trusted.pem").write_bytes(store.default_ca.to_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem")
    return context


KEY = "ANTHROPIC_API_KEY"


def exchanging(folder: str) -> tuple[Path, str, str]:
    """A configuration for the add-on with a key of the API, as a user writes it, with its placeholder and the key."""
    import exfilter.testing
    from exfilter import _mitmproxy_config as configuration

    path = Path(folder) / "exfilter.toml"
    path.write_text(f'[[secret]]\nname = "{KEY}"\nenv = "{KEY}"\nat = ["localhost header:x-api-key"]\nsubstitute = true\n')
    os.environ[KEY] = key = exfilter.testing.token("anthropic-api-key", seed=1)
    try:
        built = configuration.build(configuration.read(str(path), {}, [], [], store=""))
    finally:
        del os.environ[KEY]
    return path, dict(built.substitutes.placeholders)[KEY], key


class Proxy:
    """A mitmdump, and a connection to it that stays open."""

    def __init__(self, folder: str, add_on: bool, server: int, tls: bool, exchange: tuple[Path, str, str] | None = None, profile: str | None = None) -> None:
        self.port = free_port()
        self.target = "/v1/messages" if tls else f"http://127.0.0.1:{server}/v1/messages"
        arguments = ["-q", "-p", str(self.port), "--listen-host", "127.0.0.1", "--set", f"confdir={folder}/{add_on}"]
        if tls:
            arguments += ["--set", f"ssl_verify_upstream_trusted_ca={folder}/upstream/trusted.pem"]
        environment = {**os.environ, "XDG_CONFIG_HOME": folder}
        if add_on and exchange is not None:
            arguments += ["--set", f"exfilter_config={exchange[0]}"]
            environment[KEY] = exchange[2]
        if add_on:
            import exfilter

            arguments += ["-s", str(Path(exfilter.__file__).parent / "mitmproxy_script" / "exfilter_addon.py")]
        program = [sys.executable, "-c", "from mitmproxy.tools.main import mitmdump; mitmdump()"]
        if profile is not None:
            program = [sys.executable, "-c", f"import cProfile; from mitmproxy.tools.main import mitmdump; cProfile.run('mitmdump()', {profile!r})"]
        self.process = subprocess.Popen([*program, *arguments], env=environment)
        deadline = time.monotonic() + 60
        while True:
            try:
                if tls:
                    context = ssl.create_default_context(cafile=f"{folder}/{add_on}/mitmproxy-ca-cert.pem")
                    self.client = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=context)
                    self.client.set_tunnel("localhost", server)
                else:
                    self.client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                self.client.connect()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        self.client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, body: bytes, headers: dict[str, str]) -> float:
        begin = time.perf_counter()
        self.client.request("POST", self.target, body=body, headers=headers)
        response = self.client.getresponse()
        response.read()
        if response.status != 200:
            raise SystemExit(f"the answer was {response.status}")
        return time.perf_counter() - begin

    def processor_time(self) -> float:
        """Seconds of all its threads."""
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def stop(self) -> None:
        self.client.close()
        self.process.send_signal(2)
        self.process.wait(20)


def measure(pair: tuple[Proxy, Proxy], body: bytes, headers: dict[str, str], rounds: int, per_round: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Times of neighbouring requests, without the add-on and with it, and processor times of a request by rounds."""
    plain, guarded = pair
    for _ in range(20):
        plain.ask(body, headers), guarded.ask(body, headers)
    times: list[tuple[float, float]] = []
    used: list[tuple[float, float]] = []
    for _ in range(rounds):
        before = plain.processor_time(), guarded.processor_time()
        for number in range(per_round):
            if number % 2:
                first = plain.ask(body, headers)
                times.append((first, guarded.ask(body, headers)))
            else:
                second = guarded.ask(body, headers)
                times.append((plain.ask(body, headers), second))
        after = plain.processor_time(), guarded.processor_time()
        used.append(((after[0] - before[0]) / per_round, (after[1] - before[1]) / per_round))
    return times, used


def row(name: str, size: int, times: list[tuple[float, float]], used: list[tuple[float, float]]) -> tuple[float, float]:
    """Prints what one pair took; the part that was added, of time and of processor time."""
    without, with_ = (statistics.median(column) for column in zip(*times))
    added = statistics.median(b - a for a, b in times)
    high = statistics.quantiles([b - a for a, b in times], n=10)[8]
    spent, spent_with = (statistics.median(column) for column in zip(*used))
    print(
        f"{name:>14} {size:>8} {without * 1e3:>6.3f} ms {with_ * 1e3:>6.3f} ms {added * 1e3:>6.3f} ms {added / without:>6.1%} {high * 1e3:>6.3f} ms |"
        f"                {spent * 1e3:>6.3f} ms {spent_with * 1e3:>6.3f} ms {spent_with / spent - 1:>6.1%}",
        flush=True,
    )
    return added / without, spent_with / spent - 1


def spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):>6.1%} ({min(ratios):.1%} to {max(ratios):.1%})"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--requests", type=int, default=400, help="requests of each kind to each proxy")
    options.add_argument("--rounds", type=int, default=5, help="in how many rounds")
    options.add_argument("--pairs", type=int, default=1, help="how many pairs of proxies, one behind the other: where a process lies in memory makes more difference than what is measured")
    options.add_argument("--only", help="one kind of body by its name")
    options.add_argument("--tls", action="store_true", help="intercepted TLS instead of plain HTTP")
    options.add_argument("--exchange", action="store_true", help="the key is a placeholder, which the add-on exchanges; with --tls")
    options.add_argument("--profile", help="where the profile of the proxy with the add-on is written; times are not to be believed then")
    chosen = options.parse_args()
    if chosen.exchange and not chosen.tls:
        options.error("without TLS no placeholder is exchanged: --exchange is with --tls")
    kinds: dict[str, tuple[bytes, dict[str, str]]] = {}
    common = {
        "content-type": "application/json", "x-api-key": "placeholder", "anthropic-version": "2023-06-01", "user-agent": "bench/1.0 (external, cli)", "accept": "application/json",
        "x-stainless-lang": "js", "x-stainless-runtime": "node", "connection": "keep-alive",
    }  # fmt: skip
    for size in (20_000, 560_000):
        kinds[f"{size // 1000} KB"] = (body_of(size), common)
    kinds["560 KB, gzip"] = (gzip.compress(kinds["560 KB"][0], 6), {**common, "content-encoding": "gzip"})
    if chosen.only is not None:
        kinds = {chosen.only: kinds[chosen.only]}
    ratios: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
    print(f"{'body':>14} {'bytes':>8} {'without':>9} {'with':>9} {'added':>9} {'ratio':>7} {'p90':>9} | processor time {'without':>9} {'with':>9} {'ratio':>7}")
    for number in range(chosen.pairs):
        with tempfile.TemporaryDirectory() as folder:
            exchange = exchanging(folder) if chosen.exchange else None
            server = Server(certificate(Path(folder) / "upstream") if chosen.tls else None, exchange[2] if exchange is not None else None)
            # Each of them is the first in half of the pairs.
            proxies = {add_on: Proxy(folder, add_on, server.port, chosen.tls, exchange, chosen.profile if add_on else None) for add_on in (number % 2 > 0, number % 2 == 0)}
            try:
                for name, (body, headers) in kinds.items():
                    if exchange is not None:
                        headers = {**headers, "x-api-key": exchange[1]}
                    asked = server.with_key
                    times, used = measure((proxies[False], proxies[True]), body, headers, chosen.rounds, max(2, chosen.requests // chosen.rounds))
                    if server.with_key - asked != (20 + len(times) if exchange is not None else 0):
                        raise SystemExit("the server got the real key more often or less than it should have")
                    ratios[name].append(row(name, len(body), times, used))
            finally:
                for proxy in proxies.values():
                    proxy.stop()
    if chosen.pairs > 1:
        print(f"of {chosen.pairs} pairs the middle one, and all of them:")
        for name, of_pairs in ratios.items():
            added, spent = (list(column) for column in zip(*of_pairs))
            print(f"{name:>14} added {spread(added)}, processor time {spread(spent)}")


if __name__ == "__main__":
    main()
