"""Workers at one full update that are killed at random moments, while others write to the source, lose nothing."""

import time

import pytest

import soak
import test_random_kills as kills
from faults import expected_items, instance
from writing import Writers

pytestmark = pytest.mark.either


def shared_round(app, chance, number):
    """A full load of a new instance by three processes, of which some are killed: what was killed."""
    app.ok("es_create", "item", "--force", "--wait-lock=30")
    name = f"item-{number}"
    first = app.start("es_update", name, "--wait-lock=30", "--workers", str(chance.randint(1, 3)))
    others = [app.start("es_update", name, "--join", "--wait-lock=60") for _ in range(2)]
    processes = {"first": first, "a joiner": others[0], "another joiner": others[1]}
    victims = [who for who in processes if chance.random() < 0.5]
    chance.shuffle(victims)
    killed = []
    for who in victims:
        time.sleep(chance.uniform(0, 0.8))
        if processes[who].running:
            processes[who].kill()
            killed.append(who)
    for who, process in processes.items():
        if who not in killed:
            result = process.wait()
            assert result.code == 0 or "no full update of it is running" in result.err, result
    return killed


def kill_workers_at_random(app, kills_wanted, seconds):
    chance = soak.seeded()
    kills.declare(app)
    until = time.monotonic() + seconds
    killed, number = 0, 0
    with Writers(app, kills.ROWS, chance.randrange(1_000_000)) as writers:
        while killed < kills_wanted and time.monotonic() < until:
            number += 1
            victims = shared_round(app, chance, number)
            killed += len(victims)
            with writers.paused():
                if instance(app, number)["state"] != "ready":
                    app.run("es_update", f"item-{number}", "--wait-lock=30", check=0)
                app.run("es_update", f"item-{number}", "--wait-lock=30", check=0)
                lost = soak.differences(app.docs(f"item-{number}"), expected_items(app))
            for who in victims:
                soak.note("kill -9", f"{app.engine_server.family}: shared full load, {who}", lost=lost)
            assert lost == 0, f"{lost} documents are wrong after {victims} were killed"
            app.ok("es_drop", f"item-{number}", "--yes", "--wait-lock=30")
    assert app.sql("SELECT id FROM esmigrate.index_action WHERE status = 'running'") == []
    [shared] = app.sql(
        "SELECT count(*) FROM (SELECT FROM esmigrate.load_range GROUP BY load_id HAVING count(DISTINCT action_id) > 1) s"
    )
    print(f"{killed} killed in {number} full loads, of which {shared['count']} had ranges by several")
    assert killed and shared["count"]


def test_workers_killed_at_random_moments_lose_nothing(app):
    kill_workers_at_random(app, 8, 40)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_workers_killed_at_many_random_moments_lose_nothing(app):
    kill_workers_at_random(app, soak.KILLS, soak.SECONDS)
