"""TESTCARD A11 for mail that goes elsewhere: each of the daemons it meets is stopped for a while, under a load of mail for a host
that takes it, for people here, for both at once, and for recipients whom their host refuses, so that reports come back. Nothing is
lost, and since nobody dies nothing is there twice: what an agent had done it says when it goes on. Who was told to come again
because an answer took too long finds no second copy there when it does."""
import pytest
from conftest import LONG
from dns_server import DnsServer
from lab import wait_for
from load import Ledger, Load, found_in
from remote import RECIPIENTS, arrived_at, check, far_host, settle, started
from reports import reports_in
from stopped import sent_while_stopped

DAEMONS = ["smtp-out", "resolvd", "qmgr", "tlspolicyd", "bounce", "policyd", "authd", "logd"]
SECONDS = 90 if LONG else 0.5
TURNS = [[name] for name in DAEMONS] if LONG else [DAEMONS]         # in scripts/test under one load
SENDERS = 4                                      # each of which has one message under way
PAUSE = 0.1 if LONG else None                    # between two of its messages: all of them are looked at after each daemon
REFUSED = [f"no{number}@refusing.test" for number in range(5)]


def only_known(_, argument):
    return "550 5.1.1 nobody has this address" if "@refusing.test" in argument else "250 2.1.5 ok"


@pytest.fixture(scope="module")
def far():
    with far_host({"RCPT": only_known}, address="127.0.8.1") as server:
        yield server


@pytest.fixture(scope="module")
def dns(far):
    """What it says is forgotten at once, so that every delivery asks."""
    names = {domain: ["0 MX 10 mx.far.test."] for domain in ("far.test", "refusing.test")}
    with DnsServer({**names, "mx.far.test": [f"0 A {far.address}"]}) as server:
        server.negative_ttl = 0
        yield server


@pytest.fixture(scope="module")
def instance(tmp_path_factory, far, dns):
    running = started(tmp_path_factory.mktemp("stopped") / "instance", users=5,
                      settings=[f"dns.servers={dns.at}", "dns.min_ttl=0", "dns.failure_ttl=0", f"outbound.port={far.port}"])
    running.mailctl("domain", "add", "refusing.test", "--backup-mx", "on")
    yield running
    running.kill()


def arrived(instance, far, sender, people):
    """At the host, in the mailboxes here, and of what was refused the reports its sender has got."""
    there = arrived_at(far, RECIPIENTS) | {user.address: found_in(instance.maildir(user)) for user in people}
    there |= {recipient: [] for recipient in REFUSED}
    for report in reports_in(instance.maildir(sender)):
        for recipient in report.recipients:
            there[recipient].append((report.name, report.whole))
    return there


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    return Ledger(tmp_path_factory.mktemp("ledger") / "ledger")


@pytest.mark.parametrize("names", TURNS, ids="-".join)
def test_a11_a_daemon_stopped_for_a_while(instance, far, ledger, say, names):
    sender, *people = [instance.user(number) for number in range(1, 6)]
    loads = [Load(instance, ledger, RECIPIENTS + [user.address for user in people], threads=SENDERS - 1, rate=PAUSE,
                  name=f"{names[0]}-mixed"),
             Load(instance, ledger, REFUSED, threads=1, rate=PAUSE, sender=sender.address, name=f"{names[0]}-refused")]
    what = sent_while_stopped(instance, ledger, loads, names, SECONDS)
    settle(instance)
    there = arrived(instance, far, sender, people)
    again = {name for name in ledger.again if name.startswith(names[0])}
    came = again & {name for found in there.values() for name, _ in found}
    check(instance, ledger, there, 0,
          lambda text: say(f"{what}; {len(again)} told to come again, {len(came)} of which arrived; by now {text}"))
    assert len(came) <= SENDERS             # what qmgr had begun with when it was stopped; not what came to it after that
    wait_for(lambda: not list((instance.dir / "state" / "spool" / "large").iterdir()), "the files of large messages to go")
