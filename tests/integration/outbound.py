"""A suite that sends to servers of the tests: at addresses of loopback, all at one port, found by a DNS of the tests."""
import itertools
import re
import socket

from lab import Instance, message, wait_for
from smtp_server import SmtpServer

numbers = itertools.count(1)
field = re.compile(r' (\w+)=("(?:[^"\\]|\\.)*"|\S+)')
# Long enough for a busy machine where something is to happen, short where a test waits for nothing to happen.
TIMES = ["outbound.connect_timeout=2s", "outbound.greeting_timeout=1s", "outbound.command_timeout=1s", "outbound.data_init_timeout=1s",
         "outbound.data_block_timeout=1s", "outbound.data_done_timeout=1s", "outbound.tls_timeout=2s", "outbound.delivery_timeout=8s",
         "outbound.idle_time=2s"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Sender(Instance):
    """`dns` is a DnsServer; `tls` of a server() is a context."""

    def __init__(self, directory, dns, settings=(), users=5):
        self.outbound_port = free_port()
        super().__init__(directory, users=users, settings=[f"dns.servers={dns.at}", f"outbound.port={self.outbound_port}", "dns.min_ttl=0",
                                                           "dns.failure_ttl=0", *TIMES, *settings])
        self.dns = dns

    def server(self, script=None, **more):
        """One at an address that no other test uses: server.address."""
        number = next(numbers)
        return SmtpServer(script, address=f"127.0.{number // 250 + 1}.{number % 250 + 1}", port=self.outbound_port, **more)

    def submit(self, recipients, content=None, sender=None, mail_options=(), rcpt_options=()):
        user = self.user(1)
        recipients = [recipients] if isinstance(recipients, str) else recipients
        with self.smtp(user) as session:
            session.sendmail(sender or user.address, recipients, content or message(f"out{next(numbers)}", sender=user.address),
                             mail_options, rcpt_options)
        return recipients

    def attempts(self, rcpt, event=r"outbound\.(?:delivered|deferred|failed)"):
        """The events of attempts at this recipient as dictionaries, `event` among them."""
        found = []
        for line in self.log().splitlines():
            name = re.search(r" (" + event + r") ", line)
            values = {key: value.strip('"') for key, value in field.findall(line)}
            if name and values.get("rcpt") == rcpt:
                found.append({"event": name[1].split(".")[-1], **values})
        return found

    def outcome(self, rcpt, seconds=30):
        return wait_for(lambda: self.attempts(rcpt), f"an attempt for {rcpt}", seconds)[-1]

    def send(self, rcpt, *words, **more):
        """Submits to one recipient; what became of the first attempt."""
        self.submit(rcpt, *words, **more)
        return self.outcome(rcpt)


def fresh(address):
    """A recipient at an address literal that no other test uses."""
    return f"r{next(numbers)}@[{address}]"


def report_about(taken, rcpt):
    """What another host sends later about a message that it took, and our queue id in it."""
    number = re.search(rb"by \S+ with \S+ id (\w{26})", taken.data)[1].decode()
    return b"\r\n".join([
        b"From: MAILER-DAEMON@mx.b.example", b"MIME-Version: 1.0", b"Content-Type: multipart/report; report-type=delivery-status; boundary=b", b"",
        b"--b", b"", b"It did not work.", b"--b", b"Content-Type: message/delivery-status", b"",
        b"Reporting-MTA: dns; mx.b.example", b"", b"Final-Recipient: rfc822; " + rcpt.encode(), b"Action: failed", b"Status: 5.1.1",
        b"Diagnostic-Code: smtp; 550 gone away", b"", b"--b", b"Content-Type: message/rfc822", b"", taken.data, b"--b--", b""]), number
