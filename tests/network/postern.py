"""Our side of the network: one Postern that sends by MX to port 25 of others, asks the validating resolver, and can be reached by them."""
import contextlib
import email
import email.policy
import json
import re
import types
import urllib.request

from lab import fetch_body, message, wait_for
from namespaces import OURS, PEERS
from outbound import Sender, numbers
from zones import RESOLVER, TELLING_RESOLVER

# Long enough for real servers on a busy machine, short where a test waits for nothing to happen.
TIMES = ["connect_timeout=2s", "greeting_timeout=5s", "command_timeout=5s", "data_init_timeout=5s", "data_block_timeout=5s",
         "data_done_timeout=5s", "tls_timeout=5s", "delivery_timeout=40s", "first_pause=1s", "longest_pause=1s"]
# Below these names: what is tried again at once, and what stays deferred until a test has seen it.
AGAIN = "again.test"
FINAL = ("delivered", "failed")


class Postern(Sender):
    """`addresses`: where it listens for others, beside loopback."""

    def __init__(self, directory, authority, settings=(), addresses=OURS):
        resolvers = types.SimpleNamespace(at=f"{RESOLVER}:53 {TELLING_RESOLVER}:53")
        super().__init__(directory, resolvers, users=20)
        self.outbound_port = 25
        listeners = [f"127.0.0.1:{self.port('smtp')}", *(f"[{address}]:25" if ":" in address else f"{address}:25" for address in addresses)]
        self.settings += ["outbound.port=25", f"dns.trusted_servers={RESOLVER} {TELLING_RESOLVER}", f"outbound.tls_authorities={authority.path}",
                          f"fetch.tls_authorities={authority.path}", f"fetch.private_networks={PEERS}", "outbound.mta_sts_patience=5s",
                          f"smtp.listen_addr={' '.join(listeners)}", "queue.delay_warning=0", "dns.deadline=6s",
                          f"outbound.destinations=.{AGAIN} retry=1s", *[f"outbound.{setting}" for setting in TIMES], *settings]
        self.open = []                   # recipients that nobody has accounted for

    def submit(self, recipients, *words, **more):
        recipients = super().submit(recipients, *words, **more)
        self.open += recipients
        return recipients

    def mail(self, domain, body="Hello,\r\nthis is a test.\r\n", local="r", **more):
        """Submits a message with a subject of its own to a new recipient there: (recipient, subject)."""
        number = next(numbers)
        rcpt, subject = f"{local}{number}@{domain}", f"network-{number}"
        self.submit(rcpt, message(subject, body, sender=self.user(1).address, to="r@network.test"), **more)
        return rcpt, subject

    def deliver(self, domain, **more):
        """The same, and what became of the first attempt."""
        rcpt, subject = self.mail(domain, **more)
        return self.outcome(rcpt, 60), rcpt, subject

    def ends(self, rcpt, seconds=60):
        """The event that decided."""
        def decided():
            return [event for event in self.attempts(rcpt) if event["event"] in FINAL]
        return wait_for(decided, f"the end of {rcpt}; {self.attempts(rcpt)}", seconds)[0]

    def reports(self, rcpt):
        """Messages in the sender's INBOX that are about this recipient."""
        with self.imap(self.user(1)) as session:
            session.select("INBOX", readonly=True)
            uids = session.uid("search", None, "TEXT", f'"{rcpt}"')[1][0].split()
            return [email.message_from_bytes(fetch_body(session, uid), policy=email.policy.SMTPUTF8) for uid in uids]

    def wait_for_report(self, rcpt):
        report, = wait_for(lambda: self.reports(rcpt), f"a report about {rcpt}", 30)
        return "\n".join(str(group) for group in report.get_payload()[1].get_payload())

    def attempts(self, rcpt, *event):
        """Events show octets beyond ASCII as what they are."""
        shown = "".join(chr(octet) if octet < 128 else f"\\x{octet:02x}" for octet in rcpt.encode())
        return super().attempts(shown, *event)

    # -- the account

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port('http')}/metrics", timeout=10) as answer:
            return {name: int(value) for name, value in re.findall(r"^(\S+) (-?\d+)$", answer.read().decode(), re.MULTILINE)}

    def metric(self, name, labels=""):
        """Summed over processes."""
        return sum(value for key, value in self.metrics().items() if key.startswith(name + "{") and labels in key)

    def health(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port('http')}/health", timeout=10) as answer:
            return json.load(answer)

    def queued(self, *filters):
        return json.loads(self.mailctl("queue", "list", "--json", *filters))

    def account(self):
        """Whoever was accepted has one end, or is in the queue where everybody sees it; then the queue is emptied for the next test."""
        recipients, self.open = self.open, []
        for rcpt in recipients:
            ends = [event for event in self.attempts(rcpt) if event["event"] in FINAL]
            waiting = self.queued("--recipient", rcpt)
            assert len(ends) + len(waiting) == 1, f"{rcpt}: {ends}, in the queue: {waiting}"
        wait_for(self.emptied, f"an account that is even: {self.balance()}; {self.queued()}")
        assert self.health()["queue"]["unaccounted"] == 0 and "queue.conservation" not in self.log()

    def balance(self):
        """Recipients by what became of them."""
        outcomes = ("accepted", "expanded", "delivered", "bounced", "discarded", "deleted", "corrupt")
        return {outcome: self.metric("queue_recipients_total", f'outcome="{outcome}"') for outcome in outcomes}

    def emptied(self):
        """Nothing waits, and all that came in has gone out."""
        if self.queued():
            with contextlib.suppress(AssertionError):            # it may have left by itself
                self.mailctl("queue", "delete", "--all")
            return False
        now = self.balance()
        return now.pop("accepted") + now.pop("expanded") == sum(now.values())
