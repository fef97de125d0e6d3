"""We send to Postfix, by every feature it offers: TLS with a certificate to prove, PIPELINING, DSN, SMTPUTF8, BDAT."""
import email
import email.policy
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from certificates import Certificate
from dns_server import DnsServer
from lab import wait_for
from mta import postfix_files, run
from outbound import Sender
from test_senders import EIGHT_BIT, text

ADDRESS, NOBODY = "127.0.230.1", 65534


class Receiver:
    """A Postfix that takes mail for peer.test into Maildirs below mail/, at a port of loopback."""

    def __init__(self, directory, port, certificate):
        self.dir, self.port, self.certificate = directory, port, certificate
        directory.chmod(0o755)

    def start(self):
        (self.dir / "mail").mkdir()
        shutil.chown(self.dir / "mail", NOBODY, NOBODY)
        settings = {
            "myhostname": "mx.peer.test", "mynetworks": "", "inet_interfaces": "all", "inet_protocols": "ipv4",
            "virtual_mailbox_domains": "peer.test", "virtual_mailbox_base": self.dir / "mail",
            "virtual_mailbox_maps": f"texthash:{self.dir}/etc/mailboxes", "virtual_uid_maps": f"static:{NOBODY}",
            "virtual_gid_maps": f"static:{NOBODY}", "virtual_minimum_uid": "100",
            "smtpd_tls_security_level": "may", "smtpd_tls_cert_file": self.certificate.path, "smtpd_tls_key_file": self.certificate.key,
            "smtpd_tls_received_header": "yes", "smtpd_relay_restrictions": "reject_unauth_destination",
        }
        postfix_files(self.dir, {f"{ADDRESS}:{self.port}": {}}, settings)
        (self.dir / "etc" / "mailboxes").write_text("ann@peer.test ann/\nj\u00f6rg@peer.test ann/\n")
        run("postfix", "-c", self.dir / "etc", "start")

    def stop(self):
        subprocess.run(["postfix", "-c", self.dir / "etc", "stop"], capture_output=True, timeout=60)

    def log(self):
        path = self.dir / "maillog"
        return path.read_text(errors="replace") if path.exists() else ""

    def mail(self, subject):
        """The message with that subject, once it is in the mailbox."""
        def find():
            for path in (self.dir / "mail" / "ann" / "new").glob("*"):
                message = email.message_from_bytes(path.read_bytes(), policy=email.policy.SMTPUTF8)
                if message["Subject"] == subject:
                    return message
        return wait_for(find, f"{subject} in Postfix's mailbox; {self.log()[-2000:]}")


@pytest.fixture(scope="module")
def peers():
    """(a Postern that sends, the Postfix that takes)"""
    with tempfile.TemporaryDirectory(prefix="postern-receivers-") as name, DnsServer() as dns:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        (directory / "certificates").mkdir()
        authority = Certificate(directory / "certificates", is_authority=True)
        sender = Sender(directory / "lab", dns, [f"outbound.tls_authorities={authority.path}", "outbound.tls_policy=peer.test=verify"])
        receiver_directory = directory / "postfix"
        receiver_directory.mkdir()
        receiver = Receiver(receiver_directory, sender.outbound_port, Certificate(directory / "certificates", ["mx.peer.test"], authority))
        dns.set("peer.test", "MX 10 mx.peer.test.")
        dns.set("mx.peer.test", f"A {ADDRESS}")
        receiver.start()
        sender.start()
        yield sender, receiver
        sender.stop()
        receiver.stop()


def test_postfix_takes_what_we_send(peers):
    sender, receiver = peers
    subject = "to-postfix"
    outcome = sender.send("ann@peer.test", text(subject, sender="u0001@lab.test", to="ann@peer.test"), mail_options=["BODY=8BITMIME"])
    assert outcome["event"] == "delivered", (outcome, receiver.log()[-2000:])
    assert outcome["tls"].startswith("TLSv1.3 ") and outcome["tls"].endswith(" verified")
    message = receiver.mail(subject)
    assert message.get_content().replace("\r\n", "\n") == EIGHT_BIT.replace("\r\n", "\n")
    assert "using TLSv1.3" in message.get_all("Received")[0]


def test_postfix_refuses_whom_it_does_not_know(peers):
    sender, receiver = peers
    outcome = sender.send("nobody@peer.test")
    assert (outcome["event"], outcome["code"]) == ("failed", "5.1.1"), outcome
    assert "User unknown" in outcome["reply"]


def test_an_internationalized_recipient(peers):
    sender, receiver = peers
    sender.submit("j\u00f6rg@peer.test", text("idn", sender="u0001@lab.test"), mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    assert " with UTF8SMTPS " in receiver.mail("idn").get_all("Received")[0]


def test_many_messages_over_few_connections(peers):
    sender, receiver = peers
    before = receiver.log().count(": connect from")
    for number in range(20):
        sender.submit("ann@peer.test", text(f"many-{number}", sender="u0001@lab.test"))
    for number in range(20):
        receiver.mail(f"many-{number}")
    assert receiver.log().count(": connect from") - before < 20
