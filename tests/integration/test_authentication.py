"""Logins by every mechanism, with clients we did not write: gsasl, msmtp, swaks, curl; over SMTP and IMAP."""
import base64
import contextlib
import hashlib
import hmac
import imaplib
import json
import secrets
import smtplib
import ssl
import subprocess

import pytest

from lab import Instance, User, message, run, wait_for

IMPORTED = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$71oF/j40rpS8Xp62xqYPZ+Fa66JV1Hb/0LMldmubz2Q"


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    running = Instance(tmp_path_factory.mktemp("logins"), users=60, settings=["auth.cram_md5=true", "auth.channel_binding=true"])
    running.start()
    yield running
    running.stop()


@pytest.fixture
def ann(own):
    return own.fresh_user()


def gsasl(own, protocol, mechanism, user, password, *words):
    """GNU SASL's own client: STARTTLS, then the mechanism, then goodbye. True when it logged in. It knows tls-exporter, and
    where it has one it refuses every SCRAM but -PLUS by itself."""
    words += ("--no-cb",) if mechanism == "SCRAM-SHA-256" else ()
    port = own.port("submission" if protocol == "smtp" else "imap")
    done = subprocess.run(["gsasl", "--client", f"--{protocol}", "--mechanism", mechanism, "--x509-ca-file", own.certificate,
                           "--authentication-id", user.address, "--password", password, *words,
                           "localhost", str(port)], capture_output=True, text=True, timeout=60, input="")
    return done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
def test_gsasl(own, ann, protocol, mechanism):
    right, said = gsasl(own, protocol, mechanism, ann, ann.password)
    assert right, said
    wrong, said = gsasl(own, protocol, mechanism, ann, "wrong")
    assert not wrong, said


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
def test_gsasl_without_an_initial_response(own, ann, protocol):
    right, said = gsasl(own, protocol, "SCRAM-SHA-256", ann, ann.password, "--no-client-first")
    assert right, said


@pytest.mark.parametrize("mechanism", ["scram-sha-256", "plain", "login", "cram-md5"])
def test_msmtp(own, ann, mechanism, tmp_path):
    if mechanism == "cram-md5":
        opt_in(own, ann)
    settings = tmp_path / "msmtprc"
    settings.write_text(f"account default\nhost localhost\nport {own.port('submission')}\ntls on\ntls_starttls on\n"
                        f"tls_trust_file {own.certificate}\nauth {mechanism}\nuser {ann.address}\npassword {ann.password}\n"
                        f"from {ann.address}\n")
    settings.chmod(0o600)
    mail = message(f"msmtp-{mechanism}", sender=ann.address, to=ann.address)
    subprocess.run(["msmtp", "--file", settings, ann.address], input=mail, check=True, timeout=60, capture_output=True)
    uid = own.wait_for_mail(ann)[0]
    assert f"msmtp-{mechanism}".encode() in own.fetch(ann, uid)


def opt_in(own, user):
    own.mailctl("account", "set", user.address, "--cram-md5", "on")
    own.mailctl("passwd", user.address, stdin=f"{user.password}\n".encode())


def swaks(own, user, mechanism, password=None):
    return subprocess.run(["swaks", "--server", f"localhost:{own.port('submission')}", "--tls", "--auth", mechanism,
                           "--auth-user", user.address, "--auth-password", password or user.password, "--from", user.address,
                           "--to", user.address, "--quit-after", "AUTH"], capture_output=True, text=True, timeout=60)


def test_cram_md5_is_for_accounts_that_opted_in(own, ann):
    refused = swaks(own, ann, "CRAM-MD5")
    assert "535 5.7.8" in refused.stdout + refused.stderr
    opt_in(own, ann)
    assert "235 2.7.0" in swaks(own, ann, "CRAM-MD5").stdout
    assert "535 5.7.8" in swaks(own, ann, "CRAM-MD5", "wrong").stdout
    own.mailctl("account", "set", ann.address, "--cram-md5", "off")
    assert "535 5.7.8" in swaks(own, ann, "CRAM-MD5").stdout


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("scheme, port", [("smtp", "submission"), ("imap", "imap")])
def test_curl(own, ann, mechanism, scheme, port):
    run(["curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", own.certificate, "--login-options", f"AUTH={mechanism}",
         "--user", f"{ann.address}:{ann.password}", "--url", f"{scheme}://localhost:{own.port(port)}/", "--request",
         "NOOP"])


@contextlib.contextmanager
def submission(own, version=None):
    context = own.tls()
    if version:
        context.maximum_version = version
    with smtplib.SMTP("localhost", own.port("submission")) as client:
        client.starttls(context=context)
        client.ehlo()
        yield client


def offered(client):
    return client.esmtp_features["auth"].split()


def test_what_is_offered(own):
    with smtplib.SMTP("localhost", own.port("submission")) as client:
        client.ehlo()
        assert "auth" not in client.esmtp_features
        assert client.docmd("AUTH", "PLAIN AGEAYg==")[0] == 538
    with submission(own) as client:
        assert offered(client) == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5"]


def test_what_is_offered_by_default(instance):
    """Only what every client gets in with; mutt in test_reading.py would choose -PLUS and fail."""
    with submission(instance) as client:
        assert offered(client) == ["SCRAM-SHA-256", "PLAIN", "LOGIN"]


