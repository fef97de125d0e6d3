"""Clients that send ordinary mail, one connection a message, and measure how long they wait for its 250."""
import smtplib
import threading
import time

from lab import message


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Honest:
    """with Honest(instance) as clients: ...  20 threads, each a message every `pause` seconds."""

    def __init__(self, instance, threads=20, pause=0.25, address="127.0.0.1"):
        self.instance, self.pause, self.address = instance, pause, address
        self.waited, self.failures = [], []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True) for n in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def run(self, number):
        recipient = self.instance.user(number % self.instance.count + 1).address
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                self.send(recipient, f"honest-{number}-{len(self.waited)}")
                self.waited.append(time.monotonic() - began)
            except (OSError, smtplib.SMTPException) as error:
                self.failures.append(repr(error))
            self.stopping.wait(self.pause)

    def send(self, recipient, subject):
        with smtplib.SMTP("127.0.0.1", self.instance.port("smtp"), "client.example", timeout=30,
                          source_address=(self.address, 0)) as client:
            client.sendmail("bob@elsewhere.example", [recipient], message(subject))

    @property
    def p99(self):
        return percentile(self.waited, 0.99)
