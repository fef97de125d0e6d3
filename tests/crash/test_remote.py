"""TESTCARD A1 and A2 for mail that goes to another host: nothing acknowledged is lost or damaged. It may arrive twice only where the
other host had answered and that was not on disk yet: at most what was under way at a kill (DESIGN section 5, rule 9)."""
import random
import time

import pytest
from killed import daemons_killed, suite_killed
from load import Ledger, Load, wait_taken
from remote import AT_ONCE, RECIPIENTS, arrived_at, by_one_hop, check, far_host, settle, started

DAEMONS = ["smtp-out", "qmgr", "resolvd", "smtpd", "bounce", "authd"]


@pytest.fixture
def far():
    with far_host() as server:
        yield server


@pytest.fixture
def sender(tmp_path, far):
    instance = started(tmp_path / "instance", [by_one_hop(far)])
    yield instance
    instance.kill()


def settle_and_check(instance, far, ledger, say, what, kills):
    settle(instance)
    # A message is for three recipients at most.
    check(instance, ledger, arrived_at(far, RECIPIENTS), kills * AT_ONCE * 3,
          lambda text: say(f"{what}: {len(far.messages)} messages arrived elsewhere, {text}"))


def test_single_daemons_killed(sender, far, kills, tmp_path, say):
    ledger = Ledger(tmp_path / "ledger")
    with Load(sender, ledger, RECIPIENTS):
        daemons_killed(sender, DAEMONS, kills)
        wait_taken(ledger)
    settle_and_check(sender, far, ledger, say, f"{kills} daemons killed", kills)


def test_whole_suite_killed(sender, far, kills, tmp_path, say):
    ledger = Ledger(tmp_path / "ledger")
    with Load(sender, ledger, RECIPIENTS):
        suite_killed(sender, kills)
        wait_taken(ledger)
    settle_and_check(sender, far, ledger, say, f"{kills} times the whole suite killed", kills)


def test_a_host_that_breaks_off_gets_everything_in_the_end(sender, far, tmp_path, say):
    """One that dies in each part of a transaction in turn, and then does not."""
    rng = random.Random()
    ledger = Ledger(tmp_path / "ledger")
    with Load(sender, ledger, RECIPIENTS):
        for event in ("connect", "EHLO", "MAIL", "RCPT", "BDAT"):
            far.behave(event, "421 4.3.2 going down")
            time.sleep(rng.uniform(0.2, 0.5))
            far.script.pop(event)
        wait_taken(ledger)
    settle_and_check(sender, far, ledger, say, "a host that broke off", 1)
