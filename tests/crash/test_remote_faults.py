"""TESTCARD A5 and A6 for mail that goes to another host: the N-th system call of a kind fails in qmgr or smtp-out, or is the last one
before a kill. What was acknowledged arrives; twice only what was sent whole while its answer could not be recorded, at most once per fault."""
import os
import shutil

import pytest
from conftest import USERS
from lab import User
from load import judge
from remote import arrived_at, by_one_hop, far_host, settle, started
from test_faults import Row, Work, meet_each

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
        settle(self.instance)
        result = judge(self.ledger, arrived_at(self.far, [FAR.address]))
        twice = result.pop("twice")
        assert result == {"lost": [], "damaged": [], "unexpected": []}
        assert len(twice) <= self.faults, twice
        return len(twice)


@pytest.fixture(scope="module")
def far():
    with far_host() as server:
        yield server


@pytest.fixture(scope="module")
def instance(tmp_path_factory, far):
    running = started(tmp_path_factory.mktemp("remote-faults") / "instance", users=USERS,
                      settings=["server.seccomp=false", by_one_hop(far), "outbound.idle_time=0"])
    yield running
    running.kill()


@pytest.fixture(scope="module")
def work(instance, far, tmp_path_factory):
    return RemoteWork(instance, far, tmp_path_factory.mktemp("work"))


@pytest.mark.parametrize("row, how", [pytest.param(row, how, id=f"{row.daemon}-{how}") for row in ROWS for how in row.faults])
def test_every_call(work, row, how, say):
    faults, figures = meet_each(work, row, how)
    work.faults += faults
    twice = work.check()
    say(f"{row.daemon}, mail for another host, {figures}; {twice} twice of {len(work.ledger.acknowledged)}")
