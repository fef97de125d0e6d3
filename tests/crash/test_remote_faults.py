"""TESTCARD A5 and A6 for mail that goes to another host: the N-th system call of a kind fails in qmgr or smtp-out, or is the last one
before a kill. What was acknowledged arrives; twice only what was sent whole while its answer could not be recorded, at most once per fault."""
import os
import shutil

import pytest
from conftest import LONG, USERS
from lab import Instance, User, wait_for
from load import judge, read_back
from smtp_server import SmtpServer
from test_faults import LAST, Row, Work, meet

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("strace"), reason="needs root and strace")

FAR = User("r@far.test", "")
ROWS = [
    Row("qmgr", "mail", "openat pwrite64 pread64 fdatasync fsync unlinkat recvmsg sendmsg close", "pwrite64 fdatasync",
        ("error=EIO", "error=ENOSPC", "signal=KILL")),
    Row("smtp-out", "mail", "socket connect epoll_ctl recvmsg sendmsg read readv writev sendto recvfrom close", "connect sendmsg",
        ("error=EIO", "signal=KILL")),
]


class RemoteWork(Work):
    def __init__(self, instance, far, directory):
        super().__init__(instance, directory)
        self.far, self.faults = far, 0

    def mail(self, name):
        return all([self.deliver(f"{name}-{size}", FAR, size) == 250 for size in (4000, 300000)])

    def check(self):
        """Of what the other host has."""
        self.instance.kill()
        self.instance.lab("start")
        wait_for(self.settled, "the queue to empty", 120)
        result = judge(self.ledger, {FAR.address: [read_back(message.data) for message in list(self.far.messages)]})
        twice = result.pop("twice")
        assert result == {"lost": [], "damaged": [], "unexpected": []}
        assert len(twice) <= self.faults, twice
        return len(twice)


@pytest.fixture(scope="module")
def far():
    with SmtpServer(extensions=["PIPELINING", "CHUNKING", "8BITMIME"]) as server:
        yield server


@pytest.fixture(scope="module")
def instance(tmp_path_factory, far):
    running = Instance(tmp_path_factory.mktemp("remote-faults") / "instance", users=USERS,
                       settings=["server.seccomp=false", f"outbound.destinations=far.test via=[127.0.0.1]:{far.port}", "outbound.first_pause=1s",
                                 "outbound.longest_pause=1s", "queue.retry_delays=1s", "outbound.idle_time=0"])
    running.start()
    running.mailctl("domain", "add", "far.test", "--backup-mx", "on")
    yield running
    running.kill()


@pytest.fixture(scope="module")
def work(instance, far, tmp_path_factory):
    return RemoteWork(instance, far, tmp_path_factory.mktemp("work"))


@pytest.mark.parametrize("row, how", [pytest.param(row, how, id=f"{row.daemon}-{how}") for row in ROWS for how in row.faults])
def test_every_call(work, row, how, capsys):
    met, slowest = {}, 0
    for call in (row.calls if LONG else row.short).split():
        for n in range(1, LAST + 1):
            there, seconds = meet(work, row, call, how, n)
            if not there:
                break
            work.faults += 1
            met[call], slowest = n, max(slowest, seconds)
    twice = work.check()
    with capsys.disabled():
        print(f"\n{row.daemon}, mail for another host, {how}, N up to {LAST}: " + ", ".join(f"{call} {n} times" for call, n in met.items())
              + f"; working again within {slowest:.1f} s; {twice} twice of {len(work.ledger.acknowledged)}", end="")
    assert met
