"""TESTCARD F1 and F3, SNI, reload of certificates and session tickets, with openssl s_client."""
import os
import re
import signal
import subprocess
import urllib.request

import pytest

from lab import Instance, message, wait_for

NAMES = ("one.test", "two.test")


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """An instance with two processes of each front, and a directory of certificates."""
    directory = tmp_path_factory.mktemp("tls")
    certificates = directory / "certificates"
    certificates.mkdir()
    make_pair(certificates / "one.test.pem", certificates / "one.test.key", "one.test", "DNS:one.test,DNS:mail.one.test")
    (certificates / "two.test").mkdir()
    make_pair(certificates / "two.test" / "fullchain.pem", certificates / "two.test" / "privkey.pem", "two.test",
              "DNS:*.two.test", days=3)
    instance = Instance(directory / "lab", users=1, settings=[
        f"tls.certificates={certificates}", "processes.smtpd=2", "processes.imap_login=2"])
    instance.certificates = certificates
    instance.start()
    yield instance
    instance.stop()


def make_pair(certificate, key, name, names, days=30):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", str(days),
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}"], check=True, capture_output=True)


# Each way in that speaks TLS: the port and how s_client gets there.
WAYS = {"submissions": [], "imaps": [], "smtp": ["-starttls", "smtp"], "submission": ["-starttls", "smtp"],
        "imap": ["-starttls", "imap"]}


