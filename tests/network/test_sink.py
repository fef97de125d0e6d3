"""smtp-sink in each way it can fail: what becomes of the message, and how often it was taken."""
import itertools

import pytest

from lab import wait_for
from postern import AGAIN

numbers = itertools.count(1)
BEFORE = ["CONNECT", "EHLO,HELO", "MAIL", "RCPT", "DATA"]
LARGE = ("y" * 72 + "\r\n") * 40_000


def events(instance, domain, **more):
    outcome, rcpt, subject = instance.deliver(domain, **more)
    return outcome["event"], outcome["code"], subject


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
def test_a_hard_error_in_the_transaction_is_final(instance, sink, command):
    there = sink("-f", command)
    outcome, rcpt, subject = instance.deliver(there.domain)
    assert (outcome["event"], outcome["code"]) == ("failed", "5.3.0"), outcome
    assert "500 5.3.0 Error: command failed" in instance.wait_for_report(rcpt)
    assert len(there.messages(subject)) <= (command == ".")


@pytest.mark.parametrize("command", ["CONNECT", "EHLO,HELO"])
def test_a_hard_error_before_it_is_the_host_s_alone(instance, sink, command):
    there = sink("-f", command)
    event, code, subject = events(instance, there.domain)
    assert event == "deferred" and code.startswith("4."), code
    assert not there.messages(subject)


@pytest.mark.parametrize("command", [*BEFORE, "EHLO", "."])
def test_a_soft_error_is_tried_again(instance, sink, command):
    """The host that refused is gone then, another one has its address."""
    domain = f"soft{next(numbers)}.{AGAIN}"
    there = sink("-r", command, domain=domain)
    outcome, rcpt, subject = instance.deliver(domain)
    assert outcome["event"] == "deferred" and outcome["code"].startswith("4."), outcome
    there.stop()
    there.start()
    assert instance.ends(rcpt)["event"] == "delivered"
    wait_for(lambda: there.messages(subject), "it to be taken")


@pytest.mark.parametrize("how", ["-q", "-Q"], ids=["hangs up", "says 421"])
@pytest.mark.parametrize("command", [*BEFORE, "EHLO"])
def test_it_leaves(instance, sink, how, command):
    there = sink(how, command)
    before = instance.metric("outbound_uncertain_total")
    event, code, subject = events(instance, there.domain)
    assert event == "deferred" and code.startswith("4."), code
    assert not there.messages(subject) and instance.metric("outbound_uncertain_total") == before


def test_it_leaves_with_the_message(instance, sink):
    """The one window in which a message may arrive twice: it was sent whole, and no reply came. It is told, and counted."""
    domain = f"window.{AGAIN}"
    there = sink("-q", ".", domain=domain)
    before = instance.metric("outbound_uncertain_total", 'why="no-reply"')
    outcome, rcpt, subject = instance.deliver(domain)
    assert (outcome["event"], outcome["code"]) == ("deferred", "4.4.2") and "may have arrived" in outcome["reply"], outcome
    there.stop()
    there.start()
    assert instance.ends(rcpt)["event"] == "delivered"
    attempts = instance.attempts(rcpt)
    uncertain = [event for event in attempts if "may have arrived" in event["reply"]]
    assert instance.metric("outbound_uncertain_total", 'why="no-reply"') - before == len(uncertain)
    wait_for(lambda: there.messages(subject), "it to be taken")
    assert len(there.messages(subject)) <= len(uncertain) + 1


def test_it_says_421_to_the_message(instance, sink):
    """An answer, and a clear one: nothing is uncertain."""
    before = instance.metric("outbound_uncertain_total")
    event, code, _ = events(instance, sink("-Q", ".").domain)
    assert event == "deferred" and instance.metric("outbound_uncertain_total") == before


def test_it_leaves_at_the_end(instance, sink):
    there = sink("-q", "QUIT")
    event, _, subject = events(instance, there.domain)
    assert event == "delivered" and len(there.messages(subject)) == 1


