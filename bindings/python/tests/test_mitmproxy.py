"""The add-on in a real mitmproxy, with real clients, before servers that keep every byte they get."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time

import pytest

pytest.importorskip("mitmproxy", reason="mitmproxy is not installed: test.sh --mitmproxy installs it")

from real_mitmproxy import TOKEN, VALUE, Bench, Proxy, Sink, certificate, free_port, send
from recorder import Recorder
from wrappings import bodies, needles

import exfilter


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proxy")
    bench = Bench()
    bench.server = Recorder()
    chain, trusted = certificate(folder)
    bench.secure = Recorder(certificate=chain)
    bench.sink, bench.names = Sink(), Sink(socket.SOCK_DGRAM)
    bench.port, bench.reverse, bench.raw, bench.dns = free_port(), free_port(), free_port(), free_port(socket.SOCK_DGRAM)
    config = """
        [[secret]]
        name = "DEPLOY"
        env = "DEPLOY_FOR_TEST"
        at = ["localhost header:authorization:bearer", "localhost query:key"]

        [quarantine]
        hits = 0
    """
    bench.proxy = Proxy(
        folder,
        [
            f"regular@127.0.0.1:{bench.port}",
            f"reverse:{bench.server.url}@127.0.0.1:{bench.reverse}",
            f"reverse:tcp://127.0.0.1:{bench.sink.port}@127.0.0.1:{bench.raw}",
            f"reverse:dns://127.0.0.1:{bench.names.port}@127.0.0.1:{bench.dns}",
        ],
        config,
        [f"ssl_verify_upstream_trusted_ca={trusted}"],
        environment={"DEPLOY_FOR_TEST": VALUE},
    )
    try:
        bench.proxy.wait_for("listening at", 4)
        yield bench
    finally:
        bench.proxy.stop()
        bench.server.close()
        bench.secure.close()


@pytest.mark.parametrize("secret", [TOKEN, VALUE], ids=["rule", "enrolled"])
@pytest.mark.parametrize("via", ["proxy", "reverse", "tls"])
def test_nothing_of_a_secret_leaves_in_any_wrapping(bench, secret, via):
    before = len(bench.server.received), len(bench.secure.received)
    refused = 0
    for name, body, headers in bodies(secret):
        status, text = send(bench, body=body, headers=headers, via=via)
        assert status == 403, name
        assert secret.encode() not in text and b"reference" in text
        refused += 1
    for path in (f"/?q={secret}", f"/{secret}/x", "/?q=" + base64.urlsafe_b64encode(b"text " + secret.encode()).decode()):
        assert send(bench, path, method="GET", via=via)[0] == 403
        refused += 1
    basic = base64.b64encode(b"user:" + secret.encode()).decode()
    for headers in ({"x-a": secret}, {"cookie": f"a={secret}"}, {"authorization": f"Basic {basic}"}, {"authorization": f"Negotiate {secret}"}, {secret: "1"}):
        assert send(bench, headers=headers, method="GET", via=via)[0] == 403
        refused += 1
    assert refused > 45
    assert (len(bench.server.received), len(bench.secure.received)) == before


def test_clean_traffic_arrives_byte_for_byte(bench):
    big = os.urandom(300_000).hex().encode()
    for via, server in (("proxy", bench.server), ("reverse", bench.server), ("tls", bench.secure)):
        for body in (b"", b"hello", json.dumps({"a": ["\u00e4", 1]}).encode(), bytes(range(256)) * 20, big):
            assert send(bench, "/a%20b?x=%41&y", body=body, headers={"x-test": "1"}, via=via) == (200, b"ok")
            head, got = server.requests[-1]
            assert got == body and head.startswith(b"POST /a%20b?x=%41&y HTTP/1.1\r\n") and b"x-test: 1\r\n" in head
        import gzip

        coded = gzip.compress(b"clean " * 1000)
        assert send(bench, body=coded, headers={"content-encoding": "gzip"}, via=via)[0] == 200
        assert server.requests[-1][1] == coded


def test_an_enrolled_secret_passes_at_its_host_in_its_slot(bench):
    home = {"authorization": f"Bearer {VALUE}"}
    assert send(bench, headers=home, method="GET", via="tls")[0] == 200
    # GitHub's word for it.
    assert send(bench, headers={"authorization": f"token {VALUE}"}, method="GET", via="tls")[0] == 200
    assert send(bench, f"/?key={VALUE}", method="GET", via="tls")[0] == 200
    count = len(bench.secure.requests)
    assert send(bench, headers=home, method="GET", via="proxy")[0] == 403
    assert send(bench, headers={**home, "x-b": VALUE}, method="GET", via="tls")[0] == 403
    assert send(bench, headers={**home, "host": "attacker.example"}, method="GET", via="tls")[0] == 403
    assert send(bench, f"/?other={VALUE}", method="GET", via="tls")[0] == 403
    assert len(bench.secure.requests) == count


def test_what_the_sender_reads_is_no_oracle(bench):
    status, text = send(bench, body=VALUE.encode())
    assert text.startswith(b"blocked by policy, reference ") and b"DEPLOY" not in text
    bench.proxy.wait_for("the enrolled secret DEPLOY")


def curl(bench, *arguments):
    return subprocess.run(["curl", "-sS", "-m", "30", "--cacert", bench.proxy.ca, *arguments], capture_output=True)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
def test_curl(bench, tmp_path):
    proxied = ["-x", f"http://127.0.0.1:{bench.port}", f"https://localhost:{bench.secure.port}/"]
    assert curl(bench, *proxied).stdout == b"ok"
    big = tmp_path / "big"
    big.write_bytes(b"text " * 400_000)
    assert curl(bench, *proxied, "-T", str(big)).stdout == b"ok"
    assert bench.secure.requests[-1][1] == big.read_bytes()
    assert curl(bench, *proxied, "-F", f"file=@{big}").stdout == b"ok"
    count = len(bench.secure.requests)
    big.write_bytes(b"text " * 400_000 + TOKEN.encode())
    for arguments in (["-T", str(big)], ["-F", f"file=@{big}"], ["-T", "-", "-H", "transfer-encoding: chunked"], ["-u", f"git:{VALUE}"], ["--http2", "-d", TOKEN]):
        feed = ["--data-binary", f"@{big}"] if "-" in arguments else []
        arguments = arguments[2:] + feed if feed else arguments
        assert b", reference " in curl(bench, *proxied, *arguments).stdout, arguments
    assert len(bench.secure.requests) == count


@pytest.mark.skipif(shutil.which("node") is None, reason="node is missing")
def test_node_and_npm(bench, tmp_path):
    program = """
        const http = require('http');
        const [port, url, body] = process.argv.slice(1);
        const request = http.request({host: '127.0.0.1', port, path: url, method: 'POST', headers: {host: new URL(url).host}},
            response => { response.resume(); response.on('end', () => console.log(response.statusCode)); });
        request.end(body);
    """

    def node(body):
        return subprocess.run(["node", "-e", program, str(bench.port), bench.server.url + "/", body], capture_output=True, text=True, timeout=60).stdout.strip()

    assert node("hello") == "200"
    assert node(f"a {TOKEN}") == "403"
    if shutil.which("npm") is None:
        pytest.skip("npm is missing")
    (tmp_path / "package.json").write_text(json.dumps({"name": "exfilter-test", "version": "1.0.0"}))
    (tmp_path / "index.js").write_text("module.exports = 1;\n")
    registry = bench.server.url.replace("127.0.0.1", "localhost")
    (tmp_path / ".npmrc").write_text(
        f"registry={registry}/\nproxy=http://127.0.0.1:{bench.port}\nnoproxy=\n//{registry[7:]}/:_authToken=anything\nfetch-retries=0\naudit=false\nupdate-notifier=false\n"
    )
    environment = {**os.environ, "NO_PROXY": "", "no_proxy": "", "npm_config_cache": str(tmp_path / ".cache")}

    def publish():
        before = len(bench.server.received)
        run = subprocess.run(["npm", "publish", "--loglevel=error"], cwd=tmp_path, capture_output=True, env=environment, timeout=120)
        return bytes(bench.server.received[before:]), run.stderr.decode()

    assert b"_attachments" in publish()[0]
    (tmp_path / "config.js").write_text(f"module.exports = '{TOKEN}';\n")
    sent, said = publish()
    assert "secret detected in body" in said and "package/config.js:1:19 (github-pat)" in said, said
    assert b"_attachments" not in sent and not any(needle in sent for needle in needles(TOKEN))


@pytest.mark.skipif(shutil.which("git") is None, reason="git is missing")
def test_git(bench, tmp_path):
    from githttp import GitServer

    server = GitServer(tmp_path / "bare.git")
    try:
        work = tmp_path / "work"
        environment = {
            **os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "http_proxy": f"http://127.0.0.1:{bench.port}", "NO_PROXY": "", "no_proxy": "",
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_TERMINAL_PROMPT": "0",
        }  # fmt: skip

        def git(*arguments):
            return subprocess.run(["git", *arguments], cwd=work, env=environment, capture_output=True, text=True, timeout=120)

        work.mkdir()
        git("init", "-b", "main")
        (work / "a.txt").write_text("clean\n" * 1000)
        git("add", ".")
        git("commit", "-m", "one")
        pushed = git("push", server.url, "main")
        assert pushed.returncode == 0, pushed.stderr
        assert server.head() == git("rev-parse", "HEAD").stdout.strip()
        clone = git("clone", server.url, str(tmp_path / "clone"))
        assert clone.returncode == 0 and (tmp_path / "clone" / "a.txt").read_text() == "clean\n" * 1000
        (work / "config.py").write_text(f"token = '{TOKEN}'\n")
        git("add", ".")
        git("commit", "-m", "two")
        pack = subprocess.run(["git", "pack-objects", "--stdout", "--revs"], cwd=work, input=b"HEAD\n", capture_output=True).stdout
        if not exfilter.default_engine().scan(pack).findings:
            pytest.skip("the engine does not look into git's packs")
        before = server.head()
        refused = git("push", server.url, "main")
        assert refused.returncode != 0 and server.head() == before
        # In git's own protocol: what stands where, behind the ref.
        assert "! [remote rejected] main -> main (secret detected in config.py:1:10 in commit" in refused.stderr, refused.stderr
        assert "remote: exfilter: refused" in refused.stderr and TOKEN not in refused.stderr
        # A small change of a large file is a delta; its base is asked for, so it is looked into and passes.
        git("reset", "--hard", "HEAD~1")
        (work / "a.txt").write_text("clean\n" * 1000 + "more\n")
        git("commit", "-am", "three")
        assert git("push", server.url, "main").returncode == 0
        assert server.head() == git("rev-parse", "HEAD").stdout.strip()
    finally:
        server.close()


PYTHON_CLIENT = """
import ssl, sys, urllib.request
url, proxy, ca, body, header = sys.argv[1:]
handlers = [urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else {})]
if ca:
    handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca)))
