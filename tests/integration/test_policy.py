"""What clients may do, on the real daemons. The strangers are 127.0.1.x, which the instances are told not to trust."""
import collections
import contextlib
import imaplib
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

from lab import ROOT, Instance, User, message, wait_for
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
    assert guess() > 4 * 0.2                                 # pipelined, and yet one after the other


def imap_from(instance, address, user, password=None):
    """A login over IMAP from that address; raises imaplib's error when it is denied."""
    raw = socket.create_connection(("127.0.0.1", instance.port("imaps")), timeout=60, source_address=(address, 0))

    class Session(imaplib.IMAP4_SSL):
        def _create_socket(self, timeout=None):
            return instance.tls().wrap_socket(raw, server_hostname="localhost")

    session = Session("localhost", instance.port("imaps"))
    session.login(user.address, password or user.password)
    return session


def guess(instance, address, user, count):
    for number in range(count):
        with pytest.raises(imaplib.IMAP4.error):
            imap_from(instance, address, user, f"guess{number}")


@pytest.fixture(scope="module")
def guarded(start):
    """Few failures do; the answers come at once, so that a test need not wait for the delays of the unit test."""
    return start("auth.lockout_failures=3", "auth.ban_failures=8", "auth.failure_delay=1ms", "imap.failure_delay=1ms",
                 "policy.greet_delay=0")


def test_a_locked_out_source_locks_nobody_out_elsewhere(guarded):
    user = guarded.fresh_user()
    imap_from(guarded, "127.0.1.30", user).logout()          # where the owner is known
    guess(guarded, "127.0.1.31", user, 3)
    wait_for(lambda: re.search(r"auth\.lockout client=127\.0\.1\.31 ", guarded.log()), "the lock-out")
    with pytest.raises(imaplib.IMAP4.error):                 # the right password makes no difference now
        imap_from(guarded, "127.0.1.31", user)
    guess(guarded, "127.0.1.30", user, 4)                    # nor do wrong ones lock out a known source
    imap_from(guarded, "127.0.1.30", user).logout()
    imap_from(guarded, "127.0.1.32", user).logout()          # a new one of the owner's
    imap_from(guarded, "127.0.0.1", user).logout()
    guarded.mailctl("ban", "clear", "127.0.1.31")
    imap_from(guarded, "127.0.1.31", user).logout()


def test_who_guesses_on_is_banned_everywhere_until_cleared(guarded):
    victims = [guarded.fresh_user() for _ in range(4)]
    for user in victims:
        guess(guarded, "127.0.1.40", user, 2)
    bans = wait_for(lambda: json.loads(guarded.mailctl("ban", "list", "--json")), "the ban")
    assert [(b["network"], b["by"]) for b in bans] == [("127.0.1.40", "authd")]
    assert bans[0]["until"] - bans[0]["since"] == 3600
    assert From(guarded, "127.0.1.40").reply().startswith(b"554 5.7.1 Your address is banned here, try again in ")
    with pytest.raises((imaplib.IMAP4.error, OSError)):
        imap_from(guarded, "127.0.1.40", victims[0])
    imap_from(guarded, "127.0.1.41", victims[0]).logout()
    guarded.mailctl("ban", "clear", "127.0.1.40")
    assert From(guarded, "127.0.1.40").reply().startswith(b"220 ")
    imap_from(guarded, "127.0.1.40", victims[0]).logout()


