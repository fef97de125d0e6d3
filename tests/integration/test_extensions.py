"""Extensions of SMTP, by clients we did not write: chunks, addresses beyond ASCII, reports, a time to deliver at."""
import json
import random
import time

import pytest

from lab import message, run, wait_for

DOMAIN = "bücher.example"
A_LABEL = "xn--bcher-kva.example"


@pytest.fixture(scope="module")
def books(instance):
    """A domain that is not ASCII."""
    instance.mailctl("domain", "add", DOMAIN)
    return DOMAIN


@pytest.fixture
def reader(instance, user, books):
    """A user with an address beyond ASCII; (user, that address)."""
    address = f"grüße.{user.address.split('@')[0]}@{books}"
    instance.mailctl("address", "add", user.address, address)
    return user, address


def chunks(session, data, sizes):
    """Sends by BDAT, all chunks before the first reply is read; the replies."""
    at, sent = 0, []
    for size in sizes:
        sent.append(data[at:at + size])
        at += size
    sent.append(data[at:])
    for number, chunk in enumerate(sent):
        last = " LAST" if number + 1 == len(sent) else ""
        session.send(f"BDAT {len(chunk)}{last}\r\n".encode() + chunk)
    return [session.getreply() for _ in sent]


def test_chunks_with_8bit_and_addresses_beyond_ascii_arrive_byte_for_byte(instance, reader):
    user, address = reader
    text = message("chunks", "Grüße\r\n.\r\n..dots\r\nQUIT\r\n" + "ü" * 400 + "\r\nno line end", to=address)
    with instance.smtp() as session:
        session.ehlo()
        assert all(session.has_extn(name) for name in ("chunking", "binarymime", "smtputf8", "dsn", "limits"))
        assert session.mail("bjørn@elsewhere.example", ["SMTPUTF8", "BODY=8BITMIME"])[0] == 250
        assert session.rcpt(address)[0] == 250
        replies = chunks(session, text, [1, 0, 60, 200])
        assert [code for code, _ in replies] == [250] * 5
        assert b"Queued as" in replies[-1][1]
    body = instance.fetch(user, instance.wait_for_mail(user)[0])
    assert body.endswith(text)
    assert "Return-Path: <bjørn@elsewhere.example>\r\n".encode() in body
    assert b"with UTF8SMTP id" in body


def test_both_forms_of_a_domain_lead_to_the_same_mailbox(instance, reader):
    user, address = reader
    with instance.smtp() as session:
        session.ehlo()
        for number, recipient in enumerate((address, address.replace(DOMAIN, A_LABEL), address.replace(DOMAIN, DOMAIN.upper()))):
            session.mail("bob@elsewhere.example", ["SMTPUTF8"])
            assert session.rcpt(recipient)[0] == 250
            assert session.data(message(f"form-{number}"))[0] == 250
        session.mail("bob@elsewhere.example")
        session.command_encoding = "utf-8"
        assert session.rcpt(address)[0] == 553
        assert session.rcpt(user.address)[0] == 250
        assert session.data(message("ascii"))[0] == 250
    assert len(instance.wait_for_mail(user, 4)) == 4


