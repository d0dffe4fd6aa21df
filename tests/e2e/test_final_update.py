"""What is written while an instance is proved: readers do not go back in time at the switch."""

import courses
import pytest
from faults import through_proxy

pytestmark = pytest.mark.either

MASTER = courses.MASTER
QUERY = {"name": "all", "body": {"query": {"match_all": {}}}}


def test_what_is_written_during_the_proof_is_there_after_the_switch(app):
    courses.activated(app, changed=courses.CHANGED)
    courses.declare(app, documents=courses.OTHER_DOCUMENTS, changed=courses.CHANGED)
    courses.declare_queries(app, QUERY)
    app.ok("es_create", MASTER)
    app.ok("es_update", MASTER, "2")
    with through_proxy(app) as proxy:
        # A search of the proof, which comes after the first update.
        held = proxy.hold("POST", "course_search-2/_search", "before")
        switch = app.start("es_activate", MASTER)
        held.wait()
        courses.rename(app, 1, "Written during the proof")
        app.ok("es_update", "course_search-1")
        held.release()
        switch.wait(check=0)
    assert app.alias(MASTER) == [app.full_name("course_search-2")]
    # Its own SQL: in upper case.
    assert app.docs(MASTER)["1"]["title"] == "WRITTEN DURING THE PROOF"


@pytest.mark.parametrize("option", ["--no-update", "--no-verify"])
def test_without_update_or_proof_nothing_is_read_twice(app, option):
    courses.activated(app, changed=courses.CHANGED)
    courses.second_instance(app)
    app.ok("es_update", MASTER, "2")
    before = len(app.history())
    app.ok("es_activate", MASTER, option)
    updates = [row for row in app.history()[before:] if row["action"] == "update"]
    assert len(updates) == {"--no-update": 0, "--no-verify": 1}[option]
