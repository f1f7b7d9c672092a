"""The add-on in a real mitmproxy: how it starts, what it refuses when something fails, and what happens when its configuration changes."""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("mitmproxy", reason="mitmproxy is not installed: test.sh --mitmproxy installs it")

from real_mitmproxy import TOKEN, VALUE, Sink, certificate, free_port, send, start
from recorder import Recorder
from wrappings import needles

from exfilter import testing


def test_every_failure_is_a_refusal(tmp_path):
    script = tmp_path / "faulty.py"
    script.write_text(
        "import exfilter.mitmproxy as module\n"
        "from exfilter._http import Guard\n"
        "class Fault(BaseException): pass\n"
        "def fail(*args, **options): raise Fault('as a panic would')\n"
        "addons = [module.Exfilter()]\n"
        "module.self_test = lambda *args: None\n"
        "class Arm:\n"
        "    def running(self): Guard.head = Guard.body = Guard.text = module.Requests.examine = fail\n"
        "addons.append(Arm())\n"
    )
    sink, names, raw, dns = Sink(), Sink(socket.SOCK_DGRAM), free_port(), free_port(socket.SOCK_DGRAM)
    modes = [f"reverse:tcp://127.0.0.1:{sink.port}@127.0.0.1:{raw}", f"reverse:dns://127.0.0.1:{names.port}@127.0.0.1:{dns}"]
    bench = start(tmp_path, script=str(script), modes=modes)
    bench.proxy.wait_for("listening at", 3)
    try:
        with socket.create_connection(("127.0.0.1", raw), timeout=10) as client:
            client.sendall(b"hello")
            try:
                assert client.recv(1) == b""
            except OSError:
                pass
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            client.sendto(b"\x12\x34\x01\x00\0\1\0\0\0\0\0\0\x07example\x03com\0\0\1\0\1", ("127.0.0.1", dns))
            answer = client.recv(4096)
            assert answer[:2] == b"\x12\x34" and answer[3] & 15 == 5
        assert sink.received == b"" and names.received == b""
        for method, body in (("GET", None), ("POST", b"x"), ("POST", b"x" * 200_000)):
            status, text = send(bench, method=method, body=body)
            assert status == 403 and b"could not be examined" in text
        with socket.create_connection(("127.0.0.1", bench.port), timeout=10) as client:
            client.sendall(b"CONNECT localhost:443 HTTP/1.1\r\nhost: localhost:443\r\n\r\n")
            assert b" 403 " in client.recv(4096).split(b"\r\n")[0]
        assert bench.server.received == b""
        assert "failed with Fault" in bench.proxy.log() and "panic" not in bench.proxy.log()
    finally:
        bench.proxy.stop()
        bench.server.close()


def test_a_configuration_is_read_again_and_a_broken_one_is_not_taken(tmp_path):
    bench = start(tmp_path, 'mode = "enforce"\n')
    try:
        assert send(bench, body=VALUE.encode())[0] == 200
        path = tmp_path / "value"
        path.write_text(VALUE + "\n")
        bench.proxy.config.write_text('[[secret]]\nname = "FILED"\nfile = "value"\n')
        bench.proxy.wait_for("read again")
        assert send(bench, body=VALUE.encode())[0] == 403
        bench.proxy.config.write_text('[[secret]\nname =')
        bench.proxy.wait_for("the old configuration stays")
        assert send(bench, body=VALUE.encode())[0] == 403
        path.unlink()
        bench.proxy.config.write_text('[[secret]]\nname = "FILED"\nfile = "value"\nat = []\n')
        bench.proxy.wait_for("the old configuration stays", 2)
        assert send(bench, body=VALUE.encode())[0] == 403
        bench.proxy.config.write_text('mode = "observe"\n')
        bench.proxy.wait_for("read again", 2)
        assert send(bench, body=TOKEN.encode())[0] == 200
        assert TOKEN.encode() in bench.server.received
        bench.proxy.wait_for("github-pat: report")
    finally:
        bench.proxy.stop()
        bench.server.close()


