"""TESTCARD D5 and D6: nobody's mail is passed on, and an address is never more than an address."""
import base64

import pytest

from lab import wait_for
from test_smtp_abuse import Wire, wire  # noqa: F401

RELAY_FORMS = ["a@elsewhere.example", "@lab.test:a@elsewhere.example", "a%elsewhere.example@elsewhere.example",
               '"a@elsewhere.example"@elsewhere.example', "elsewhere.example!a@elsewhere.example", "a@[192.0.2.7]",
               "a@[IPv6:2001:db8::1]", "a@lab.test.elsewhere.example", "a@elsewhere.example.", "a@LAB.TEST@elsewhere.example",
               "a@localhost", "@elsewhere.example", "@lab.test,@elsewhere.example:a@elsewhere.example",
               "a%elsewhere.example@lab.test", '"a@elsewhere.example"@lab.test', "elsewhere.example!a@lab.test",
               '"a@elsewhere.example"', "a@elsewhere.example@lab.test", "elsewhere.example!a", "a%elsewhere.example",
               "a@[127.0.0.1]", "a@127.0.0.1", "a@lab.test@elsewhere.example", "a@elsewhere.example@[127.0.0.1]",
               "@elsewhere.example:u0001@lab.test@elsewhere.example", "a(lab.test)@elsewhere.example"]
SENDERS = ["u0001@lab.test", "", "postmaster@lab.test", "root@localhost", "a@[127.0.0.1]"]


@pytest.mark.parametrize("sender", SENDERS)
def test_port_25_relays_for_nobody(wire, sender):  # noqa: F811
    wire.talk(b"EHLO c.example", f"MAIL FROM:<{sender}>".encode())
    replies = wire.talk(*(f"RCPT TO:<{form}>".encode() for form in RELAY_FORMS[:18]))
    assert [form for form, reply in zip(RELAY_FORMS, replies) if not reply.startswith(b"5")] == []


@pytest.mark.parametrize("form", RELAY_FORMS)
def test_no_form_is_relayed(wire, form):  # noqa: F811
    wire.talk(b"EHLO c.example", b"MAIL FROM:<u0001@lab.test>")
    assert wire.talk(f"RCPT TO:<{form}>".encode())[0].startswith(b"5")
    assert wire.talk(b"DATA")[0].startswith(b"5")


def test_a_failed_login_opens_nothing(instance):
    connection = Wire(instance, "submissions")
    connection.socket = instance.tls().wrap_socket(connection.socket, server_hostname="localhost")
    connection.reply()
    connection.talk(b"EHLO c.example")
    wrong = base64.b64encode(b"\0u0001@lab.test\0wrong")
    assert connection.talk(b"AUTH PLAIN " + wrong)[0].startswith(b"535 5.7.8")
    assert connection.talk(b"MAIL FROM:<u0001@lab.test>")[0].startswith(b"530 5.7.0")


@pytest.fixture
def canary(tmp_path):
    """A path that any of the addresses below would make, were it run."""
    return tmp_path / "canary"


INJECTIONS = ["$(touch {0})", "`touch {0}`", "a;touch {0};", "|touch {0}", '"|touch {0}"', "${{run{{/bin/touch {0}}}}}",
              "${{run{{/usr/bin/touch${{substr{{10}}{{1}}{{$tod_log}}}}{0}}}}}", "&&touch {0}&&", "{0}", "../../../..{0}", ":include:{0}",
              '":include:{0}"', "a>{0}", "-oX{0}", "-C{0}", "%n%s%x{0}", "a\nRCPT TO:<u0001@lab.test>", "a\rtouch {0}", "a\0{0}",
              "%0atouch {0}", "a\\\ntouch {0}", "=?utf-8?q?touch_{0}?="]


@pytest.mark.parametrize("where", ["MAIL FROM", "RCPT TO", "HELO"])
@pytest.mark.parametrize("number", range(len(INJECTIONS)), ids=lambda n: repr(INJECTIONS[n]))
def test_an_address_is_only_an_address(instance, wire, canary, where, number):  # noqa: F811
    text = INJECTIONS[number].format(canary)
    user = instance.user(instance.count)
    sender, recipient = "a@elsewhere.example", user.address
    hello = b"EHLO c.example"
    if where == "HELO":
        hello = b"EHLO " + text.encode()
    elif where == "MAIL FROM":
        sender = f"{text}@elsewhere.example"
    else:
        recipient = f"{text}@lab.test"
    wire.send(hello + b"\r\n", f"MAIL FROM:<{sender}>\r\n".encode(), f"RCPT TO:<{recipient}>\r\n".encode(), b"DATA\r\n",
              b"Subject: injected\r\n\r\nx\r\n.\r\n", b"QUIT\r\n")
    replies = wire.all_replies()
    assert replies[-1].startswith((b"221", b"421"))
    if where == "RCPT TO":
        assert not any(reply.startswith(b"354") for reply in replies)
    wait_for(lambda: instance.queue_length() == 0, "the queue to empty")
    assert not canary.exists()
    assert [path for path in instance.dir.rglob("*canary*")] == []


@pytest.mark.parametrize("address", [b"../../etc/passwd@lab.test", b"/etc/passwd@lab.test", b"a@../../tmp", b"..@lab.test", b".@lab.test"])
def test_a_path_is_no_recipient(wire, address):  # noqa: F811
    wire.talk(b"EHLO c.example", b"MAIL FROM:<a@elsewhere.example>")
    assert wire.talk(b"RCPT TO:<" + address + b">")[0].startswith(b"5")
