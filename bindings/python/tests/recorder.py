"""A server that keeps every byte that reaches it, for tests that say what has left."""

from __future__ import annotations

import base64
import gzip
import socketserver
import ssl
import threading


class Recorder:
    """Answers every request with 200 and the text ``ok``, after having read its body. One that is broken off is in `received` only."""

    def __init__(self, certificate: str | None = None, echo: bool = False) -> None:
        self.received = bytearray()
        self._echo = echo
        self.requests: list[tuple[bytes, bytes]] = []
        recorder = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while recorder._one(self.rfile, self.wfile):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake is made in the connection's own thread, at its first read.
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def _line(self, rfile) -> bytes:
        line = rfile.readline()
        self.received += line
        return line

    def _read(self, rfile, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = rfile.read1(size - len(data))
            if not piece:
                break
            self.received += piece
            data += piece
        return data

    def _one(self, rfile, wfile) -> bool:
        head = self._line(rfile)
        if not head:
            return False
        headers = {}
        while (line := self._line(rfile)) not in (b"\r\n", b"\n", b""):
            head += line
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        body = b""
        if headers.get(b"expect", b"").lower() == b"100-continue":
            wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get(b"transfer-encoding") == b"chunked":
            while line := self._line(rfile):
                size = int(line.split(b";")[0], 16)
                if size == 0:
                    break
                body += self._read(rfile, size)
                self._line(rfile)
            else:
                return False
            while self._line(rfile) not in (b"\r\n", b"\n", b""):
                pass
        else:
            size = int(headers.get(b"content-length", 0))
            body = self._read(rfile, size)
            if len(body) < size:
                return False
        self.requests.append((head, body))
        if self._echo:
            # As careless as can be: in a header, as it is, encoded and compressed.
            everything = head + b"\n" + body
            text = everything + base64.b64encode(everything) + everything.hex().encode()
            coding = b"content-encoding: gzip\r\n" if b"gzip" in headers.get(b"accept-encoding", b"") else b""
            text = gzip.compress(text) if coding else text
            seen = headers.get(b"authorization", b"none")
            wfile.write(b"HTTP/1.1 200 OK\r\nx-seen: %s\r\n%scontent-length: %d\r\n\r\n%s" % (seen, coding, len(text), text))
        else:
            wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok")
        return headers.get(b"connection", b"").lower() != b"close"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