def test_the_policy_file_is_obeyed_and_read_again(tmp_path):
    policy = tmp_path / "policy.toml"

    def write(text):
        policy.write_text("version = 1\n" + text)

    write('hosts.llm = ["127.0.0.1"]\n')
    bench = start(tmp_path, options=[f"exfilter_policy={policy}"])
    try:
        body = json.dumps({"prompt": f"use {TOKEN} now"}).encode()
        assert send(bench, body=body)[0] == 200
        assert bench.server.requests[-1][1] == body.replace(TOKEN.encode(), b"*" * len(TOKEN))
        write("")
        bench.proxy.wait_for("read again")
        assert send(bench, body=body)[0] == 403
        before = len(bench.server.requests)
        write('hosts.deny = ["127.0.0.1"]\n')
        bench.proxy.wait_for("read again", 2)
        status, text = send(bench, method="GET")
        assert status == 403 and b"this host may not be reached" in text and len(bench.server.requests) == before
        # One that is none changes nothing, and the log says so.
        write('hosts.deny = []\nmodus = "observe"\n')
        bench.proxy.wait_for("the old configuration stays")
        assert "policy.toml:3: modus: is not known here" in bench.proxy.log()
        assert send(bench, method="GET")[0] == 403
        write('mode = "observe"\nhosts.deny = ["127.0.0.1"]\n')
        bench.proxy.wait_for("read again", 3)
        assert send(bench, body=body)[0] == 200 and bench.server.requests[-1][1] == body
        policy.unlink()
        bench.proxy.wait_for("there is no such file")
        assert send(bench, body=body)[0] == 200
    finally:
        bench.proxy.stop()
        bench.server.close()


def test_the_commands_store_is_read_and_one_that_cannot_be_opened_refuses(tmp_path):
    from test_secrets import made_store

    store = tmp_path / "exfilter" / "store"
    kept = tmp_path / "kept"
    kept.mkdir()
    made = made_store(kept, VALUE)
    bench = start(tmp_path)
    try:
        assert send(bench, body=VALUE.encode())[0] == 200
        # The usual one, which is not there yet.
        assert not store.exists()
        store.parent.mkdir(exist_ok=True)
        shutil.copy(made, store)
        # Without its key nothing is taken over: the old configuration stays, and the log says why in one line.
        bench.proxy.wait_for("the old configuration stays: store")
        (line,) = [line for line in bench.proxy.log().splitlines() if "E_NOKEY" in line]
        assert str(store) in line and send(bench, body=VALUE.encode())[0] == 200
        shutil.copy(kept / "store.key", tmp_path / "exfilter" / "store.key")
        os.chmod(tmp_path / "exfilter" / "store.key", 0o600)
        os.utime(store)
        bench.proxy.wait_for("read again")
        status, text = send(bench, body=base64.b64encode(VALUE.encode()))
        assert status == 403 and b"STORED" not in text
        bench.proxy.wait_for("the enrolled secret STORED")
    finally:
        bench.proxy.stop()
        bench.server.close()


def test_the_usual_policy_is_read_and_says_everything_once(tmp_path, monkeypatch):
    from exfilter import _mitmproxy_config as configuration

    def read(text="", policy=configuration.USUAL_POLICY, **overrides):
        (tmp_path / "add-on.toml").write_text(text)
        return configuration.read(str(tmp_path / "add-on.toml"), overrides, [], [], policy)

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "exfilter" / "policy.toml"
    config = read('mode = "observe"\n')
    assert config.policy is None and config.words["mode"] == "observe" and str(path) in config.files
    path.parent.mkdir()
    path.write_text('version = 1\nforeign = "block"\n')
    config = read()
    assert config.policy is not None and config.words == {"mode": "enforce", "provider_keys": "block", "tunnels": "block"}
    assert read(mode="observe").policy.mode == "observe"
    assert read('mode = "observe"\n', policy="").policy is None
    for own in ('mode = "observe"\n', '[actions]\nhigh = "report"\n', 'llm_hosts = ["a.example"]\n', 'provider_keys = "at-home"\n'):
        with pytest.raises(configuration.ConfigError, match="there is a policy: move it to"):
            read(own)
    path.chmod(0o666)
    with pytest.raises(configuration.ConfigError, match="others may write this policy"):
        read()
    path.chmod(0o600)
    path.write_bytes(b"version = 1\n\xff")
    with pytest.raises(configuration.ConfigError, match="is no text"):
        read()


@pytest.mark.parametrize(
    ("config", "options", "said"),
    [
        ('mode = "off"\n', [], "mode is one of"),
        ('modus = "enforce"\n', [], "modus is not known"),
        ('[[secret]]\nname = "A"\nenv = "NOT_SET_ANYWHERE"\n', [], "not set"),
        ('rules = ["missing.toml"]\n', [], "missing.toml"),
        ("", ["stream_large_bodies=1m"], "stream_large_bodies"),
        ("", ["exfilter_mode=of"], "mode is one of"),
        ('[actions]\nhigh = "drop"\n', [], "an action is one of"),
        ("", ["exfilter_policy=missing.toml"], "missing.toml: there is no such file"),
        ("", ["exfilter_store=missing-store"], "exfilter: store missing-store: E_NOSTORE: there is no store"),
        ('store = "exfilter.toml"\n', [], "exfilter.toml: E_"),
        ('store = 5\n', [], "store is no str"),
        ('[[secret]]\nname = "A"\nfile = "missing"\n', [], "No such file"),
    ],
)
def test_a_proxy_does_not_start_with_what_it_cannot_use(tmp_path, config, options, said):
    bench = start(tmp_path, config, options, ready=None)
    try:
        assert bench.proxy.process.wait(90) != 0
        assert said in bench.proxy.log()
    finally:
        bench.proxy.stop()
        bench.server.close()


