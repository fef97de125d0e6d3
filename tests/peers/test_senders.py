"""Postfix and Exim send to us: each feature they have, seen used."""
import email
import email.policy
import json
import re
import subprocess
import urllib.request

import pytest

from lab import wait_for

PEERS = ["postfix", "exim"]
EIGHT_BIT = "Grüße aus Köln, こんにちは\r\n.leading dot\r\n..two\r\nthe end\r\n"


def command_count(instance, verb):
    with urllib.request.urlopen(f"http://127.0.0.1:{instance.port('http')}/metrics", timeout=10) as answer:
        found = re.findall(rf'^smtp_commands_total{{[^}}]*verb="{verb}"[^}}]*}} (\d+)', answer.read().decode(), re.MULTILINE)
    return sum(int(value) for value in found)


def text(subject, body=EIGHT_BIT, sender="bob@sender.test", to="a@lab.test"):
    return (f"From: Bob <{sender}>\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{abs(hash(subject))}@sender.test>\r\n"
            f"Date: Sat, 21 Nov 2026 08:20:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Transfer-Encoding: 8bit\r\n\r\n{body}").encode()


def arrived(instance, peer, user):
    try:
        (uid,) = instance.wait_for_mail(user)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{peer.log()[-3000:]}") from None
    return email.message_from_bytes(instance.fetch(user, uid), policy=email.policy.SMTPUTF8)


def received_by_us(message):
    return message.get_all("Received")[0]


@pytest.mark.parametrize("kind", PEERS)
@pytest.mark.parametrize("tls,protocol", [("none", "ESMTP"), ("must", "ESMTPS")])
def test_a_message_arrives_as_it_was(start, instance, user, kind, tls, protocol):
    peer = start(kind, instance, tls=tls)
    before = command_count(instance, "bdat")
    peer.submit("bob@sender.test", [user.address], text(f"{kind} {tls}"), ["BODY=8BITMIME"])
    message = arrived(instance, peer, user)
    assert message.get_content().replace("\r\n", "\n") == EIGHT_BIT.replace("\r\n", "\n")
    assert f" with {protocol} " in received_by_us(message)
    if kind == "exim":                                   # Postfix never sends chunks
        assert command_count(instance, "bdat") > before


@pytest.mark.parametrize("kind", PEERS)
def test_many_recipients_in_one_transaction(start, instance, kind):
    users = [instance.fresh_user() for _ in range(5)]
    peer = start(kind, instance)
    peer.submit("bob@sender.test", [user.address for user in users], text(f"{kind} to many"), ["BODY=8BITMIME"])
    for user in users:
        arrived(instance, peer, user)


@pytest.mark.parametrize("kind", PEERS)
def test_a_large_message(start, instance, user, kind):
    peer = start(kind, instance, tls="must")
    body = ("x" * 70 + "\r\n") * 60_000                  # 4 MB
    peer.submit("bob@sender.test", [user.address], text(f"{kind} large", body))
    assert len(arrived(instance, peer, user).get_content().replace("\r\n", "\n")) == 71 * 60_000


@pytest.mark.parametrize("kind", PEERS)
def test_addresses_beyond_ascii(start, instance, user, kind):
    """RFC 6531: the address goes as it is, and is found."""
    address = f"grüße.{user.address.partition('@')[0]}@lab.test"
    instance.mailctl("alias", "add", address, user.address)
    peer = start(kind, instance)
    peer.submit("jörg@sender.test", [address], text(f"{kind} Grüße", sender="jörg@sender.test", to=address), ["SMTPUTF8", "BODY=8BITMIME"])
    message = arrived(instance, peer, user)
    assert message["Subject"] == f"{kind} Grüße" and " with UTF8SMTP " in received_by_us(message)


@pytest.mark.parametrize("kind", PEERS)
def test_submission_with_a_login_and_what_the_sender_wants_to_know(start, instance, user, kind):
    """STARTTLS, AUTH, and DSN's parameters through the peer to us (RFC 3461)."""
    peer = start(kind, instance, port="submission", tls="must", login=user)
    recipient = f"{kind}-{user.address.partition('@')[0]}@far.example"
    peer.submit(user.address, [recipient], text(f"{kind} submits", sender=user.address, to=recipient),
                ["RET=HDRS", "ENVID=QQ314159"], ["NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;{recipient}"])

    def queued():
        return [row for row in json.loads(instance.mailctl("queue", "list", "--json")) if recipient in json.dumps(row)]
    try:
        (row,) = wait_for(queued, "the message in the queue")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{peer.log()[-3000:]}") from None
    shown = json.dumps(json.loads(instance.mailctl("queue", "show", row["id"], "--json")))
    assert "QQ314159" in shown and f"rfc822;{recipient}" in shown


@pytest.mark.parametrize("kind", PEERS)
def test_a_refusal_is_passed_on_whole(start, instance, kind):
    """The peer's log has our reply with its enhanced code: its user can be told why."""
    peer = start(kind, instance)
    peer.submit("bob@sender.test", ["nobody.here@lab.test"], text(f"{kind} refused"))
    wait_for(lambda: re.search(r"550[ -]5\.1\.1", peer.log()), f"the reply in its log: {peer.log()[-2000:]}")


@pytest.mark.parametrize("kind", PEERS)
def test_the_certificate_is_that_of_the_name_asked_for(start, instance, user, kind):
    """Postfix delivers only when the certificate has that name; Exim logs whose it was."""
    peer = start(kind, instance, tls="must", sni="mx.sni.test")
    peer.submit("bob@sender.test", [user.address], text(f"{kind} by name"))
    assert " with ESMTPS " in received_by_us(arrived(instance, peer, user))
    wait_for(lambda: re.search(r"Verified TLS connection established to 127|DN=\"[^\"]*CN=mx\.sni\.test", peer.log()), peer.log()[-2000:])


def test_lmtp_answers_for_each(start, instance, user):
    """Postfix reads an answer for each recipient; who is refused is told alone."""
    other = instance.fresh_user()
    peer = start("postfix", instance, port=instance.lmtp)
    peer.submit("bob@sender.test", [user.address, other.address, "nobody.here@lab.test"], text("by lmtp"), ["BODY=8BITMIME"])
    for each in (user, other):
        assert " with LMTP " in received_by_us(arrived(instance, peer, each))
    log = wait_for(lambda: peer.log() if "status=bounced" in peer.log() else None, "the refused one")
    assert len(re.findall(r"status=sent \(250 2\.\d\.\d <u\d+@lab\.test> Queued", log)) == 2
    assert "<nobody.here@lab.test>" in re.search(r"to=(\S+), .*status=bounced", log)[1]


def test_posttls_finger_is_content(instance):
    """Postfix's own judge of TLS: every level that does not ask for DNS."""
    for level in ("may", "encrypt", "secure"):
        done = subprocess.run(["posttls-finger", "-c", "-l", level, "-F", str(instance.certificate), "-s", "localhost", "-L", "summary",
                               f"[127.0.0.1]:{instance.port('smtp')}", *(["localhost"] if level == "secure" else [])],
                              capture_output=True, text=True, timeout=60)
        assert re.search(r"(Verified|Trusted|Untrusted|Anonymous) TLS connection established", done.stdout + done.stderr), done.stdout + done.stderr
        if level == "secure":
            assert "Verified TLS connection established" in done.stdout + done.stderr
