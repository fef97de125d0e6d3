"""B4: a hundred thousand messages for a host that does not answer, and mail for one that does."""
import json
import time

import pytest

import flood
from conftest import LONG
from honest import percentile
from lab import message, wait_for
from memory import resident
from smtp_server import STALL, SmtpServer

MESSAGES = 100_000 if LONG else 10_000
LIVE = 100
MIB = 1024 * 1024


@pytest.fixture
def program(tmp_path):
    return flood.build(tmp_path)


@pytest.fixture
def dead():
    with SmtpServer({"connect": STALL}, address="127.0.9.1") as server:
        yield server


@pytest.fixture
def live():
    with SmtpServer(extensions=["PIPELINING"], address="127.0.9.2") as server:
        yield server


def arrival_times(instance, server, user):
    """Seconds from connecting to us to the arrival at the other host, one message after the other."""
    waited, before = [], len(server.messages)
    for number in range(before, before + LIVE):
        began = time.monotonic()
        with instance.smtp(user) as session:
            session.sendmail(user.address, [f"r{number}@live.test"], message(f"live-{number}", sender=user.address))
        server.wait_for_messages(number + 1, 60)
        waited.append(time.monotonic() - began)
    return waited


def test_a_hundred_thousand_for_the_dead(start, figure, program, dead, live):
    rules = [f"{domain} via=[{host.address}]:{host.port}" for domain, host in (("dead.test", dead), ("live.test", live))]
    instance = start(f"outbound.destinations={json.dumps(rules)}", "outbound.greeting_timeout=5s", "outbound.first_pause=5s")
    for domain in ("dead.test", "live.test"):
        instance.mailctl("domain", "add", domain, "--backup-mx", "on")
    assert flood.run(program, instance, 50, MESSAGES, users=200, domain="dead.test")["failed"] == 0
    wait_for(lambda: dead.address in instance.mailctl("destination", "list", "--json"), "its first attempts")
    waited = arrival_times(instance, live, instance.user(1))
    figure("B4", f"{MESSAGES} messages for a dead host; live mail, p99 until it arrives, s", percentile(waited, 0.99), "< 2")
    figure("B4", "qmgr's own memory meanwhile, MiB", resident(instance.processes()["qmgr"]) // MIB, "< 300")
    assert percentile(waited, 0.99) < 2
    assert resident(instance.processes()["qmgr"]) < 300 * MIB

    instance.stop()
    began = time.monotonic()
    instance.start()
    wait_for(lambda: instance.log().count("queue.recovered") >= 2, "the queue to be read", 60)
    figure("B4", f"restart with {MESSAGES} messages until they are known, s", time.monotonic() - began, "seconds")
    assert len(arrival_times(instance, live, instance.user(2))) == LIVE
