"""TESTCARD A1 and A2 for what becomes of mail that another host refuses for good: daemons, or all of them, are killed again and again
while every message ends as a report to its sender. Each gets exactly one: the record that accepts a report ends the recipients it is about
(DESIGN section 5, rule 6), so one that was written and not accepted is written again, and one that was accepted never is; its
delivery into the mailbox is known there by its key (rule 7). There is no window, and nothing may be there twice. What the other host
said is asked again if it was not on disk: it refuses again, and has nothing."""
import collections
import contextlib

import pytest
from conftest import LONG
from killed import daemons_killed, suite_killed
from load import Ledger, Load, wait_taken
from remote import by_one_hop, check, far_host, settle, started
from reports import reports_in

AT_RCPT = [f"no{number}@far.test" for number in range(10)]
AT_THE_END = [f"late{number}@far.test" for number in range(10)]
SENDERS = 3
DAEMONS = ["bounce", "qmgr", "smtp-out", "imapd", "local", "authd"]
KILLS = {"daemons": lambda instance, kills: daemons_killed(instance, DAEMONS, kills), "the whole suite": suite_killed}


def some_later(_, argument):
    return "550 5.1.1 nobody has this address" if argument.startswith("TO:<no") else "250 2.1.5 ok"


@pytest.fixture
def far():
    with far_host({"RCPT": some_later, "content": "554 5.6.0 not such a message"}) as server:
        yield server


@pytest.fixture
def instance(tmp_path, far):
    running = started(tmp_path / "instance", [by_one_hop(far)], users=SENDERS)
    yield running
    running.kill()


@pytest.mark.parametrize("what", KILLS if LONG else ["the whole suite"])
def test_each_refused_message_is_one_report(instance, far, kills, tmp_path, say, what):
    ledger = Ledger(tmp_path / "ledger")
    senders = [instance.user(number) for number in range(1, SENDERS + 1)]
    loads = [Load(instance, ledger, AT_RCPT + AT_THE_END, threads=2, sender=user.address, name=f"{user.address}-") for user in senders]
    with contextlib.ExitStack() as sending:
        for load in loads:
            sending.enter_context(load)
        KILLS[what](instance, kills)
        wait_taken(ledger)
    settle(instance)
    told, times = {recipient: [] for recipient in AT_RCPT + AT_THE_END}, collections.Counter()
    for user in senders:
        for report in reports_in(instance.maildir(user)):
            assert report.name.startswith(user.address)
            times[report.name] += 1
            for recipient in report.recipients:
                told[recipient].append((report.name, report.whole))
    check(instance, ledger, told, 0, lambda text: say(f"{kills} times {what} killed, every message refused: {sum(times.values())} reports, "
                                                      f"of recipients {text}"))
    assert not far.messages and set(times.values()) == {1}
