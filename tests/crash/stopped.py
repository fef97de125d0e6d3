"""TESTCARD A11: a daemon that is stopped. SIGSTOP is not death: nothing restarts it, nobody is told, what is asked of it waits."""
import contextlib
import os
import signal
import time

from load import wait_taken

REPLY_WITHIN = 30       # seconds: a sender knows by then, be it that it has to come again


@contextlib.contextmanager
def stopped(pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def sent_while_stopped(instance, ledger, loads, names, seconds):
    """One daemon after the other is; sends before, meanwhile and until mail is taken again. What is to be said of it."""
    with contextlib.ExitStack() as sending:
        for load in loads:
            sending.enter_context(load)
        for name in names:
            wait_taken(ledger)
            with stopped(instance.processes()[name]):
                time.sleep(seconds)
        wait_taken(ledger)
    what = f"{', '.join(names)} stopped for {seconds} s"
    slowest = max(load.slowest for load in loads)
    if names != ["smtpd"]:                      # who else would answer?
        assert slowest <= REPLY_WITHIN, f"{what}: a sender waited {slowest:.1f} s for a reply"
    return f"{what}, replies within {slowest:.1f} s"
