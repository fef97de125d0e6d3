"""postern-sendmail as cron, PHP, mail(1) and scripts call it, over smtp.submit_socket: the real program, whose uid the kernel says."""
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

import pytest

from lab import ROOT, Instance, wait_for

BUILD = pathlib.Path(os.environ.get("POSTERN_BUILD") or ROOT / "build" / "release")
ME = pwd.getpwuid(os.geteuid()).pw_name
HOST = "mx.lab.test"
rooted = pytest.mark.skipif(os.geteuid() != 0, reason="other users exist only with root")


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """The program and the socket lie where every user gets, as they do when installed."""
    with tempfile.TemporaryDirectory() as public:
        public = pathlib.Path(public)
        public.chmod(0o755)
        shutil.copy(BUILD / "bin" / "postern-sendmail", public / "sendmail")
        settings = [f"smtp.submit_socket={public}/submit", f"server.hostname={HOST}", "smtp.submit_trusted_users=daemon", "policy.account_messages=40/1h"]
        instance = Instance(tmp_path_factory.mktemp("sendmail") / "lab", users=20, settings=settings)
        instance.public = public
        instance.start()
        yield instance
        instance.stop()


@pytest.fixture
def user(host):
    host.used = getattr(host, "used", 0) + 1
    return host.user(host.used)


def sendmail(host, *arguments, text="", uid=None, socket="submit"):
    text = text.encode() if isinstance(text, str) else text
    return subprocess.run([host.public / "sendmail", *arguments], input=text, capture_output=True, user=uid, timeout=60,
                          env={"POSTERN_SUBMIT_SOCKET": str(host.public / socket)})


def sent(host, *arguments, **how):
    done = sendmail(host, *arguments, **how)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def received(host, user):
    return host.fetch(user, host.wait_for_mail(user)[-1])


def test_a_script_pipes_text(host, user):
    sent(host, user.address, text="just a line\n.\nnot this\n")
    raw = received(host, user)
    assert f"Return-Path: <{ME}@{HOST}>\r\n".encode() in raw
    assert f"from {HOST} ({ME}@{HOST}, uid {os.geteuid()})".encode() in raw
    for field in (f"From: {ME}@{HOST}", "Date: ", "Message-ID: "):
        assert b"\r\n" + field.encode() in raw
    assert raw.endswith(b"\r\n\r\njust a line\r\n")


def test_cron(host, user):
    sent(host, "-FCronDaemon", "-i", "-B8BITMIME", "-oem", user.address,
         text=f"From: {ME} (Cron Daemon)\nTo: root\nSubject: Cron\n\n.\nca\u00e9\n")
    raw = received(host, user)
    assert f'\r\nFrom: "Cron Daemon" <{ME}@{HOST}>\r\nTo: root@{HOST}\r\n'.encode() in raw
    assert raw.endswith("\r\n\r\n.\r\nca\u00e9\r\n".encode())


def test_recipients_of_the_header(host):
    host.used = getattr(host, "used", 0) + 3
    to, cc, bcc = (host.user(host.used - i) for i in range(3))
    sent(host, "-t", "-oi", text=f"To: One <{to.address}>\r\nCc: {cc.address}\r\nBcc: {bcc.address}\r\nSubject: header\r\n\r\nx\r\n")
    for user in (to, cc, bcc):
        raw = received(host, user)
        assert cc.address.encode() in raw and bcc.address.encode() not in raw.partition(b"Subject:")[2] and b"Bcc:" not in raw


def test_a_large_message(host, user):
    body = "".join(f"{i:06d} {'x' * 60}\n" for i in range(30000))
    sent(host, user.address, text="Subject: large\n\n" + body)
    assert received(host, user).endswith(body.replace("\n", "\r\n").encode())


def test_python_over_standard_input_and_output(host, user):
    dialogue = (f"EHLO client\r\nMAIL FROM:<{ME}@{HOST}>\r\nRCPT TO:<{user.address}>\r\nDATA\r\nSubject: by -bs\r\n\r\n..x\r\n.\r\n"
                "RSET\r\nQUIT\r\n")
    done = sendmail(host, "-bs", text=dialogue)
    codes = [line[:3] for line in done.stdout.decode().splitlines() if line[3:4] == " "]
    assert (done.returncode, codes) == (0, ["220", "250", "250", "250", "354", "250", "250", "221"])
    assert received(host, user).endswith(b"\r\n\r\n.x\r\n")


def test_exit_codes(host, user):
    def code(*arguments, **how):
        done = sendmail(host, *arguments, **how)
        assert (done.stderr != b"") == (done.returncode != 0)
        return done.returncode
    assert code("-Z") == 64 and code(text="x\n") == 64 and code("-t", text="Subject: x\n\nx\n") == 64
    assert code(user.address, text=b"a\0b\n") == 65
    assert code("nobody@lab.test", text="x\n") == 67
    assert code(user.address, "nobody@lab.test", text="to all or none\n") == 67
    assert code("-bp") == 69 and code("-bi") == 0
    assert code(user.address, text="x\n", socket="nobody_is_there") == 75
    with host.imap(user) as imap:
        imap.select("INBOX", readonly=True)
        assert imap.uid("search", None, "ALL")[1][0] == b""


def test_a_foreign_recipient_waits_in_the_queue(host):
    sent(host, "far@elsewhere.example", text="Subject: far\n\nx\n")
    wait_for(lambda: "far@elsewhere.example" in host.mailctl("queue", "list"), "it in the queue")


@rooted
def test_who_sends_is_who_the_kernel_says(host, user):
    nobody, daemon = pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("daemon").pw_uid
    assert sendmail(host, "-f", user.address, user.address, text="x\n", uid=nobody).returncode == 77
    assert sendmail(host, "-f", f"root@{HOST}", user.address, text="x\n", uid=nobody).returncode == 77
    forged = sendmail(host, user.address, text=f"From: {user.address}\n\nx\n", uid=nobody)
    assert forged.returncode == 65 and b"Your account may not send as" in forged.stderr
    sent(host, user.address, text="Subject: by nobody\n\nx\n", uid=nobody)
    assert f"Return-Path: <nobody@{HOST}>\r\n".encode() in received(host, user)
    sent(host, "-f", "app@shop.example", user.address, text="From: app@shop.example\n\nx\n", uid=daemon)       # trusted
    wait_for(lambda: f"uid={nobody} address=nobody@{HOST}" in host.log(), "who it was in the log")


@rooted
def test_each_uid_has_its_own_rate(host, user):
    spent = pwd.getpwnam("bin").pw_uid
    codes = [sendmail(host, user.address, text="Subject: much\n\nx\n", uid=spent).returncode for _ in range(42)]
    assert codes == [0] * 40 + [75] * 2
    sent(host, user.address, text="x\n")


def test_the_socket_is_no_way_to_log_in(host):
    with socket.socket(socket.AF_UNIX) as plain:
        plain.settimeout(20)
        plain.connect(str(host.public / "submit"))
        file = plain.makefile("rwb")
        assert file.readline() == f"220 {HOST} ESMTP Postern for {ME}@{HOST}\r\n".encode()
        for command, reply in ((b"EHLO c", b"250"), (b"STARTTLS", b"454"), (b"AUTH PLAIN AHgAeA==", b"503"), (b"XCLIENT ADDR=192.0.2.1", b"5")):
            file.write(command + b"\r\n")
            file.flush()
            line = file.readline()
            while line[3:4] == b"-":
                line = file.readline()
            assert line.startswith(reply), command
