"""LMTP on a Unix socket and on loopback: an answer for each recipient."""
import grp
import os
import re
import shutil
import smtplib
import socket
import stat
import subprocess

import pytest

from lab import Instance, free_base, message, run, wait_for


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    directory = tmp_path_factory.mktemp("lmtp")
    port = free_base() + 24
    settings = [f"lmtp.socket={directory}/sockets/lmtp", f"lmtp.listen_addr=127.0.0.1:{port}", "policy.untrusted_networks=127.0.0.0/8"]
    if os.geteuid() == 0:
        settings.append("lmtp.socket_group=mail")
    instance = Instance(directory / "lab", users=6, settings=settings)
    instance.socket, instance.tcp = f"{directory}/sockets/lmtp", port
    instance.start()
    yield instance
    instance.stop()


def by_socket(instance):
    return smtplib.LMTP(instance.socket, local_hostname="client.example")


def by_tcp(instance):
    return smtplib.LMTP("127.0.0.1", instance.tcp, local_hostname="client.example")


@pytest.mark.parametrize("connect", [by_socket, by_tcp])
def test_each_recipient_has_an_answer(local, connect):
    one, two = local.user(1), local.user(2)
    subject = f"lmtp-{connect.__name__}"
    with connect(local) as lmtp:
        refused = lmtp.sendmail("bob@elsewhere.example", [one.address, "nobody@lab.test", two.address, "far@elsewhere.example"], message(subject))
        assert {address: code for address, (code, _) in refused.items()} == {"nobody@lab.test": 550, "far@elsewhere.example": 550}
        assert lmtp.getreply()[1].startswith(b"2.0.0 <%s> Queued as " % two.address.encode())     # smtplib reads the first only
        assert not {"auth", "starttls"} & set(lmtp.esmtp_features)
        assert {"pipelining", "enhancedstatuscodes"} <= set(lmtp.esmtp_features)          # RFC 2033 section 5
    for user in (one, two):
        def arrived():
            with local.imap(user) as imap:
                imap.select("INBOX", readonly=True)
                return imap.uid("search", None, "SUBJECT", subject)[1][0].split()
        assert b"with LMTP id" in local.fetch(user, wait_for(arrived, f"{subject} for {user.address}")[0])


def test_the_replies_are_as_many_as_the_recipients(local):
    """Read from the socket, by DATA and by BDAT."""
    users = [local.user(3).address, local.user(4).address, local.user(3).address]
    with socket.socket(socket.AF_UNIX) as plain:
        plain.settimeout(20)
        plain.connect(local.socket)
        lines = plain.makefile("rb")
        def expect(*codes):
            for code in codes:
                line = lines.readline()
                while line[3:4] == b"-":
                    line = lines.readline()
                assert line.startswith(code), line
        expect(b"220 ")
        plain.sendall(b"LHLO client.example\r\n")
        expect(b"250 ")
        body = message("lmtp-raw")
        for content in (b"DATA\r\n" + body + b".\r\n", b"BDAT 10\r\n" + body[:10] + b"BDAT %d LAST\r\n" % (len(body) - 10) + body[10:]):
            plain.sendall(b"MAIL FROM:<bob@elsewhere.example>\r\n" + b"".join(b"RCPT TO:<%s>\r\n" % user.encode() for user in users) + content)
            expect(b"250 2.1.0", b"250 2.1.5", b"250 2.1.5", b"250 2.1.5", b"354" if content.startswith(b"DATA") else b"250 2.0.0 Chunk")
            expect(*(b"250 2.0.0 <%s> Queued as " % user.encode() for user in users))
        plain.sendall(b"NOOP\r\nEHLO x\r\nMAIL FROM:<>\r\nDATA\r\nQUIT\r\n")
        expect(b"250 2.0.0 OK", b"500 5.5.1", b"250 2.1.0", b"503 5.5.1", b"221 ")
        assert lines.read() == b""


def test_swaks_delivers_by_socket_and_by_tcp(local):
    user = local.user(5)
    for where in (["--socket", local.socket], ["--server", "127.0.0.1", "--port", local.tcp]):
        run(["swaks", "--protocol", "LMTP", *where, "--from", "bob@elsewhere.example", "--to", user.address, "--hide-all"])
    local.wait_for_mail(user, 2)


@pytest.mark.skipif(not shutil.which("smtp-source"), reason="needs Postfix's smtp-source")
def test_postfix_delivers(local):
    """smtp-source speaks LMTP as Postfix's client does: 3 sessions, 30 messages, 4 recipients each would be answered."""
    user = local.user(6)
    run(["smtp-source", "-L", "-s", "3", "-m", "30", "-f", "bob@elsewhere.example", "-t", user.address, f"unix:{local.socket}"])
    local.wait_for_mail(user, 30)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives sockets to a group")
def test_the_socket_belongs_to_its_group(local):
    status = os.stat(local.socket)
    assert stat.S_ISSOCK(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o660
    assert (status.st_uid, status.st_gid) == (0, grp.getgrnam("mail").gr_gid)


def test_only_loopback_may_be_listened_on(local):
    build = local.build or "build/release"
    asked = subprocess.run([f"{build}/libexec/postern/config"], input="lmtp: {listen_addr: '192.0.2.1:24'}", capture_output=True, text=True)
    assert asked.returncode == 65 and "lmtp.listen_addr: \"192.0.2.1:24\" is not a loopback address" in asked.stderr


def test_the_socket_comes_and_goes_with_a_reload(local):
    config = local.dir / "postern.yaml"
    before = config.read_text()
    config.write_text(re.sub(r"  socket: .*\n", "", before))
    try:
        local.mailctl("reload")
        def refused():
            try:
                by_socket(local).quit()
            except (FileNotFoundError, smtplib.SMTPServerDisconnected):
                return True
        wait_for(refused, "the socket to be closed")
        assert not os.path.exists(local.socket)
    finally:
        config.write_text(before)
        local.mailctl("reload")
    with by_socket(local) as lmtp:
        assert lmtp.noop()[0] == 250
