"""A git server over HTTP: `git http-backend` behind Python's own server."""

from __future__ import annotations

import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class GitServer:
    """Serves one bare repository, which anybody may push to."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(repository)], check=True)
        subprocess.run(["git", "-C", str(repository), "config", "http.receivepack", "true"], check=True)

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                path, _, query = self.path.partition("?")
                if self.headers.get("transfer-encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers.get("content-length", 0)))
                environment = {
                    **os.environ,
                    "GIT_PROJECT_ROOT": str(repository.parent),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("content-type", ""),
                    "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
                    "REMOTE_USER": "test",
                }
                out = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environment).stdout
                head, _, content = out.partition(b"\r\n\r\n")
                status = 200
                lines = []
                for line in head.split(b"\r\n"):
                    name, _, value = line.decode().partition(": ")
                    if name.lower() == "status":
                        status = int(value.split()[0])
                    elif name:
                        lines.append((name, value))
                self.send_response(status)
                for name, value in lines:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = answer

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/{repository.name}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def head(self) -> str:
        out = subprocess.run(["git", "-C", str(self.repository), "rev-parse", "main"], capture_output=True, text=True)
        return out.stdout.strip()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
