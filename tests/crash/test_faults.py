"""TESTCARD A5, A6, A8: the N-th call of a kind fails, or is the last one before a kill, in the real qmgr. The same loops
run call by call over a model of the disk in tests/unit/qmgr; this is the check that the model is right."""
import contextlib
import os
import pathlib
import random
import shutil
import smtplib
import subprocess

import pytest
from conftest import LONG, USERS
from lab import Instance, wait_for
from load import BREAKS, Ledger, Load, compare

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("strace"), reason="needs root and strace")

CALLS = ["pwrite64", "fdatasync", "fsync", "openat", "renameat", "unlinkat"]
LAST = 25 if LONG else 2


@pytest.fixture
def instance(tmp_path):
    """Without the system call filter: to inject an error strace makes the call number -1, which the filter kills."""
    running = Instance(tmp_path / "instance", users=USERS, settings=["server.seccomp=false"])
    running.start()
    yield running
    running.kill()


class Injected:
    """strace, attached to one daemon, that meets its N-th call."""

    def __init__(self, pid, fault):
        self.process = subprocess.Popen(["strace", "-f", "-q", "-o", "/dev/null", "-e", fault, "-p", str(pid)],
                                        stderr=subprocess.DEVNULL)
        wait_for(lambda: self.is_attached(pid), "strace to attach")

    def is_attached(self, pid):
        with contextlib.suppress(OSError):
            return "TracerPid:\t0\n" not in pathlib.Path(f"/proc/{pid}/status").read_text()
        return True                     # it met its call already, and died of it

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


def send_some(load, instance, ledger, tag):
    rng = random.Random(tag)
    for number in range(4):
        try:
            with smtplib.SMTP("127.0.0.1", instance.port("smtp"), timeout=60) as client:
                load.send(client, f"{tag}-{number}", rng)
        except BREAKS:
            pass


@pytest.mark.parametrize("how", ["error=EIO", "error=ENOSPC", "signal=KILL"])
def test_a5_a6_every_call(instance, tmp_path, how):
    users = [instance.user(number).address for number in range(1, USERS + 1)]
    ledger = Ledger(tmp_path / "ledger")
    load = Load(instance, ledger, users, threads=0)
    for call in CALLS:
        for n in range(1, LAST + 1):
            pid = wait_for(lambda: instance.processes().get("qmgr"), "qmgr to run")[0]
            with Injected(pid, f"inject={call}:{how}:when={n}"):
                send_some(load, instance, ledger, f"{how}-{call}-{n}")
            # It goes on by itself: the next message is taken.
            def taken():
                before = len(ledger.acknowledged)
                send_some(load, instance, ledger, f"{how}-{call}-{n}-after-{len(ledger.acknowledged)}-{os.urandom(4).hex()}")
                return len(ledger.acknowledged) > before
            wait_for(taken, f"mail to be taken after {call} {n} {how}", 30)
    wait_for(lambda: instance.queue_length() == 0, "the queue to empty", 120)
    result = compare(ledger, {user: instance.maildir(instance.user(number)) for number, user in enumerate(users, 1)})
    assert result == {"lost": [], "damaged": [], "twice": [], "unexpected": []}
    # The faults were met: a flush that fails costs its segment, a kill is seen by master.
    assert ("service=qmgr instance=0 status=0 signal=9" if how == "signal=KILL" else "queue.segment.failed") in instance.log()
