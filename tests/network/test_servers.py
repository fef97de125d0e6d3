"""Mail for real servers, with what each of them offers; they say what arrived."""
import re

import pytest

from lab import wait_for

SERVERS = ["postfix", "exim", "opensmtpd"]
EIGHT_BIT = "Grüße aus Köln, こんにちは\r\n.leading dot\r\n..two\r\nthe end\r\n"
# What stands in the Received line. Debian 12's OpenSMTPD offers STARTTLS and has no key when it comes to it ("missing private key":
# OpenSSL 3 does not ask it), so that it is sent to in clear after a handshake that failed.
PROTOCOL = {"postfix": "with ESMTPS", "exim": "with esmtps", "opensmtpd": "with ESMTP "}
MEGABYTE = ("x" * 72 + "\r\n") * (1_000_000 // 74)


@pytest.fixture(params=SERVERS)
def server(request):
    running = request.getfixturevalue(request.param)
    running.name = request.param
    return running


def test_a_message_arrives_as_it_was(instance, server):
    outcome, rcpt, subject = instance.deliver(server.domain, body=EIGHT_BIT, mail_options=["BODY=8BITMIME"])
    assert outcome["event"] == "delivered" and outcome["tls"].startswith("none" if server.name == "opensmtpd" else "TLSv1.3"), outcome
    message = server.wait_for_message(subject)
    assert message.get_payload(decode=True).decode().replace("\r\n", "\n") == EIGHT_BIT.replace("\r\n", "\n")
    assert PROTOCOL[server.name] in message.get_all("Received")[0]


def test_a_large_message(instance, server):
    body = MEGABYTE * 6
    outcome, rcpt, subject = instance.deliver(server.domain, body=body)
    assert outcome["event"] == "delivered", outcome
    assert server.wait_for_message(subject).get_payload(decode=True).replace(b"\r\n", b"\n") == body.replace("\r\n", "\n").encode()


def test_a_message_beyond_what_it_takes_is_not_sent(instance, server):
    """RFC 1870: it says 20 MB in its EHLO."""
    outcome, rcpt, subject = instance.deliver(server.domain, body=MEGABYTE * 22)
    assert (outcome["event"], outcome["code"]) == ("failed", "5.3.4"), outcome
    assert "5.3.4" in instance.wait_for_report(rcpt) and not server.messages(subject)


def test_whom_it_does_not_know(instance, server):
    outcome, rcpt, _ = instance.deliver(server.domain, local="nobody")
    assert outcome["event"] == "failed" and outcome["code"].startswith("5."), outcome
    report = instance.wait_for_report(rcpt)
    assert "Action: failed" in report and outcome["reply"].split()[0] in report


def test_an_address_beyond_ascii(instance, server):
    """RFC 6531: OpenSMTPD does not offer it, and there is no other way to say the address."""
    rcpt, subject = instance.mail(server.domain, local="jörg", mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    outcome = instance.ends(rcpt)
    if server.name == "opensmtpd":
        assert (outcome["event"], outcome["code"]) == ("failed", "5.6.7"), outcome
        assert not server.messages(subject)
    else:
        assert outcome["event"] == "delivered", outcome
        assert re.search("utf8", server.wait_for_message(subject).get_all("Received")[0], re.IGNORECASE)


def test_it_reports_success_where_it_was_asked_to(instance, server):
    """RFC 3461: it offers DSN, so that the report is its own and not ours, and comes to us as mail of its own."""
    rcpt, subject = instance.mail(server.domain, mail_options=["RET=HDRS", "ENVID=QQ314159"], rcpt_options=["NOTIFY=SUCCESS,FAILURE"])
    assert instance.ends(rcpt)["event"] == "delivered"
    report = instance.wait_for_report(rcpt)
    assert re.search(r"^Action: (delivered|relayed)", report, re.MULTILINE | re.IGNORECASE), report
    assert re.search(rf"^Reporting-MTA: dns; *mx\.{server.domain}", report, re.MULTILINE | re.IGNORECASE), report
    assert ("QQ314159" in report) == (server.name != "opensmtpd"), report       # which forgets it


def test_many_messages_over_few_connections(instance, server):
    sent = [instance.mail(server.domain) for _ in range(40)]
    outcomes = [instance.ends(rcpt) for rcpt, _ in sent]
    assert {outcome["event"] for outcome in outcomes} == {"delivered"}
    for _, subject in sent:
        server.wait_for_message(subject)
        assert len(server.messages(subject)) == 1


def test_one_message_for_many_recipients(instance, server):
    rcpts = [f"many{number}@{server.domain}" for number in range(150)] + [f"nobody@{server.domain}"]
    known = len(server.mail())
    instance.submit(rcpts)
    ends = {rcpt: instance.ends(rcpt)["event"] for rcpt in rcpts}
    assert [rcpt for rcpt, end in ends.items() if end != "delivered"] == rcpts[-1:], ends
    wait_for(lambda: len(server.mail()) - known >= 150, "a copy for each")
    instance.wait_for_report(rcpts[-1])
