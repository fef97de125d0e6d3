"""TESTCARD A5, A6 and A8 for mail that goes to another host: the N-th system call of a kind fails in qmgr or smtp-out, or is the last one
before a kill. What was acknowledged arrives; twice only what was sent whole while its answer could not be recorded, at most once per fault."""
import os
import shutil

import pytest
from conftest import USERS
from injected import Injected
from lab import User, wait_for
from load import judge
from remote import arrived_at, by_one_hop, far_host, settle, started
from test_faults import Row, Work, flushed, meet_each

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


@pytest.mark.parametrize("size", [4000, 300000], ids=["in the journal", "in a file"])
def test_a8_an_outcome_whose_flush_failed_is_written_elsewhere(work, size):
    """The other host has the message and the flush that was to record it fails. The agent is not asked again: qmgr knows, and only the
    disk does not. The record goes to a new segment, nothing of the failed one is written or flushed any more (DESIGN section 5, rule
    4), and from the flush of the new one on no restart sends the message again. Until then the window of rule 9 is open, longer by the
    opening of a segment: a kill in it is test_every_call's, and costs a second copy."""
    wait_for(work.settled, "the queue to empty")
    pid = wait_for(lambda: work.well_started("qmgr"), "qmgr to run")
    name = f"a8-outcome-{size}"
    with Injected(pid, "fdatasync:error=EIO:when=2", work.seen, also=["pwrite64"]) as injected:
        assert work.deliver(name, FAR, size) == 250
        wait_for(work.settled, "the queue to empty")
        trace = injected.text
    accepted, outcome, *later = flushed(trace, "fdatasync")
    assert outcome == (accepted[0], True) and not accepted[1]
    assert len(later) >= 2 and not any(bad for _, bad in later)                # the header of a new segment, and the outcome in it
    after = trace[trace.index("(INJECTED)"):]
    assert outcome[0] not in {path for call in ("fdatasync", "pwrite64") for path, _ in flushed(after[after.index("\n"):], call)}
    work.instance.kill()
    work.instance.lab("start")
    wait_for(work.settled, "the queue to empty")
    assert [found for found, _ in arrived_at(work.far, [FAR.address])[FAR.address]].count(name) == 1


@pytest.mark.parametrize("row, how", [pytest.param(row, how, id=f"{row.daemon}-{how}") for row in ROWS for how in row.faults])
def test_every_call(work, row, how, say):
    faults, figures = meet_each(work, row, how)
    work.faults += faults
    twice = work.check()
    say(f"{row.daemon}, mail for another host, {figures}; {twice} twice of {len(work.ledger.acknowledged)}")
