"""B6: the limits of the host are reached: descriptors, processes, memory. The suite says no for a while, and recovers."""
import contextlib
import os
import pathlib
import re
import signal

import pytest
from injected import Injected
from load import Ledger, Load, compare

from crowd import Crowd
from honest import Honest
from lab import wait_for

CGROUPS = pathlib.Path("/sys/fs/cgroup")


class Group:
    """A group of cgroup v1 with all processes of an instance in it; gone at the end, the processes back where they were."""

    def __init__(self, controller, instance):
        self.root, self.path = CGROUPS / controller, CGROUPS / controller / f"postern-overload-{os.getpid()}"
        self.instance = instance

    def __enter__(self):
        if not (self.root / "tasks").exists():
            pytest.fail(f"{self.root}: needs cgroup v1 with this controller")
        self.path.mkdir()
        for pids in self.instance.processes().values():
            for pid in pids:
                (self.path / "cgroup.procs").write_text(str(pid))
        return self

    def __exit__(self, *_):
        for pid in (self.path / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                (self.root / "cgroup.procs").write_text(pid)
        wait_for(lambda: not (self.path / "cgroup.procs").read_text(), "the group to be empty")
        self.path.rmdir()

    def read(self, name):
        return int((self.path / name).read_text())

    def write(self, name, value):
        (self.path / name).write_text(str(value))


def restarts_a_second(instance):
    """The most deaths of daemons within one second."""
    times = re.findall(r"^(\S{19})\S* \S+ master\S* master\.child\.exit", instance.log(), re.MULTILINE)
    return max((times.count(second) for second in set(times)), default=0)


def settle(instance, ledger):
    wait_for(lambda: instance.queue_length() == 0, "the queue to empty", 120)
    return compare(ledger, {instance.user(n).address: instance.maildir(instance.user(n)) for n in range(1, 21)})


def senders(instance, ledger):
    return Load(instance, ledger, [instance.user(n).address for n in range(1, 21)])


NOTHING = {"lost": [], "damaged": [], "twice": [], "unexpected": []}


def test_few_descriptors(start, figure):
    """A host that grants 400 descriptors: seats for 144 connections, and who is idle makes way."""
    instance = start("policy.untrusted_networks=127.3.0.0/16", "policy.greet_delay=0", launcher=("prlimit", "--nofile=400:400"))
    (pid,) = instance.processes()["smtpd"]
    with Crowd(instance.port("smtp"), 300) as crowd:
        wait_for(lambda: crowd.open + crowd.ended >= 300, "the crowd to be answered")
        with Honest(instance, threads=5) as clients:
            wait_for(lambda: len(clients.waited) >= 50, f"mail to go on, {clients.failures[:3]}", 120)
    figure("B6", "400 descriptors, 300 idle connections: honest p99, s", clients.p99)
    assert instance.processes()["smtpd"] == [pid] and clients.failures == []


def test_no_descriptor_for_a_connection(start, tmp_path):
    """accept4 itself says so, again and again: who is idle makes way, and who waits is greeted."""
    instance = start("policy.untrusted_networks=127.3.0.0/16", "policy.greet_delay=0", "server.seccomp=false")
    (pid,) = instance.processes()["smtpd"]
    with Crowd(instance.port("smtp"), 30) as crowd:
        wait_for(lambda: crowd.greeted == 30, "the crowd to be greeted")
        with Injected(pid, "accept4:error=EMFILE:when=1+2", tmp_path / "seen"), Honest(instance, threads=1) as clients:
            wait_for(lambda: crowd.ended > 0, "idle ones to make way")
            wait_for(lambda: len(clients.waited) >= 3, f"mail to go on, {clients.failures[:3]}")
    assert instance.processes()["smtpd"] == [pid] and clients.failures == []


def test_no_process_can_be_started(start, figure, tmp_path):
    instance = start()
    ledger = Ledger(tmp_path / "ledger")
    with senders(instance, ledger) as load, Group("pids", instance) as group:
        wait_for(lambda: len(ledger.acknowledged) > 20, "mail to be taken")
        (smtpd,) = instance.processes()["smtpd"]
        group.write("pids.max", group.read("pids.current") - 1)
        os.kill(smtpd, signal.SIGKILL)
        wait_for(lambda: instance.log().count("master.child.start") >= 4, "master to try in vain", 30)
        in_vain = instance.log().count("master.child.start")
        group.write("pids.max", "max")
        before = len(ledger.acknowledged)
        wait_for(lambda: len(ledger.acknowledged) > before + 20, "mail to be taken again", 60)
    result = settle(instance, ledger)
    figure("B6", "starts in vain while no process could be made", in_vain)
    figure("B6", "messages lost, of how many acknowledged", f"{len(result['lost'])} of {len(ledger.acknowledged)}", "0")
    assert result == NOTHING


def test_no_memory_left(start, figure, tmp_path):
    instance = start()
    ledger = Ledger(tmp_path / "ledger")
    with senders(instance, ledger) as load, Group("memory", instance) as group:
        wait_for(lambda: len(ledger.acknowledged) > 20, "mail to be taken")
        group.write("memory.limit_in_bytes", 24 << 20)       # as much as is left once pages that can go are gone
        wait_for(lambda: group.read("memory.failcnt") > 0, "the limit to be felt", 60)
        load.stopping.wait(15)
        refused = group.read("memory.failcnt")
        group.write("memory.limit_in_bytes", -1)
        before = len(ledger.acknowledged)
        wait_for(lambda: len(ledger.acknowledged) > before + 20, "mail to be taken again", 60)
    result = settle(instance, ledger)
    figure("B6", "allocations refused or delayed by the memory limit", refused)
    figure("B6", "deaths of daemons within one second, at most", restarts_a_second(instance), "few")
    figure("B6", "messages lost, of how many acknowledged", f"{len(result['lost'])} of {len(ledger.acknowledged)}", "0")
    assert result == NOTHING
