"""TESTCARD A7 for mail that goes elsewhere: the queue's file system has no room left, or no inode. What was accepted is delivered all the
same, what cannot be kept is refused, and mail is taken again when there is room. File systems of memory: the mounts go with the group."""
import contextlib
import itertools
import pathlib
import random
import smtplib

import pytest

from lab import wait_for
from load import Ledger, judge, message, read_back
from namespaces import run
from postern import AGAIN, Postern

SIZE, INODES = "96m", 600
numbers = itertools.count(1)


@pytest.fixture
def far(network, scripted):
    v4, _ = network.address()
    there = scripted(v4, extensions=["PIPELINING", "CHUNKING", "8BITMIME"])
    there.domain = network.publish_mx(f"full{next(numbers)}.{AGAIN}", v4)
    there.recipients = [f"r{number}@{there.domain}" for number in range(5)]
    return there


@pytest.fixture
def small(network, far):
    """A Postern whose state is on a file system of its own: small.state."""
    directory = network.directory("small")
    state = directory / "state"
    state.mkdir(parents=True)
    run("mount", "-t", "tmpfs", "-o", f"mode=755,size={SIZE},nr_inodes={INODES}", "none", state)
    running = Postern(directory, network.authority, settings=["queue.segment_size=4MiB", "queue.live_segments=2", "queue.min_free=16MiB"],
                      addresses=())
    running.state = state
    running.start()
    running.mailctl("domain", "add", far.domain, "--backup-mx", "on")
    yield running
    running.kill()
    run("umount", state)


class Fill:
    """Takes what room there is, or every inode; gives it back at the end."""

    def __init__(self, state, what):
        self.at, self.what, self.made = pathlib.Path(state) / "fill", what, 0
        self.at.mkdir()

    def __enter__(self):
        with contextlib.suppress(OSError):
            if self.what == "room":
                with open(self.at / "room", "wb") as file:
                    while file.write(bytes(1 << 20)):
                        file.flush()
            while self.what == "inodes":
                (self.at / str(self.made)).touch()
                self.made += 1
        return self

    def __exit__(self, *_):
        for path in self.at.iterdir():
            path.unlink()


class Sending:
    """One message after the other, each noted before it is sent and when it is accepted."""

    def __init__(self, instance, far, directory):
        self.instance, self.far, self.ledger, self.dice, self.number = instance, far, Ledger(directory / "ledger"), random.Random(), 0

    def one(self, size):
        """The first reply that was not positive, or 250."""
        self.number += 1
        name = f"full-{self.number}"
        text, digest = message(name, size, self.dice)
        rcpt = self.dice.choice(self.far.recipients)
        self.ledger.sending(name)
        with smtplib.SMTP("127.0.0.1", self.instance.port("smtp"), local_hostname="client.example", timeout=60) as client:
            try:
                client.sendmail("sender@other.test", [rcpt], text)
            except smtplib.SMTPDataError as refused:         # it may have been taken all the same
                return refused.smtp_code
            except smtplib.SMTPRecipientsRefused as refused:
                self.ledger.refused(name)
                return refused.recipients[rcpt][0]
            except smtplib.SMTPSenderRefused as refused:
                self.ledger.refused(name)
                return refused.smtp_code
        self.ledger.accepted(name, [rcpt], digest)
        return 250


    def check(self):
        """All that was accepted is there, whole."""
        wait_for(lambda: not self.instance.queued(), "the queue to empty", 60)
        arrived = {rcpt: [] for rcpt in self.far.recipients}
        for taken in list(self.far.messages):
            for rcpt in taken.recipients:
                arrived[rcpt].append(read_back(taken.data))
        assert judge(self.ledger, arrived) == {"lost": [], "damaged": [], "twice": [], "unexpected": []}
        self.instance.account()


@pytest.mark.parametrize("what", ["room", "inodes"])
@pytest.mark.parametrize("size", [4_000, 600_000], ids=["in the journal", "in files"])
def test_the_queue_has_nothing_left(small, far, tmp_path, what, size):
    sending = Sending(small, far, tmp_path)
    far.behave("RCPT", "450 4.2.1 later")
    accepted = [sending.one(size) for _ in range(10)]
    assert accepted == [250] * 10
    with Fill(small.state, what):
        codes = [sending.one(size) for _ in range(20)]
        while what == "room" and codes[-1] == 250:           # free space is looked at once a second
            codes.append(sending.one(size))
        assert set(codes) <= {250, 451, 452}, codes
        assert codes[-1] == 250 if (what, size) == ("inodes", 4_000) else codes[-1] != 250, codes      # the journal has its files
        far.script.pop("RCPT")
        wait_for(lambda: len(far.messages) >= codes.count(250) + 10, "what was accepted to be delivered though nothing is left", 60)
    wait_for(lambda: sending.one(size) == 250, "mail to be taken again", 30)
    sending.check()


@pytest.mark.parametrize("what", ["room", "inodes"])
def test_a_start_with_nothing_left(small, far, tmp_path, what):
    """Killed while it is full, and started: what is in the queue goes out; what comes in has to wait."""
    sending = Sending(small, far, tmp_path)
    far.behave("RCPT", "450 4.2.1 later")
    assert [sending.one(4_000) for _ in range(20)] == [250] * 20
    with Fill(small.state, what):
        small.kill()
        small.lab("start")
        far.script.pop("RCPT")
        wait_for(lambda: len(far.messages) >= 20, "what was accepted to be delivered", 60)
    wait_for(lambda: sending.one(4_000) == 250, "mail to be taken again", 30)
    sending.check()
