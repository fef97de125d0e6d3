"""Another host, whose disk keeps its power: what it has acknowledged, and what became of that in the queue it came from."""
import dataclasses
import os
import re
import threading

from load import judge, read_back
from remote import far_host


@dataclasses.dataclass(frozen=True)
class Taken:
    place: int                      # in the log of writes, when the host had it and had not yet said so
    queue_id: str
    name: str
    whole: bool
    recipients: tuple


class FarHost:
    """It takes mail, and notes each message before it says 250."""

    def __init__(self, path, disk):
        self.file = open(path, "ab", buffering=0)
        self.disk, self.taken, self.lock = disk, [], threading.Lock()
        self.server = far_host({"content": self.take})

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.stop()
        self.file.close()

    def take(self, session, _):
        name, whole = read_back(session.chunks)
        queue_id = re.search(rb"\bid ([0-9A-Z]{26})", session.chunks)[1].decode()
        recipients = tuple(re.search("<(.*)>", rcpt)[1] for rcpt in session.rcpt)
        with self.lock:
            self.file.write(f"{queue_id} {name} {','.join(recipients)}\n".encode())
            os.fdatasync(self.file.fileno())
            self.taken.append(Taken(self.disk.place(), queue_id, name, whole, recipients))
        return "250 2.6.0 taken"

    def taken_as(self, name):
        return next((taken for taken in list(self.taken) if taken.name == name), None)

    def count_before(self, place):
        """How many it had taken before the log of writes got there."""
        return sum(taken.place < place for taken in self.taken)


class Recorded(threading.Thread):
    """Reads the log of events while it is written, and knows the place at which each outcome was on disk at the latest."""

    def __init__(self, instance, disk, event="delivery.delivered"):
        super().__init__(daemon=True)
        self.path, self.disk, self.event = instance.dir / "log" / "postern.log", disk, event
        self.places, self.stopping = {}, threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join(30)

    def run(self):
        line = ""
        with open(self.path) as log:
            while not self.stopping.is_set():
                line += log.readline()
                if not line.endswith("\n"):
                    self.stopping.wait(0.002)
                    continue
                if found := re.search(rf" {re.escape(self.event)} .*\bqueue=([0-9A-Z]{{26}})", line):
                    self.places.setdefault(found[1], self.disk.place())
                line = ""


def after_restart(ledger, place, before, later, recorded):
    """What is wrong of the promises until a cut, before which the host had taken these messages and after which the suite brought it
    those, {kind: [...]}; how many of them it brought again, how many for the first time."""
    arrived = {account: [] for accounts, _ in ledger.acknowledged.values() for account in accounts}
    for taken in [*before, *later]:
        for recipient in taken.recipients:
            arrived.setdefault(recipient, []).append((taken.name, taken.whole))
    again = {taken.queue_id: taken.name for taken in before if taken.queue_id in {other.queue_id for other in later}}
    result = judge(ledger.at(place), arrived)
    result["twice"] = [(account, name) for account, name in result["twice"]
                       if name not in again.values() or [found for found, _ in arrived[account]].count(name) > 2]
    result["again, though recorded"] = [name for queue_id, name in again.items() if recorded.get(queue_id, place + 1) <= place]
    return {kind: found for kind, found in result.items() if found}, len(again), len(later) - len(again)
