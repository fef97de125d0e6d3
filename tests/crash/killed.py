"""TESTCARD A1 and A2: who dies while mail is sent. Where in the work a kill falls is the dice's; it gives how long each time took
until mail could be taken again."""
import contextlib
import os
import random
import signal
import time

from lab import wait_for
from load import wait_answering


def daemons_killed(instance, names, times, apart=1.0):
    """One after the other, up to so many seconds apart."""
    dice, answers = random.Random(), []
    for number in range(times):
        time.sleep(dice.uniform(0.05, apart))
        name = names[number % len(names)]
        pids = wait_for(lambda: instance.processes().get(name), f"{name} to run")
        with contextlib.suppress(ProcessLookupError):
            os.kill(dice.choice(pids), signal.SIGKILL)
        answers.append(wait_answering(instance.port("smtp")))
    return answers


def suite_killed(instance, times, apart=1.0):
    """All of it, master too; accounts and settings are there when it starts."""
    dice, answers = random.Random(), []
    for _ in range(times):
        time.sleep(dice.uniform(0.05, apart))
        instance.kill()
        begun = time.monotonic()
        instance.lab("start")
        answers.append(time.monotonic() - begun)
    return answers
