"""The PROXY protocol, with haproxy and with headers made by hand: the client it names is the client everywhere."""
import re
import shutil
import smtplib
import socket
import struct
import subprocess
import time

import pytest

from lab import Instance, free_base, message, wait_for

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def version_1(client="192.0.2.77"):
    return f"PROXY TCP4 {client} 127.0.0.1 40000 25\r\n".encode()


def version_2(client="192.0.2.77", command=0x21, more=b""):
    body = socket.inet_aton(client) + socket.inet_aton("127.0.0.1") + struct.pack(">HH", 40000, 25) + more
    return SIGNATURE + struct.pack(">BBH", command, 0x11, len(body)) + body


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    """127.0.0.2 is a load balancer; clients without history are not made to wait."""
    instance = Instance(tmp_path_factory.mktemp("proxied"), users=2, settings=[
        "smtp.proxy_networks=127.0.0.2", "smtp.submission_client_address=true", "imap.proxy_networks=127.0.0.2", "policy.greet_delay=0"])
    instance.start()
    yield instance
    instance.stop()


def connect(instance, port, source):
    return socket.create_connection(("127.0.0.1", instance.port(port)), timeout=20, source_address=(source, 0))


def everything(connection):
    """All that comes until the end."""
    said = b""
    try:
        while part := connection.recv(4096):
            said += part
    except ConnectionResetError:
        pass
    return said


class Smtp(smtplib.SMTP):
    """smtplib over a connection that began with a header."""

    def __init__(self, instance, port, header, tls=None):
        self.instance, self.way, self.header, self.tls = instance, port, header, tls
        super().__init__("127.0.0.1", instance.port(port), local_hostname="client.example", timeout=20)

    def _get_socket(self, host, port, timeout):
        plain = connect(self.instance, self.way, "127.0.0.2")
        for byte in self.header:                                 # in as many pieces as there can be
            plain.sendall(bytes([byte]))
        return self.tls.wrap_socket(plain, server_hostname="localhost") if self.tls else plain


@pytest.mark.parametrize("header", [version_1(), version_2(), version_2(more=b"\x04\x00\x03abc")])
def test_the_client_it_names_is_the_client(proxied, header):
    user = proxied.user(1)
    subject = f"by-proxy-{len(header)}-{time.monotonic_ns()}"
    before = len(proxied.log())
    with Smtp(proxied, "smtp", header) as session:
        session.sendmail("bob@elsewhere.example", [user.address], message(subject))
    def arrived():
        with proxied.imap(user) as imap:
            imap.select("INBOX", readonly=True)
            return imap.uid("search", None, "SUBJECT", subject)[1][0].split()
    uid = wait_for(arrived, "the message")[0]
    assert b"from client.example ([192.0.2.77])" in proxied.fetch(user, uid)
    log = wait_for(lambda: re.search(r"smtpd\.message\.accepted.*", proxied.log()[before:]) and proxied.log()[before:], "its events")
    trace = re.search(r"proxy\.header\.taken session=(\w+) proxy=127\.0\.0\.2 client=192\.0\.2\.77", log).group(1)
    assert f"smtpd.connect session={trace} client=192.0.2.77" in log


def test_policy_sees_the_client_and_not_the_proxy(proxied):
    proxied.mailctl("ban", "add", "192.0.2.99")
    with connect(proxied, "smtp", "127.0.0.2") as banned, connect(proxied, "smtp", "127.0.0.2") as other:
        banned.sendall(version_1("192.0.2.99"))
        other.sendall(version_1("192.0.2.98"))
        assert everything(banned).startswith(b"554 5.7.1 Your address is banned here")
        assert other.recv(200).startswith(b"220 ")
    proxied.mailctl("ban", "clear", "192.0.2.99")


def test_implicit_tls_and_imap_behind_a_header(proxied):
    user = proxied.user(1)
    with Smtp(proxied, "submissions", version_2("192.0.2.66"), proxied.tls()) as session:
        session.login(user.address, user.password)
        session.sendmail(user.address, [user.address], message("proxied-submission", sender=user.address))
    plain = connect(proxied, "imaps", "127.0.0.2")
    plain.sendall(version_2("192.0.2.65"))
    with proxied.tls().wrap_socket(plain, server_hostname="localhost") as imap:
        assert imap.recv(200).startswith(b"* OK ")
        imap.sendall(f"a LOGIN {user.address} {user.password}\r\n".encode())
        assert b"a OK" in imap.recv(1000)
    wait_for(lambda: re.search(r"imap-login\.login .*client=192\.0\.2\.65", proxied.log()), "the login")
    assert re.search(r"smtpd\.auth\.ok .*client=192\.0\.2\.66", proxied.log())


