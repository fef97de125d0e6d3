"""TESTCARD A9: how many flushes a message costs, counted by strace; none would mean an unkept promise.

Its limits are for local mail: two for a message that comes alone (the journal, and what makes the mailbox durable), half a flush
for each of fifty at a time. The same hold for mail that goes elsewhere, and for a like reason. Such a message is on disk twice,
when it is accepted and when its outcome is (DESIGN section 5, rule 9), and no mailbox is touched: alone that is two flushes and
nothing else may cost one. Under load each of the two is shared, by those who come together and by those whose replies do, which
outbound.concurrency lets be twenty at one destination. The second flush may not be saved as that of a mailbox is, by a
checkpoint a second later: until it is made, a crash sends the message again.

When is told as well as how many: between the write of a message and its 250 the flush of that write, and between the other
host's 250 and our word that the message is delivered a write and its flush. Both are looked for in the order of the system calls."""
import os
import re
import shutil
import statistics
import subprocess

import pytest

from lab import ROOT, wait_for
from outbound import Sender
from strace import FLUSHES, Strace

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("strace"), reason="needs root and strace")

MESSAGES = 100
MAILBOXES = 20
LIMITS = pytest.mark.parametrize("at_once, most", [(1, 2.0), (50, 0.5)])
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"         # of a queue id; its last 32 bits are the place of its record


@pytest.fixture(scope="module")
def load_tool(tmp_path_factory):
    """../shared/bench/smtp_load.c: one connection per message, as many at once as asked."""
    tool = tmp_path_factory.mktemp("tool") / "smtp_load"
    source = ROOT.parent / "shared" / "bench" / "smtp_load.c"
    subprocess.run(["cc", "-O2", "-o", str(tool), str(source), "-lssl", "-lcrypto"], check=True)
    return tool


def load(instance, tool, at_once, count, domain="lab.test"):
    subprocess.run([str(tool), "-h", "127.0.0.1", "-p", str(instance.port("smtp")), "-s", str(at_once), "-m", str(count),
                    "-l", "4096", "-u", str(MAILBOXES), "-D", domain], check=True, capture_output=True)
    wait_for(lambda: instance.queue_length() == 0, "the queue to empty", 60)


def messages_for(at_once):
    return MESSAGES if at_once == 1 else 10 * MESSAGES


@LIMITS
def test_a9_flushes_per_message(instance, load_tool, tmp_path, at_once, most):
    load(instance, load_tool, MAILBOXES, MAILBOXES)      # a mailbox's first message makes its index
    strace = Strace(instance, tmp_path)
    count = messages_for(at_once)
    load(instance, load_tool, at_once, count)
    flushes = len([call for call in strace.stop() if call.name in FLUSHES])
    assert 0 < flushes <= most * count


# ---- mail for another host ---------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def sender(tmp_path_factory, dns):
    running = Sender(tmp_path_factory.mktemp("sender"), dns)
    running.start()
    running.mailctl("domain", "add", "far.test", "--backup-mx", "on")
    yield running
    running.stop()


def taken(session, _):
    """The other host says in its 250 which message it took."""
    return "250 2.6.0 taken " + re.search(rb"\bid ([0-9A-Z]{26})", session.chunks)[1].decode()


@pytest.fixture(scope="module")
def far(sender, dns):
    with sender.server({"content": taken}, extensions=["PIPELINING", "CHUNKING", "8BITMIME"]) as server:
        dns.set("far.test", "MX 10 mx.far.test.")
        dns.set("mx.far.test", f"A {server.address}")
        yield server


def place_of(queue_id):
    value = 0
    for digit in queue_id[-7:]:
        value = value << 5 | DIGITS.index(digit)
    return value & 0xFFFFFFFF


