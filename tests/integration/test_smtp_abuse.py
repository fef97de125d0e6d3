"""TESTCARD D1 to D4, D8 and D9 on the wire: what tests/unit/smtpd shows of the session, shown of the daemon."""
import os
import socket

import pytest

VARIANTS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n.\r", b"\r.\n", b"\r\r\n.\r\r\n",
            b"\r\r\n.\r\n", b"\r\n.\r\r\n", b"\n\n.\n\n", b"\n\r.\r\n", b"\r\n.\n\r\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n"]


class Wire:
    """A raw connection: what arrives is read until the server closes or a reply is complete."""

    def __init__(self, instance, port="smtp"):
        self.socket = socket.create_connection(("127.0.0.1", instance.port(port)), timeout=20)
        self.buffer = b""

    def send(self, *parts):
        for part in parts:
            self.socket.sendall(part)

    def reply(self):
        """One reply, all its lines; empty at the end of the connection."""
        lines = []
        while True:
            while b"\r\n" not in self.buffer:
                try:
                    chunk = self.socket.recv(65536)
                except ConnectionResetError:
                    chunk = b""
                if not chunk:
                    return b"\n".join(lines)
                self.buffer += chunk
            line, _, self.buffer = self.buffer.partition(b"\r\n")
            lines.append(line)
            if line[3:4] != b"-":
                return b"\n".join(lines)

    def talk(self, *commands):
        replies = []
        for command in commands:
            self.send(command + b"\r\n")
            replies.append(self.reply())
        return replies

    def all_replies(self):
        found = []
        while reply := self.reply():
            found.append(reply)
        return found


@pytest.fixture
def wire(instance):
    connection = Wire(instance)
    assert connection.reply().startswith(b"220 ")
    return connection


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("variant", VARIANTS, ids=repr)
def test_nothing_is_smuggled(instance, variant, split):
    recipient = instance.user(instance.count)
    connection = Wire(instance)
    connection.reply()
    connection.talk(b"EHLO c.example", b"MAIL FROM:<a@elsewhere.example>", f"RCPT TO:<{recipient.address}>".encode(), b"DATA")
    smuggled = (b"MAIL FROM:<smuggled@elsewhere.example>\r\nRCPT TO:<" + recipient.address.encode() +
                b">\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\nQUIT\r\n")
    whole = b"Subject: outer\r\n\r\nbody" + variant + smuggled
    middle = whole.index(variant) + 1
    connection.send(whole[:middle], whole[middle:]) if split else connection.send(whole)
    replies = connection.all_replies()
    assert replies[0].startswith(b"550 5.6.0")
    assert not any(reply.startswith((b"250", b"354")) for reply in replies)
    assert "from=smuggled@elsewhere.example" not in instance.log()


@pytest.mark.parametrize("split", [False, True])
def test_nothing_gets_into_tls_from_before_it(instance, wire, split):
    wire.talk(b"EHLO c.example")
    wire.send(b"STARTTLS\r\n", b"NOOP\r\nEHLO injected.example\r\n") if split else wire.send(
        b"STARTTLS\r\nNOOP\r\nEHLO injected.example\r\n")
    replies = wire.all_replies()
    assert len(replies) <= 1                             # 220 or 521, and never an answer to what was injected


def test_state_is_gone_after_tls(instance, wire):
    wire.talk(b"EHLO c.example", b"STARTTLS")
    wire.socket = instance.tls().wrap_socket(wire.socket, server_hostname="localhost")
    assert wire.talk(b"MAIL FROM:<a@elsewhere.example>")[0].startswith(b"503 ")
    assert b"STARTTLS" not in wire.talk(b"EHLO c.example")[0]


def test_many_recipients_get_452_and_never_5xx(instance, wire):
    recipient = instance.user(instance.count).address.encode()
    wire.talk(b"EHLO c.example", b"MAIL FROM:<a@elsewhere.example>")
    wire.send(b"".join(b"RCPT TO:<" + recipient + b">\r\n" for _ in range(1100)))
    codes = [reply[:3] for reply in wire.all_replies()]
    assert 100 <= codes.count(b"250") <= 1000
    assert codes.count(b"452") > 0 and not any(code.startswith(b"5") for code in codes)


def test_a_web_request_is_shown_the_door(wire):
    wire.send(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO a\r\nMAIL FROM:<a@b.example>\r\n")
    assert len(wire.all_replies()) == 1


def test_garbage_is_cut_off(wire):
    wire.send(b"\xff\xfe\r\n" * 100)
    replies = wire.all_replies()
    assert len(replies) <= 26 and replies[-1].startswith(b"421 4.7.0")


@pytest.mark.skipif("asan" in os.environ.get("POSTERN_BUILD", ""), reason="a sanitizer keeps what was freed")
def test_a_line_without_end_takes_no_memory(instance, wire):
    def resident():
        return sum(int(line.split()[1]) for pid in instance.processes()["smtpd"]
                   for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS"))
    before = resident()
    for _ in range(16):
        wire.send(b"x" * 1024 * 1024)
    wire.send(b"\r\n")
    assert wire.reply().startswith(b"500 ")
    assert resident() - before <= 1024                   # KiB


@pytest.mark.parametrize("words", [b"\x80", b"\xc0\xaf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xc3",
                                   b"\xe2\x82", b"\xff", b"\xfe", b"a\0b", b"\x7f", b"\x1b[2J"], ids=repr)
@pytest.mark.parametrize("utf8", [False, True])
def test_broken_text_in_an_address_is_refused(instance, wire, words, utf8):
    """Control characters and what is no UTF-8, with and without SMTPUTF8 (RFC 6531 section 3.3); none reaches the log raw."""
    more = b" SMTPUTF8" if utf8 else b""
    wire.talk(b"EHLO c.example")
    assert wire.talk(b"MAIL FROM:<" + words + b"@elsewhere.example>" + more)[0].startswith(b"5")
    assert wire.talk(b"MAIL FROM:<a@elsewhere.example>" + more)[0].startswith(b"250")
    assert wire.talk(b"RCPT TO:<" + words + b"@lab.test>")[0].startswith(b"5")
    assert not any(byte in instance.log() for byte in "\x00\x1b\x7f")


def test_bytes_that_are_no_line_end_nothing(wire):
    """A NUL or a lone CR within a command: one refusal, and the next command is understood."""
    for line in (b"NO\0OP", b"NOOP\rQUIT", b"NOOP\0"):
        assert wire.talk(line)[0].startswith(b"5")
    assert wire.talk(b"NOOP")[0].startswith(b"250")
