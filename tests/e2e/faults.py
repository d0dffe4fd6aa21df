"""What tests break things with: a proxy that holds or loses the engine's answers, and a gate in the reading of rows."""

import contextlib
import gzip
import http.client
import http.server
import json
import re
import ssl
import threading
import time
import urllib.parse


def wait_until(condition, timeout=30, every=0.02):
    """Waits until condition() is true, and returns what it returned; fails when it never is."""
    __tracebackhide__ = True
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{condition} did not become true within {timeout} s"
        time.sleep(every)


class Rule:
    """What happens to one request that matches: see Proxy.hold and Proxy.lose."""

    def __init__(self, method, pattern, before, after):
        self.method, self.pattern = method, re.compile(pattern)
        self.before, self.after = before, after
        self.used = self.abandoned = self.for_good = False
        self.left = 1  # it counts for the request that matches when so many have
        self.reached, self.released = threading.Event(), threading.Event()
        self.answered = threading.Event()
        self.status = self.body = self.answer = None

    def wait(self, timeout=30):
        """Waits until a request is where the rule wants it."""
        assert self.reached.wait(timeout), f"no {self.method} {self.pattern.pattern} came within {timeout} s"

    def release(self):
        """Lets a held request or answer go on its way."""
        self.released.set()


class _Connection(http.client.HTTPConnection):
    """Sends head and body in one piece, as libcurl does: Elasticsearch quotes what it has read in one."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self._unsent = b""

    def send(self, data):
        self._unsent += data

    def getresponse(self):
        super().send(self._unsent)
        return super().getresponse()


def plain_text(headers, answer):
    compressed = any(name.lower() == "content-encoding" for name, _ in headers)
    return (gzip.decompress(answer) if compressed else answer).decode()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle(self):
        # A program that is killed resets its connections; one that does not trust the proxy ends them.
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            super().handle()

    def _relay(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        refusal = self.server.proxy.refusal(self.command, self.path, self.headers)
        if refusal:
            return self._answer(*refusal)
        rule = self.server.proxy.rule_for(self.command, self.path)
        if rule and rule.before == "echo":
            return self._echo()
        if rule and rule.before == "hold":
            rule.reached.set()
            rule.released.wait()
        if rule and (rule.before == "lose" or rule.abandoned):
            return self._lose(rule)
        if rule and rule.before == "replace":
            return self._replace(rule)
        if rule and rule.before == "spoil":
            body = rule.body(body)
        status, headers, answer = self.server.proxy.ask(self.command, self.path, self.headers, body)
        if rule:
            rule.answer = plain_text(headers, answer)
            rule.answered.set()
        if rule and rule.after == "hold":
            rule.reached.set()
            rule.released.wait()
        if rule and rule.after == "lose":
            return self._lose(rule)
        if rule and rule.after == "replace":
            return self._replace(rule)
        return self._answer(status, headers, answer)

    def _lose(self, rule):
        self.close_connection = True
        rule.reached.set()

    def _replace(self, rule):
        """What a load balancer says in place of the engine: no JSON, and nothing about what was done."""
        rule.reached.set()
        page = f"<html><body><h1>{rule.status}</h1></body></html>"
        self._answer(rule.status, [("Content-Type", "text/html")], page.encode())

    def _echo(self):
        """What Elasticsearch 7.10 answers to a header it cannot parse."""
        reason = f"bad request [Authorization: {self.headers['Authorization']}, {self.path}]"
        error = {"error": {"type": "parse_exception", "reason": reason}, "status": 400}
        self._answer(400, [("Content-Type", "application/json")], json.dumps(error).encode())

    def _answer(self, status, headers, answer):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _relay


class Proxy:
    """An HTTP server on 127.0.0.1 that passes every request on to the engine, but for those that a rule names.

    A rule counts for the first request that matches: its method, and a pattern found in its path with query.
    `tls`: the ssl.SSLContext with which it speaks https.
    """

    def __init__(self, engine, tls=None):
        self.engine = urllib.parse.urlsplit(engine.url)
        self._rules, self._lock = [], threading.Lock()
        self.seen = []  # (method, path) of every request that is not refused
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.proxy = self
        if tls:
            # The handshake is the business of the thread that serves the connection.
            self._server.socket = tls.wrap_socket(self._server.socket, True, do_handshake_on_connect=False)
        self.port = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def hold(self, method, pattern, when="after", nth=1):
        """The request is held `before` it reaches the engine, or its answer is, `after` the engine did it.

        `nth`: of those that match, it is this one.
        """
        rule = Rule(method, pattern, *(("hold", None) if when == "before" else (None, "hold")))
        rule.left = nth
        return self._add(rule)

    def lose(self, method, pattern, when="after", for_good=False, nth=1):
        """The connection is closed with no answer: the engine never saw the request (`before`), or did it (`after`).

        `for_good`: so is that of every later request, from the same moment on. `nth`: of those that match, it is this one.
        """
        rule = Rule(method, pattern, *(("lose", None) if when == "before" else (None, "lose")))
        rule.for_good, rule.left = for_good, nth
        return self._add(rule)

    def replace(self, method, pattern, status, when="after", for_good=False, nth=1):
        """The answer is `status` and a page of a load balancer: the engine never saw the request (`before`), or did it.

        `for_good`: every later request loses its connection. `nth`: of those that match, it is this one.
        """
        rule = Rule(method, pattern, *(("replace", None) if when == "before" else (None, "replace")))
        rule.status, rule.for_good, rule.left = status, for_good, nth
        return self._add(rule)

    def echo(self, method, pattern):
        """The request is refused with an error that quotes its Authorization header."""
        return self._add(Rule(method, pattern, "echo", None))

    def spoil(self, method, pattern, body):
        """The engine gets what body(bytes) makes of the request's; .answer is what it says to that."""
        rule = Rule(method, pattern, "spoil", None)
        rule.body = body
        return self._add(rule)

    def close(self):
        # What was held for a program that is dead is not to reach the engine behind the test's back.
        for rule in self._rules:
            rule.abandoned = True
            rule.release()
        self._server.shutdown()
        self._server.server_close()

    def refusal(self, method, path, headers):
        """(status, headers, answer) of a request that is not passed on, or None."""

    def rule_for(self, method, path):
        with self._lock:
            self.seen.append((method, path))
            for rule in self._rules:
                if rule.used and rule.for_good:
                    return Rule(method, ".", "lose", None)
                if not rule.used and rule.method == method and rule.pattern.search(path):
                    rule.left -= 1
                    if rule.left == 0:
                        rule.used = True
                        return rule
        return None

    def ask(self, method, path, headers, body):
        connection = _Connection(self.engine.hostname, self.engine.port, timeout=300)
        own = ("host", "expect", "connection", "content-length")
        wanted = {name: value for name, value in headers.items() if name.lower() not in own}
        try:
            connection.request(method, path, body=body or None, headers=wanted)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _add(self, rule):
        with self._lock:
            self._rules.append(rule)
        return rule


