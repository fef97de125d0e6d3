"""A scriptable SMTP or LMTP server for tests of outbound delivery: it takes mail, and behaves as badly as it is told to.

    with SmtpServer({"RCPT": ["450 4.2.1 later", "250 ok"], "content": CLOSE}, extensions=["PIPELINING"]) as server:
        ...                                     # mail for user@[127.0.0.1] where outbound.port is server.port
        assert server.messages[0].recipients == ["user@[127.0.0.1]"]

A script says what happens at an event: "connect", "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "content" (the
whole message has come), "data-block" (the first line of it has), "RSET", "NOOP", "QUIT". What happens is a reply; an Action below; a
function of (session, argument) that gives one of those; or a list of them, one for each time, the last one for ever.
Without an entry: what a good server says.
"""
import base64
import dataclasses
import enum
import socket
import struct
import threading
import time


class Action(enum.Enum):
    CLOSE = "ends the connection"
    RESET = "ends it with a reset"
    STALL = "says nothing any more"
    DRIP = "an endless reply, an octet at a time"
    ENDLESS = "a reply of lines without end"
    LONG = "a line without end"
    GARBAGE = "octets that are no reply"


CLOSE, RESET, STALL, DRIP, ENDLESS, LONG, GARBAGE = Action
GOOD = {"connect": "220 mx.test ESMTP", "HELO": "250 mx.test", "STARTTLS": "220 2.0.0 go", "AUTH": "235 2.7.0 in", "MAIL": "250 2.1.0 ok",
        "RCPT": "250 2.1.5 ok", "DATA": "354 go", "BDAT": "250 2.0.0 more", "content": "250 2.6.0 taken", "RSET": "250 2.0.0 ok",
        "NOOP": "250 2.0.0 ok", "QUIT": "221 2.0.0 bye"}


@dataclasses.dataclass
class Message:
    sender: str
    recipients: list
    data: bytes
    verb: str                      # DATA or BDAT
    mail: str                      # the whole argument of MAIL
    rcpt: list                     # and those of RCPT
    tls: bool
    user: str                      # who logged in
    session: int


class SmtpServer:
    def __init__(self, script=None, extensions=(), tls=None, implicit=False, lmtp=False, address="127.0.0.1", port=0):
        self.script = {event: list(what) if isinstance(what, list) else [what] for event, what in (script or {}).items()}
        self.extensions, self.tls, self.implicit, self.lmtp = list(extensions), tls, implicit, lmtp
        self.messages, self.commands, self.sessions = [], [], 0
        self.changed = threading.Condition()
        self.stopping = threading.Event()
        self.open = set()
        self.listener = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.address, self.port = address, self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)

    def start(self):
        self.thread.start()
        return self

    __enter__ = start

    def stop(self):
        self.stopping.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in list(self.open):
            hang_up(connection)

    def __exit__(self, *_):
        self.stop()

    def behave(self, event, *what):
        self.script[event] = list(what)

    def next(self, event):
        what = self.script.get(event)
        if not what:
            return GOOD.get(event)
        return what.pop(0) if len(what) > 1 else what[0]

    def note(self, append):
        with self.changed:
            append()
            self.changed.notify_all()

    def wait_for_messages(self, count=1, seconds=20):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.messages) >= count, seconds), f"{len(self.messages)} of {count} messages; {self.commands}"
            return list(self.messages)

    def wait_for_command(self, verb, count=1, seconds=20):
        def seen():
            return sum(line.upper().startswith(verb) for _, line in self.commands) >= count
        with self.changed:
            assert self.changed.wait_for(seen, seconds), f"{verb} did not come; {self.commands}"

    def accept(self):
        while not self.stopping.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.sessions += 1
            threading.Thread(target=Session(self, connection, self.sessions).run, daemon=True).start()


