"""What was promised before a place in the log of writes, and what is left of it."""
import contextlib
import dataclasses
import imaplib
import random
import re
import threading

from load import Ledger, compare, found_in, message, read_back


class PlacedLedger(Ledger):
    """Knows for each promise the place at which it was made."""

    def __init__(self, path, disk):
        super().__init__(path)
        self.disk, self.places = disk, {}

    def accepted(self, name, accounts, digest):
        self.places[name] = self.disk.place()       # first: nothing later may count as before it
        super().accepted(name, accounts, digest)

    def at(self, place):
        """As it was then. What was answered later, or never, may be there or not."""
        then = Then()
        then.acknowledged = {name: promise for name, promise in self.acknowledged.items() if self.places[name] <= place}
        then.open = self.open | (self.acknowledged.keys() - then.acknowledged.keys())
        return then


class Then:
    """A ledger of the past."""


def by_imap(session, folder):
    """{uid: (name, whole)} of a folder."""
    status, answer = session.select(folder, readonly=True)
    assert status == "OK", answer
    if answer[0] == b"0":
        return {}
    status, parts = session.uid("fetch", "1:*", "(BODY.PEEK[])")
    assert status == "OK", parts
    return {int(re.search(rb"UID (\d+)", part[0])[1]): read_back(part[1]) for part in parts if isinstance(part, tuple)}


def folders(session):
    return [re.search(rb'(?:"([^"]*)"|(\S+))$', line).group(1, 2) for line in session.list()[1]]


def all_by_imap(instance, user):
    with instance.imap(user) as session:
        return [found for quoted, plain in folders(session)
                for found in by_imap(session, f'"{(quoted or plain).decode()}"').values()]


def kept(ledger, instance, users, place):
    """What became of the promises of the deliveries: by the files, which IMAP must agree with."""
    maildirs = {user: instance.maildir(user) for user in users}
    result = compare(ledger.at(place), {user.address: maildir for user, maildir in maildirs.items()})
    result["not the same by IMAP"] = [user.address for user, maildir in maildirs.items()
                                      if sorted(all_by_imap(instance, user)) != sorted(found_in(maildir))]
    return {kind: found for kind, found in result.items() if found}


@dataclasses.dataclass(frozen=True)
class Stored:
    """A message is in one of these folders, under this UID if it is told."""
    place: int
    name: str
    folders: tuple
    uid: tuple | None = None        # (UIDVALIDITY, UID), RFC 4315


class Client(threading.Thread):
    """A mail client that makes folders, appends, copies and moves, and notes every OK it gets."""

    def __init__(self, instance, user, disk):
        super().__init__(daemon=True)
        self.instance, self.user, self.disk = instance, user, disk
        self.promises, self.copied, self.stopping = [], set(), threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join(60)
        assert not self.is_alive() and self.promises, "the client hangs, or was told nothing"

    def run(self):
        dice, number = random.Random(self.user.address), 0
        with contextlib.suppress(OSError, imaplib.IMAP4.abort), self.instance.imap(self.user) as session:
            while not self.stopping.is_set():
                number += 1
                self.one_round(session, f"c{number}", dice)

    def one_round(self, session, folder, dice):
        done(session.create(folder))
        self.append(session, f"{folder}-made", folder, (folder,), dice)
        done(session.select(folder))
        self.copied.add(f"{folder}-made")
        done(session.copy("1", "Archive"))
        self.promises.append(Stored(self.disk.place(), f"{folder}-made", ("Archive",)))
        # From now on it is in one of the two; when the move itself is kept is not promised, that nothing is lost is.
        self.append(session, f"{folder}-moved", "Drafts", ("Drafts", folder), dice)
        done(session.select("Drafts"))
        done(session.uid("MOVE", "1:*", folder))

    def append(self, session, name, folder, may_be_in, dice):
        text, _ = message(name, dice.choice([500, 4000, 100000]), dice)
        answer = done(session.append(folder, None, None, text.encode()))
        place = self.disk.place()
        words = re.search(rb"APPENDUID (\d+) (\d+)", answer)
        self.promises.append(Stored(place, name, may_be_in, (int(words[1]), int(words[2])) if len(may_be_in) == 1 else None))

    def broken(self, place):
        """Every promise until then that is not kept."""
        there = {}
        with self.instance.imap(self.user) as session:
            for quoted, plain in folders(session):
                folder = (quoted or plain).decode()
                there[folder] = by_imap(session, folder), int(session.response("UIDVALIDITY")[1][0])
        problems = [f"damaged in {folder}" for folder, (found, _) in there.items() for name, whole in found.values() if not whole]
        for promise in self.promises:
            if promise.place > place:
                continue
            found = [folder for folder in promise.folders
                     for name, whole in there.get(folder, ({}, 0))[0].values() if name == promise.name]
            if len(found) != 1:
                problems.append(f"{promise}: {len(found)} times there; {self.evidence(promise, there)}")
            elif promise.uid and promise.uid[0] == there[found[0]][1] and \
                    there[found[0]][0].get(promise.uid[1], ("", 0))[0] != promise.name:
                problems.append(f"{promise}: another UID")
        return problems

    def evidence(self, promise, there):
        maildir = self.instance.maildir(self.user)
        files = [path for path in maildir.rglob("*") if path.is_file() and promise.name.encode() in path.read_bytes()[:4096]]
        around = {str(near.relative_to(maildir)) for path in files for near in path.parent.parent.rglob("*")}
        log = [line for line in self.instance.log().splitlines() if " store." in line and "info" not in line.split()[1:2]]
        return f"on disk: {files}, beside it: {sorted(around)}; by IMAP: { {name: len(found) for name, (found, _) in there.items()} }; {log}"


def done(answer):
    status, data = answer
    assert status == "OK", data
    return data[0] or b""
