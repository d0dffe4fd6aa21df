"""A PostgreSQL proxy that sends other statements than esmigrate did: what a wrong rule would ask."""

import contextlib
import socket
import struct
import threading

import psycopg

_ENCRYPTION_REQUESTS = 80877103, 80877104  # SSLRequest, GSSENCRequest


def _exactly(stream, count):
    data = stream.read(count)
    if len(data) < count:
        raise ConnectionError("closed")
    return data


class Rewriter:
    """Listens on 127.0.0.1 and passes all on to a server, but for statements: the server gets rewrite(text)."""

    def __init__(self, conninfo, rewrite):
        options = psycopg.conninfo.conninfo_to_dict(conninfo)
        self._server = options["host"], int(options["port"])
        self._rewrite = rewrite
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.conninfo = psycopg.conninfo.make_conninfo(
            conninfo, host="127.0.0.1", port=self._listener.getsockname()[1]
        )
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        # close() alone would not wake accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError), client, socket.create_connection(self._server) as server:
            threading.Thread(target=self._answers, args=(server, client), daemon=True).start()
            stream = client.makefile("rb")
            self._begin(client, stream, server)
            while True:
                kind, body = self._message(stream)
                server.sendall(kind + struct.pack("!I", len(body) + 4) + body)

    def _begin(self, client, stream, server):
        while True:
            [length] = struct.unpack("!I", _exactly(stream, 4))
            body = _exactly(stream, length - 4)
            if struct.unpack("!I", body[:4])[0] not in _ENCRYPTION_REQUESTS:
                return server.sendall(struct.pack("!I", length) + body)
            client.sendall(b"N")

    def _message(self, stream):
        kind = _exactly(stream, 1)
        body = _exactly(stream, struct.unpack("!I", _exactly(stream, 4))[0] - 4)
        if kind == b"P":
            name, text, rest = body.split(b"\0", 2)
            body = b"\0".join([name, self._rewrite(text.decode()).encode(), rest])
        elif kind == b"Q":
            body = self._rewrite(body[:-1].decode()).encode() + b"\0"
        return kind, body

    @staticmethod
    def _answers(server, client):
        with contextlib.suppress(OSError):
            while block := server.recv(65536):
                client.sendall(block)
            client.shutdown(socket.SHUT_WR)