def test_a_health_check_is_the_proxy_itself(proxied):
    for header in (SIGNATURE + b"\x20\x00\0\0", b"PROXY UNKNOWN\r\n"):
        with connect(proxied, "smtp", "127.0.0.2") as check:
            check.sendall(header)
            assert check.recv(200).startswith(b"220 ")
    wait_for(lambda: re.search(r"smtpd\.connect .*client=127\.0\.0\.2", proxied.log()), "the check")


MALFORMED = {
    "no header": b"EHLO client.example\r\n",
    "a TLS handshake": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an address that is none": b"PROXY TCP4 192.0.2.300 127.0.0.1 1 2\r\n",
    "a line without an end": b"PROXY TCP4 " + b"1" * 200,
    "another version": SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12),
    "shorter than its addresses": SIGNATURE + b"\x21\x21\x00\x0c" + bytes(12),
    "longer than any needs": SIGNATURE + b"\x21\x11\xff\xff" + bytes(100),
    "a TLV that is cut off": version_2(more=b"\x04\x00"),
}


@pytest.mark.parametrize("port", ["smtp", "submissions", "imap", "imaps"])
@pytest.mark.parametrize("what", MALFORMED)
def test_without_a_proper_header_it_is_closed_and_logged(proxied, port, what):
    before = proxied.log().count("proxy.header.refused")
    with connect(proxied, port, "127.0.0.2") as broken:
        broken.sendall(MALFORMED[what])
        assert everything(broken) == b""
    wait_for(lambda: proxied.log().count("proxy.header.refused") > before, "the event")
    assert re.search(r"proxy\.header\.refused session=\w{16} proxy=127\.0\.0\.2 why=", proxied.log())


def test_a_proxy_that_says_nothing_is_hung_up_on(proxied):
    with connect(proxied, "smtp", "127.0.0.2") as silent, connect(proxied, "imap", "127.0.0.2") as half:
        half.sendall(b"PROXY TC")
        assert everything(silent) == everything(half) == b""
    wait_for(lambda: proxied.log().count("it did not say in time") == 2, "the events")


def test_from_others_a_header_is_a_command_nobody_knows(proxied):
    with connect(proxied, "smtp", "127.0.0.3") as other:
        assert other.recv(200).startswith(b"220 ")
        other.sendall(version_1("127.0.0.1"))
        assert other.recv(200).startswith(b"500 5.5.2")
    with connect(proxied, "submissions", "127.0.0.3") as other:
        other.sendall(version_2("127.0.0.1"))
        assert b"220" not in everything(other)


def test_haproxy_brings_clients(proxied, tmp_path):
    """Every port through a real one, by either version, with its health checks."""
    haproxy = shutil.which("haproxy") or "/usr/sbin/haproxy"
    base = free_base()
    parts = ["global\n  stats timeout 5s\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n"]
    ways = {"smtp": "send-proxy", "submission": "send-proxy-v2", "submissions": "send-proxy-v2-ssl-cn", "imap": "send-proxy", "imaps": "send-proxy-v2"}
    for port, how in ways.items():
        at = base + proxied.port(port) - proxied.base
        parts.append(f"listen {port}\n  bind 127.0.0.1:{at}\n  server it 127.0.0.1:{proxied.port(port)} source 127.0.0.2 {how} check inter 200ms check-send-proxy\n")
    config = tmp_path / "haproxy.cfg"
    config.write_text("".join(parts))
    running = subprocess.Popen([haproxy, "-db", "-f", config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        through = {port: base + proxied.port(port) - proxied.base for port in ways}
        def up():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", through["imaps"])) == 0
        wait_for(up, "haproxy")
        user = proxied.user(2)
        source = ("127.0.0.44", 0)
        with smtplib.SMTP("127.0.0.1", through["smtp"], local_hostname="client.example", source_address=source, timeout=20) as session:
            session.sendmail("bob@elsewhere.example", [user.address], message("haproxy-in"))
        with smtplib.SMTP("localhost", through["submission"], source_address=source, timeout=20) as session:
            session.starttls(context=proxied.tls())
            session.login(user.address, user.password)
            session.sendmail(user.address, [user.address], message("haproxy-out", sender=user.address))
        with smtplib.SMTP_SSL("localhost", through["submissions"], context=proxied.tls(), source_address=source, timeout=20) as session:
            session.login(user.address, user.password)
        for uid in proxied.wait_for_mail(user, 2):
            assert b"([127.0.0.44])" in proxied.fetch(user, uid)
        for port, secure in (("imaps", True), ("imap", False)):
            plain = socket.create_connection(("127.0.0.1", through[port]), timeout=20, source_address=source)
            with proxied.tls().wrap_socket(plain, server_hostname="localhost") if secure else plain as imap:
                assert imap.recv(200).startswith(b"* OK ")
        wait_for(lambda: len(re.findall(r"imap-login\.connect .*client=127\.0\.0\.44", proxied.log())) == 2, "both clients of IMAP")
    finally:
        running.terminate()
        running.wait(10)
