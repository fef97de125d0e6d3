"""TESTCARD A1, A2 and A11: daemons die one by one, and all at once, or are stopped, under load. Nothing acknowledged is lost, damaged
or delivered twice."""
import pytest
from conftest import LONG, USERS
from killed import daemons_killed, suite_killed
from lab import wait_for
from load import Ledger, Load, compare, found_in, wait_taken
from stopped import sent_while_stopped

DAEMONS = ["smtpd", "qmgr", "local", "imapd", "authd", "policyd", "keyd", "logd", "imap-login"]


def settle_and_check(instance, ledger, say, what, answers, cut):
    wait_for(lambda: instance.queue_length() == 0, "the queue to empty", 120)
    users = [instance.user(number).address for number in range(1, USERS + 1)]
    result = compare(ledger, {user: instance.maildir(instance.user(number)) for number, user in enumerate(users, 1)})
    copies = sum(len(accounts) for accounts, _ in ledger.acknowledged.values())
    slowest = f", answering again within {max(answers):.2f} s" if answers else ""
    say(f"{what}: {len(ledger.acknowledged)} messages acknowledged, {copies} copies, {cut} connections cut, "
        f"{len(ledger.open)} unanswered{slowest}; " + ", ".join(f"{len(found)} {kind}" for kind, found in result.items()))
    assert len(ledger.acknowledged) > 0
    assert result == {"lost": [], "damaged": [], "twice": [], "unexpected": []}
    log = instance.log()
    assert "queue.conservation" not in log and "queue.damage" not in log and "queue.corrupt" not in log
    check_index(instance)


def check_index(instance):
    """The index agrees with the files: as many messages by IMAP as there are."""
    for number in range(1, USERS + 1, 5):
        user = instance.user(number)
        with instance.imap(user) as client:
            _, count = client.select("INBOX", readonly=True)
            assert int(count[0]) == len(found_in(instance.maildir(user)))


def senders(instance, ledger):
    return Load(instance, ledger, [instance.user(number).address for number in range(1, USERS + 1)])


def test_a1_single_daemons_killed(instance, kills, tmp_path, say):
    ledger = Ledger(tmp_path / "ledger")
    with senders(instance, ledger) as load:
        answers = daemons_killed(instance, DAEMONS, kills, apart=1.5)
        wait_taken(ledger)
    settle_and_check(instance, ledger, say, f"{kills} daemons killed", answers, load.cut)


def test_a2_whole_suite_killed(instance, kills, tmp_path, say):
    ledger = Ledger(tmp_path / "ledger")
    with senders(instance, ledger) as load:
        answers = suite_killed(instance, kills, apart=1.5)
        wait_taken(ledger)
    settle_and_check(instance, ledger, say, f"{kills} times the whole suite killed", answers, load.cut)


@pytest.mark.parametrize("name", ["qmgr", "local", "imapd", "smtpd", "authd"])
def test_a11_a_daemon_stopped_for_a_while(instance, tmp_path, say, name):
    ledger = Ledger(tmp_path / "ledger")
    load = senders(instance, ledger)
    what = sent_while_stopped(instance, ledger, [load], [name], 90 if LONG else 2)
    settle_and_check(instance, ledger, say, what, [], load.cut)
