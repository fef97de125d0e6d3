"""Hosts and ways that fail while mail is on them: greylists, hosts without power, cut links, lost packets. What was accepted arrives once
they are well again; twice only where a whole message was sent and no answer came, and that is counted."""
import itertools
import os
import signal
import time

import pytest

from lab import wait_for
from postern import AGAIN
from smtp_server import GOOD, RESET

numbers = itertools.count(1)
LARGE = ("z" * 72 + "\r\n") * 110_000            # 8 MB: more than the kernels on both sides take at once
SLOW = "16mbit"


@pytest.fixture
def again(network):
    """A domain at that server where a failed attempt is repeated at once."""
    return lambda server: network.publish_mx(f"t{next(numbers)}.{AGAIN}", *server.addresses)


@pytest.fixture
def uncertain(instance):
    """How many messages were sent since the test began whose fate was not known."""
    before = instance.metric("outbound_uncertain_total")
    return lambda: instance.metric("outbound_uncertain_total") - before


def test_a_greylist(instance, postfix, greylist):
    """The first attempt is told to come back, a later one is taken."""
    rcpt, subject = instance.mail(greylist)
    assert instance.ends(rcpt)["event"] == "delivered"
    first, *_, last = instance.attempts(rcpt)
    assert first["event"] == "deferred" and "Greylisted" in first["reply"] and last["event"] == "delivered"
    postfix.wait_for_message(subject)
    assert len(postfix.messages(subject)) == 1


# ---- hosts that die in the middle ------------------------------------------------------------------------------------

def half_sent(instance, network, server, domain):
    """Sends a large message over a slow link, until some of it is there: (recipient, subject)."""
    before = server.receiving()
    rcpt, subject = instance.mail(domain, body=LARGE)
    wait_for(lambda: server.receiving() > before, f"a part of the message in {type(server).__name__}; {server.log()[-2000:]}")
    assert not server.messages(subject) and not instance.attempts(rcpt)
    return rcpt, subject


def arrives(instance, server, rcpt, subject, uncertain):
    assert instance.ends(rcpt, 90)["event"] == "delivered"
    server.wait_for_message(subject)
    assert instance.attempts(rcpt)[0]["event"] == "deferred"
    assert len(server.messages(subject)) <= 1 + uncertain()


@pytest.mark.parametrize("kind", ["postfix", "exim"])
def test_a_host_is_killed_in_the_middle_of_a_message(request, instance, network, again, uncertain, kind):
    server = request.getfixturevalue(kind)
    domain = again(server)
    with network.peers.slow(SLOW):
        rcpt, subject = half_sent(instance, network, server, domain)
        server.kill()
        wait_for(lambda: instance.attempts(rcpt), "the end of the attempt")
    server.start()
    arrives(instance, server, rcpt, subject, uncertain)


@pytest.mark.parametrize("verdict", ["drop", "reject with tcp reset"])
@pytest.mark.parametrize("kind", ["postfix", "exim"])
def test_the_link_is_cut_in_the_middle_of_a_message(request, instance, network, again, uncertain, kind, verdict):
    server = request.getfixturevalue(kind)
    domain = again(server)
    with network.peers.slow(SLOW):
        rcpt, subject = half_sent(instance, network, server, domain)
        with network.peers.filtered(server.addresses, verdict):
            wait_for(lambda: instance.attempts(rcpt), "the end of the attempt", 60)
    arrives(instance, server, rcpt, subject, uncertain)


def test_a_host_that_is_killed_again_and_again(instance, network, exim, again, uncertain):
    """Under load, at moments nobody chose: each message is there in the end."""
    domain, sent = again(exim), []
    for _ in range(4):
        sent += [instance.mail(domain) for _ in range(15)]
        exim.kill()
        exim.start()
    assert {instance.ends(rcpt, 90)["event"] for rcpt, _ in sent} == {"delivered"}
    for _, subject in sent:
        exim.wait_for_message(subject)
    copies = [len(exim.messages(subject)) for _, subject in sent]
    assert sum(copies) - len(copies) <= uncertain(), copies


