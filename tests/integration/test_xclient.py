"""XCLIENT: a proxy says whom it speaks for, by hand and by swaks."""
import re
import smtplib

import pytest

from lab import Instance, message, run, wait_for


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """127.0.0.2 is a proxy."""
    instance = Instance(tmp_path_factory.mktemp("xclient"), users=2, settings=[
        "smtp.xclient_networks=127.0.0.2", "policy.greet_delay=0"])
    instance.start()
    yield instance
    instance.stop()


def session(instance, source):
    return smtplib.SMTP("127.0.0.1", instance.port("smtp"), local_hostname="proxy.example", timeout=20, source_address=(source, 0))


def test_the_named_client_is_the_client(behind):
    user = behind.user(1)
    with session(behind, "127.0.0.2") as smtp:
        smtp.ehlo()
        assert smtp.esmtp_features["xclient"].split() == ["NAME", "ADDR", "PORT", "PROTO", "HELO", "DESTADDR", "DESTPORT"]
        assert smtp.docmd("XCLIENT", "ADDR=192.0.2.77 NAME=client.example HELO=client.example PORT=4711")[0] == 220
        smtp.ehlo("client.example")
        smtp.sendmail("bob@elsewhere.example", [user.address], message("by-xclient"))
    uid = behind.wait_for_mail(user)[0]
    assert b"from client.example ([192.0.2.77])" in behind.fetch(user, uid)
    named = wait_for(lambda: re.search(r"smtpd\.xclient session=(\w+) proxy=127\.0\.0\.2 client=192\.0\.2\.77 port=4711 name=client\.example", behind.log()), "the event")
    wait_for(lambda: f"smtpd.message.accepted session={named.group(1)}" in behind.log(), "its message")


def test_policy_sees_the_named_client(behind):
    behind.mailctl("ban", "add", "192.0.2.99")
    with session(behind, "127.0.0.2") as smtp:
        code, text = smtp.docmd("XCLIENT", "ADDR=192.0.2.99")
        assert (code, text[:6]) == (554, b"5.7.1 ")
        with pytest.raises(smtplib.SMTPServerDisconnected):
            smtp.noop()
    behind.mailctl("ban", "clear", "192.0.2.99")


def test_others_are_refused(behind):
    with session(behind, "127.0.0.3") as smtp:
        smtp.ehlo()
        assert not smtp.has_extn("xclient")
        assert smtp.docmd("XCLIENT", "ADDR=192.0.2.77") == (550, b"5.7.1 XCLIENT is not for you")


def test_nobody_logs_in_by_xclient(behind):
    with session(behind, "127.0.0.2") as smtp:
        assert smtp.docmd("XCLIENT", f"ADDR=192.0.2.77 LOGIN={behind.user(1).address}")[0] == 501


def test_swaks(behind):
    user = behind.user(2)
    run(["swaks", "--server", "127.0.0.1", "--port", behind.port("smtp"), "--local-interface", "127.0.0.2", "--xclient-addr", "192.0.2.55",
         "--xclient-name", "swaks.example", "--xclient-helo", "swaks.example", "--from", "bob@elsewhere.example", "--to", user.address,
         "--hide-all"])
    assert b"([192.0.2.55])" in behind.fetch(user, behind.wait_for_mail(user)[0])
