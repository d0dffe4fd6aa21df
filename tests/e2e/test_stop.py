"""SIGINT and SIGTERM: what is in flight is finished and accounted for; a second signal aborts."""

import re
import signal
import time

import pytest

from faults import assert_accounted, expected_items, gated_items, instance, through_proxy, wait_until
from messages import plain

pytestmark = pytest.mark.either

ROWS = 20_000
MIDDLE = 16_000  # behind more than one request of five megabytes


@pytest.fixture
def loading(app):
    """A first load that is stopped in its reading while the answer to its first request is held."""
    gate = gated_items(app, ROWS, MIDDLE)
    app.ok("es_create", "item")
    gate.close()
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_bulk")
        process = app.start("es_update", "item", "1")
        held.wait()
        gate.wait()
        yield process, held
        held.release()
    gate.open()


def count(app):
    app.engine_server.must("POST", f"{app.prefix}item-1/_refresh")
    return app.engine_server.must("GET", f"{app.prefix}item-1/_count")["count"]


def assert_the_same_command_goes_on(app):
    app.sql("CREATE OR REPLACE FUNCTION gate(id bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'")
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)
    assert_accounted(app.history()[-1])


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_requests_in_flight_are_finished_and_counted(app, loading, number, code):
    process, held = loading
    process.signal(number)
    wait_until(lambda: "finishing" in process.err)
    assert process.running
    held.release()
    result = process.wait(check=code)
    row = app.history()[-1]
    assert (row["action"], row["status"]) == ("update", "interrupted")
    assert row["docs_indexed"] == count(app) > 0
    assert instance(app)["changed_through"] is None
    [said, *error] = plain(app, result.err).splitlines()[1:]
    assert re.fullmatch(
        r"esmigrate: qa_item-1: finishing \d requests? in flight; press Ctrl-C again to abort", said
    )
    name = "Interrupt" if number == signal.SIGINT else "Terminated"
    assert error == [
        f"esmigrate: error: qa_item-1: stopped by signal {int(number)} ({name})",
        "DETAIL: The index is not filled yet.",
        "HINT: What was accepted stays. To go on: esmigrate es_update item-1",
    ]
    assert_the_same_command_goes_on(app)


def test_a_second_signal_aborts_and_the_row_is_closed(app, loading):
    process, _ = loading
    process.signal(signal.SIGINT)
    wait_until(lambda: "finishing" in process.err)
    aborted = time.monotonic()
    process.signal(signal.SIGINT)
    result = process.wait(check=130)
    assert time.monotonic() - aborted < 9.5  # unanswered it would wait ten seconds
    assert re.search(r"warning: qa_item-1: \d requests? in flight w\w+ not answered; ", plain(app, result.err))
    row = app.history()[-1]
    assert (row["status"], row["docs_indexed"] < count(app)) == ("interrupted", True)
    assert_the_same_command_goes_on(app)


def test_an_engine_that_hangs_is_waited_for_ten_seconds(app, loading):
    process, _ = loading
    stopped = time.monotonic()
    process.signal(signal.SIGTERM)
    wait_until(lambda: "finishing" in process.err)
    result = process.wait(check=143)
    assert 9 < time.monotonic() - stopped < 60
    assert re.search(r"warning: qa_item-1: \d requests? in flight w\w+ not answered; ", plain(app, result.err))
    assert app.history()[-1]["status"] == "interrupted"