def test_the_link_of_the_answer_is_cut(instance, network, sink, uncertain):
    """It took the message, and its answer does not come through: the one window in which a message comes twice, and it is counted."""
    domain = f"t{next(numbers)}.{AGAIN}"
    there = sink("-p", "-W", ".:2", domain=domain)
    rcpt, subject = instance.mail(domain)
    wait_for(lambda: there.messages(subject), "the message there")
    with network.peers.filtered(there.addresses, "drop", leaving=True):
        wait_for(lambda: instance.attempts(rcpt), "the end of the attempt", 60)
    there.stop()
    there.start()
    assert instance.ends(rcpt, 90)["event"] == "delivered"
    assert "may have arrived" in instance.attempts(rcpt)[0]["reply"] and uncertain() >= 1
    wait_for(lambda: len(there.messages(subject)) > 1, "it to be taken once more")
    assert len(there.messages(subject)) <= 1 + uncertain()


@pytest.mark.parametrize("daemon", ["smtp-out", "qmgr"])
def test_we_are_killed_in_the_middle_of_a_message(instance, network, exim, again, uncertain, daemon):
    """The half of it that is there is nothing; the other host never got the end."""
    with network.peers.slow(SLOW):
        rcpt, subject = half_sent(instance, network, exim, again(exim))
        os.kill(instance.processes()[daemon][0], signal.SIGKILL)
        wait_for(lambda: instance.processes().get(daemon), f"{daemon} to be back")
    assert instance.ends(rcpt, 90)["event"] == "delivered"
    exim.wait_for_message(subject)
    assert len(exim.messages(subject)) == 1


def test_a_dns_that_does_not_answer_for_a_while(instance, network, exim, again):
    domain = again(exim)
    with network.dns.stopped():
        outcome, rcpt, subject = instance.deliver(domain)
        assert (outcome["event"], outcome["code"]) == ("deferred", "4.4.3"), outcome
    assert instance.ends(rcpt)["event"] == "delivered"
    assert exim.wait_for_message(subject)


# ---- links --------------------------------------------------------------------------------------------------------------

def test_a_link_that_loses_packets(instance, network, postfix, again, uncertain):
    """One of ten."""
    domain = again(postfix)
    with network.peers.filtered(postfix.addresses, "numgen random mod 100 < 10 drop"):
        sent = [instance.mail(domain, body="lost\r\n" * 2000) for _ in range(15)]
        assert {instance.ends(rcpt, 120)["event"] for rcpt, _ in sent} == {"delivered"}
    for _, subject in sent:
        postfix.wait_for_message(subject)
    assert sum(len(postfix.messages(subject)) - 1 for _, subject in sent) <= uncertain()


@pytest.mark.parametrize("event", ["connect", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_server_that_resets_connections(instance, network, scripted, uncertain, event):
    v4, _ = network.address()
    domain = network.publish_mx(f"t{next(numbers)}.{AGAIN}", v4)
    good = {"EHLO": "250-mx.test\r\n250 PIPELINING"} | GOOD
    there = scripted(v4, {event: [RESET, good[event]]})
    rcpt, _ = instance.mail(domain)
    assert instance.ends(rcpt)["event"] == "delivered"
    assert len(there.messages) == 1 and uncertain() == 0


def seconds(instance, domain):
    """From the first word of the submission to the event."""
    began = time.monotonic()
    outcome, _, _ = instance.deliver(domain)
    assert outcome["event"] == "delivered", outcome
    return time.monotonic() - began


def test_a_dead_host_beside_a_live_one(instance, network, exim, capsys):
    """100 messages wait for a host that never answers. Those for another one are delivered all the while."""
    nobody = network.address()
    dead = network.publish_mx(f"t{next(numbers)}.{AGAIN}", *nobody)
    alone = max(seconds(instance, "exim.test") for _ in range(20))
    with network.peers.filtered(nobody, "drop"):
        instance.submit([f"dead{number}@{dead}" for number in range(100)])
        for number in range(100):
            instance.submit(f"alone{number}@{dead}")
        beside = max(seconds(instance, "exim.test") for _ in range(20))
        assert len(instance.queued("--domain", dead)) == 101
    with capsys.disabled():
        print(f"\nslowest of 20 deliveries to a live host: {alone:.2f} s, and {beside:.2f} s beside 200 recipients at a dead one", end="")