class Answers(Proxy):
    """Answers some requests in the engine's place: for a state of a cluster that cannot be made to last, and for rights,
    which these engines do not have. `answers`: {(method, part of the path): (status, body)}, which may change."""

    def __init__(self, engine, answers):
        super().__init__(engine)
        self.answers = answers

    def refusal(self, method, path, headers):
        for (wanted, part), (status, body) in self.answers.items():
            if wanted == method and part in path:
                self.seen.append((method, path))
                return status, [("Content-Type", "application/json")], body.encode()
        return None


@contextlib.contextmanager
def through_proxy(app, proxy=None):
    """The app's esmigrate reaches the engine through a Proxy, or the one that is given: yields and closes it."""
    proxy = proxy or Proxy(app.engine_server)
    name = f"{app.engine_server.family.upper()}_URL"
    direct = app.env[name]
    app.env[name] = proxy.url
    try:
        yield proxy
    finally:
        app.env[name] = direct
        proxy.close()


def switch_call(app):
    """The how many-th POST /_aliases of a switch moves the alias: Elasticsearch 7.10 refuses one with `must_exist`."""
    return 1 if app.engine_server.family == "opensearch" else 2


@contextlib.contextmanager
def late_bulk(app, name, *lines):
    """The request of a run that was killed, which the engine goes on with for seconds: yields how it is known to be over.

    It waits for the replica of an index `name`, which one node has no place for, and then gives up.
    """
    alias = app.full_name(f"{name}.W1")
    ended = threading.Event()

    def write():
        app.engine("POST", f"{alias}/_bulk?wait_for_active_shards=2&timeout=3s", list(lines))
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: alias in str(app.engine("GET", "_tasks?actions=*write/bulk&detailed=true")))
        yield lambda: ended.wait(0.5)  # its answer takes a moment to arrive here
    finally:
        writer.join()


