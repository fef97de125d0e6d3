"""TESTCARD G1 and G2: what AUTH is given that is no login."""
import base64

import pytest

from test_smtp_abuse import Wire


@pytest.fixture
def secure(instance):
    connection = Wire(instance, "submissions")
    connection.socket = instance.tls().wrap_socket(connection.socket, server_hostname="localhost")
    assert connection.reply().startswith(b"220 ")
    connection.talk(b"EHLO c.example")
    return connection


def plain(*parts):
    return base64.b64encode(b"\0".join(part.encode() for part in parts))


def log_in(connection, user):
    return connection.talk(b"AUTH PLAIN " + plain("", user.address, user.password))[0]


@pytest.mark.parametrize("port", ["smtp", "submission"])
@pytest.mark.parametrize("mechanism", [b"PLAIN AGEAYg==", b"LOGIN", b"SCRAM-SHA-256 biwsbj1hLHI9YQ==", b"CRAM-MD5", b"NOSUCH"])
def test_auth_is_not_there_before_tls(instance, port, mechanism):
    connection = Wire(instance, port)
    connection.reply()
    assert b"AUTH" not in connection.talk(b"EHLO c.example")[0]
    assert connection.talk(b"AUTH " + mechanism)[0].startswith(b"5")


MALFORMED = [b"=", b"====", b"A", b"AA=A", b"\xff\xfe", b"AGEAYg==AGEAYg==", b"AGEAYg==\0", b"AGEA Yg==", b"*", b"",
             base64.b64encode(b"a"), base64.b64encode(b"\0"), base64.b64encode(b"\0\0"), base64.b64encode(b"\0\0\0\0"),
             base64.b64encode(b"a\0b\0c\0d"), base64.b64encode(b"\0u0001@lab.test\0"), base64.b64encode(b"\0\0pwu0001"),
             base64.b64encode(b"\0u0001@lab.test\0pwu0001\0"), base64.b64encode(b"\0\xff\xfe@lab.test\0x"),
             base64.b64encode(b"\0" + b"u" * 5000 + b"\0" + b"p" * 3000)]


@pytest.mark.parametrize("response", MALFORMED, ids=lambda r: repr(r[:40]))
@pytest.mark.parametrize("initial", [True, False])
def test_a_malformed_response_is_no_login_and_hurts_nobody(instance, secure, response, initial):
    if initial and response:
        secure.send(b"AUTH PLAIN " + response + b"\r\n")
    else:
        assert secure.talk(b"AUTH PLAIN")[0].startswith(b"334")
        secure.send(response + b"\r\n")
    reply = secure.reply()
    assert reply.startswith((b"501 ", b"535 ", b"500 "))
    assert secure.talk(b"MAIL FROM:<u0001@lab.test>")[0].startswith(b"530")
    assert log_in(secure, instance.user(2)).startswith(b"235")


def test_200_kilobytes_of_base64_are_a_line_too_long(instance, secure):
    secure.send(b"AUTH PLAIN " + b"QUFB" * 50_000 + b"\r\n")
    assert secure.reply().startswith(b"500 ")
    assert log_in(secure, instance.user(2)).startswith(b"235")


def test_nobody_acts_for_somebody_else(instance, secure):
    """RFC 4616: an authorization identity other than one's own is denied, and so is one that is not an address."""
    user = instance.user(2)
    for other in (instance.user(1).address, "root", "u0001"):
        assert secure.talk(b"AUTH PLAIN " + plain(other, user.address, user.password))[0].startswith(b"535")
    assert secure.talk(b"AUTH PLAIN " + plain(user.address, user.address, user.password))[0].startswith(b"235")


def test_one_login_a_session_and_none_in_a_transaction(instance, secure):
    user = instance.user(2)
    assert log_in(secure, user).startswith(b"235")
    assert log_in(secure, user).startswith(b"503")
    other = Wire(instance, "smtp")
    other.reply()
    other.talk(b"EHLO c.example", b"STARTTLS")
    other.socket = instance.tls().wrap_socket(other.socket, server_hostname="localhost")
    other.talk(b"EHLO c.example", b"MAIL FROM:<a@elsewhere.example>")
    assert log_in(other, user).startswith(b"50")
