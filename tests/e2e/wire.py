"""A proxy in front of PostgreSQL that knows the statements that pass, and holds, loses or rewrites those that match.

It understands just enough of the frontend/backend protocol (version 3): where a message begins and ends, which ones
carry the text of a statement (Query, Parse, and Bind for a prepared one), and that every Query and every Sync is
answered up to one ReadyForQuery, in order.
"""

import contextlib
import select
import socket
import struct
import threading

import psycopg

from faults import Rule

SSL_REQUEST, GSSENC_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
POLLRDHUP = 0x2000  # Linux: the other side has closed, whatever is still to be read


class Closed(Exception):
    """One of the two sides has closed the connection."""


def is_closed(peer):
    """Has the other side closed it? What it sent before may still be unread."""
    poll = select.poll()
    poll.register(peer, POLLRDHUP)
    return any(event & (POLLRDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))


def text_at(body, start):
    """(the zero-terminated text that begins there, where the next thing begins)"""
    end = body.index(b"\0", start)
    return body[start:end].decode(), end + 1


class _Session:
    """One connection of a client, and ours to the server for it; a thread per direction."""

    def __init__(self, wire, client):
        self.wire, self.client = wire, client
        self.server = None
        self.reader = client.makefile("rb")
        self.prepared = {}  # text by name
        self.asked = 0  # messages that are each answered up to a ReadyForQuery, the start-up message too
        self.after = {}  # what is to happen to the answer, by its number
        self._closing = threading.Lock()

    def run(self):
        with contextlib.suppress(OSError, Closed, struct.error):
            start = self._start_up()
            if start is not None:
                self._serve(start)
        self.close()

    def close(self):
        """Both sides see the connection end; a session whose client is killed ends in PostgreSQL at once."""
        with self._closing:
            for peer in (self.client, self.server):
                if peer is not None:
                    with contextlib.suppress(OSError):
                        peer.shutdown(socket.SHUT_RDWR)
                    peer.close()

    # ---- the client's messages

    def _read(self, length):
        data = self.reader.read(length)
        if len(data) < length:
            raise Closed
        return data

    def _start_up(self):
        """The first message that is not a question for encryption, as it came; None: there is nothing more to do."""
        while True:
            head = self._read(8)
            length, code = struct.unpack("!II", head)
            message = head + self._read(length - 8)
            if code in (SSL_REQUEST, GSSENC_REQUEST):
                self.client.sendall(b"N")
            elif code == CANCEL_REQUEST:
                self._cancel(message)
                return None
            else:
                return message

    def _cancel(self, message):
        self.server = self.wire.dial()
        self.server.sendall(message)
        self.server.recv(1)  # PostgreSQL closes without a word when it has done it

    def _serve(self, start):
        self.server = self.wire.dial()
        self.asked = 1
        self.server.sendall(start)
        answers = threading.Thread(target=self._answers, daemon=True)
        answers.start()
        try:
            while True:
                head = self._read(5)
                body = self._read(struct.unpack("!I", head[1:])[0] - 4)
                self._pass_on(head[:1], body)
        finally:
            self.close()
            answers.join()

    def _pass_on(self, kind, body):
        if kind == b"Q":
            text, _ = text_at(body, 0)
            text = self.wire.rewritten(text)
            body = text.encode() + b"\0"
            self._statement(text)
        elif kind == b"P":
            name, at = text_at(body, 0)
            text, end = text_at(body, at)
            text = self.wire.rewritten(text)
            body = name.encode() + b"\0" + text.encode() + b"\0" + body[end:]
            self.prepared[name] = text
            if not name:
                self._statement(text)
        elif kind == b"B":
            _, at = text_at(body, 0)
            name, _ = text_at(body, at)
            if name:
                self._statement(self.prepared.get(name, ""))
        if kind in b"QSF":
            self.asked += 1
        self.server.sendall(kind + struct.pack("!I", len(body) + 4) + body)

    def _statement(self, text):
        rule = self.wire.rule_for(text)
        if rule and rule.before == "hold":
            rule.reached.set()
            self._held(rule)
        if rule and (rule.before == "lose" or rule.abandoned):
            rule.reached.set()
            raise Closed
        if rule and rule.after:
            self.after[self.asked + 1] = rule

    def _held(self, rule):
        while not rule.released.wait(0.01):
            if is_closed(self.client):
                raise Closed

    # ---- the server's

    def _answers(self):
        with contextlib.suppress(OSError, Closed):
            self._pass_answers_back()
        self.close()

    def _pass_answers_back(self):
        unread, kept, number = bytearray(), bytearray(), 1
        while True:
            block = self.server.recv(65536)
            if not block:
                raise Closed
            unread += block
            at = 0
            passed = bytearray()
            while at + 5 <= len(unread):
                end = at + 1 + struct.unpack_from("!I", unread, at + 1)[0]
                if end > len(unread):
                    break
                rule = self.after.get(number)
                (kept if rule else passed).extend(unread[at:end])
                if unread[at : at + 1] == b"Z":
                    number += 1
                    if rule:
                        self.client.sendall(passed)
                        self._answered(rule)
                        passed, kept = kept, bytearray()
                at = end
            del unread[:at]
            self.client.sendall(passed)

    def _answered(self, rule):
        """The server has done it, and all of its answer is here."""
        rule.answered.set()
        rule.reached.set()
        if rule.after == "hold":
            self._held(rule)
        if rule.after == "lose" or rule.abandoned:
            raise Closed


