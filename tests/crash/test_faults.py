"""TESTCARD A5, A6, A8: the N-th system call of a kind fails, or is the last one before a kill, in the real daemons, for
each N until the work makes no more such calls. The same loops run call by call over models in tests/unit; this is the
check that the models are right."""
import contextlib
import dataclasses
import imaplib
import itertools
import os
import pathlib
import random
import re
import shutil
import smtplib
import time

import pytest
from conftest import LONG, USERS
from injected import Injected
from lab import Instance, User, wait_for
from load import BREAKS, Ledger, compare, found_in, message

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("strace"), reason="needs root and strace")

LAST = int(os.environ.get("FAULT_CALLS", 25 if LONG else 1))     # of the N, should the calls never end


@dataclasses.dataclass(frozen=True)
class Row:
    """A daemon, what it is given to do, the calls that fail in turn, and those that do so in scripts/test."""
    daemon: str
    work: str
    calls: str
    short: str
    faults: tuple = ("error=EIO", "signal=KILL")


ROWS = [
    Row("qmgr", "mail", "openat pwrite64 pread64 fdatasync fsync renameat unlinkat close", "pwrite64 fdatasync openat",
        ("error=EIO", "error=ENOSPC", "signal=KILL")),
    Row("imapd", "mail", "openat2 mkdirat writev renameat syncfs openat pwrite64 close", "renameat syncfs"),
    Row("imapd", "append", "openat2 write writev pwrite64 openat fsync fdatasync syncfs renameat ftruncate unlink close",
        "fsync pwrite64", ("error=EIO", "error=ENOSPC", "signal=KILL")),
    Row("local", "mail", "recvmsg sendmsg epoll_ctl close", "sendmsg"),
    Row("authd", "account", "pwrite64 fdatasync pread64 openat ftruncate", "pwrite64 fdatasync"),
]


class Work:
    """Things to ask the suite for; each notes what it was promised."""

    def __init__(self, instance, directory):
        self.instance = instance
        self.ledger = Ledger(directory / "ledger")
        self.users = [instance.user(number).address for number in range(1, USERS + 1)]
        self.accounts, self.seen, self.dice = [], directory / "strace", random.Random()
        self.numbers = itertools.count(1)

    def mail(self, name):
        """One for the journal, and one that gets a file of its own (queue.inline_limit)."""
        user = self.instance.user(self.dice.randint(1, USERS))
        return all([self.deliver(f"{name}-{size}", user, size) == 250 for size in (4000, 300000)])

    def deliver(self, name, user, size):
        """The answer to DATA; None when the connection broke."""
        text, digest = message(name, size, self.dice)
        self.ledger.sending(name)
        with contextlib.suppress(*BREAKS), smtplib.SMTP("127.0.0.1", self.instance.port("smtp"), timeout=60) as client:
            try:
                client.sendmail("sender@other.test", [user.address], text)
            except smtplib.SMTPDataError as refused:
                return refused.smtp_code
            self.ledger.accepted(name, [user.address], digest)
            return 250

    def append(self, name):
        text, digest = message(name, self.dice.choice([500, 4000, 100000]), self.dice)
        number = self.dice.randint(1, USERS)
        with contextlib.suppress(OSError, imaplib.IMAP4.error), self.instance.imap(self.instance.user(number)) as client:
            self.ledger.sending(name)
            if client.append("INBOX", None, None, text.encode())[0] == "OK":
                self.ledger.accepted(name, [self.users[number - 1]], digest)
        return name in self.ledger.acknowledged

    def account(self, name):
        made = User(f"{name}@lab.test", f"password-{name}")
        with contextlib.suppress(AssertionError):          # mailctl said no
            self.instance.mailctl("account", "add", made.address, stdin=f"{made.password}\n".encode())
            self.accounts.append(made)
        return made in self.accounts

    def some(self, kind):
        """One more of it, and whether it was promised."""
        return getattr(self, kind)(f"{kind}-{next(self.numbers)}")

    def well_started(self, daemon):
        """Its pid once it has served for a second: then master starts it again at once when it dies, without a back-off."""
        for pid in self.instance.processes().get(daemon, []):
            begun = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
            if time.clock_gettime(time.CLOCK_BOOTTIME) - begun > 1.5:
                return pid
        return None

    def settled(self):
        return self.instance.queue_length() == 0

    def check(self):
        """From the disk: everything is killed first, and starts again by itself."""
        self.instance.kill()
        self.instance.lab("start")
        wait_for(self.settled, "the queue to empty", 120)
        result = compare(self.ledger, {user: self.instance.maildir(self.instance.user(number))
                                       for number, user in enumerate(self.users, 1)})
        assert result == {"lost": [], "damaged": [], "twice": [], "unexpected": []}
        for account in self.accounts:
            self.instance.imap(account).logout()


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    """Without the system call filter: to inject an error strace makes the call number -1, which the filter kills."""
    running = Instance(tmp_path_factory.mktemp("faults") / "instance", users=USERS,
                       settings=["server.seccomp=false", "processes.imapd=1", "processes.local=1"])
    running.start()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def work(instance, tmp_path_factory):
    return Work(instance, tmp_path_factory.mktemp("work"))


