"""What takes minutes: an engine that says nothing any more, and one that is busy for good."""

import pathlib
import time

import pytest
from faults import assert_accounted, declare_items, expected_items, instance, through_proxy, wait_until
from test_sending import Watcher

ROWS = 3000
KEEPALIVE = "02"  # the column `tr` of /proc/net/tcp


def timers(port):
    """Of the connections to a port of this machine: what the kernel's timers of them are for."""
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [fields[5].split(":")[0] for fields in lines if fields[2] == f"0100007F:{port:04X}"]


def declared(app):
    declare_items(app, ROWS, master={"overlap": "0 seconds"})
    app.ok("es_create", "item")


def held_at_bulk(app, proxy):
    """An update whose first request is not answered."""
    held = proxy.hold("POST", "_bulk", when="before")
    process = app.start("es_update", "item", "1")
    held.wait()
    return held, process


def test_a_connection_that_waits_is_kept_alive(app):
    declared(app)
    with through_proxy(app) as proxy:
        held, process = held_at_bulk(app, proxy)
        # Once what was sent is acknowledged, the only timer is that of the next probe.
        wait_until(lambda: KEEPALIVE in timers(proxy.port))
        held.release()
        process.wait(check=0)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_request_that_is_never_answered_is_sent_again_after_five_minutes(app):
    declared(app)
    with through_proxy(app) as proxy:
        _, process = held_at_bulk(app, proxy)
        began = time.monotonic()
        process.wait(check=0, timeout=600)
        assert 290 < time.monotonic() - began < 330
    assert_accounted(app.history()[-1])
    assert app.docs("item-1") == expected_items(app)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_an_engine_that_is_busy_for_good_is_given_up_after_five_minutes(app):
    declared(app)
    watcher = Watcher(app.engine_server)
    watcher.busy = 1_000_000
    with through_proxy(app, watcher):
        process = app.start("es_update", "item", "1")
        result = process.wait(check=6, timeout=600)
    assert 290 < result.seconds < 330
    assert "HINT: What was accepted stays. Run the same command again when the engine is well." in result.err
    assert instance(app)["changed_through"] is None
    assert app.docs("item-1") == {}
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)