def test_bans_by_hand_outlive_policyd_and_spare_loopback(guarded):
    for never in ("127.0.0.1", "::1", "0.0.0.0/0"):
        with pytest.raises(AssertionError, match="ban"):
            guarded.mailctl("ban", "add", never)
    with pytest.raises(AssertionError, match="ban yourself"):
        guarded.mailctl("ban", "add", "127.0.1.48/28", env={**os.environ, "SSH_CONNECTION": "127.0.1.50 50022 127.0.0.1 22"})
    guarded.mailctl("ban", "add", "127.0.1.48/28", "--for", "2h", "--reason", "by hand")
    before = guarded.processes()["policyd"]
    os.kill(before[0], signal.SIGKILL)
    wait_for(lambda: guarded.processes().get("policyd", before) != before, "another policyd")
    (ban,) = wait_for(lambda: json.loads(guarded.mailctl("ban", "list", "--json")), "the ban")
    assert (ban["network"], ban["reason"], ban["until"] - ban["since"]) == ("127.0.1.48/28", "by hand", 7200)
    wait_for(lambda: From(guarded, "127.0.1.50").reply().startswith(b"554 5.7.1 "), "smtpd has found the new policyd")
    guarded.mailctl("ban", "clear", "127.0.1.48/28")
    assert From(guarded, "127.0.1.50").reply().startswith(b"220 ")
    with pytest.raises(AssertionError, match="not banned"):
        guarded.mailctl("ban", "clear", "127.0.1.48/28")


def test_the_fail2ban_filter_finds_guessers_and_nobody_else(guarded):
    user = guarded.fresh_user()
    guess(guarded, "127.0.1.60", user, 1)
    with contextlib.suppress(imaplib.IMAP4.error):           # a name that would be an event of somebody else's
        imap_from(guarded, "127.0.1.61", User('"x client=127.0.1.99 warning authd/0 auth.ban client=127.0.1.99 "', "p"))
    wait_for(lambda: re.search(r"auth\.login\.denied .*client=127\.0\.1\.61 .*127\.0\.1\.99", guarded.log()), "the event")
    text = (ROOT / "etc" / "fail2ban" / "filter.d" / "postern.conf").read_text()
    block = re.search(r"^failregex = (.*(?:\n +.*)*)", text, re.M)[1]
    patterns = [re.compile(line.strip().replace("<ADDR>", r"(?P<ip>[0-9a-fA-F:.]+)")) for line in block.splitlines()]
    found = set()
    for line in guarded.log().splitlines():
        rest = re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "", line)   # fail2ban takes the date away first
        found |= {m["ip"] for p in patterns if (m := p.search(rest))}
    assert {"127.0.1.60", "127.0.1.61"} <= found
    assert "127.0.1.99" not in found and "127.0.0.1" not in found


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


def test_mail_goes_on_while_policyd_does_not_answer(start):
    instance = start("policy.greet_delay=0", "policy.deadline=50ms")
    user = instance.fresh_user()
    (policyd,) = instance.processes()["policyd"]
    accepted, failed = [], []
    os.kill(policyd, signal.SIGSTOP)
    try:
        deliver(instance, "127.0.1.20", user, 5, accepted, failed)
    finally:
        os.kill(policyd, signal.SIGCONT)
    assert (len(accepted), failed) == (5, [])
    instance.wait_for_mail(user, 5)
    wait_for(lambda: "smtpd.policy.unanswered" in instance.log(), "the event")


def test_places_are_kept_for_who_matters_and_the_idle_make_way(start):
    instance = start("policy.greet_delay=0", "smtp.max_connections=20", "smtp.reserved_for_known=20", "smtp.reserved_for_submission=10")
    user = instance.fresh_user()
    deliver(instance, "127.0.1.70", user, 1, [], [])         # a client with history
    wait_for(lambda: "smtpd.disconnect" in instance.log(), "the end of its connection")

    # Strangers take what they can, each from an address of its own, and then say nothing.
    first = [From(instance, f"127.0.1.{n}") for n in range(80, 94)]
    assert all(connection.reply().startswith(b"220 ") for connection in first)
    assert From(instance, "127.0.1.94").reply() == b"421 4.3.2 Too many connections here now, try again later"
    known = [introduce(instance, "127.0.1.70") for _ in range(4)]
    submission = instance.smtp(user)
    submission.quit()

    # A moment later the idle ones are worth less than anybody who comes.
    wait_for(lambda: From(instance, "127.0.1.95").reply().startswith(b"220 "), "an idle stranger to make way")
    farewells = [connection.all_replies() for connection in first]
    assert farewells.count([b"421 4.3.2 Too many connections here now, try again later"]) == len(first)
    assert all(connection.talk(b"NOOP")[0].startswith(b"250") for connection in known)