def test_curl_to_an_address_beyond_ascii(instance, user, reader, tmp_path):
    _, address = reader
    mail = tmp_path / "mail"
    mail.write_bytes(message("curl-utf8", "Grüße\r\n", sender=user.address, to=address))
    run(["curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", instance.certificate,
         "--url", f"smtp://localhost:{instance.port('submission')}/client.example", "--user", f"{user.address}:{user.password}",
         "--mail-from", user.address, "--mail-rcpt", address, "--upload-file", mail], env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin"})
    body = instance.fetch(user, instance.wait_for_mail(user)[0])
    assert body.endswith(mail.read_bytes())
    assert b"with UTF8SMTPSA id" in body


@pytest.mark.parametrize("size", [1000, 65536, 3_000_000])
def test_a_large_message_in_chunks(instance, user, size):
    body = "".join(f"{number:060d}\r\n" for number in range(60_000))                # 3.7 MB, over queue.inline_limit
    text = message("large-chunks", body)
    with instance.smtp() as session:
        session.ehlo()
        session.mail("bob@elsewhere.example", [f"SIZE={len(text)}"])
        session.rcpt(user.address)
        # One chunk, one reply: 3,700 of both at once would fill the buffers of both sides.
        for at in range(0, len(text), size):
            session.send(f"BDAT {len(text[at:at + size])}\r\n".encode() + text[at:at + size])
            assert session.getreply()[0] == 250
        assert session.docmd("BDAT", "0 LAST")[0] == 250
    assert instance.fetch(user, instance.wait_for_mail(user)[0]).endswith(text)


def test_a_binary_message(instance, user):
    data = random.Random(8).randbytes(500_000).replace(b"\0", b"\1")
    text = (b"Subject: binary\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Transfer-Encoding: binary\r\n\r\n" + data)
    with instance.smtp() as session:
        session.ehlo()
        session.mail("bob@elsewhere.example", ["BODY=BINARYMIME"])
        session.rcpt(user.address)
        assert session.docmd("DATA")[0] == 503
        assert [code for code, _ in chunks(session, text, [300_000])] == [250, 250]
    assert instance.fetch(user, instance.wait_for_mail(user)[0]).endswith(text)


def test_a_refused_chunk_is_no_command(instance, user):
    with instance.smtp() as session:
        session.ehlo()
        session.mail("bob@elsewhere.example")
        session.rcpt(user.address)
        smuggled = f"\n.\r\nMAIL FROM:<x@evil.example>\r\nRCPT TO:<{user.address}>\r\nDATA\r\nsmuggled\r\n.\r\n".encode()
        assert [code for code, _ in chunks(session, message("bare") + smuggled, [500])] == [550, 503]
        assert session.docmd("BDAT", "99999999999")[0] == 503
        session.close()
    instance.send(None, user, message("honest"))
    assert b"Subject: honest" in instance.fetch(user, instance.wait_for_mail(user)[0])
    assert len(instance.wait_for_mail(user)) == 1


def waiting(instance, recipient):
    """The queue ids of what waits for that recipient first."""
    rows = json.loads(instance.mailctl("queue", "list", "--json"))
    return [row["id"] for row in rows if row["first_recipient"] == recipient]


def queued(instance, recipient):
    """The one message that waits for that recipient, as the API shows it."""
    return json.loads(instance.mailctl("queue", "show", *waiting(instance, recipient), "--json"))


def test_what_a_sender_wants_to_be_told_is_kept(instance, user):
    recipient = "reports@elsewhere.example"
    with instance.smtp(user) as session:
        session.sendmail(user.address, [recipient], message("dsn", sender=user.address), ["RET=HDRS", "ENVID=QQ+2B1", "REQUIRETLS"],
                         ["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;Old+2Bname@elsewhere.example"])
    shown = queued(instance, recipient)
    assert (shown["return"], shown["envelope_id"], shown["require_tls"]) == ("headers", "QQ+1", True)
    assert shown["recipients"][0]["notify"] == ["success", "delay"]
    assert shown["recipients"][0]["original_recipient"] == "rfc822;Old+name@elsewhere.example"
    sheet = instance.mailctl("queue", "show", shown["id"])
    assert "QQ+1" in sheet and "require_tls" in sheet


def test_a_scheduled_message_waits_for_its_time(instance, user, other):
    with instance.smtp(user) as session:
        assert session.has_extn("futurerelease")
        session.sendmail(user.address, [other.address], message("later", sender=user.address), ["HOLDFOR=6"])
    shown = queued(instance, other.address)
    assert shown["recipients"][0]["state"] == "scheduled"
    assert shown["recipients"][0]["next_attempt"] == shown["hold_until"]
    uid = instance.wait_for_mail(other)[0]
    assert time.time() >= shown["hold_until"]
    assert b"Subject: later" in instance.fetch(other, uid)
    wait_for(lambda: not waiting(instance, other.address), "the queue to be rid of it")