def test_bodies_over_the_limit_are_refused(tmp_path):
    bench = start(tmp_path, options=["body_size_limit=100k"])
    try:
        assert send(bench, body=b"x" * 50_000)[0] == 200
        before = len(bench.server.received)
        assert send(bench, body=b"x" * 200_000)[0] == 413
        assert len(bench.server.received) == before
    finally:
        bench.proxy.stop()
        bench.server.close()


def test_who_is_refused_for_secrets_again_and_again_is_in_quarantine(tmp_path):
    script, wish = tmp_path / "lifting.py", tmp_path / "wish"
    script.write_text(
        "import asyncio, os\n"
        "from mitmproxy import ctx\n"
        "from exfilter.mitmproxy import addon\n"
        "class Lift:\n"
        "    def running(self): self.task = asyncio.get_running_loop().create_task(self.watch())\n"
        "    async def watch(self):\n"
        f"        while not os.path.exists({str(wish)!r}): await asyncio.sleep(0.05)\n"
        "        quarantined = ctx.master.commands.call('exfilter.quarantined')\n"
        "        for client in quarantined: ctx.master.commands.call('exfilter.lift', client)\n"
        "        print('lifted', quarantined, flush=True)\n"
        "addons = [addon, Lift()]\n"
    )
    config = '[[secret]]\nname = "DEPLOY"\nenv = "DEPLOY_FOR_TEST"\n[quarantine]\nhits = 3\n'
    bench = start(tmp_path, config, script=str(script), environment={"DEPLOY_FOR_TEST": VALUE})
    try:
        assert send(bench, body=TOKEN)[0] == 403, "what only a rule knows is no guess at a secret"
        for hit in range(3):
            assert send(bench, body=b"clean")[0] == 200
            assert send(bench, body=f"{hit} {VALUE}")[0] == 403
        got = len(bench.server.requests)
        status, text = send(bench, body=b"clean")
        assert status == 403 and b"quarantine" not in text, "whoever is in it is not told"
        assert len(bench.server.requests) == got
        bench.proxy.wait_for("quarantine")
        wish.touch()
        bench.proxy.wait_for("lifted ['127.0.0.1']")
        assert send(bench, body=b"clean")[0] == 200
    finally:
        bench.proxy.stop()
        bench.server.close()


def test_a_secret_in_pieces_is_noticed(tmp_path):
    bench = start(tmp_path, '[[secret]]\nname = "DEPLOY"\nenv = "DEPLOY_FOR_TEST"\n', environment={"DEPLOY_FOR_TEST": VALUE})
    try:
        pieces = [VALUE[at : at + 10] for at in range(0, len(VALUE) - 9, 10)]
        answers = [send(bench, body=f"part {piece} of it", headers={"x-part": str(n)})[0] for n, piece in enumerate(pieces)]
        assert answers[0] == 200 and answers[-1] == 403, answers
    finally:
        bench.proxy.stop()
        bench.server.close()


def test_an_llm_gets_bodies_with_what_is_found_overwritten(tmp_path):
    import gzip

    bench = start(tmp_path, 'llm_hosts = ["127.0.0.1"]\n')
    try:
        body = json.dumps({"prompt": f"use {TOKEN} now"}).encode()
        clean = body.replace(TOKEN.encode(), b"*" * len(TOKEN))
        assert send(bench, body=body)[0] == 200
        assert bench.server.requests[-1][1] == clean
        # A coded one is sent without its coding.
        assert send(bench, body=gzip.compress(body), headers={"content-encoding": "gzip"})[0] == 200
        head, got = bench.server.requests[-1]
        assert got == clean and b"content-encoding" not in head.lower()
        assert send(bench, body=gzip.compress(body))[0] == 403
        assert send(bench, f"/?q={TOKEN}", method="GET")[0] == 403
    finally:
        bench.proxy.stop()
        bench.server.close()


