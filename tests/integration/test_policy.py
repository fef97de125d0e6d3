"""What clients may do, on the real daemons. The strangers are 127.0.1.x, which the instances are told not to trust."""
import collections
import contextlib
import os
import re
import signal
import socket
import threading
import time

import pytest

from lab import Instance, message, wait_for
from test_smtp_abuse import Wire

STRANGERS = "policy.untrusted_networks=127.0.1.0/24"


class From(Wire):
    """A connection from an address of its own."""

    def __init__(self, instance, address, port="smtp"):
        self.socket = socket.create_connection(("127.0.0.1", instance.port(port)), timeout=30, source_address=(address, 0))
        self.buffer = b""


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        def started(*settings, users=30):
            instance = Instance(tmp_path_factory.mktemp("policy"), users=users, settings=[STRANGERS, *settings])
            instance.start()
            stack.callback(instance.stop)
            return instance
        yield started


@pytest.fixture(scope="module")
def common(start):
    """Two smtpd processes; a greeting that strangers wait for."""
    return start("processes.smtpd=2", "policy.greet_delay=1s", "policy.client_messages=5/1h", "policy.unknown_delay=200ms")


def served_by(instance, address):
    """Which smtpd processes had connections of this client."""
    return set(re.findall(rf" (smtpd/\d+) smtpd\.connect .*client={re.escape(address)} ", instance.log()))


def introduce(instance, address):
    """A connection that waited for its greeting."""
    connection = From(instance, address)
    assert connection.reply().startswith(b"220 ")
    assert connection.talk(b"EHLO client.example")[0].startswith(b"250")
    return connection


def envelope(connection, recipient, sender=b"<a@elsewhere.example>"):
    """The reply to the first RCPT of a transaction."""
    return connection.talk(b"RSET", b"MAIL FROM:" + sender, b"RCPT TO:<" + recipient.encode() + b">")[2]


def test_a_rate_over_two_processes_is_one_rate(common):
    user = common.fresh_user()
    both = []
    # The kernel chooses who accepts: until both processes have one, there are more connections.
    wait_for(lambda: both.append(introduce(common, "127.0.1.1")) or len(served_by(common, "127.0.1.1")) == 2,
             "connections at both processes")
    replies = collections.Counter()
    for connection in both + both[:1] * 6 + both[-1:] * 6:
        replies[envelope(connection, user.address)[:9]] += 1
    assert replies == {b"250 2.1.5": 5, b"450 4.7.1": len(both) + 12 - 5}
    assert re.fullmatch(rb"450 4\.7\.1 Too many messages from your address, try again in \d+ (seconds|minutes)",
                        envelope(both[0], user.address))
    other = introduce(common, "127.0.1.2")                   # somebody else's rate is untouched
    assert envelope(other, user.address).startswith(b"250")


def test_who_talks_before_the_greeting_is_refused_and_who_waits_is_remembered(common):
    early = From(common, "127.0.1.3")
    early.send(b"EHLO client.example\r\n")
    assert early.reply().startswith(b"554 5.5.1 ")
    assert early.reply() == b""
    wait_for(lambda: re.search(r"smtpd\.turned\.away.*client=127\.0\.1\.3.*code=554", common.log()), "the event")

    introduce(common, "127.0.1.4")
    hasty = From(common, "127.0.1.4")                        # known by now: nothing is to be waited for
    hasty.send(b"EHLO client.example\r\n")
    assert hasty.reply().startswith(b"220 ")
    assert hasty.reply().startswith(b"250")

    trusted = Wire(common)                                   # loopback as such never waits
    trusted.send(b"EHLO client.example\r\n")
    assert trusted.reply().startswith(b"220 ")


def test_guessing_recipients_is_answered_ever_later_over_connections(common):
    def guess():
        connection = introduce(common, "127.0.1.5")
        connection.talk(b"MAIL FROM:<>")
        begun = time.monotonic()
        connection.send(b"".join(b"RCPT TO:<nobody%d@lab.test>\r\n" % number for number in range(8)))
        assert [connection.reply()[:9] for _ in range(8)] == [b"550 5.1.1"] * 8
        return time.monotonic() - begun

    guess()
    assert guess() >= 8 * 0.2                                # pipelined, and yet one after the other


def deliver(instance, address, user, count, accepted, failed):
    connection = introduce(instance, address)
    for number in range(count):
        subject = f"{address}-{number}"
        replies = connection.talk(b"MAIL FROM:<a@elsewhere.example>", b"RCPT TO:<" + user.address.encode() + b">", b"DATA")
        connection.send(message(subject) + b".\r\n")
        replies.append(connection.reply())
        (accepted if [r[:3] for r in replies] == [b"250", b"250", b"354", b"250"] else failed).append((subject, replies))


def test_mail_goes_on_while_policyd_is_killed(start):
    instance = start("policy.greet_delay=100ms")
    user = instance.fresh_user()
    accepted, failed = [], []
    senders = [threading.Thread(target=deliver, args=(instance, f"127.0.1.{n}", user, 60, accepted, failed)) for n in range(11, 15)]
    for sender in senders:
        sender.start()
    killed = set()
    while any(sender.is_alive() for sender in senders):
        for pid in instance.processes().get("policyd", []):
            if pid not in killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
    for sender in senders:
        sender.join()
    assert not failed
    assert len(accepted) == 240
    assert len(killed) >= 2
    instance.wait_for_mail(user, 240)