request = urllib.request.Request(url, open(body, "rb").read(), {"x-note": header, "content-type": "application/json"})
try:
    print(urllib.request.build_opener(*handlers).open(request).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""

NODE_CLIENT = """
const fs = require('fs'), http = require('http'), https = require('https');
const [url, proxy, ca, body, header] = process.argv.slice(1);
const to = new URL(url);
const send = (module, options) => {
    const request = module.request({...options, path: to.pathname, method: 'POST', headers: {host: to.host, 'x-note': header, 'content-type': 'application/json'}},
        response => { response.resume(); response.on('end', () => { console.log(response.statusCode); process.exit(0); }); });
    request.on('error', error => { console.log(error.code); process.exit(0); });
    request.end(fs.readFileSync(body));
};
if (!proxy) send(http, {host: to.hostname, port: to.port});
else http.request({host: '127.0.0.1', port: new URL(proxy).port, method: 'CONNECT', path: to.host}).on('connect', (response, socket) => {
    if (response.statusCode !== 200) { console.log(response.statusCode); process.exit(0); }
    // Its certificate authority comes by NODE_EXTRA_CA_CERTS.
    send(https, {createConnection: () => require('tls').connect({socket, servername: to.hostname}), host: to.hostname});
}).end();
"""


def clients(bench):
    """Clients as `run(url, proxy, ca, body, header)`, each of which says the status of an answer."""

    def curl(url, proxy, ca, body, header):
        arguments = ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", "-m", "30", url, "--data-binary", f"@{body}", "-H", f"x-note: {header}", "-H", "content-type: application/json"]
        return [*arguments, *(["-x", proxy] if proxy else []), *(["--cacert", ca] if ca else [])]

    def python(*arguments):
        return [sys.executable, "-c", PYTHON_CLIENT, *arguments]

    def node(*arguments):
        return ["node", "-e", NODE_CLIENT, *arguments]

    return {"curl": curl, "python": python, "node": node}


@pytest.mark.parametrize("mode", ["regular", "reverse"])
@pytest.mark.parametrize("client", ["curl", "python", "node"])
def test_every_client_in_every_mode(bench, tmp_path, client, mode):
    if client != "python" and shutil.which(client) is None:
        pytest.skip(f"{client} is missing")
    command = clients(bench)[client]
    url, proxy, ca = (
        (f"https://localhost:{bench.secure.port}/a", f"http://127.0.0.1:{bench.port}", str(bench.proxy.ca)) if mode == "regular" else (f"http://127.0.0.1:{bench.reverse}/a", "", "")
    )
    server = bench.secure if mode == "regular" else bench.server
    environment = {**os.environ, "NO_PROXY": "", "no_proxy": "", "NODE_EXTRA_CA_CERTS": str(bench.proxy.ca)}
    body = tmp_path / "body"

    def say(content, header="nothing"):
        body.write_bytes(content)
        return subprocess.run(command(url, proxy, ca, str(body), header), capture_output=True, text=True, timeout=60, env=environment)

    clean = [b"hello", bytes(range(256)) * 400, json.dumps({"a": ["\u00e4" * 50_000]}).encode(), os.urandom(300_000).hex().encode()]
    for content in clean:
        said = say(content)
        assert said.stdout.strip() == "200", said
        head, got = server.requests[-1]
        assert got == content and b"x-note: nothing" in head.lower()
    before = len(server.received)
    for secret in (TOKEN, VALUE):
        for number, (name, content, headers) in enumerate(bodies(secret)):
            # Python has sent each of them above: curl sends those that need no header, the others some.
            if "content-encoding" not in headers and (client == "curl" or number % 8 == 0):
                assert say(content).stdout.strip() == "403", name
        assert say(b"hello", secret).stdout.strip() == "403"
    assert len(server.received) == before


@pytest.mark.skipif(shutil.which("git") is None, reason="git is missing")
def test_git_and_npm_with_the_certificate_authority(bench, tmp_path):
    """Over TLS, which the others above do without: what is missing at a server of theirs is all the same here, for nothing of it is to arrive."""
    work = tmp_path / "work"
    work.mkdir()
    proxy, url = f"http://127.0.0.1:{bench.port}", f"https://localhost:{bench.secure.port}"
    environment = {
        **os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "https_proxy": proxy, "NO_PROXY": "", "no_proxy": "", "GIT_SSL_CAINFO": str(bench.proxy.ca),
        "NODE_EXTRA_CA_CERTS": str(bench.proxy.ca), "npm_config_cache": str(tmp_path / ".cache"), "GIT_TERMINAL_PROMPT": "0",
    }  # fmt: skip
    listed = subprocess.run(["git", "ls-remote", f"{url}/clean.git"], cwd=work, env=environment, capture_output=True, text=True, timeout=60)
    # It has spoken to the server, which is none of git's.
    assert any(b"/clean.git/info/refs" in head for head, _ in bench.secure.requests[-4:]) and "certificate" not in listed.stderr.lower(), listed
    before = len(bench.secure.received)
    subprocess.run(["git", "ls-remote", f"{url}/{TOKEN}.git"], cwd=work, env=environment, capture_output=True, timeout=60)
    subprocess.run(["git", "-c", f"http.extraHeader=x-note: {VALUE}", "ls-remote", f"{url}/a.git"], cwd=work, env=environment, capture_output=True, timeout=60)
    assert len(bench.secure.received) == before
    if shutil.which("npm") is None:
        pytest.skip("npm is missing")
    (work / "package.json").write_text(json.dumps({"name": "exfilter-test", "version": "1.0.0"}))
    (work / ".npmrc").write_text(
        f"registry={url}/\nhttps-proxy={proxy}\nnoproxy=\ncafile={bench.proxy.ca}\n//{url[8:]}/:_authToken=anything\nfetch-retries=0\naudit=false\nupdate-notifier=false\n"
    )

    def publish():
        begin = len(bench.secure.received)
        run = subprocess.run(["npm", "publish", "--loglevel=error"], cwd=work, capture_output=True, env=environment, timeout=120)
        return bytes(bench.secure.received[begin:]), run.stderr.decode()

    (work / "index.js").write_text("module.exports = 1;\n")
    sent, said = publish()
    assert b"_attachments" in sent, said
    (work / "config.js").write_text(f"module.exports = '{TOKEN}';\n")
    sent, said = publish()
    assert "secret detected in body" in said and b"_attachments" not in sent and not any(needle in sent for needle in needles(TOKEN))


def test_raw_tcp(bench):
    def say(*pieces):
        with socket.create_connection(("127.0.0.1", bench.raw), timeout=10) as client:
            try:
                for piece in pieces:
                    client.sendall(piece)
                    time.sleep(0.3)
                client.settimeout(3)
                return client.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

    before = len(bench.sink.received)
    assert not say(b"hello ", b"there")
    assert bench.sink.received[before:] == b"hello there"
    before = len(bench.sink.received)
    assert say(b"first ", TOKEN.encode() + b" ", b"later")
    assert bench.sink.received[before:] == b"first "
    before = len(bench.sink.received)
    assert say(TOKEN[:20].encode(), TOKEN[20:].encode() + b" " * 200)
    assert bench.sink.received[before:] == TOKEN[:20].encode()
    before = len(bench.sink.received)
    assert say(b"SSH-2.0-OpenSSH_9.2\r\n") and len(bench.sink.received) == before


def frame(payload, opcode=1, final=True):
    mask = os.urandom(4)
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + struct.pack(">H", length)
    return bytes([(0x80 if final else 0) | opcode]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def unmasked(received):
    """The payloads of frames with a mask, those that close apart."""
    at, out = 0, []
    while at + 2 <= len(received):
        closes = received[at] & 15 == 8
        length = received[at + 1] & 127
        at += 2
        if length == 126:
            (length,) = struct.unpack(">H", received[at : at + 2])
            at += 2
        mask = received[at : at + 4]
        if not closes:
            out.append(bytes(b ^ mask[i % 4] for i, b in enumerate(received[at + 4 : at + 4 + length])))
        at += 4 + length
    return out


def test_web_sockets(bench):
    def talk(*frames):
        start = len(bench.sink.received)
        with socket.create_connection(("127.0.0.1", bench.port), timeout=10) as client:
            client.sendall(
                f"GET http://127.0.0.1:{bench.sink.port}/ HTTP/1.1\r\nhost: 127.0.0.1:{bench.sink.port}\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                f"sec-websocket-version: 13\r\nsec-websocket-key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n".encode()
            )
            assert b" 101 " in client.recv(4096)
            try:
                for data in frames:
                    client.sendall(data)
                    time.sleep(0.3)
            except OSError:
                pass
        time.sleep(0.3)
        received = bytes(bench.sink.received[start:])
        return unmasked(received[received.index(b"\r\n\r\n") + 4 :])

    assert talk(frame(b"hello"), frame(b"there", 2)) == [b"hello", b"there"]
    assert talk(frame(b"hello"), frame(TOKEN.encode()), frame(b"later"))[:2] == [b"hello"]
    assert not any(TOKEN[20:].encode() in text for text in talk(frame(TOKEN[:20].encode()), frame(TOKEN[20:].encode() + b" " * 90)))
    assert not any(TOKEN.encode() in text for text in talk(frame(TOKEN[:20].encode(), final=False), frame(TOKEN[20:].encode(), 0)))


def test_names_in_dns(bench):
    def ask(*labels):
        name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
        query = os.urandom(2) + b"\x01\x00\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.sendto(query, ("127.0.0.1", bench.dns))
            answer = client.recv(4096)
        assert answer[:2] == query[:2]
        return answer[3] & 15

    assert ask(b"www", b"example", b"com") == 0
    before = len(bench.names.received)
    assert ask(TOKEN.encode(), b"example", b"com") == 5
    assert ask(TOKEN[:15].encode(), TOKEN[15:].encode(), b"example", b"com") == 5
    assert ask(VALUE.encode().hex()[:60].encode(), VALUE.encode().hex()[60:].encode(), b"example", b"com") == 5
    assert len(bench.names.received) == before


def test_names_in_connect(bench):
    with socket.create_connection(("127.0.0.1", bench.port), timeout=10) as client:
        client.sendall(f"CONNECT {TOKEN}.example.com:443 HTTP/1.1\r\nhost: {TOKEN}.example.com:443\r\n\r\n".encode())
        assert b" 403 " in client.recv(4096).split(b"\r\n")[0]
    with socket.create_connection(("127.0.0.1", bench.port), timeout=10) as client:
        client.sendall(b"CONNECT localhost:443 HTTP/1.1\r\nhost: localhost:443\r\nx-note: " + TOKEN.encode() + b"\r\n\r\n")
        assert b" 403 " in client.recv(4096).split(b"\r\n")[0]


def test_names_in_tls(bench):
    import ssl

    def hello(name, offers):
        """What a server of anything gets of a client that says this."""
        start = len(bench.sink.received)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(offers)
        with socket.create_connection(("127.0.0.1", bench.port), timeout=10) as client:
            client.sendall(f"CONNECT 127.0.0.1:{bench.sink.port} HTTP/1.1\r\nhost: 127.0.0.1:{bench.sink.port}\r\n\r\n".encode())
            assert b" 200 " in client.recv(4096)
            client.settimeout(2)
            try:
                with context.wrap_socket(client, server_hostname=name) as secure:
                    secure.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                    secure.recv(100)
            except OSError:
                pass
        return bytes(bench.sink.received[start:])

    # The sink never answers, but the proxy's hello is there.
    assert b"www.example.com" in hello("www.example.com", ["http/1.1"])
    assert TOKEN.encode() not in hello(f"{TOKEN.replace('_', '-')}.{TOKEN}.com", ["http/1.1"])
    assert TOKEN.encode() not in hello("www.example.com", ["http/1.1", TOKEN])


def test_nothing_that_the_proxy_keeps_has_the_secret(bench):
    """Runs behind the others: the log and the flow file of everything so far."""
    from mitmproxy import io as flows

    time.sleep(0.5)
    for kept in (bench.proxy.log().encode(), bench.proxy.flows.read_bytes()):
        for needle in needles(TOKEN):
            at = kept.find(needle)
            assert at < 0, kept[max(0, at - 200) : at + 100]
    allowed = [VALUE.encode()]
    # The enrolled one was sent to its own host, where mitmproxy keeps it as it keeps everything that passes.
    with open(bench.proxy.flows, "rb") as file:
        stored = list(flows.FlowReader(file).stream())
    refused = [flow for flow in stored if flow.marked]
    assert len(refused) > 100
    for flow in refused:
        assert flow.comment.startswith("exfilter: ") or "tunnel" in flow.comment
        assert not any(value in repr(flow.get_state()).encode() for value in allowed)


def test_heads_that_can_be_read_in_two_ways_are_refused(bench):
    def ask(*lines):
        with socket.create_connection(("127.0.0.1", bench.port), timeout=30) as client:
            client.sendall(b"\r\n".join([*lines, b"", b""]))
            return client.recv(65536)

    url = bench.server.url.encode()
    host = b"host: " + url.partition(b"//")[2]
    before = len(bench.server.requests)
    for lines in (
        (b"GET " + url + b"/ HTTP/1.1", host, b"authorization: a", b"authorization: b"),
        (b"GET " + url + b"/ HTTP/1.1", host, host),
        (b"PUT " + url + b"/ HTTP/1.1", host, b"content-range: 0-1", b"content-range: 2-3", b"content-length: 0"),
    ):
        assert b" 403 " in ask(*lines).split(b"\r\n")[0], lines
    assert len(bench.server.requests) == before
    # HTTP/2 is offered to nobody.
    assert b" 200 " in ask(b"GET " + url + b"/ HTTP/1.1", host, b"connection: upgrade, http2-settings", b"upgrade: h2c", b"http2-settings: AAMAAABk")
    assert b"h2c" not in bench.server.requests[-1][0].lower()


def test_parts_of_an_object_are_one_stream(bench):
    import gzip

    layer = gzip.compress(b"".join(b"line %d %d\n" % (n, n * n) for n in range(3000)) + TOKEN.encode() + b"\n" * 3000)
    third = len(layer) // 3
    path = "/v2/a/blobs/uploads/1"
    statuses = [
        send(bench, path, body=layer[at : at + third + 3], headers={"content-range": f"{at}-{min(at + third + 2, len(layer) - 1)}"}, method="PATCH")[0]
        for at in range(0, len(layer), third + 3)
    ]
    assert statuses[0] == 200 and 403 in statuses
    assert send(bench, path + "?digest=sha256:0", method="PUT")[0] == 403