def test_placeholders_are_exchanged_where_they_belong_and_nowhere_else(tmp_path):
    import gzip
    import ssl

    chain, trusted = certificate(tmp_path)
    real = testing.token("github-pat", seed=31)
    config = """
        [[secret]]
        name = "GH_TOKEN"
        env = "GH_FOR_TEST"
        at = ["localhost header:authorization:bearer", "localhost header:authorization:basic.password", "localhost query:key"]
        substitute = true
    """
    echo = Recorder(certificate=chain, echo=True)
    bench = start(tmp_path, config, [f"ssl_verify_upstream_trusted_ca={trusted}"], environment={"GH_FOR_TEST": real})
    bench.secure = echo
    context = ssl.create_default_context(cafile=str(bench.proxy.ca))
    try:
        program = str(Path(sys.executable).parent / "python")
        printed = subprocess.run(
            [program, "-c", "import sys, exfilter.mitmproxy as m; sys.argv = ['x', sys.argv[1]]; m.print_placeholders()", str(bench.proxy.config)],
            capture_output=True, text=True, env={**os.environ, "GH_FOR_TEST": real},
        ).stdout  # fmt: skip
        placeholder = printed.strip().removeprefix("export GH_TOKEN=")
        assert placeholder.startswith("ghp_") and len(placeholder) == 40 and placeholder != real
        assert (tmp_path / "exfilter.seed").stat().st_mode & 0o777 == 0o600

        def ask(path="/", headers=None, body=None):
            client = http.client.HTTPSConnection("127.0.0.1", bench.port, timeout=30, context=context)
            client.set_tunnel("localhost", echo.port)
            try:
                client.request("POST", path, body=body, headers={"accept-encoding": "identity", **(headers or {})})
                response = client.getresponse()
                text = response.read()
                if response.headers.get("content-encoding") == "gzip":
                    text = gzip.decompress(text)
                return response.status, response.headers.get("x-seen", ""), text
            finally:
                client.close()

        def nothing_of_it(*texts):
            return not any(needle in (text if isinstance(text, bytes) else text.encode()) for text in texts for needle in needles(real))

        basic = base64.b64encode(f"git:{placeholder}".encode()).decode()
        for number, (path, headers, at_server) in enumerate([
            ("/", {"authorization": f"Bearer {placeholder}"}, f"Bearer {real}"),
            ("/", {"authorization": f"token {placeholder}", "accept-encoding": "gzip"}, f"token {real}"),
            ("/", {"authorization": f"Basic {basic}"}, base64.b64encode(f"git:{real}".encode()).decode()),
            (f"/?a=1&key={placeholder}&b=%20", {}, f"/?a=1&key={real}&b=%20 "),
        ]):  # fmt: skip
            status, seen, text = ask(path, headers)
            assert status == 200, (number, text)
            assert at_server.encode() in echo.requests[-1][0]
            assert nothing_of_it(seen, text) and real not in seen
            if number == 0:
                assert seen == f"Bearer {placeholder}" and placeholder.encode() in text
        count = len(echo.requests)
        # In a body it stays what it is, and rules find it there; so they do at other hosts, and without TLS.
        assert ask(body=placeholder)[0] == 403
        assert ask(headers={"authorization": f"Bearer {placeholder}", "x-copy": placeholder})[0] == 403
        assert send(bench, headers={"authorization": f"Bearer {placeholder}"}, method="GET")[0] == 403
        # Somebody else's key, of the same provider or of none, gets nowhere.
        assert ask(headers={"authorization": f"Bearer {testing.token('github-pat', seed=32)}"})[0] == 403
        assert ask(headers={"authorization": "Bearer anything-at-all"})[0] == 403
        assert ask("/?key=attackers")[0] == 403
        assert ask(headers={"authorization": f"Bearer {real}"})[0] == 200
        assert len(echo.requests) == count + 1
        assert bench.server.received == b""
        assert ask(body=b"clean")[0] == 200
    finally:
        bench.proxy.stop()
        bench.server.close()
        echo.close()
    log = bench.proxy.log().encode()
    assert nothing_of_it(log) and b"a credential that is not ours" in log
    # One request had it from the client itself: mitmproxy keeps that, and what the server said to it.
    kept = bench.proxy.flows.read_bytes()
    assert kept.count(real.encode()) == 3


def test_the_add_on_of_a_script(tmp_path):
    script = tmp_path / "own.py"
    script.write_text("from exfilter.mitmproxy import addon\n\naddons = [addon]\n")
    bench = start(tmp_path, script=str(script))
    try:
        assert send(bench, body=b"hello")[0] == 200 and send(bench, body=TOKEN.encode())[0] == 403
        # A script that is written anew is loaded anew.
        script.write_text("from exfilter.mitmproxy import addon\n\n# Another line.\naddons = [addon]\n")
        bench.proxy.wait_for("Loading script", 2)
        deadline = time.monotonic() + 20
        while send(bench, body=TOKEN.encode())[0] != 403:
            assert time.monotonic() < deadline
        assert send(bench, body=b"hello")[0] == 200
    finally:
        bench.proxy.stop()
        bench.server.close()
