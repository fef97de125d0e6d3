"""Mail goes in by clients we did not write: swaks, curl, msmtp, smtplib, nodemailer."""
import os
import pathlib
import subprocess

import pytest

from lab import message, run

CLIENTS = pathlib.Path(__file__).parent / "clients"


def received(instance, user, subject):
    """The one message of a fresh account; its subject must be the one sent."""
    uids = instance.wait_for_mail(user)
    body = instance.fetch(user, uids[0])
    assert f"Subject: {subject}".encode() in body
    return body


def test_swaks_with_starttls(instance, user, other):
    run(["swaks", "--server", f"localhost:{instance.port('submission')}", "--tls", "--tls-ca-path", instance.certificate,
         "--tls-verify", "--auth", "PLAIN", "--auth-user", user.address, "--auth-password", user.password,
         "--from", user.address, "--to", other.address, "--header", "Subject: swaks-starttls"])
    body = received(instance, other, "swaks-starttls")
    assert b"with ESMTPSA id" in body
    assert b"TLSv1.3" in body


def test_swaks_with_implicit_tls_and_auth_login(instance, user, other):
    run(["swaks", "--server", f"localhost:{instance.port('submissions')}", "--tls-on-connect", "--auth", "LOGIN",
         "--auth-user", user.address, "--auth-password", user.password, "--from", user.address, "--to", other.address,
         "--header", "Subject: swaks-implicit"])
    received(instance, other, "swaks-implicit")


def test_swaks_from_the_world_with_pipelining(instance, user):
    run(["swaks", "--server", f"127.0.0.1:{instance.port('smtp')}", "--pipeline", "--from", "bob@elsewhere.example",
         "--to", user.address, "--header", "Subject: swaks-world"])
    body = received(instance, user, "swaks-world")
    assert body.startswith(b"Return-Path: <bob@elsewhere.example>\r\n")
    assert f"Delivered-To: {user.address}\r\n".encode() in body


def test_swaks_is_told_about_an_unknown_recipient(instance):
    done = subprocess.run(["swaks", "--server", f"127.0.0.1:{instance.port('smtp')}", "--from", "bob@elsewhere.example",
                           "--to", "nobody-at-all@lab.test"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 24                       # "no recipient was accepted"
    assert "550 5.1.1" in done.stdout + done.stderr


@pytest.mark.parametrize("scheme, port", [("smtp", "submission"), ("smtps", "submissions")])
def test_curl(instance, user, other, scheme, port, tmp_path):
    mail = tmp_path / "mail"
    mail.write_bytes(message(f"curl-{scheme}", sender=user.address, to=other.address))
    run(["curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", instance.certificate,
         "--url", f"{scheme}://localhost:{instance.port(port)}/client.example",
         "--user", f"{user.address}:{user.password}", "--mail-from", user.address, "--mail-rcpt", other.address,
         "--upload-file", mail])
    assert received(instance, other, f"curl-{scheme}").endswith(mail.read_bytes())


@pytest.mark.parametrize("starttls, port", [("on", "submission"), ("off", "submissions")])
def test_msmtp(instance, user, other, starttls, port, tmp_path):
    settings = tmp_path / "msmtprc"
    settings.write_text(f"account default\nhost localhost\nport {instance.port(port)}\ntls on\ntls_starttls {starttls}\n"
                        f"tls_trust_file {instance.certificate}\nauth on\nuser {user.address}\npassword {user.password}\n"
                        f"from {user.address}\n")
    settings.chmod(0o600)
    run(["msmtp", "--file", settings, other.address], stdin=message(f"msmtp-{starttls}", sender=user.address))
    received(instance, other, f"msmtp-{starttls}")


@pytest.mark.parametrize("implicit", [False, True])
def test_smtplib(instance, user, other, implicit):
    with instance.smtp(user, implicit=implicit) as session:
        assert session.has_extn("PIPELINING") and session.has_extn("SIZE") and session.has_extn("8BITMIME")
        for number in range(3):                        # one connection, several messages
            session.sendmail(user.address, [other.address, user.address], message(f"smtplib-{number}", sender=user.address))
    assert len(instance.wait_for_mail(other, 3)) == 3
    assert len(instance.wait_for_mail(user, 3)) == 3


def test_nodemailer(instance, user, other):
    for secure, port in ((False, "submission"), (True, "submissions")):
        run(["node", CLIENTS / "send.js", instance.port(port), str(secure).lower(), user.address, user.password,
             other.address, f"nodemailer-{port}", instance.certificate], env=os.environ)
    uids = instance.wait_for_mail(other, 2)
    bodies = [instance.fetch(other, uid) for uid in uids]
    assert any(b"nodemailer-submissions" in body for body in bodies)
    assert all("grüße".encode() in body or b"gr=C3=BC=C3=9Fe" in body for body in bodies)


def test_a_large_message_streams_through(instance, user, other):
    body = "".join(f"{number:060d}\r\n" for number in range(50000))            # 3.1 MB, over queue.inline_limit
    instance.send(user, other, message("large", body, sender=user.address))
    assert instance.fetch(other, instance.wait_for_mail(other)[0]).endswith(body.encode())


def test_a_message_over_the_limit_is_refused(instance, user):
    with instance.smtp() as session:
        session.ehlo()
        code, text = session.mail("bob@elsewhere.example", ["SIZE=99999999999"])
        assert code == 552 and text.startswith(b"5.3.4")


def test_a_foreign_recipient_waits_in_the_queue(instance, user):
    with instance.smtp(user) as session:
        session.sendmail(user.address, ["far@elsewhere.example"], message("far", sender=user.address))
    assert "smtpd.message.accepted" in instance.log()
