"""TESTCARD A1 and A2 for mail that goes to another host: nothing acknowledged is lost or damaged. It may arrive twice only where the
other host had answered and that was not on disk yet: at most what was under way at a kill (DESIGN section 5, rule 9)."""
import contextlib
import os
import random
import signal
import time

import pytest
from lab import Instance, wait_for
from load import Ledger, Load, judge, read_back, wait_answering
from smtp_server import SmtpServer

RECIPIENTS = [f"r{number:02}@far.test" for number in range(20)]
AT_ONCE = 20                                     # outbound.concurrency
DAEMONS = ["smtp-out", "qmgr", "resolvd", "smtpd", "bounce", "authd"]


@pytest.fixture
def far():
    with SmtpServer(extensions=["PIPELINING", "CHUNKING", "8BITMIME"]) as server:
        yield server


@pytest.fixture
def sender(tmp_path, far):
    instance = Instance(tmp_path / "instance", settings=[f"outbound.destinations=far.test via=[127.0.0.1]:{far.port}",
                                                         "outbound.first_pause=1s", "outbound.longest_pause=1s",
                                                         "queue.retry_delays=1s"])
    instance.start()
    instance.mailctl("domain", "add", "far.test", "--backup-mx", "on")
    yield instance
    instance.kill()


def settle_and_check(instance, far, ledger, capsys, what, kills):
    wait_for(lambda: instance.queue_length() == 0, "the queue to empty", 120)
    arrived = {account: [] for account in RECIPIENTS}
    for message in list(far.messages):
        for recipient in message.recipients:
            arrived[recipient].append(read_back(message.data))
    result = judge(ledger, arrived)
    with capsys.disabled():
        print(f"\n{what}: {len(ledger.acknowledged)} messages acknowledged, {len(far.messages)} arrived elsewhere, {len(ledger.open)} "
              "unanswered; " + ", ".join(f"{len(found)} {kind}" for kind, found in result.items()))
    assert len(ledger.acknowledged) > 0
    assert {kind: result[kind] for kind in ("lost", "damaged", "unexpected")} == {"lost": [], "damaged": [], "unexpected": []}
    assert len(result["twice"]) <= kills * AT_ONCE * 3           # a message is for three recipients at most
    log = instance.log()
    assert "queue.conservation" not in log and "queue.damage" not in log and "queue.corrupt" not in log


def wait_taken(ledger):
    before = len(ledger.acknowledged)
    wait_for(lambda: len(ledger.acknowledged) > before, "mail to be taken")


def test_single_daemons_killed(sender, far, kills, tmp_path, capsys):
    rng = random.Random()
    ledger = Ledger(tmp_path / "ledger")
    with Load(sender, ledger, RECIPIENTS):
        for number in range(kills):
            time.sleep(rng.uniform(0.05, 1.0))           # where in the work the kill falls is the test's dice
            name = DAEMONS[number % len(DAEMONS)]
            pids = wait_for(lambda: sender.processes().get(name), f"{name} to run")
            with contextlib.suppress(ProcessLookupError):
                os.kill(rng.choice(pids), signal.SIGKILL)
            wait_answering(sender.port("smtp"))
        wait_taken(ledger)
    settle_and_check(sender, far, ledger, capsys, f"{kills} daemons killed", kills)


def test_whole_suite_killed(sender, far, kills, tmp_path, capsys):
    rng = random.Random()
    ledger = Ledger(tmp_path / "ledger")
    with Load(sender, ledger, RECIPIENTS):
        for _ in range(kills):
            time.sleep(rng.uniform(0.05, 1.0))
            sender.kill()
            sender.lab("start")
        wait_taken(ledger)
    settle_and_check(sender, far, ledger, capsys, f"{kills} times the whole suite killed", kills)


def test_a_host_that_breaks_off_gets_everything_in_the_end(sender, far, tmp_path, capsys):
    """One that dies in each part of a transaction in turn, and then does not."""
    rng = random.Random()
    ledger = Ledger(tmp_path / "ledger")
    with Load(sender, ledger, RECIPIENTS):
        for event in ("connect", "EHLO", "MAIL", "RCPT", "BDAT"):
            far.behave(event, "421 4.3.2 going down")
            time.sleep(rng.uniform(0.2, 0.5))
            far.script.pop(event)
        wait_taken(ledger)
    settle_and_check(sender, far, ledger, capsys, "a host that broke off", 1)