# ---- a master to break things with

ITEM_INDEX = {
    "settings": {"number_of_shards": 1, "number_of_replicas": 0},
    "mappings": {"dynamic": "strict", "properties": {"title": {"type": "text"}, "amount": {"type": "integer"}}},
}
ITEM_DOCUMENTS = "SELECT id AS _id, changed_at AS _changed_at, title, amount FROM item"


def declare_items(app, rows, documents=ITEM_DOCUMENTS, **files):
    """A table item(id, title, amount, changed_at), old enough for an update to be done with; es_init, item declared.

    title is json, so that a test can put in what no text field takes; amount is text for the same reason.
    """
    app.sql("CREATE TABLE item (id bigint PRIMARY KEY, title json, amount text, changed_at timestamptz NOT NULL)")
    app.sql(
        "INSERT INTO item SELECT n, to_json('Item ' || n), n::text, now() - interval '1 hour'"
        " FROM generate_series(1, %s) n",
        (rows,),
    )
    app.declare("item", index=ITEM_INDEX, documents=documents, **files)
    app.ok("es_init")


def filled_items(app, rows, **options):
    """declare_items(), created, filled and active."""
    declare_items(app, rows, **options)
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    app.ok("es_activate", "item")


def expected_items(app):
    """What the index has to hold: the table as documents by _id."""
    rows = app.sql("SELECT id, title, amount FROM item")
    return {str(row["id"]): {"title": row["title"], "amount": row["amount"]} for row in rows}


class Gate:
    """Stops whoever reads the row `at` of item by documents(), until it is opened.

    It is polled, not waited for as a lock, which esmigrate's lock_timeout would end.
    """

    KEY = 4711

    def __init__(self, app, at):
        self.app = app
        app.sql(
            f"""
            CREATE OR REPLACE FUNCTION gate(id bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
            BEGIN
                WHILE id = {int(at)} AND EXISTS (
                    SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = {self.KEY}
                        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                ) LOOP
                    PERFORM pg_sleep(0.02);
                END LOOP;
                RETURN true;
            END $$
            """
        )
        self._connection = None

    @staticmethod
    def documents():
        return ITEM_DOCUMENTS + " WHERE gate(id)"

    def close(self):
        self._connection = self.app.connect()
        self._connection.execute("SELECT pg_advisory_lock(%s)", (self.KEY,))

    def waiting(self):
        """How many are stopped at it."""
        [row] = self.app.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        )
        return row["count"]

    def wait(self, how_many=1):
        wait_until(lambda: self.waiting() >= how_many)

    def open(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def gated_items(app, rows, at, **files):
    """declare_items() with a Gate, still open, at a row; documents of 1 kB, so that some thousands fill a request."""
    declare_items(app, rows, documents="", **files)
    app.sql("UPDATE item SET title = to_json(repeat('word ', 200) || id)")
    gate = Gate(app, at)
    app.declare("item", documents=gate.documents())
    return gate


def instance(app, number=1):
    """The row of an instance of item."""
    [row] = app.sql("SELECT * FROM esmigrate.index_instance WHERE number = %s", (number,))
    return row


def assert_accounted(row):
    """Rule R4: every document that was sent had one of four ends."""
    ends = row["docs_indexed"] + row["docs_deleted"] + row["docs_superseded"] + row["docs_rejected"]
    assert row["docs_sent"] == ends, row
