"""A network between esmigrate and the engine that does what networks do, by a seed.

Connections are delayed, cut off in the middle of a request or of an answer, and reset, in both directions; requests are
answered 429, 502 or 503 in the engine's place, with and without Retry-After; and answers of requests that were carried
out are lost.
"""

import collections
import contextlib
import random
import socket
import struct
import threading
import time

from faults import Proxy, through_proxy

PAGE = b"<html><body>not now</body></html>"


class _Answers(Proxy):
    """The part of it that knows requests: answers in the engine's place, and answers that are lost."""

    def __init__(self, chaos, engine):
        self.chaos = chaos
        super().__init__(engine)

    def refusal(self, method, path, headers):
        if not self.chaos.happens("status"):
            return None
        status = self.chaos.choice([429, 502, 503])
        wait = self.chaos.choice([[], [("Retry-After", "1")]])
        self.chaos.count[f"answered {status}{' with Retry-After' if wait else ''}"] += 1
        return status, [("Content-Type", "text/html"), *wait], PAGE

    def ask(self, method, path, headers, body):
        answer = super().ask(method, path, headers, body)
        if self.chaos.happens("lost"):
            self.chaos.count["answer lost of a request carried out"] += 1
            raise ConnectionAbortedError
        return answer


class Chaos:
    """Stands before the engine at .url. `odds`: of each kind of fault per request or per block of bytes."""

    ODDS = {"status": 0.04, "lost": 0.03, "delay": 0.05, "truncate": 0.015, "reset": 0.015}

    def __init__(self, engine, seed, odds=None):
        self.odds = {**self.ODDS, **(odds or {})}
        self.count = collections.Counter()  # what was done how often
        self._chance, self._lock = random.Random(seed), threading.Lock()
        self._answers = _Answers(self, engine)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def happens(self, what):
        with self._lock:
            return self._chance.random() < self.odds[what]

    def choice(self, values):
        with self._lock:
            return self._chance.choice(values)

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._answers.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._answers.port))
                for way, source, target in (("request", client, server), ("answer", server, client)):
                    threading.Thread(target=self._pump, args=(way, source, target), daemon=True).start()

    def _pump(self, way, source, target):
        with contextlib.suppress(OSError):
            while block := source.recv(16384):
                if self.happens("delay"):
                    self.count[f"{way} delayed"] += 1
                    time.sleep(self.choice([0.01, 0.05, 0.3]))
                if self.happens("truncate"):
                    self.count[f"{way} truncated"] += 1
                    target.sendall(block[: len(block) // 2])
                    break
                if self.happens("reset"):
                    self.count[f"{way} reset"] += 1
                    # Closed without a word to the other side; a thread that waits in recv() would keep it open.
                    for peer in (source, target):
                        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        peer.shutdown(socket.SHUT_RD)
                        peer.close()
                    return
                target.sendall(block)
        for peer in (source, target):
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)


def through_chaos(app, seed, odds=None):
    """The app's esmigrate reaches the engine through a Chaos, which it yields."""
    return through_proxy(app, Chaos(app.engine_server, seed, odds))
