"""The page about Claude Code behind mitmproxy runs as it stands, with a real mitmproxy and, where there is one, the real Claude Code."""

import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

pytest.importorskip("mitmproxy", reason="mitmproxy is not installed: test.sh --mitmproxy installs it")

from console import run_page

HERE = Path(__file__).parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.parametrize("client", ["claude", "stand-in"])
def test_claude_code_with_a_placeholder(tmp_path, client):
    for program in ("bash", "curl", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing")
    claude = shutil.which("claude")
    if client == "claude" and claude is None:
        pytest.skip("claude is missing")
    programs, work = tmp_path / "bin", tmp_path / "work"
    programs.mkdir()
    work.mkdir()
    script = f"exec '{claude}' \"$@\"\n" if client == "claude" else f"exec '{sys.executable}' '{HERE / 'claude_code.py'}' \"$@\"\n"
    (programs / "claude").write_text("#!/bin/sh\n" + script)
    (programs / "claude").chmod(0o755)
    environment = {
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(work), "XDG_CONFIG_HOME": str(work), "PYTHONUNBUFFERED": "1", "LANG": "C.UTF-8",
    }  # fmt: skip
    assert run_page(HERE.parent / "docs" / "claude-code.md", work, environment, {"8080": free_port(), "8443": free_port()}) > 20
