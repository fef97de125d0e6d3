"""TESTCARD A3 and A4: the power goes. What was acknowledged before is there afterwards, whole, once; the suite starts by
itself on what it finds. After each cut all promises made until then are checked, not only the last."""
import contextlib
import imaplib
import os
import random
import time

import pytest
from disk import MAKE, run
from injected import Injected
from lab import Instance, User, wait_for
from load import Load, message
from promises import Client, PlacedLedger, kept

CUTS = {"ext4": 30, "xfs": 10, "btrfs": 10}
TRIES = int(os.environ.get("POWER_CUTS", 0))        # fewer, while writing this
LOAD_SECONDS = 10
MARKS = 20


def set_up(disk, users, settings=()):
    instance = Instance(disk.mount / "instance", users=users, settings=settings)
    instance.start()
    run("sync", "-f", disk.mount)                   # what is tested begins here
    return instance


@contextlib.contextmanager
def started_after(disk, instance, place, dice):
    """The suite on what the cut left, when it has done what it found to do."""
    with disk.after_cut(place, dice):
        instance.lab("start")
        try:
            wait_for(lambda: instance.queue_length() == 0, "the queue to empty", 60)
            yield
            log = instance.log()
            assert not any(event in log for event in ("queue.conservation", "queue.damage", "queue.corrupt"))
        finally:
            instance.kill()


def deliver(instance, ledger, user, name, dice):
    text, digest = message(name, dice.choice([500, 4000, 4000, 300000]), dice)
    with instance.smtp() as client:
        ledger.sending(name)
        client.sendmail("sender@other.test", [user.address], text)
        ledger.accepted(name, [user.address], digest)


def append(instance, ledger, user, name, dice):
    text, digest = message(name, dice.choice([500, 4000, 4000, 300000]), dice)
    with instance.imap(user) as client:
        ledger.sending(name)
        status, answer = client.append("INBOX", None, None, text.encode())
        assert status == "OK", answer
        ledger.accepted(name, [user.address], digest)


def make_account(instance, number):
    made = User(f"made{number}@lab.test", f"password-{number}")
    instance.mailctl("account", "add", made.address, stdin=f"{made.password}\n".encode())
    return made


def can_log_in(instance, user):
    try:
        with instance.imap(user):
            return True
    except imaplib.IMAP4.error:
        return False


@pytest.mark.parametrize("kind", ["ext4"])
def test_a_queue_that_does_not_flush_is_caught(disk, tmp_path, say):
    """The proof that these tests can fail: a qmgr whose flushes do nothing loses what it acknowledges."""
    instance = set_up(disk, users=1, settings=["server.seccomp=false"])
    ledger, user = PlacedLedger(tmp_path / "ledger", disk), instance.user(1)
    with Injected(instance.processes()["qmgr"][0], "fdatasync,fsync:retval=0", tmp_path / "strace"):
        deliver(instance, ledger, user, "not-flushed", random.Random())
    instance.kill()
    disk.unmount()
    with started_after(disk, instance, ledger.places["not-flushed"], None):
        result = kept(ledger, instance, [user], ledger.places["not-flushed"])
    say(f"{disk.kind}, a queue whose flushes do nothing: {result}")
    assert result == {"lost": [(user.address, "not-flushed")]}


@pytest.mark.parametrize("kind", MAKE)
def test_a3_one_message(disk, tmp_path, say):
    """One message, nothing else going on, and the power goes at its 250, and 0.2 s after: the same for an APPEND, and for
    an account. Every other message is the first its account gets."""
    cuts = TRIES or CUTS[disk.kind]
    dice = random.Random()
    instance = set_up(disk, users=cuts + 2)
    ledger, accounts, places = PlacedLedger(tmp_path / "ledger", disk), [], []

    for number in range(cuts):
        for how, what in ((deliver, "DATA"), (append, "APPEND")):
            wait_for(lambda: instance.queue_length() == 0, "the queue to empty")
            time.sleep(dice.uniform(0, 1.5))         # where between two checkpoints it falls is the test's dice
            user = instance.user(number + 2 if number % 2 else 1)
            name = f"{how.__name__}-{number}"
            how(instance, ledger, user, name, dice)
            places.append((ledger.places[name], None, f"at the answer to {what}"))
            time.sleep(0.2)                          # TESTCARD A3
            places.append((disk.place(), random.Random(len(places)), f"0.2 s after {what}"))
        if number % 5 == 0:
            account = make_account(instance, number)
            accounts.append((disk.place(), account))
            places.append((disk.place(), None, "at a new account"))
    instance.kill()
    disk.unmount()
    users = [instance.user(number) for number in range(1, instance.count + 1)]
    broken, slowest = [], 0
    for place, scattered, what in places:
        begun = time.monotonic()
        with started_after(disk, instance, place, scattered):
            slowest = max(slowest, time.monotonic() - begun)
            named = {account for accounts, _ in ledger.at(place).acknowledged.values() for account in accounts}
            result = kept(ledger, instance, [user for user in users if user.address in named], place)
            result |= {account.address: "cannot log in" for made, account in accounts
                       if made <= place and not can_log_in(instance, account)}
        if result:
            broken.append(f"{what}: {result}")
    say(f"{disk.kind}, one message at a time: {len(ledger.acknowledged)} messages acknowledged, {len(accounts)} accounts made, "
        f"{len(places)} cuts, mounted and started within {slowest:.1f} s; cuts after which a promise was broken: {len(broken)}")
    assert not broken, "\n".join(text[:1500] for text in broken[:5])


@pytest.mark.parametrize("kind", MAKE)
def test_a4_under_load(disk, tmp_path, say):
    """Many senders and a mail client at work; cut at flushes here and there, and at some that follow each other."""
    dice = random.Random()
    instance = set_up(disk, users=12, settings=["queue.segment_size=4MiB"])
    users = [instance.user(number) for number in range(1, 12)]
    ledger = PlacedLedger(tmp_path / "ledger", disk)
    first = disk.place()
    with Client(instance, instance.user(12), disk) as client, \
            Load(instance, ledger, [user.address for user in users], threads=4):
        time.sleep(LOAD_SECONDS)
    last = disk.place()
    instance.kill()
    disk.unmount()
    flushes = disk.log.flushes(first, last)
    middle = len(flushes) // 2
    chosen = sorted({*dice.sample(flushes, TRIES or MARKS), *flushes[middle:middle + (TRIES or MARKS) // 2]})
    broken = []
    for number, place in enumerate(chosen):
        # Between two flushes more and more may have reached the disk: half of the cuts are shortly before the next one.
        scattered = random.Random(number) if number % 2 else None
        if scattered:
            place = min((mark for mark in flushes if mark > place), default=last) - 1
        with started_after(disk, instance, place, scattered):
            result = kept(ledger, instance, users, place)
            if problems := client.broken(place):
                result["client"] = problems
        if result:
            broken.append(f"at {place}: {result}")
    say(f"{disk.kind}, under load: {len(ledger.acknowledged)} messages acknowledged, {len(client.promises)} promises to a mail client, "
        f"{len(flushes)} flushes, cut at {len(chosen)}; cuts after which a promise was broken: {len(broken)}")
    assert not broken, "\n".join(text[:1500] for text in broken[:5])
