"""Mail for other hosts: an instance that sends it soon and again soon, the hosts, and what arrived at them."""
import json

from lab import Instance, wait_for
from load import judge, read_back
from smtp_server import SmtpServer

RECIPIENTS = [f"r{number:02}@far.test" for number in range(20)]
AT_ONCE = 20                                     # outbound.concurrency
SOON = ["outbound.first_pause=1s", "outbound.longest_pause=1s", "queue.retry_delays=1s"]


def far_host(script=None, **more):
    return SmtpServer(script, extensions=["PIPELINING", "CHUNKING", "8BITMIME"], **more)


def by_one_hop(far):
    """The setting by which everything for far.test goes there, whatever the DNS says."""
    return f"outbound.destinations=far.test via=[127.0.0.1]:{far.port}"


def started(directory, settings, users=0):
    instance = Instance(directory, users=users, settings=[*SOON, *settings])
    instance.start()
    instance.mailctl("domain", "add", "far.test", "--backup-mx", "on")
    return instance


def arrived_at(far, recipients):
    """{recipient: [(name, whole)]} of what a host took."""
    arrived = {recipient: [] for recipient in recipients}
    for message in list(far.messages):
        for recipient in message.recipients:
            arrived[recipient].append(read_back(message.data))
    return arrived


def settle(instance):
    """Nothing waits, for an answer of the DNS neither."""
    wait_for(lambda: not json.loads(instance.mailctl("queue", "list", "--json")), "the queue to empty", 120)


def check(instance, ledger, arrived, twice_at_most, say):
    """Everything is there, whole; what is there twice is so in the window, and counted."""
    result = judge(ledger, arrived)
    say(f"{len(ledger.acknowledged)} messages acknowledged, {len(ledger.open)} unanswered; "
        + ", ".join(f"{len(found)} {kind}" for kind, found in result.items()))
    assert len(ledger.acknowledged) > 0
    twice = result.pop("twice")
    assert result == {"lost": [], "damaged": [], "unexpected": []}
    assert len(twice) <= twice_at_most, twice
    log = instance.log()
    assert "queue.conservation" not in log and "queue.damage" not in log and "queue.corrupt" not in log