def s_client(instance, way, *words, stdin=b""):
    """What openssl s_client says."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{instance.port(way)}", *WAYS[way], *map(str, words)],
                          input=stdin, capture_output=True, timeout=30)
    return (done.stdout + done.stderr).decode(errors="replace")


def shaken_hands(text):
    return "Cipher is (NONE)" not in text and re.search(r"Cipher is \S+", text) is not None


# -- F1: versions and ciphers

REFUSED = {
    "TLS 1.0": ["-tls1", "-cipher", "ALL@SECLEVEL=0"],
    "TLS 1.1": ["-tls1_1", "-cipher", "ALL@SECLEVEL=0"],
    "RSA key exchange": ["-tls1_2", "-cipher", "kRSA@SECLEVEL=0"],
    "CBC with SHA-1": ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA:DHE-RSA-AES256-SHA@SECLEVEL=0"],
    "CBC with SHA-2": ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384@SECLEVEL=0"],
    "no authentication": ["-tls1_2", "-cipher", "aNULL@SECLEVEL=0"],
    "no encryption": ["-tls1_2", "-cipher", "eNULL@SECLEVEL=0"],
    "finite-field DH": ["-tls1_2", "-cipher", "kDHE@SECLEVEL=0"],
}
ACCEPTED = {
    "TLS 1.3": ["-tls1_3"],
    "TLS 1.3, AES-128": ["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
    "TLS 1.3, ChaCha20": ["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
    "TLS 1.2, AES-GCM": ["-tls1_2", "-cipher", "ECDHE+AESGCM"],
    "TLS 1.2, ChaCha20": ["-tls1_2", "-cipher", "ECDHE+CHACHA20"],
}


@pytest.mark.parametrize("way", WAYS)
def test_f1_old_versions_and_ciphers_are_refused(tls, way):
    for what, words in REFUSED.items():
        for name in ("mail.lab.test", "one.test"):               # an EC and an RSA certificate
            said = s_client(tls, way, "-servername", name, *words)
            assert not shaken_hands(said) and "alert" in said, (what, name, said)


@pytest.mark.parametrize("way", WAYS)
def test_f1_modern_ones_are_accepted(tls, way):
    for what, words in ACCEPTED.items():
        for name in ("mail.lab.test", "one.test"):
            said = s_client(tls, way, "-servername", name, *words)
            assert shaken_hands(said) and "Compression: NONE" in said, (what, name, said)


@pytest.mark.parametrize("way", ["submissions", "imaps"])
def test_f1_a_client_cannot_renegotiate(tls, way):
    said = s_client(tls, way, "-tls1_2", stdin=b"R\n")             # s_client's command to renegotiate
    assert shaken_hands(said) and "RENEGOTIATING" in said
    assert "no renegotiation" in said, said


# -- F3: another protocol's client

@pytest.mark.parametrize("way", WAYS)
def test_f3_another_protocol_is_refused(tls, way):
    ours = "imap" if way.startswith("imap") else "smtp"
    for wrong in ("http/1.1", "h2,http/1.1", "imap" if ours == "smtp" else "smtp"):
        said = s_client(tls, way, "-alpn", wrong)
        assert not shaken_hands(said) and "no application protocol" in said, (wrong, said)
    assert f"ALPN protocol: {ours}" in s_client(tls, way, "-alpn", f"http/1.1,{ours}")
    assert "No ALPN negotiated" in s_client(tls, way)


# -- certificates by name

def subject(instance, way, name, *words):
    asked = ["-servername", name] if name else ["-noservername"]
    return re.search(r"subject=CN = (\S+)", s_client(instance, way, *asked, *words)).group(1)


@pytest.mark.parametrize("way", WAYS)
def test_each_name_gets_its_certificate(tls, way):
    expected = {None: "mail.lab.test", "mail.lab.test": "mail.lab.test", "unknown.test": "mail.lab.test",
                "one.test": "one.test", "MAIL.One.Test": "one.test", "other.one.test": "mail.lab.test",
                "any.two.test": "two.test", "two.test": "mail.lab.test", "a.b.two.test": "mail.lab.test"}
    for version in ("-tls1_2", "-tls1_3"):
        assert {name: subject(tls, way, name, version) for name in expected} == expected


def test_the_end_of_a_certificate_is_announced(tls):
    warning = wait_for(lambda: re.search(r"tls\.certificate\.ends .*two\.test/fullchain\.pem days=[23]\b", tls.log()), "a warning")
    assert "one.test.pem" not in warning.group(0)
    with urllib.request.urlopen(f"http://127.0.0.1:{tls.port('http')}/metrics", timeout=10) as answer:
        numbers = answer.read().decode()
    end = int(re.search(r'tls_certificate_first_end_seconds\{service="smtpd",instance="1"\} (\d+)', numbers).group(1))
    text = subprocess.run(["openssl", "x509", "-noout", "-checkend", "0", "-dateopt", "iso_8601", "-enddate",
                           "-in", tls.certificates / "two.test" / "fullchain.pem"], capture_output=True, text=True, check=True).stdout
    when = subprocess.run(["date", "-u", "-d", re.search(r"notAfter=(.+)", text).group(1), "+%s"], capture_output=True, text=True, check=True)
    assert end == int(when.stdout)
    assert 'tls_certificates{service="imap-login",instance="0"} 3' in numbers


# -- reload

def serial(instance, way, name):
    said = s_client(instance, way, "-servername", name)
    block = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", said, re.S).group(0)
    return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=block, capture_output=True, text=True, check=True).stdout


def reload_refused(instance):
    with pytest.raises(AssertionError) as refused:
        instance.mailctl("reload")
    return str(refused.value)


def test_a_reload_brings_new_certificates_and_keys_and_keeps_sessions(tls):
    before = {way: serial(tls, way, "one.test") for way in WAYS}
    user = tls.user(1)
    with tls.smtp(user) as smtp, tls.imap(user) as imap:
        make_pair(tls.certificates / "one.test.pem", tls.certificates / "one.test.key", "one.test", "DNS:one.test,DNS:mail.one.test")
        assert {way: serial(tls, way, "one.test") for way in WAYS} == before       # not before it is asked for
        tls.mailctl("reload")
        for way in WAYS:
            wait_for(lambda: serial(tls, way, "one.test") != before[way], f"the new certificate on {way}")
        smtp.sendmail(user.address, [user.address], message("after-reload", sender=user.address))
        assert imap.noop()[0] == "OK"
    tls.wait_for_mail(user)


BROKEN = {
    "the key of another": lambda pem, key: make_pair(pem.with_suffix(".unused"), key, "one.test", "DNS:one.test"),
    "no certificate": lambda pem, key: pem.write_text("nothing\n"),
    "half a certificate": lambda pem, key: pem.write_text(pem.read_text()[:400]),
    "no key": lambda pem, key: key.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    "a missing key": lambda pem, key: key.unlink(),
    "a key with a passphrase": lambda pem, key: key.write_bytes(subprocess.run(
        ["openssl", "pkey", "-aes256", "-passout", "pass:secret", "-in", key], check=True, capture_output=True).stdout),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_certificate_is_refused_and_the_old_one_serves_on(tls, what):
    pem, key = tls.certificates / "one.test.pem", tls.certificates / "one.test.key"
    kept = pem.read_bytes(), key.read_bytes()
    before = {way: serial(tls, way, "one.test") for way in WAYS}
    try:
        BROKEN[what](pem, key)
        for _ in range(3):                                       # refused as often as it is asked for
            assert "one.test" in reload_refused(tls)
        assert {way: serial(tls, way, "one.test") for way in WAYS} == before
        # What is in force outlives a crash: neither the front nor keyd falls for the files as they are now.
        crash(tls, "keyd")
        crash(tls, "smtpd")
        assert {way: serial(tls, way, "one.test") for way in WAYS} == before
    finally:
        pem.write_bytes(kept[0])
        key.write_bytes(kept[1])
        tls.mailctl("reload")


def test_a_keyd_that_hangs_is_said_and_the_next_reload_is_good(tls):
    before = serial(tls, "submissions", "one.test")
    make_pair(tls.certificates / "one.test.pem", tls.certificates / "one.test.key", "one.test", "DNS:one.test,DNS:mail.one.test")
    keyd = tls.processes()["keyd"][0]
    os.kill(keyd, signal.SIGSTOP)
    try:
        assert "keyd did not take the keys" in reload_refused(tls)
    finally:
        os.kill(keyd, signal.SIGCONT)
    assert serial(tls, "submissions", "one.test") == before              # with the key of before
    tls.mailctl("reload")
    wait_for(lambda: serial(tls, "submissions", "one.test") != before, "the new certificate")


def crash(instance, name):
    old = instance.processes()[name]
    starts = instance.log().count(f"master.child.ready service={name} ")
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: instance.log().count(f"master.child.ready service={name} ") == starts + len(old), f"{name} to be ready again")


# -- session tickets

def session(instance, way, version, ticket, load=None):
    """Connects, saves the ticket; was the session resumed?"""
    words = ["-servername", "one.test", version, "-sess_out", ticket] + (["-sess_in", load] if load else [])
    # TLS 1.3 brings the ticket behind the handshake: the goodbye makes s_client read it.
    said = s_client(instance, way, *words, "-ign_eof", stdin=b"a LOGOUT\r\n" if way == "imaps" else b"QUIT\r\n")
    assert shaken_hands(said), said
    return "Reused, TLS" in said


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("way", ["submissions", "imaps"])
def test_tickets_are_good_at_every_process_and_across_a_reload_and_a_restart(tls, tmp_path, way, version):
    ticket = tmp_path / "ticket"
    assert not session(tls, way, version, ticket)
    service = "imap-login" if way == "imaps" else "smtpd"
    assert len(tls.processes()[service]) == 2
    # With one of the two stopped the other accepts, whichever it is.
    for pid in tls.processes()[service]:
        os.kill(pid, signal.SIGSTOP)
        try:
            assert session(tls, way, version, tmp_path / "next", ticket)
        finally:
            os.kill(pid, signal.SIGCONT)
    tls.mailctl("reload")
    assert session(tls, way, version, tmp_path / "next", ticket)
    crash(tls, service)
    assert session(tls, way, version, tmp_path / "next", ticket)


def test_a_ticket_is_not_good_for_another_service(tls, tmp_path):
    assert not session(tls, "submissions", "-tls1_3", tmp_path / "ticket")
    assert not session(tls, "imaps", "-tls1_3", tmp_path / "next", tmp_path / "ticket")
