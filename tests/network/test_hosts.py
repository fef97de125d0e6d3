"""Which host a message goes to, by a real DNS and hosts with real addresses of both families."""
import itertools
import re

import pytest

from lab import wait_for
from namespaces import OURS
from zones import address_records

numbers = itertools.count(1)
DROPPED = "drop"                     # no answer at all, as from a host without power


def name():
    return f"h{next(numbers)}.test"


def delivered(instance, domain, server, address=None):
    outcome, _, subject = instance.deliver(domain)
    assert outcome["event"] == "delivered", outcome
    server.wait_for_message(subject)
    if address:
        assert outcome["remote"] in (f"{address}:25", f"[{address}]:25"), outcome
    return outcome


# ---- domains that take no mail, or are none -----------------------------------------------------------------------------

@pytest.mark.parametrize("records, event, code", [
    (["MX 0 ."], "failed", "5.1.10"),                            # RFC 7505
    (["TXT nothing"], "failed", "5.4.4"),
    (["MX 10 nowhere.test."], "failed", "5.1.2"),                # a host that is none
    (["MX 10 ns.test.", "MX 5 nowhere.test."], "deferred", "4.4.1"),     # one that is none, one that takes no mail
])
def test_what_a_domain_says_of_itself(instance, network, records, event, code):
    domain = name()
    network.dns.publish({domain: records})
    outcome, rcpt, _ = instance.deliver(domain)
    assert (outcome["event"], outcome["code"]) == (event, code), outcome
    if event == "failed":
        report = instance.wait_for_report(rcpt)
        assert "Action: failed" in report and f"Status: {code}" in report
        assert not instance.queued("--recipient", rcpt)


def test_a_host_without_an_address(instance, network):
    domain = name()
    network.dns.publish({domain: [f"MX 10 mx.{domain}."], f"mx.{domain}": ["TXT nothing"]})
    outcome, rcpt, _ = instance.deliver(domain)
    assert outcome["event"] == "failed" and outcome["code"] in ("5.4.4", "5.1.2"), outcome


def test_a_domain_that_is_not(instance):
    outcome, rcpt, _ = instance.deliver("no-such-domain.test")
    assert (outcome["event"], outcome["code"]) == ("failed", "5.1.2")
    assert "Status: 5.1.2" in instance.wait_for_report(rcpt)


def test_a_zone_whose_server_is_dead(instance):
    outcome, _, _ = instance.deliver("some.dead.test")
    assert (outcome["event"], outcome["code"]) == ("deferred", "4.4.3"), outcome


# ---- hosts -----------------------------------------------------------------------------------------------------------

def test_without_mx_the_domain_is_the_host(instance, network, postfix):
    domain = name()
    network.dns.publish({domain: address_records(postfix.addresses)})
    delivered(instance, domain, postfix)


def test_a_host_that_is_an_alias(instance, network, postfix):
    """RFC 5321 section 5.1 forbids it to the domain, and everybody takes it."""
    domain = name()
    network.dns.publish({domain: [f"MX 10 mx.{domain}."], f"mx.{domain}": ["CNAME mx.postfix.test."]})
    delivered(instance, domain, postfix)


def test_a_domain_that_is_an_alias(instance, network, postfix):
    domain = name()
    network.dns.publish({domain: ["CNAME postfix.test."]})
    delivered(instance, domain, postfix)


def test_aliases_in_a_circle(instance, network):
    domain = name()
    network.dns.publish({domain: [f"CNAME b.{domain}."], f"b.{domain}": [f"CNAME {domain}."]})
    outcome, _, _ = instance.deliver(domain)
    assert outcome["event"] in ("deferred", "failed"), outcome


def test_a_host_with_ipv6_alone(instance, network, postfix):
    _, v6 = postfix.addresses
    delivered(instance, network.publish_mx(name(), v6), postfix, v6)


def test_a_host_with_ipv4_alone(instance, network, postfix):
    v4, _ = postfix.addresses
    delivered(instance, network.publish_mx(name(), v4), postfix, v4)


@pytest.mark.parametrize("dead", [0, 1], ids=["IPv4 dead", "IPv6 dead"])
@pytest.mark.parametrize("verdict", [DROPPED, "reject with tcp reset", "reject with icmpx admin-prohibited"])
def test_one_family_does_not_answer(instance, network, postfix, dead, verdict):
    """In turns or not: the other one is found."""
    domain = network.publish_mx(name(), *postfix.addresses)
    with network.peers.filtered([postfix.addresses[dead]], verdict):
        for _ in range(2):
            delivered(instance, domain, postfix, postfix.addresses[1 - dead])


