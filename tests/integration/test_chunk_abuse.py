"""TESTCARD D7: BDAT's counts, its chunks after a refusal, and its end; RFC 3030."""
import pytest

from test_smtp_abuse import Wire, wire  # noqa: F401

COUNTS = [b"", b"-1", b"+1", b"0x10", b"1e3", b"18446744073709551616", b"18446744073709551617 LAST", b"99999999999999999999999",
          b"10 last please", b"10LAST", b"1 0", b"ten", b"4294967296\0"]
SMUGGLED = b"MAIL FROM:<smuggled@elsewhere.example>\r\nRCPT TO:<u0001@lab.test>\r\nDATA\r\n"


def envelope(wire, recipient):  # noqa: F811
    assert wire.talk(b"EHLO c.example", b"MAIL FROM:<a@elsewhere.example>", b"RCPT TO:<" + recipient.encode() + b">")[2].startswith(b"250")


@pytest.mark.parametrize("count", COUNTS, ids=repr)
def test_a_malformed_count_ends_the_session(instance, wire, count):  # noqa: F811
    """How long the chunk is nobody knows: what follows is not read as commands."""
    envelope(wire, instance.user(instance.count).address)
    wire.send(b"BDAT " + count + b"\r\n" + SMUGGLED)
    replies = wire.all_replies()
    assert replies[0].startswith(b"5")
    assert not any(reply.startswith((b"250", b"354")) for reply in replies)
    assert "from=smuggled@elsewhere.example" not in instance.log()


@pytest.mark.parametrize("size", [len(SMUGGLED), 5_000_000])
def test_a_chunk_nobody_wants_is_swallowed(instance, wire, size):  # noqa: F811
    """Without a recipient: the octets are read and thrown away, and only then come commands again."""
    wire.talk(b"EHLO c.example", b"MAIL FROM:<a@elsewhere.example>", b"RCPT TO:<nobody@lab.test>")
    chunk = (SMUGGLED * (size // len(SMUGGLED) + 1))[:size]
    wire.send(f"BDAT {size} LAST\r\n".encode() + chunk + b"NOOP\r\n")
    assert wire.reply().startswith(b"5")
    assert wire.reply().startswith(b"250")
    assert "from=smuggled@elsewhere.example" not in instance.log()


def test_a_chunk_larger_than_allowed_is_refused_before_it_comes(instance, wire):  # noqa: F811
    envelope(wire, instance.user(instance.count).address)
    wire.send(b"BDAT 9223372036854775807\r\n")
    assert wire.reply().startswith(b"5")


@pytest.mark.parametrize("sent", [b"BDAT 100\r\nSubject: cut\r\n", b"BDAT 14\r\nSubject: cut\r\n", b"BDAT 14\r\nSubject: cut\r\nBDAT 5 LAST\r\nab"])
def test_what_is_cut_off_is_no_message(instance, sent):
    user = instance.user(instance.count)
    connection = Wire(instance)
    connection.reply()
    envelope(connection, user.address)
    before = instance.log().count("smtpd.message.accepted")
    connection.send(sent)
    connection.socket.shutdown(1)
    assert not any(reply.startswith(b"250 2.6.0") for reply in connection.all_replies()[1:])
    assert instance.log().count("smtpd.message.accepted") == before


def test_data_behind_a_chunk_is_refused(instance, wire):  # noqa: F811
    envelope(wire, instance.user(instance.count).address)
    wire.send(b"BDAT 14\r\nSubject: mix\r\nDATA\r\n")
    assert wire.reply().startswith(b"250")
    assert wire.reply().startswith(b"503")