def meet(work, row, call, how, n):
    """The N-th call meets its fault while there is work; whether there was an N-th call, and how long until it works again."""
    pid = wait_for(lambda: work.well_started(row.daemon), f"{row.daemon} to run")
    with Injected(pid, f"{call}:{how}:when={n}", work.seen) as injected:
        work.some(row.work)
        # What follows the answer is met too: the delivery, its checkpoint. Earlier mail may be waiting for its next try.
        with contextlib.suppress(AssertionError):
            wait_for(lambda: row.work != "mail" or injected.calls() >= n or work.settled(), "the call", 3)
        met = injected.calls() >= n
    begun = time.monotonic()
    wait_for(lambda: work.some(row.work), f"{row.work} after {row.daemon}'s {call} {n} {how}", 30)
    return met, time.monotonic() - begun


def meet_each(work, row, how):
    """Each of the row's calls, each N of it until there is no more: how many met their fault, and that in words."""
    met, slowest = {}, 0
    for call in (row.calls if LONG else row.short).split():
        for n in range(1, LAST + 1):
            there, seconds = meet(work, row, call, how, n)
            if not there:
                break
            met[call], slowest = n, max(slowest, seconds)
    assert met
    return sum(met.values()), (f"{how}, N up to {LAST}: " + ", ".join(f"{call} {n} times" for call, n in met.items())
                               + f"; working again within {slowest:.1f} s")


def flushed(text, call):
    """The files of a trace that were flushed, in order, and whether it failed: [(path, failed)]."""
    return [(found[1], "(INJECTED)" in line) for line in text.splitlines()
            if (found := re.search(rf"\b{call}\(\d+<([^>]*)>", line))]


def test_a8_a_segment_whose_flush_failed_is_left(work):
    """After a failed flush the kernel may call the pages clean (ATC 2020, "Can applications recover from fsync failures?"):
    no later flush of that file acknowledges anything."""
    pid = work.instance.processes()["qmgr"][0]
    user = work.instance.user(1)
    with Injected(pid, "fdatasync:error=EIO:when=1", work.seen, also=["pwrite64"]) as injected:
        assert work.deliver("a8-refused", user, 4000) == 451
        assert work.deliver("a8-taken", user, 4000) == 250
        wait_for(work.settled, "the queue to empty")
        trace = injected.text
    flushes = flushed(trace, "fdatasync")
    failed = [path for path, bad in flushes if bad]
    assert len(failed) == 1 and flushes[0] == (failed[0], True) and len(flushes) > 1
    assert failed[0] not in [path for path, _ in flushes[1:]]
    after = trace[trace.index("(INJECTED)"):]
    assert failed[0] not in [path for path, _ in flushed(after, "pwrite64")]
    wait_for(lambda: "queue.segment.failed" in work.instance.log(), "the failed segment to be reported")


def test_a8_an_append_whose_flush_failed_did_not_happen(work):
    """The client is told NO, the file goes; what it sends again is a file of its own."""
    user = work.instance.user(2)
    maildir = work.instance.maildir(user)

    def there():
        return [name for name, _ in found_in(maildir)].count("a8-appended")

    text, digest = message("a8-appended", 4000, work.dice)
    pid = work.instance.processes()["imapd"][0]
    with work.instance.imap(user) as client:
        with Injected(pid, "syncfs,fsync:error=EIO:when=1", work.seen) as injected:
            status, answer = client.append("INBOX", None, None, text.encode())
            assert status == "NO" and "(INJECTED)" in injected.text, answer
        wait_for(lambda: there() == 0, "the file to go")
        work.ledger.sending("a8-appended")
        status, answer = client.append("INBOX", None, None, text.encode())
        assert status == "OK", answer
        work.ledger.accepted("a8-appended", [user.address], digest)
    assert there() == 1


def test_a8_a_delivery_whose_checkpoint_failed_gets_a_new_file(work):
    """Written again under another name, flushed, and put over the first: another inode, whose pages no failed flush has seen."""
    user = work.instance.user(3)
    wait_for(work.settled, "the queue to empty")
    pid = work.instance.processes()["imapd"][0]
    # The first syncfs may be one that was asked for before; the second is not.
    with Injected(pid, "syncfs:error=EIO:when=1..2", work.seen, also=["renameat", "fsync"]) as injected:
        assert work.deliver("a8-rewritten", user, 4000) == 250

        def written_again():
            after = injected.text.partition("(INJECTED)")[2]
            first = re.search(r'renameat\(\d+<[^>]*/new>, "\.([^"]+)", \d+<[^>]*/new>, "\1"\)', injected.text)
            return first and re.search(rf"fsync\(\d+<[^>]*/new/\.{re.escape(first[1])}>\)\s+= 0", after) \
                and f'".{first[1]}"' in after

        wait_for(written_again, "the message to be written to a new file")
    wait_for(lambda: "store.delivery.rewritten" in work.instance.log(), "the rewriting to be reported")


@pytest.mark.parametrize("row, how", [pytest.param(row, how, id=f"{row.daemon}-{row.work}-{how}")
                                      for row in ROWS for how in row.faults])
def test_a5_a6_every_call(work, row, how, say):
    _, figures = meet_each(work, row, how)
    if LONG:                            # after each; scripts/test looks once, at the end of this file
        work.check()
    say(f"{row.daemon}, {row.work}, {figures}")


def test_all_that_was_promised_is_there(work):
    work.check()
