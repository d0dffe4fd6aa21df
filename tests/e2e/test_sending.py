"""How documents are sent: the size of requests, how many at a time, how fast, compressed or not; and merged in the end."""

import gzip
import threading
import time

import pytest
from faults import Proxy, declare_items, expected_items, through_proxy

pytestmark = pytest.mark.either


class Watcher(Proxy):
    """A proxy that looks at the bulk requests, and can be slow or busy at them."""

    def __init__(self, engine):
        super().__init__(engine)
        self.slow = 0
        self.busy = 0  # so many requests are answered with 429
        self.bodies, self.encodings = [], set()
        self.at_once = self.most_at_once = 0
        self.counting = threading.Lock()

    def ask(self, method, path, headers, body):
        if "/_bulk" not in path:
            return super().ask(method, path, headers, body)
        with self.counting:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.bodies.append(body)
            self.encodings.add(headers["Content-Encoding"])
            refused = self.busy > 0
            self.busy -= 1
        time.sleep(self.slow)
        answer = (429, [], b"{}") if refused else super().ask(method, path, headers, body)
        with self.counting:
            self.at_once -= 1
        return answer


def watched(app):
    return through_proxy(app, Watcher(app.engine_server))


def declared(app, rows, **files):
    declare_items(app, rows, **files)
    app.ok("es_create", "item")


def test_requests_are_cut_at_batch_bytes(app):
    declared(app, 3000)
    with watched(app) as watcher:
        app.ok("es_update", "item", "1", "--batch-bytes", "20000")
    assert max(map(len, watcher.bodies)) <= 20000
    assert len(watcher.bodies) <= 1 + sum(map(len, watcher.bodies)) / 18000
    assert app.docs("item-1") == expected_items(app)


def test_a_document_larger_than_batch_bytes_has_a_request_of_its_own(app):
    declared(app, 5)
    app.sql("UPDATE item SET title = to_json(repeat('long ', 2000)) WHERE id = 3")
    with watched(app) as watcher:
        app.ok("es_update", "item", "1", "--batch-bytes", "5000")
    [large] = [body for body in watcher.bodies if len(body) > 5000]
    assert large.count(b"\n") == 2
    assert app.docs("item-1") == expected_items(app)


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_than_max_in_flight_are_sent_at_a_time(app, most):
    declared(app, 4000)
    with watched(app) as watcher:
        watcher.slow = 0.03
        app.ok("es_update", "item", "1", "--batch-bytes", "10000", "--max-in-flight", str(most))
    assert watcher.most_at_once == most
    assert app.docs("item-1") == expected_items(app)


def test_more_are_sent_at_a_time_while_that_makes_it_faster(app):
    """Each request takes as long however many there are: the more the better, up to the default of 6."""
    declared(app, 8000)
    with watched(app) as watcher:
        watcher.slow = 0.05
        for _ in range(5):  # a machine that stands still for a moment looks like an engine that is too slow for more
            app.ok("es_update", "item", "1", "--full", "--batch-bytes", "10000")
            if watcher.most_at_once >= 4:
                break
    assert 4 <= watcher.most_at_once <= 6
    assert app.docs("item-1") == expected_items(app)


def test_an_engine_that_is_busy_gets_fewer_at_a_time(app):
    declared(app, 4000)
    with watched(app) as watcher:
        watcher.slow = 0.02
        watcher.busy = 4
        app.ok("es_update", "item", "1", "--batch-bytes", "20000", "--max-in-flight", "2")
    assert watcher.most_at_once == 2
    assert app.docs("item-1") == expected_items(app)


def test_a_rate_is_kept(app):
    declared(app, 1000)
    with watched(app) as watcher:
        [item] = app.ok("es_update", "item", "1", "--rate", "400")
    assert 2.4 <= item["seconds"] <= 60
    assert len(watcher.bodies) >= 3  # and none of them holds more than the documents of a second
    assert max(body.count(b"\n") for body in watcher.bodies) <= 800
    assert app.docs("item-1") == expected_items(app)


def test_requests_are_compressed_when_asked_for(app):
    declared(app, 3000)
    with watched(app) as watcher:
        [item] = app.ok("es_update", "item", "1", "--compress")
    assert watcher.encodings == {"gzip"}
    plain = b"".join(map(gzip.decompress, watcher.bodies))
    assert plain.count(b"\n") == 6000
    [row] = app.sql("SELECT bytes_sent FROM esmigrate.index_action WHERE id = %s", (item["id"],))
    assert row["bytes_sent"] == sum(map(len, watcher.bodies)) < len(plain) / 3
    assert app.docs("item-1") == expected_items(app)


def test_a_compressed_request_is_sent_again_whole(app):
    declared(app, 2000)
    with watched(app) as watcher:
        watcher.busy = 3
        [item] = app.ok("es_update", "item", "1", "--compress", "--batch-bytes", "50000")
    assert item["retried"] > 0
    assert app.docs("item-1") == expected_items(app)


def test_master_json_says_how_and_the_command_line_beats_it(app):
    declared(app, 3000, master={"batch_bytes": 30000, "max_in_flight": 1, "compress": True, "rate": 100000})
    with watched(app) as watcher:
        app.ok("es_update", "item", "1")
        assert watcher.most_at_once == 1
        assert watcher.encodings == {"gzip"}
        assert max(len(gzip.decompress(body)) for body in watcher.bodies) <= 30000
        watcher.bodies.clear()
        app.ok("es_update", "item", "1", "--full", "--batch-bytes", "10000")
        assert max(len(gzip.decompress(body)) for body in watcher.bodies) <= 10000


def test_an_index_is_merged_to_one_segment_when_asked_for(app):
    declared(app, 2000)
    index = app.full_name("item-1")
    app.ok("es_update", "item", "1", "--batch-bytes", "20000", "--force-merge")
    shards = app.engine_server.must("GET", f"{index}/_segments")["indices"][index]["shards"]
    assert [len(copy["segments"]) for copies in shards.values() for copy in copies] == [1]
    assert app.docs("item-1") == expected_items(app)
