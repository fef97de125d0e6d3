"""What becomes of a message between DATA and the mailbox: what a submission lacks and gets, what of it nobody sees, and
in whose name it may be."""
import email
import email.policy
import json
import smtplib

import pytest

from lab import Instance, run
from test_smtp_abuse import VARIANTS, Wire

LARGE = "0123456789" * 7 + "\r\n"


def text(sender, to, *header, body="hello\r\n"):
    lines = [f"From: {sender}", f"To: {to}", "Subject: submission", *header]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def submit(instance, user, recipients, content, sender=None, chunked=False):
    with instance.smtp(user) as session:
        session.ehlo()
        if not chunked:
            return session.sendmail(user.address if sender is None else sender, recipients, content)
        assert session.mail(user.address)[0] == 250
        for recipient in recipients:
            assert session.rcpt(recipient)[0] == 250
        half = len(content) // 2
        session.send(f"BDAT {half}\r\n".encode() + content[:half] + f"BDAT {len(content) - half} LAST\r\n".encode() + content[half:])
        assert session.getreply()[0] == 250 and session.getreply()[0] == 250
    return {}


def arrived(instance, user, count=1):
    return instance.fetch(user, instance.wait_for_mail(user, count)[-1])


def refusal(instance, user, content, sender=None):
    with pytest.raises(smtplib.SMTPDataError) as refused:
        submit(instance, user, [user.address], content, sender)
    return refused.value.smtp_code, refused.value.smtp_error.decode()


@pytest.mark.parametrize("chunked", [False, True], ids=["DATA", "BDAT"])
@pytest.mark.parametrize("lines", [1, 10000], ids=["inline", "large"])
def test_nobody_sees_who_got_a_blind_copy(instance, user, other, chunked, lines):
    hidden = [f"bcc : {other.address},\r\n\t{other.address},\r\n second@elsewhere.example\r\n", "RESENT-BCC:\r\n x@elsewhere.example\r\n"]
    parts = text(user.address, user.address, "Date: Sat, 21 Nov 2026 08:20:00 +0000", "Message-ID: <bcc@lab.test>",
                 body="Bcc: this is the body\r\n" + LARGE * lines).partition(b"Subject:")
    content = parts[0] + hidden[0].encode() + parts[1] + parts[2].replace(b"\r\n\r\n", b"\r\n" + hidden[1].encode() + b"\r\n", 1)
    submit(instance, user, [user.address, other.address], content, chunked=chunked)
    for reader in (user, other):
        body = arrived(instance, reader)
        assert body.endswith(b"".join(parts))
        assert not [name for name in email.message_from_bytes(body).keys() if "bcc" in name.lower()]


def test_swaks_gets_its_message_completed(instance, user):
    run(["swaks", "--server", "localhost", "--port", instance.port("submission"), "--tls", "--auth-user", user.address,
         "--auth-password", user.password, "--from", user.address, "--to", user.address, "--data",
         "Subject: bare\\nBcc: hidden@elsewhere.example\\n\\nhello\\n"])
    message = email.message_from_bytes(arrived(instance, user), policy=email.policy.default)
    assert message["From"] == user.address
    assert message["Date"].datetime is not None
    assert message["Message-ID"].startswith("<") and message["Message-ID"].endswith("@lab.test>")
    assert message["Bcc"] is None
    assert [len(message.get_all(name)) for name in ("From", "Date", "Message-ID", "Subject")] == [1, 1, 1, 1]


def test_a_signed_submission_and_mail_of_other_servers_stay_as_they_are(instance, user):
    signed = text(user.address, user.address, "DKIM-Signature: v=1; b=x", "Date: Sat, 21 Nov 2026 08:20:00 +0000")
    submit(instance, user, [user.address], signed)
    body = arrived(instance, user)
    assert body.endswith(signed) and b"Message-ID:" not in body
    foreign = b"Subject: as it came\r\nBcc: kept@elsewhere.example\r\n\r\nhello\r\n"
    instance.send(None, user, foreign)
    body = arrived(instance, user, 2)
    assert body.endswith(b"\r\n" + foreign) and b"From:" not in body and b"\nDate:" not in body


def test_where_a_user_is_stays_unknown(instance, user):
    submit(instance, user, [user.address], text(user.address, user.address))
    body = arrived(instance, user)
    assert b"(an authenticated user)" in body and b"ESMTPSA" in body
    assert b"127.0.0.1" not in body and b"client.example" not in body


def test_a_submission_is_from_its_own_account(instance, user, other):
    local, domain = user.address.split("@")
    alias = f"team-of-{local}@{domain}"
    instance.mailctl("alias", "add", alias, user.address)
    for own in (user.address, user.address.upper(), f"{local}+tag@{domain}", alias, f"Team: {user.address}, {alias};"):
        submit(instance, user, [user.address], text(own, other.address))
    for stolen in (other.address, f"{user.address}, {other.address}", f"{other.address} ({user.address})", f"Team: {other.address};"):
        code, reply = refusal(instance, user, text(stolen, user.address))
        assert (code, reply.split()[0]) == (553, "5.7.1") and f"<{other.address}>, which the From header" in reply
    for unclear in (f"{user.address} <{other.address}>", f"<{user.address}> <{other.address}>", f"{user.address} ({other.address}"):
        assert refusal(instance, user, text(unclear, user.address)) == (
            553, "5.1.7 Not everybody would read the same addresses in the From header (RFC 5322 section 3.6.2)")
    code, reply = refusal(instance, user, text(user.address, user.address, f"Sender: {other.address}"))
    assert code == 553 and "which the Sender header names" in reply
    assert "more than one From" in refusal(instance, user, text(user.address, user.address, f"From: {other.address}"))[1]
    assert len(instance.wait_for_mail(user, 5)) == 5