class Batch:
    """Records that were written to the journal at once, and when their flush was over; never, if it failed or was not made."""

    def __init__(self, write, flushes):
        size, at = re.search(r", (\d+), (\d+)\) += \d+$", write.text).groups()
        self.first, self.end, self.begun = int(at), int(at) + int(size), write.begun
        flush = next((call for call in flushes if call.begun > write.ended and call.path() == write.path() and call.worked), None)
        self.flushed, self.time = (flush.ended, flush.time) if flush else (float("inf"), float("inf"))


def batches_of(calls):
    flushes = [call for call in calls if call.name == "fdatasync"]
    return [Batch(call, flushes) for call in calls if call.name == "pwrite64" and re.search(r"/journal/\d+\.log$", call.path())]


def said(calls, pattern):
    """{queue id: the call in which it was said}."""
    return {queue_id: call for call in calls for queue_id in re.findall(pattern, call.text)}


class Promises:
    """What was said of each message, and what was on disk before."""

    def __init__(self, calls):
        sent, read = ([call for call in calls if call.name in names] for names in (("sendto", "writev"), ("readv", "read")))
        self.batches = batches_of(calls)
        self.accepted = said(sent, r"250 2\.0\.0 Queued as ([0-9A-Z]{26})")
        self.taken = said(read, r"250 2\.6\.0 taken ([0-9A-Z]{26})")
        # An event is its fields with their lengths; strace writes a length's last octet as \000 before a digit.
        self.recorded = said(sent, r"delivery\.delivered\\\d\\0\\0\\0\\5\\0\\0\\0queue\\32\\0\\0\\0(?:00)?([0-9A-Z]{26})")

    def not_flushed_before_our_250(self):
        return [queue_id for queue_id, reply in self.accepted.items()
                if not any(batch.first <= place_of(queue_id) < batch.end and batch.flushed < reply.begun for batch in self.batches)]

    def record_of(self, queue_id):
        """The first batch that can have it: written and flushed after the other host's 250, before it was told."""
        return next((batch for batch in self.batches if queue_id in self.taken and
                     self.taken[queue_id].ended < batch.begun and batch.flushed < self.recorded[queue_id].begun), None)

    def not_flushed_after_their_250(self):
        return [queue_id for queue_id in self.recorded if not self.record_of(queue_id)]


@LIMITS
def test_a9_flushes_per_message_that_goes_elsewhere(sender, far, load_tool, tmp_path, say, at_once, most):
    load(sender, load_tool, MAILBOXES, MAILBOXES, "far.test")       # connections, names, and how many at a time: known
    strace = Strace(sender, tmp_path, also=("pwrite64", "sendto", "writev", "readv", "read"), shown=65536)
    count = messages_for(at_once)
    load(sender, load_tool, at_once, count, "far.test")
    wait_for(lambda: strace.seen("delivery.delivered") >= count, "the last events")
    calls = strace.stop()
    flushes = [call for call in calls if call.name in FLUSHES]
    kept, unkept = Promises(calls), Promises([call for call in calls if call.name not in FLUSHES])
    windows = [kept.record_of(queue_id).time - kept.taken[queue_id].time for queue_id in kept.recorded if kept.record_of(queue_id)]
    say(f"mail for another host, {at_once} at a time: {len(flushes) / count:.3f} flushes per message ("
        + ", ".join(f"{name} {number}" for name, number in strace.by_process(flushes).items())
        + f" for {count}), {len(kept.batches)} batches; from the other host's 250 to the flush of its record, under strace: "
        f"{1000 * statistics.median(windows):.1f} ms, at most {1000 * max(windows):.1f} ms")
    assert 0 < len(flushes) <= most * count
    assert [len(kept.accepted), len(kept.taken), len(kept.recorded)] == [count] * 3
    assert kept.not_flushed_before_our_250() == [] and kept.not_flushed_after_their_250() == []
    # That it would be seen: the same run without its flushes.
    assert len(unkept.not_flushed_before_our_250()) == len(unkept.not_flushed_after_their_250()) == count
