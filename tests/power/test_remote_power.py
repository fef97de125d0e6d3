"""TESTCARD A3 and A4 for mail that goes elsewhere: the power goes here, and not at the other host. What was acknowledged is there
already, or still in the queue and then gets there. It is sent a second time only when the other host had it and our record of that
was not on disk (DESIGN section 5, rule 9); those are counted. What was recorded before the cut never is."""
import dataclasses
import itertools
import random
import time

import pytest
from disk import MAKE, run
from far import FarHost, Recorded, after_restart
from injected import Injected
from lab import User, wait_for
from load import Load
from promises import PlacedLedger
from remote import AT_ONCE, RECIPIENTS, by_one_hop, started
from test_power import TRIES, deliver, started_after

ONE_BY_ONE = {"ext4": 10, "xfs": 4, "btrfs": 4}
CUTS = {"ext4": 24, "xfs": 12, "btrfs": 12}
LOAD_SECONDS = 8
UNDER_WAY = 2 * AT_ONCE         # at most with the other host, and as many answered while the record of those before is flushed
SOMEBODY = User(RECIPIENTS[0], "")
LATER = "450 4.2.1 later"


@pytest.fixture
def far(tmp_path, disk):
    with FarHost(tmp_path / "far", disk) as host:
        yield host


@pytest.fixture
def ledger(tmp_path, disk):
    return PlacedLedger(tmp_path / "ledger", disk)


def set_up(disk, far, *settings):
    instance = started(disk.mount / "instance", [by_one_hop(far.server), "queue.segment_size=4MiB", *settings])
    run("sync", "-f", disk.mount)                       # what is tested begins here
    return instance


def power_off(disk, instance):
    instance.kill()
    disk.unmount()


@dataclasses.dataclass(frozen=True)
class Cut:
    place: int
    there: int                  # how many messages the other host had: it may take one while nothing is written here
    what: str
    dice: random.Random | None = None


def after_cut(disk, instance, far, ledger, record, cut):
    """What is wrong when the power went then, how many messages came again after it, and how many for the first time."""
    count = len(far.taken)
    with started_after(disk, instance, cut.place, cut.dice):
        return after_restart(ledger, cut.place, far.taken[:cut.there], far.taken[count:], record.places)


def take_cuts(disk, instance, far, ledger, record, cuts):
    """What promises they broke, and in words how many messages came when."""
    broken, came = [], {cut.what: [0, 0] for cut in cuts}
    for cut in sorted(cuts, key=lambda cut: cut.place):
        result, again, first = after_cut(disk, instance, far, ledger, record, cut)
        came[cut.what] = [came[cut.what][0] + again, came[cut.what][1] + first]
        if again > UNDER_WAY:
            result["again, more than were under way"] = again
        if result:
            broken.append(f"{cut.what}: {result}")
    return broken, (f"{len(cuts)} cuts; sent again, and for the first time, when it was cut: "
                    + ", ".join(f"{what} {again} and {first}" for what, (again, first) in came.items())
                    + f"; cuts after which a promise was broken: {len(broken)}")


@pytest.mark.parametrize("kind", ["ext4"])
@pytest.mark.parametrize("flushes, reply, broken", [("fdatasync,fsync:retval=0", LATER, "lost"),
                                                    ("fdatasync:retval=0:when=2+", "250 2.1.5 ok", "again, though recorded")],
                         ids=["none", "not that of the outcome"])
def test_a_queue_that_does_not_flush_is_caught(disk, far, ledger, tmp_path, say, flushes, reply, broken):
    """The proof that these tests can fail."""
    instance = set_up(disk, far, "server.seccomp=false")
    far.server.behave("RCPT", reply)
    with Recorded(instance, disk) as record, Injected(instance.processes()["qmgr"][0], flushes, tmp_path / "strace"):
        deliver(instance, ledger, SOMEBODY, "not-flushed", random.Random())
        wait_for(lambda: record.places or reply == LATER, "its record")
    power_off(disk, instance)
    far.server.behave("RCPT", "250 2.1.5 ok")
    cut = Cut(max([*record.places.values(), ledger.places["not-flushed"]]), len(far.taken), "when it had said so")
    result, _, _ = after_cut(disk, instance, far, ledger, record, cut)
    say(f"{disk.kind}, a queue that leaves out flushes ({flushes}): {result}")
    assert list(result) == [broken]


@pytest.mark.parametrize("kind", MAKE)
def test_a3_one_message(disk, far, ledger, say):
    """One message, nothing else going on. Every other one is refused for now when it first gets there: it is cut off while it waits."""
    instance, cuts = set_up(disk, far), []
    with Recorded(instance, disk) as record:
        for number in range(TRIES or ONE_BY_ONE[disk.kind]):
            name = f"remote-{number}"
            if number % 2:
                far.server.behave("RCPT", LATER, "250 2.1.5 ok")
            deliver(instance, ledger, SOMEBODY, name, random.Random(number))
            cuts.append(Cut(ledger.places[name], number, "at our 250"))
            if number % 2:
                time.sleep(0.2)                          # TESTCARD A3
                cuts.append(Cut(disk.place(), number, "while it waits", random.Random(number)))
            taken = wait_for(lambda: far.taken_as(name), "the other host to have it")
            cuts.append(Cut(taken.place, number + 1, "at the other host's 250", random.Random(number)))
            recorded = wait_for(lambda: record.places.get(taken.queue_id), "its record")
            cuts.append(Cut(recorded, number + 1, "at its record"))
            time.sleep(0.2)
            cuts.append(Cut(disk.place(), number + 1, "0.2 s later", random.Random(number)))
    power_off(disk, instance)
    broken, figures = take_cuts(disk, instance, far, ledger, record, cuts)
    say(f"{disk.kind}, one message at a time for another host: {len(ledger.acknowledged)} messages acknowledged, {figures}")
    assert not broken, "\n".join(text[:1500] for text in broken[:5])


@pytest.mark.parametrize("kind", MAKE)
def test_a4_under_load(disk, far, ledger, say):
    """Many senders, and many messages under way to the other host; cut at flushes, and where it had just taken one."""
    instance, dice = set_up(disk, far), random.Random()
    with Recorded(instance, disk) as record:
        first = disk.place()
        with Load(instance, ledger, RECIPIENTS, threads=4):
            time.sleep(LOAD_SECONDS)
        last = disk.place()
    power_off(disk, instance)
    half, flushes = (TRIES or CUTS[disk.kind]) // 2, disk.log.flushes(first, last)
    cuts = [Cut(taken.place, number + 1, "at the other host's 250")
            for number, taken in dice.sample(list(enumerate(far.taken)), half)]
    for number, (flush, following) in enumerate(dice.sample(list(itertools.pairwise(flushes)), half)):
        # Between two flushes more and more may have reached the disk: half of the cuts are shortly before the next one.
        place, scattered = (following - 1, random.Random(number)) if number % 2 else (flush, None)
        cuts.append(Cut(place, far.count_before(place), "at a flush", scattered))
    there = len(far.taken)
    broken, figures = take_cuts(disk, instance, far, ledger, record, cuts)
    say(f"{disk.kind}, under load for another host: {len(ledger.acknowledged)} messages acknowledged, {there} of them at the other host, "
        f"{len(record.places)} recorded; {figures}")
    assert not broken, "\n".join(text[:1500] for text in broken[:5])