def test_an_administrator_lets_an_account_send_as_somebody_else(instance, user, other):
    content = text(other.address, user.address)
    assert refusal(instance, user, content)[0] == 553
    instance.mailctl("send-as", "grant", user.address, other.address)
    instance.mailctl("send-as", "grant", user.address, "@elsewhere.example")
    granted = json.loads(instance.mailctl("send-as", "list", user.address, "--json"))
    assert [row["address"] for row in granted] == ["@elsewhere.example", other.address]
    submit(instance, user, [user.address], content)
    submit(instance, user, [user.address], content, sender=other.address)
    submit(instance, user, [user.address], text("who@elsewhere.example", user.address), sender="who@elsewhere.example")
    assert len(instance.wait_for_mail(user, 3)) == 3
    for address in (other.address, "@elsewhere.example"):
        instance.mailctl("send-as", "revoke", user.address, address)
    assert refusal(instance, user, content)[0] == 553
    with pytest.raises(smtplib.SMTPSenderRefused):
        submit(instance, user, [user.address], content, sender=other.address)
    audit = instance.mailctl("audit", "list")
    assert "send-as.grant" in audit and "send-as.revoke" in audit


def test_on_port_25_only_two_authors_are_too_many(instance, user):
    with instance.smtp() as session:
        for odd in (b"no header at all\r\n", b"Subject: a\r\nSubject: b\r\n\r\nx\r\n", b"Subject: Gr\xfc\xdfe\r\n\r\nx\r\n"):
            session.sendmail("bob@elsewhere.example", [user.address], odd)
        with pytest.raises(smtplib.SMTPDataError, match="550, b'5.6.0 Message has more than one From header"):
            session.sendmail("bob@elsewhere.example", [user.address], b"From: a@b.example\r\nFrom : c@d.example\r\n\r\nx\r\n")
    assert len(instance.wait_for_mail(user, 3)) == 3


def test_a_header_of_500000_lines_is_taken_whole(instance, user):
    content = text("bob@elsewhere.example", "x@elsewhere.example" + ",\r\n y@elsewhere.example" * 500_000)
    with instance.smtp() as session:
        session.sendmail("bob@elsewhere.example", [user.address], content)
    assert arrived(instance, user).endswith(content)


@pytest.fixture(scope="module")
def lenient(tmp_path_factory):
    """Another instance, that takes mail with bare line ends and does not care whom submissions are from."""
    running = Instance(tmp_path_factory.mktemp("lenient"), users=2,
                       settings=["smtp.bare_line_ends=normalize", "smtp.submission_check_from=false", "smtp.submission_client_address=true"])
    running.start()
    yield running
    running.stop()


def test_bare_line_ends_are_normalized_by_option_and_smuggle_nothing(lenient):
    user = lenient.user(1)
    with lenient.smtp() as session:
        session.ehlo()
        session.mail("bob@elsewhere.example")
        session.rcpt(user.address)
        assert session.docmd("DATA")[0] == 354
        session.send(b"Subject: a device\nX: y\rZ: z\r\n\nbody\n.\nMAIL FROM:<smuggled@evil.example>\n.\r\nQUIT\r\n\r\n.\r\n")
        assert session.getreply()[0] == 250
        assert session.noop()[0] == 250
    assert arrived(lenient, user).endswith(
        b"\r\nSubject: a device\r\nX: y\r\nZ: z\r\n\r\nbody\r\n.\r\nMAIL FROM:<smuggled@evil.example>\r\n.\r\nQUIT\r\n\r\n")


# TESTCARD D1: what follows is a line of the message, or never heard.
@pytest.mark.parametrize("variant", VARIANTS, ids=[repr(v)[2:-1] for v in VARIANTS])
def test_no_false_end_is_one_where_line_ends_are_normalized(lenient, variant):
    wire = Wire(lenient)
    assert wire.reply().startswith(b"220 ")
    wire.talk(b"EHLO c", b"MAIL FROM:<a@elsewhere.example>", f"RCPT TO:<{lenient.user(1).address}>".encode(), b"DATA")
    wire.send(b"body" + variant + b"MAIL FROM:<smuggled@evil.example>\r\nRCPT TO:<u0001@lab.test>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n")
    replies = [reply for reply in wire.all_replies() if not reply.startswith(b"221 ")]
    assert len(replies) == 1 and replies[0].startswith(b"550 5.6.0 " if b"\0" in variant else b"250 2.0.0 ")
    assert "from=smuggled@evil.example" not in lenient.log()


def test_the_author_check_and_privacy_are_options(lenient):
    user = lenient.user(2)
    submit(lenient, user, [user.address], text("anybody@elsewhere.example", user.address))
    body = arrived(lenient, user)
    assert b"From: anybody@elsewhere.example\r\n" in body and b"[127.0.0.1]" in body


def test_the_header_of_a_message_with_smtputf8_is_utf8(instance, user):
    for subject, code in ((b"Gr\xc3\xbc\xc3\x9fe", 250), (b"Gr\xfc\xdfe", 550)):
        with instance.smtp(user) as session:
            session.ehlo()
            assert session.mail(user.address, ["SMTPUTF8", "BODY=8BITMIME"])[0] == 250
            assert session.rcpt(user.address)[0] == 250
            reply = session.data(b"Subject: " + subject + b"\r\n\r\nhello\r\n")
            assert reply[0] == code, reply
    assert b"RFC 6532" in reply[1]
