"""B5 and B7: more mail than can be taken, and a log that nobody writes down."""
import os
import signal
import urllib.request

import pytest

import flood
from honest import Honest
from lab import wait_for

SESSIONS, ENDLESS = 50, 2_000_000


@pytest.fixture
def program(tmp_path):
    return flood.build(tmp_path)


def delivered(instance):
    return sum(1 for new in (instance.dir / "mail").glob("**/new") for _ in os.scandir(new))


def dropped_events(instance):
    with urllib.request.urlopen(f"http://127.0.0.1:{instance.port('http')}/metrics", timeout=10) as answer:
        return sum(float(line.split()[-1]) for line in answer.read().decode().splitlines()
                   if line.startswith("log_records_dropped_total"))


def test_four_times_what_there_is_room_for(start, figure, seconds, program):
    instance = start(f"smtp.max_connections={SESSIONS * 10 // 8}")
    for warm in range(2):
        peak = flood.run(program, instance, SESSIONS, 8000)["accepted_per_s"]
    wait_for(lambda: instance.queue_length() == 0, "the queue to empty", 60)
    before = delivered(instance)
    burst = flood.run(program, instance, 4 * SESSIONS, ENDLESS, seconds=seconds(10, 120))
    with Honest(instance, threads=5, pause=0.05) as clients:
        clients.stopping.wait(10)
    wait_for(lambda: instance.queue_length() == 0, "the queue to empty", 60)
    kept = delivered(instance) - before - len(clients.waited)
    figure("B5", "accepted a second by 50 sessions, the peak", peak)
    figure("B5", "accepted a second while 200 try", burst["accepted_per_s"], ">= 0.9 of it")
    figure("B5", "answered 421 meanwhile", burst["failed"])
    figure("B5", "acknowledged and lost", max(0, burst["sent"] - kept), "0")
    figure("B5", "honest p99 after it, s", clients.p99, "within 10 s as before")
    assert burst["accepted_per_s"] >= 0.9 * peak
    assert burst["failed"] > 0 and clients.failures == []
    assert burst["sent"] <= kept <= burst["sent"] + 4 * SESSIONS       # what was cut off at the end may have been taken


def test_nobody_waits_for_the_log(start, figure, program):
    instance = start()
    rates = {"runs": [], "stands still": []}
    flood.run(program, instance, SESSIONS, 8000)
    logd = instance.processes()["logd"]
    for _ in range(5):
        for state, number in (("runs", signal.SIGCONT), ("stands still", signal.SIGSTOP)):
            for pid in logd:
                os.kill(pid, number)
            rates[state].append(flood.run(program, instance, SESSIONS, 8000)["accepted_per_s"])
    for pid in logd:
        os.kill(pid, signal.SIGCONT)
    runs, stands = (max(rates[state]) for state in rates)            # of five: what else the machine does takes from a rate
    wait_for(lambda: instance.queue_length() == 0, "the queue to empty", 60)
    figure("B7", "accepted a second while logd runs", runs)
    figure("B7", "accepted a second while it stands still", stands, ">= 0.95 of it")
    assert stands >= 0.95 * runs
    dropped = wait_for(lambda: dropped_events(instance), "the count of what was not written")
    figure("B7", "events not written meanwhile, counted", int(dropped))
