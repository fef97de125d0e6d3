"""While one session's command over a large folder runs, another session of the same imapd is answered."""
import os
import select

import pytest

COUNT = 6000
STEPS = [
    ("the merge in SELECT", "SELECT INBOX"),
    ("FETCH", "FETCH 1:* (ENVELOPE)"),
    ("SEARCH", 'SEARCH BODY "nowhere"'),
    ("COPY", "COPY 1:* Archive"),
    ("MOVE", "MOVE 1:* Trash"),
]


class Wire:
    """Commands sent without waiting for their answers; imaplib knows no such thing."""

    def __init__(self, session):
        self.socket, self.tail = session.sock, b""
        self.socket.setblocking(True)

    def send(self, tag, line):
        self.tag, self.tail = tag.encode(), b""
        self.socket.sendall(f"{tag} {line}\r\n".encode())

    def answered(self, wait):
        """Whether the tagged answer is here; with `wait`, once it is."""
        while True:
            for line in self.tail.split(b"\r\n")[:-1]:
                if line.startswith(self.tag + b" "):
                    assert line.startswith(self.tag + b" OK"), line
                    return True
            if not wait and not self.socket.pending() and not select.select([self.socket], [], [], 0)[0]:
                return False
            data = self.socket.recv(1 << 18)
            assert data, "the connection ended"
            self.tail = (self.tail + data)[-8192:]


@pytest.fixture
def large(instance, user):
    """A folder that another tool filled."""
    with instance.imap(user):
        pass                                     # makes the account
    current = instance.maildir(user) / "cur"
    owner = current.stat()
    for number in range(COUNT):
        text = f"From: a@example.org\r\nSubject: number {number}\r\n\r\nbody {number}\r\n".encode()
        path = current / f"{1700000000 + number}.M{number}.other,S={len(text)}:2,S"
        path.write_bytes(text)
        os.chown(path, owner.st_uid, owner.st_gid)
    return user


def test_others_are_answered_meanwhile(instance, large):
    with instance.imap(large) as busy_session, instance.imap(large) as other_session:
        busy, other = Wire(busy_session), Wire(other_session)

        def answered_during(tag, line):
            noops = 0
            busy.send(tag, line)
            while not busy.answered(wait=False):
                other.send("noop", "NOOP")
                other.answered(wait=True)
                noops += not busy.answered(wait=False)
            return noops

        for number, (what, line) in enumerate(STEPS):
            assert answered_during(f"long{number}", line) > 0, f"no NOOP was answered before the end of {what}"
        for number, line in enumerate(["SELECT Trash", "STORE 1:* +FLAGS.SILENT (\\Deleted)"]):
            busy.send(f"next{number}", line)
            busy.answered(wait=True)
        assert answered_during("last", "EXPUNGE") > 0, "no NOOP was answered before the end of EXPUNGE"
        busy.send("look", "STATUS Archive (MESSAGES)")
        busy.answered(wait=True)
        assert b"MESSAGES %d)" % COUNT in busy.tail