def scram(client, user, header, binding=b"", mechanism="SCRAM-SHA-256-PLUS"):
    """The client's half of RFC 5802; the code of the last reply."""
    code = lambda text: base64.b64encode(text.encode()).decode()
    mac = lambda key, text: hmac.digest(key, text, "sha256")
    bare = f"n={user.address},r={secrets.token_hex(12)}"
    status, challenge = client.docmd("AUTH", f"{mechanism} {code(header + bare)}")
    if status != 334:
        return status
    first = base64.b64decode(challenge).decode()
    nonce, salt, count = (part[2:] for part in first.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", user.password.encode(), base64.b64decode(salt), int(count))
    client_key = mac(salted, b"Client Key")
    final = f"c={base64.b64encode(header.encode() + binding).decode()},r={nonce}"
    signed = f"{bare},{first},{final}".encode()
    proof = bytes(a ^ b for a, b in zip(client_key, mac(hashlib.sha256(client_key).digest(), signed)))
    status, challenge = client.docmd(code(f"{final},p={base64.b64encode(proof).decode()}"))
    if status != 334:
        return status
    assert base64.b64decode(challenge) == b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), signed))
    return client.docmd("")[0]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_login_is_bound_to_the_certificate(own, ann, version):
    """tls-server-end-point, RFC 5929: nothing here but Python's hash of what the TLS layer saw."""
    with submission(own, version) as client:
        assert "SCRAM-SHA-256-PLUS" in offered(client)
        seen = hashlib.sha256(client.sock.getpeercert(binary_form=True)).digest()
        header = "p=tls-server-end-point,,"
        assert scram(client, ann, header, hashlib.sha256(b"another certificate").digest()) == 535
        assert scram(client, ann, header, seen) == 235


def test_a_downgrade_is_denied(own, ann):
    with submission(own) as client:
        assert scram(client, ann, "y,,", mechanism="SCRAM-SHA-256") == 535
        assert scram(client, ann, "n,,", mechanism="SCRAM-SHA-256") == 235


def test_an_app_password_is_for_its_protocols_until_it_is_removed(own, ann):
    made = json.loads(own.mailctl("app-password", "add", ann.address, "laptop", "--scope", "smtp", "--expires", "1d", "--json"))
    password = made["password"]
    assert "235" in swaks(own, ann, "PLAIN", password).stdout
    assert "235" in swaks(own, ann, "LOGIN", password.upper().replace("-", " ")).stdout
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        own.imap(User(ann.address, password))
    with own.imap(ann) as client:                                  # the account's own password goes on
        assert client.noop()[0] == "OK"
    assert "laptop" in own.mailctl("app-password", "list", ann.address)
    assert password not in own.mailctl("app-password", "list", ann.address, "--json")
    own.mailctl("app-password", "remove", ann.address, "laptop")
    assert "535 5.7.8" in swaks(own, ann, "PLAIN", password).stdout
    actions = [row["action"] for row in json.loads(own.mailctl("audit", "list", "--json"))["items"]]
    assert "app-password.add" in actions and "app-password.remove" in actions
    assert password not in own.log()


def test_a_password_is_the_same_however_it_is_composed(own, ann):
    own.mailctl("passwd", ann.address, stdin="caf\u00e9 \u2168\n".encode())
    for typed in ("caf\u00e9 IX", "cafe\u0301 \u2168"):
        right, said = gsasl(own, "smtp", "PLAIN", ann, typed)
        assert right, said
        right, said = gsasl(own, "smtp", "SCRAM-SHA-256", ann, typed)
        assert right, said
    with pytest.raises(AssertionError, match="RFC 4013"):
        own.mailctl("passwd", ann.address, stdin=b"bell\a\n")


@pytest.mark.parametrize("imported", [
    "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "{BLF-CRYPT}$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"])
def test_a_bcrypt_hash_of_another_system_is_taken_and_replaced(own, imported):
    """crypt(3)'s own example: the password is U*U."""
    user = own.fresh_user()
    own.mailctl("passwd", user.address, "--hash", imported)
    assert not gsasl(own, "imap", "PLAIN", user, "U*U ")[0]
    assert gsasl(own, "imap", "PLAIN", user, "U*U")[0]
    wait_for(lambda: json.loads(own.mailctl("account", "show", user.address, "--json"))["has_scram"], "Argon2id and a SCRAM verifier")
    assert gsasl(own, "smtp", "SCRAM-SHA-256", user, "U*U")[0]


def test_an_imported_hash_gets_its_verifier_at_the_first_login_by_plain(own, ann):
    """Argon2id of "imported", made by the reference implementation."""
    own.mailctl("passwd", ann.address, "--hash", IMPORTED)
    has_scram = lambda: json.loads(own.mailctl("account", "show", ann.address, "--json"))["has_scram"]
    assert not has_scram()
    assert not gsasl(own, "smtp", "SCRAM-SHA-256", ann, "imported")[0]
    assert gsasl(own, "smtp", "PLAIN", ann, "imported")[0]
    wait_for(has_scram, "a SCRAM verifier")
    right, said = gsasl(own, "smtp", "SCRAM-SHA-256", ann, "imported")
    assert right, said
