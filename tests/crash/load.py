"""Mail as fast as it is taken, and a ledger of what was acknowledged.

A message carries its own name and the SHA-256 of its body. The ledger is on disk (and flushed) before anything is
concluded from it, as a sender's own spool would be. A message that got no 250 is never sent again: it may arrive once
or not at all (RFC 5321 section 4.2.5)."""
import hashlib
import os
import pathlib
import random
import re
import smtplib
import socket
import threading
import time

from lab import wait_for

HEADER = "X-Crash-Test"
FROM = "From: sender@other.test\r\n"
BREAKS = (OSError, smtplib.SMTPException)


class Ledger:
    def __init__(self, path):
        self.file = open(path, "ab", buffering=0)
        self.lock = threading.Lock()
        self.acknowledged = {}          # name -> (accounts, digest)
        self.open = set()               # sent, and no answer
        self.again = set()              # of those: answered at the end that it is to be sent again

    def sending(self, name):
        with self.lock:
            self.open.add(name)

    def refused(self, name):
        with self.lock:
            self.open.discard(name)

    def accepted(self, name, accounts, digest):
        with self.lock:
            self.file.write(f"{name} {','.join(accounts)} {digest}\n".encode())
            os.fdatasync(self.file.fileno())
            self.open.discard(name)
            self.acknowledged[name] = (accounts, digest)


def message(name, size, rng):
    lines = []
    while size > 0:
        line = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz ", k=70))
        lines.append(line)
        size -= len(line) + 2
    body = "\r\n".join(lines) + "\r\n"
    digest = hashlib.sha256(body.encode()).hexdigest()
    return header_of(name, digest) + body, digest


def header_of(name, digest):
    return f"{FROM}Subject: {name}\r\n{HEADER}: {name} {digest}\r\n\r\n"


def read_back(kept: bytes):
    """(name, whole) of a message as it is kept: lines of trace, then what was sent, byte for byte. No name: not one of ours."""
    _, first, rest = kept.partition(FROM.encode())
    header, end, body = (first + rest).partition(b"\r\n\r\n")
    found = re.search(rb"^" + HEADER.encode() + rb": (\S+) ([0-9a-f]{64})\r?$", header, re.MULTILINE)
    if not found:
        return None, False
    name, digest = found[1].decode(), found[2].decode()
    return name, header + end == header_of(name, digest).encode() and hashlib.sha256(body).hexdigest() == digest


class Client(smtplib.SMTP):
    """`waited` is told how long each reply took, or its absence."""

    def __init__(self, waited, *words, **more):
        self.waited = waited
        super().__init__(*words, **more)

    def getreply(self):
        begun = time.monotonic()
        try:
            return super().getreply()
        finally:
            self.waited(time.monotonic() - begun)


class Load:
    """Threads that send, a connection for a few messages each; cut connections are opened again. Loads at the same time have
    names of their own."""

    def __init__(self, instance, ledger, users, threads=6, rate=None, sender="sender@other.test", name=""):
        self.instance, self.ledger, self.users, self.rate, self.sender, self.name = instance, ledger, users, rate, sender, name
        self.stopping = threading.Event()
        self.cut = 0
        self.slowest = 0.0              # seconds, of a reply
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in self.threads), "a sender hangs"

    def run(self, number):
        rng = random.Random(number)
        count = 0
        while not self.stopping.is_set():
            try:
                with Client(self.waited, "127.0.0.1", self.instance.port("smtp"), timeout=60) as client:
                    for _ in range(rng.randint(1, 5)):
                        count += 1
                        self.send(client, f"{self.name}{number}-{count}", rng)
                        if self.stopping.is_set():
                            return
            except BREAKS:
                self.cut += 1
                self.stopping.wait(0.01)

    def waited(self, seconds):
        self.slowest = max(self.slowest, seconds)

    def send(self, client, name, rng):
        size = rng.choice([500, 4000, 4000, 20000, 400000 if rng.random() < 0.1 else 4000])
        text, digest = message(name, size, rng)
        accounts = rng.sample(self.users, rng.choice([1, 1, 1, 3]))
        self.ledger.sending(name)
        try:
            refused = client.sendmail(self.sender, accounts, text)   # some may be, while others are taken
        except (smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused):
            self.ledger.refused(name)   # never sent; anything later, a 451 after DATA too, may have been taken
            raise
        except smtplib.SMTPDataError:
            self.ledger.again.add(name)
            raise
        self.ledger.accepted(name, [account for account in accounts if account not in refused], digest)
        if self.rate:
            time.sleep(self.rate)


def wait_answering(port, deadline=30):
    """Seconds until SMTP greets again."""
    begun = time.monotonic()
    while time.monotonic() - begun < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                if connection.recv(64).startswith(b"220"):
                    return time.monotonic() - begun
        except OSError:
            pass
        time.sleep(0.005)
    raise AssertionError(f"no answer on port {port} for {deadline} s")


def wait_taken(ledger):
    """Mail is taken again."""
    before = len(ledger.acknowledged)
    wait_for(lambda: len(ledger.acknowledged) > before, "mail to be taken")


def files_in(maildir: pathlib.Path):
    """Every message in an account's folders."""
    return [path for path in [*maildir.rglob("new/*"), *maildir.rglob("cur/*")] if not path.name.startswith(".")]


def found_in(maildir: pathlib.Path):
    """[(name, whole)] of them."""
    found = []
    for path in files_in(maildir):
        name, whole = read_back(path.read_bytes())
        found.append((name or f"unknown:{path.name}", whole))
    return found


def compare(ledger, maildirs):
    """What became of the promises: {lost, damaged, twice, unexpected}, each a list."""
    return judge(ledger, {account: found_in(maildir) for account, maildir in maildirs.items()})


def judge(ledger, arrived):
    """The same, of [(name, whole)] for each account."""
    result = {"lost": [], "damaged": [], "twice": [], "unexpected": []}
    for account, messages in arrived.items():
        seen = {}
        for name, whole in messages:
            seen[name] = seen.get(name, 0) + 1
            if not whole:
                result["damaged"].append((account, name))
            if name not in ledger.acknowledged and name not in ledger.open:
                result["unexpected"].append((account, name))
        result["twice"] += [(account, name) for name, times in seen.items() if times > 1]
        result["lost"] += [(account, name) for name, (accounts, _) in ledger.acknowledged.items()
                           if account in accounts and name not in seen]
    return result