@pytest.mark.parametrize("verdict", [DROPPED, "reject with tcp reset"])
def test_the_first_host_is_dead(instance, network, postfix, exim, verdict):
    then, later = name(), name()             # a connection that is kept would be used again, though it is to the worse host
    network.dns.publish({domain: ["MX 10 mx.postfix.test.", "MX 20 mx.exim.test."] for domain in (then, later)})
    with network.peers.filtered(postfix.addresses, verdict):
        assert delivered(instance, then, exim)["host"] == "mx.exim.test"
    assert delivered(instance, later, postfix)["host"] == "mx.postfix.test"


def test_nobody_is_at_the_address(instance, network):
    outcome, _, _ = instance.deliver(network.publish_mx(name(), *network.unused()))
    assert (outcome["event"], outcome["code"]) == ("deferred", "4.4.1"), outcome


@pytest.mark.parametrize("verdict, said", [(DROPPED, "no answer in time"), ("reject with tcp reset", "Connection refused"),
                                           ("reject with icmpx admin-prohibited", "not connected")])
def test_nobody_answers(instance, network, postfix, verdict, said):
    """However it comes about, it is told from a session that broke: 4.4.1 and not 4.4.2."""
    v4, _ = postfix.addresses
    with network.peers.filtered([v4], verdict):
        outcome, _, _ = instance.deliver(network.publish_mx(name(), v4))
    assert (outcome["event"], outcome["code"]) == ("deferred", "4.4.1") and said in outcome["reply"], outcome


def test_many_dead_hosts_and_one_that_lives(instance, network, postfix):
    """More dead hosts than are tried in one delivery: later ones get to the living one, because equals are taken in any order."""
    domain = f"{name().partition('.')[0]}.again.test"
    dead = {f"dead{n}.{domain}": address_records(network.unused()[:1]) for n in range(6)}
    network.dns.publish({domain: [*[f"MX 10 {host}." for host in dead], "MX 10 mx.postfix.test."], **dead})
    rcpt, subject = instance.mail(domain)
    assert instance.ends(rcpt, 120)["event"] == "delivered"
    postfix.wait_for_message(subject)


# ---- mail that would come back to us ------------------------------------------------------------------------------------

@pytest.mark.parametrize("records", [["MX 10 mail.lab.test."], ["MX 10 mail.lab.test.", "MX 20 mx.postfix.test."], [f"A {OURS[0]}"],
                                     [f"AAAA {OURS[1]}"], ["MX 10 ours.test."]], ids=str)
def test_we_are_the_best_host_and_know_nothing_of_it(instance, network, postfix, records):
    domain = name()
    network.dns.publish({domain: records, "ours.test": address_records(OURS)})
    outcome, rcpt, subject = instance.deliver(domain)
    assert (outcome["event"], outcome["code"]) == ("failed", "5.4.6"), outcome
    assert "Status: 5.4.6" in instance.wait_for_report(rcpt) and not postfix.messages(subject)


def test_we_are_the_second_host(instance, network, postfix):
    """The better one is down: it waits, and does not go in a circle through us."""
    domain = name()
    network.dns.publish({domain: ["MX 10 mx.postfix.test.", "MX 20 mail.lab.test.", "MX 30 mx.exim.test."]})
    with network.peers.filtered(postfix.addresses, "reject with tcp reset"):
        outcome, rcpt, subject = instance.deliver(domain)
    assert outcome["event"] == "deferred", outcome


def test_a_circle_of_two(instance, network, postfix, loop):
    """Postfix sends everything for the domain on to its worse host, and that is us, who relay for it: hops are counted, and the sender
    is told by whoever counts to the end first."""
    instance.mailctl("domain", "add", loop, "--backup-mx", "on")
    rcpt, subject = instance.mail(loop)
    instance.open.remove(rcpt)               # as often through our queue as it went round
    report = instance.wait_for_report(rcpt)
    assert "Action: failed" in report and re.search(r"^Status: 5\.4\.6", report, re.MULTILINE), report
    wait_for(lambda: "hop count exceeded" in postfix.log() or "5.4.6" in postfix.log(), "the end of the circle")
    instance.mailctl("domain", "delete", loop)