def hang_up(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


class Over(Exception):
    """The session has ended."""


class Session:
    def __init__(self, server, connection, number):
        self.server, self.connection, self.number = server, connection, number
        self.buffer, self.secure, self.user = b"", False, ""
        self.forget()

    def forget(self):
        self.mail, self.rcpt, self.chunks = None, [], b""

    def run(self):
        self.server.open.add(self.connection)
        self.connection.settimeout(60)
        try:
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.server.implicit:
                self.begin_tls()
            self.say("connect")
            while True:
                line = self.line()
                self.server.note(lambda: self.server.commands.append((self.number, line.decode(errors="replace"))))
                verb, _, argument = line.decode(errors="replace").partition(" ")
                self.command(verb.upper(), argument)
        except (Over, OSError, ValueError):
            pass
        finally:
            self.server.open.discard(self.connection)
            hang_up(self.connection)

    # -- bytes

    def more(self):
        got = self.connection.recv(65536)
        if not got:
            raise Over
        self.buffer += got

    def line(self):
        while b"\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r")

    def exactly(self, size):
        while len(self.buffer) < size:
            self.more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def write(self, text):
        self.connection.sendall(text if isinstance(text, bytes) else text.encode())

    # -- what the script has us do

    def say(self, event, argument=""):
        """The code of the reply that was given."""
        what = self.server.next(event)
        if callable(what):
            what = what(self, argument)
        if isinstance(what, Action):
            self.act(what)
        self.write(what + "\r\n")
        return int(what.splitlines()[-1][:3])

    def act(self, action):
        if action is RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif action is STALL:
            self.server.stopping.wait(60)
        elif action is DRIP:
            for byte in b"250-" + b"x" * 1000:
                self.write(bytes([byte]))
                self.server.stopping.wait(0.05)
        elif action in (ENDLESS, LONG, GARBAGE):
            piece = {ENDLESS: b"250-more\r\n", LONG: b"x", GARBAGE: b"\x00\xff<html>\r\n"}[action] * 500
            while not self.server.stopping.is_set():
                self.write(piece)
        raise Over

    # -- commands

    def command(self, verb, argument):
        handler = getattr(self, "do_" + verb.lower(), None)
        if handler:
            return handler(argument)
        if verb in GOOD:
            return self.say(verb, argument)
        self.write("500 5.5.1 what?\r\n")

    def do_ehlo(self, argument):
        if self.server.script.get("EHLO"):
            return self.say("EHLO", argument)
        offers = ["mx.test", *self.server.extensions]
        if self.server.tls and not self.secure:
            offers.append("STARTTLS")
        self.write("".join(f"250{' ' if at + 1 == len(offers) else '-'}{offer}\r\n" for at, offer in enumerate(offers)))

    do_lhlo = do_ehlo

    def begin_tls(self):
        self.server.open.discard(self.connection)
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.server.open.add(self.connection)
        self.secure = True

    def do_starttls(self, argument):
        if self.say("STARTTLS", argument) == 220:
            self.begin_tls()

    def do_auth(self, argument):
        mechanism, _, initial = argument.partition(" ")
        if mechanism == "PLAIN":
            self.user = base64.b64decode(initial).decode().replace("\0", " ").strip()
        else:
            words = []
            for challenge in ("VXNlcm5hbWU6", "UGFzc3dvcmQ6"):
                self.write(f"334 {challenge}\r\n")
                words.append(base64.b64decode(self.line()).decode())
            self.user = " ".join(words)
        self.say("AUTH", argument)

    def do_mail(self, argument):
        if self.say("MAIL", argument) == 250:
            self.forget()
            self.mail = argument

    def do_rcpt(self, argument):
        if self.say("RCPT", argument) == 250:
            self.rcpt.append(argument)

    def do_rset(self, argument):
        self.say("RSET", argument)
        self.forget()

    def do_quit(self, argument):
        self.say("QUIT", argument)
        raise Over

    def do_data(self, argument):
        if self.say("DATA", argument) != 354:
            return
        lines = []
        while (line := self.line()) != b".":
            lines.append(line[1:] if line.startswith(b".") else line)
            if len(lines) == 1 and self.server.script.get("data-block"):
                self.say("data-block")
        self.received(b"".join(line + b"\r\n" for line in lines), "DATA")

    def do_bdat(self, argument):
        size, _, last = argument.partition(" ")
        self.chunks += self.exactly(int(size))
        if last.upper() == "LAST":
            self.received(self.chunks, "BDAT")
        else:
            self.say("BDAT", argument)

    def received(self, data, verb):
        def address(text):
            return text[text.index("<") + 1:text.index(">")]
        message = Message(address(self.mail or "<>"), [address(r) for r in self.rcpt], data, verb, self.mail, list(self.rcpt), self.secure,
                          self.user, self.number)
        codes = [self.say("content") for _ in (self.rcpt if self.server.lmtp else [None])]
        if any(code == 250 for code in codes):
            self.server.note(lambda: self.server.messages.append(message))
        self.forget()