class Wire:
    """A PostgreSQL on 127.0.0.1 that passes everything on to the server at `conninfo`, but for what a rule says.

    A rule counts for the `nth` statement that matches its pattern (re.search, with re.DOTALL), on whatever connection.
    """

    def __init__(self, conninfo):
        self._server = psycopg.conninfo.conninfo_to_dict(conninfo)
        self._rules, self._rewrites, self._sessions = [], [], []
        self._lock = threading.Lock()
        self._lost = False
        self.seen = []  # the texts of all statements, in order, as the server gets them
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        own = {"host": "127.0.0.1", "hostaddr": None, "port": self.port, "sslmode": None, "gssencmode": None}
        self.conninfo = psycopg.conninfo.make_conninfo(
            **{name: value for name, value in {**self._server, **own}.items() if value is not None}
        )
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, pattern, when="after", nth=1):
        """The statement is held `before` the server sees it, or its whole answer, `after` the server did it.

        A client that is gone is not waited for: its session ends, and what was held `before` never happens.
        """
        return self._add(pattern, "hold", when, nth)

    def lose(self, pattern, when="after", nth=1, for_good=False):
        """The connection is closed: the server never saw the statement (`before`), or did it (`after`).

        `for_good`: so is that of every later statement, from the same moment on.
        """
        rule = self._add(pattern, "lose", when, nth)
        rule.for_good = for_good
        return rule

    def rewrite(self, pattern, replacement):
        """From now on every statement that matches reaches the server with it replaced (re.Pattern.sub).

        The parameters are sent as they are: the new text has to take the same ones.
        """
        rule = Rule("statement", pattern, None, None)
        with self._lock:
            self._rewrites.append((rule, replacement))
        return rule

    def close(self):
        for rule in self._rules:
            rule.abandoned = True
            rule.release()
        # A listener that is only closed goes on being waited for by accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for session in list(self._sessions):
            session.close()

    def dial(self):
        """A new connection to the server."""
        host = self._server.get("host", "127.0.0.1")
        port = int(self._server.get("port", 5432))
        if host.startswith("/"):
            peer = socket.socket(socket.AF_UNIX)
            peer.connect(f"{host}/.s.PGSQL.{port}")
        else:
            peer = socket.create_connection((host, port))
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return peer

    def rewritten(self, text):
        for rule, replacement in self._rewrites:
            text, count = rule.pattern.subn(replacement, text)
            if count:
                rule.reached.set()
        return text

    def rule_for(self, text):
        with self._lock:
            self.seen.append(text)
            if self._lost:
                raise Closed
            for rule in self._rules:
                if not rule.used and rule.pattern.search(text):
                    rule.left -= 1
                    if rule.left == 0:
                        rule.used = True
                        self._lost = rule.for_good
                        return rule
        return None

    def _add(self, pattern, what, when, nth):
        rule = Rule("statement", f"(?s){pattern}", *((what, None) if when == "before" else (None, what)))
        rule.left = nth
        with self._lock:
            self._rules.append(rule)
        return rule

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                session = _Session(self, client)
                self._sessions.append(session)
                threading.Thread(target=session.run, daemon=True).start()


@contextlib.contextmanager
def through_wire(app, name="ESMIGRATE_HISTORY"):
    """The app's esmigrate reaches PostgreSQL through a Wire, which it yields: its history, and its source unless that
    is given apart. `name`: the variable whose database is reached so."""
    direct = app.env.get(name)
    wire = Wire(direct or app.conninfo)
    app.env[name] = wire.conninfo
    try:
        yield wire
    finally:
        if direct is None:
            del app.env[name]
        else:
            app.env[name] = direct
        wire.close()
