"""B1 and B2: who holds connections keeps nobody else out."""
import pytest

import memory
from crowd import Crowd
from honest import Honest
from lab import wait_for

STRANGERS = "policy.untrusted_networks=127.3.0.0/16"
IDLE, SLOW = 10_000, 5_000


def spread(crowd, size):
    wait_for(lambda: crowd.greeted >= size, f"{size} connections, {crowd.greeted} so far", 120)


def test_ten_thousand_idle_connections(start, figure, seconds):
    instance = start(STRANGERS, "policy.greet_delay=0", "policy.client_connections=off")
    pids = instance.processes()["smtpd"]
    before, kernel_before = memory.resident(pids), memory.kernel()
    with Crowd(instance.port("smtp"), IDLE) as crowd:
        spread(crowd, IDLE)
        grown, kernel_grown = memory.resident(pids) - before, memory.kernel()
        with Honest(instance) as clients:
            clients.stopping.wait(seconds(20, 120))
        held = crowd.open
    figure("B1", "idle connections held, of 10,000", held)
    figure("B1", "memory of smtpd for each, KiB", grown / IDLE / 1024, "<= 20")
    if kernel_grown is not None:
        # Both ends of every connection are on this machine: the server's is about a half.
        figure("B1", "the kernel's share for each, KiB", (kernel_grown - kernel_before) / 2 / IDLE / 1024)
    figure("B1", "honest messages sent", len(clients.waited))
    figure("B1", "honest clients refused", len(clients.failures), "0")
    figure("B1", "honest p99 from connect to 250, s", clients.p99, "<= 1")
    assert clients.failures == [] and clients.p99 <= 1 and held == IDLE
    assert grown <= IDLE * 20 * 1024


@pytest.mark.parametrize("where,opening", [("a command", b"EHLO slow.example\r\nMAIL FR"),
                                           ("DATA", b"EHLO slow.example\r\nMAIL FROM:<a@elsewhere.example>\r\n"
                                                    b"RCPT TO:<u0040@lab.test>\r\nDATA\r\nSubject: slow\r\n\r\n")])
def test_five_thousand_slow_connections(start, figure, seconds, where, opening):
    instance = start(STRANGERS, "policy.greet_delay=0", "policy.client_connections=off", "smtp.max_connections=6000")
    with Crowd(instance.port("smtp"), SLOW, opening, b"x", 10.0 if seconds(0, 1) else 5.0) as crowd:
        with Honest(instance) as clients:
            spread(crowd, SLOW)
            wait_for(lambda: crowd.open < 0.8 * 6000, "the slow ones to be sent away", 60)
            clients.stopping.wait(seconds(20, 300))
    figure("B2", f"slow in {where}: connections ended by us", crowd.ended)
    figure("B2", f"slow in {where}: honest clients refused", len(clients.failures), "0")
    figure("B2", f"slow in {where}: honest p99, s", clients.p99, "<= 1")
    assert clients.failures == [] and clients.p99 <= 1
