"""One large mailbox as a client meets it: what each command takes, and how long another session's NOOP waits meanwhile.

Any IMAP server; the caller (bench.py imap) starts, fills and restarts it. Standard library only.
"""
import multiprocessing
import socket
import ssl
import time

HEADER_FIELDS = "From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To"
READING = [
    ("SELECT", "SELECT INBOX"),
    ("FETCH 1:* FLAGS", "FETCH 1:* (FLAGS)"),
    ("FETCH 1:* ENVELOPE", "FETCH 1:* (ENVELOPE)"),
    ("FETCH 1:* list, usual fields",
     "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (FROM TO CC SUBJECT DATE MESSAGE-ID REFERENCES)])"),
    ("FETCH 1:* list, Thunderbird's", f"UID FETCH 1:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS ({HEADER_FIELDS})])"),
    ("SEARCH UNSEEN", "SEARCH UNSEEN"),
    ("SEARCH FLAGGED UNANSWERED", "SEARCH FLAGGED UNANSWERED"),
]
WRITING = [
    ("STORE 1:* +FLAGS", "STORE 1:* +FLAGS (\\Draft)"),
    ("STORE 1:* -FLAGS.SILENT", "STORE 1:* -FLAGS.SILENT (\\Draft)"),
]
# In an order in which each has 100,000 messages to work on.
STALLING = [
    ("SELECT that merges", ["SELECT INBOX"]),
    ("FETCH 1:* ENVELOPE", ["FETCH 1:* (ENVELOPE)"]),
    ("SEARCH BODY", ['SEARCH BODY "needlexyzzy"']),
    ("STORE 1:* +FLAGS", ["STORE 1:* +FLAGS (\\Draft)"]),
    ("COPY 1:*", ["COPY 1:* Copies"]),
    ("MOVE 1:*", ["MOVE 1:* Moved"]),
    ("EXPUNGE", ["SELECT Moved", "STORE 1:* +FLAGS.SILENT (\\Deleted)", "EXPUNGE"]),
]


class Connection:
    def __init__(self, port, user, password):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 600))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = 0
        self.socket.recv(65536)
        self.command(f'LOGIN "{user}" "{password}"')

    def command(self, line):
        """Seconds until the tagged answer, and the bytes before it."""
        self.number += 1
        tag = b"tag%d " % self.number
        begin = time.perf_counter()
        self.socket.sendall(tag + line.encode() + b"\r\n")
        received, tail = 0, b"\r\n"
        while True:
            data = self.socket.recv(1 << 18)
            if not data:
                raise EOFError(line)
            received += len(data)
            tail = (tail + data)[-4096:]
            last = tail[tail.rfind(b"\r\n", 0, -2) + 2:] if tail.endswith(b"\r\n") else b""
            if last.startswith(tag):
                took = time.perf_counter() - begin
                if not last.startswith(tag + b"OK"):
                    raise RuntimeError(f"{line}: {last.decode(errors='replace')}")
                return took, received

    def close(self):
        self.command("LOGOUT")
        self.socket.close()


def timed(connection, commands):
    return {name: dict(zip(("s", "bytes"), connection.command(line))) for name, line in commands}


def one_pass(port, user, password, commands):
    connection = Connection(port, user, password)
    result = timed(connection, commands)
    connection.close()
    return result


def probe(port, user, password, ready, stop, answer):
    """Its own process: Python's lock must not be what is measured."""
    connection = Connection(port, user, password)
    connection.command("NOOP")
    ready.set()
    took = []
    while not stop.is_set():
        took.append(connection.command("NOOP")[0])
    connection.close()
    answer.put((max(took), len(took)))


def stalls(port, user, password):
    """The worst NOOP of a second session of the same account while each long command runs."""
    result = {}
    connection = Connection(port, user, password)
    for name, lines in STALLING:
        if name.startswith(("COPY", "MOVE")):
            connection.command(f"CREATE {lines[0].split()[-1]}")
        for line in lines[:-1]:
            connection.command(line)
        ready, stop, answer = multiprocessing.Event(), multiprocessing.Event(), multiprocessing.Queue()
        other = multiprocessing.Process(target=probe, args=(port, user, password, ready, stop, answer))
        other.start()
        ready.wait(60)
        took = connection.command(lines[-1])[0]
        stop.set()
        worst, count = answer.get(timeout=600)
        other.join()
        result[name] = {"s": took, "worst_noop_s": worst, "noops": count}
    connection.close()
    return result