@pytest.mark.parametrize("command", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
def test_it_says_nothing_for_long(instance, sink, command):
    there = sink("-p", "-W", f"{command}:30")
    event, code, subject = events(instance, there.domain)
    assert event == "deferred" and code.startswith("4."), code
    assert not there.messages(subject)


def test_it_says_nothing_to_the_message_for_long(instance, sink):
    before = instance.metric("outbound_uncertain_total", 'why="no-reply"')
    event, code, _ = events(instance, sink("-W", ".:30").domain)
    assert event == "deferred" and instance.metric("outbound_uncertain_total", 'why="no-reply"') == before + 1


@pytest.mark.parametrize("how", [["-p", "-W", "MAIL:2"], ["-w", "2"], ["-W", ".:2"], ["-H", "2"], ["-T", "1024"],
                                 ["-H", "1", "-T", "2048"]], ids=" ".join)
def test_it_is_slow(instance, sink, how):
    there = sink(*how)
    outcome, _, subject = instance.deliver(there.domain, body=LARGE)
    assert outcome["event"] == "delivered", outcome
    assert len(there.messages(subject)) == 1


@pytest.mark.parametrize("how", [["-e"], ["-f", "EHLO"], ["-p"], ["-P"], ["-N"], ["-E"], ["-8"], ["-a"], ["-e", "-p", "-8"]], ids=" ".join)
def test_it_offers_less(instance, sink, how):
    there = sink(*how)
    outcome, rcpt, subject = instance.deliver(there.domain, body=LARGE)
    assert outcome["event"] == "delivered", outcome
    taken, = there.messages(subject)
    assert taken["X-Client-Proto"] == ("SMTP" if {"-e", "-P", "EHLO"} & set(how) else "ESMTP")
    assert taken["X-Rcpt-Args"].strip() == f"<{rcpt}>"


def test_without_8bitmime(instance, sink):
    """It gets the same in seven bits (RFC 6152 section 3)."""
    there = sink("-8")
    event, _, subject = events(instance, there.domain, body="Grüße\r\n", mail_options=["BODY=8BITMIME"])
    taken, = there.messages(subject)
    assert event == "delivered" and "BODY" not in taken["X-Mail-Args"]
    assert taken.get_payload(decode=True).decode().strip() == "Grüße" and there.mail()[0].read_bytes().isascii()


def test_without_dsn_the_report_is_ours(instance, sink):
    """RFC 3461 section 5.2.7: "relayed", because nobody behind us will say more."""
    rcpt, _ = instance.mail(sink("-N").domain, rcpt_options=["NOTIFY=SUCCESS"])
    assert instance.ends(rcpt)["event"] == "delivered"
    report = instance.wait_for_report(rcpt)
    assert "Action: relayed" in report and "mail.lab.test" in report


def test_it_refuses_while_the_message_comes(instance, sink):
    """An early 550: final, and no more of the message is sent."""
    outcome, rcpt, subject = instance.deliver(sink("-A", "0").domain, body=LARGE)
    assert outcome["event"] == "failed" and outcome["code"].startswith("5."), outcome


def test_it_takes_one_session_and_is_gone(instance, sink):
    domain = f"once.{AGAIN}"
    there = sink("-c", "-n", "1", domain=domain)
    sent = [instance.mail(domain) for _ in range(5)]
    wait_for(lambda: there.process.poll() is not None, "it to end")
    there.start()
    assert {instance.ends(rcpt)["event"] for rcpt, _ in sent} == {"delivered"}
    assert [len(there.messages(subject)) for _, subject in sent] == [1] * 5


def test_it_has_one_place(instance, sink):
    """Others wait in its kernel: whoever is not greeted comes again."""
    domain = f"place.{AGAIN}"
    there = sink("-m", "1", "-W", ".:1", domain=domain)
    sent = [instance.mail(domain) for _ in range(6)]
    assert {instance.ends(rcpt, 90)["event"] for rcpt, _ in sent} == {"delivered"}
    assert [len(there.messages(subject)) for _, subject in sent] == [1] * 6
