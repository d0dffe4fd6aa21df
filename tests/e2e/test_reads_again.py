"""What only reads is asked of the engine again, for a moment, before a command fails of it."""

import courses
import pytest
from faults import through_proxy

pytestmark = pytest.mark.either

MASTER = courses.MASTER
INDEX = f"{MASTER}-1$"


def times(proxy, wanted):
    return [(method, path) for method, path in proxy.seen if (method, path) == wanted]


@pytest.mark.parametrize("fault", ["lost", 429, 502, 503, 504])
def test_a_read_that_fails_once_is_made_again(app, fault):
    courses.filled(app)
    with through_proxy(app) as proxy:
        if fault == "lost":
            proxy.lose("GET", INDEX)
        else:
            proxy.replace("GET", INDEX, fault)
        app.ok("es_activate", MASTER)
    assert app.alias(MASTER) == [app.full_name("course_search-1")]


@pytest.mark.parametrize("status", [400, 403, 500])
def test_an_answer_that_another_try_would_not_change_is_final(app, status):
    courses.filled(app)
    with through_proxy(app) as proxy:
        proxy.replace("GET", INDEX, status)
        result = app.fails(6, "es_activate", MASTER)
    assert f"HTTP {status}" in result.err


def test_one_that_goes_on_failing_is_given_up_within_seconds(app):
    courses.filled(app)
    with through_proxy(app) as proxy:
        proxy.lose("GET", INDEX, for_good=True)
        result = app.fails(6, "es_activate", MASTER)
        tries = times(proxy, ("GET", f"/{app.full_name('course_search-1')}"))
    assert 2 <= len(tries) and 2 < result.seconds < 60


def test_what_writes_is_never_made_again_blindly(app):
    courses.filled(app)
    with through_proxy(app) as proxy:
        proxy.replace("POST", "_aliases", 503, "before")
        app.fails(6, "es_activate", MASTER)
        assert len(times(proxy, ("POST", "/_aliases"))) == 1
