"""DANE (RFC 7672) with a DNS that signs, a resolver that validates, and a Postfix that shows what it is told to."""
import itertools
import json

import pytest

from lab import wait_for
from zones import TELLING_RESOLVER

numbers = itertools.count(1)


@pytest.fixture
def domain(network, shown):
    """domain("stranger", tlsa=[...], zone="test") is a new one, whose only host has the address of `shown` by that name. A TLSA record is
    text, or a function of the certificate there."""
    def made(name, tlsa=(), zone="test", forged=False):
        address, certificate = shown.shown[name]
        new = f"d{next(numbers)}.{zone}"
        at = f"_25._tcp.mx.{new}"
        records = [record(certificate) if callable(record) else record for record in tlsa]
        return network.publish_mx(new, address, more={at: records} if records else None, forged={at} if forged else ())
    return made


def fits(certificate):
    return certificate.tlsa(3)


WRONG = "TLSA 3 1 1 " + "ab" * 32
UNUSABLE = "TLSA 3 1 9 " + "ab" * 32
NOTHING_SENT = ("deferred", "4.7.5")


def check(instance, shown, domain, expect):
    """`expect`: how TLS is told of, or the event and code of what was not delivered; then nothing came there, in clear or otherwise."""
    outcome, rcpt, subject = instance.deliver(domain)
    if isinstance(expect, tuple):
        assert (outcome["event"], outcome["code"]) == expect, outcome
        assert not shown.messages(subject) and f"to=<{rcpt}>" not in shown.log()
        return outcome
    assert outcome["event"] == "delivered" and outcome["tls"].split()[-1] == expect, outcome
    received = shown.wait_for_message(subject).get_all("Received")[0]
    assert ("with ESMTPS" in received) == (expect != "none"), received
    return outcome


@pytest.mark.parametrize("name, tlsa, expect", [
    ("stranger", [fits], "dane-ee"),
    ("trusted", [fits], "dane-ee"),
    ("expired", [fits], "dane-ee"),                          # section 3.1.1: the record says more than the date
    ("stranger", [lambda c: c.tlsa(3, 0, 2)], "dane-ee"),
    ("stranger", [WRONG], NOTHING_SENT),
    ("trusted", [WRONG], NOTHING_SENT),                      # no authority stands in for it
    ("stranger", [WRONG, fits], "dane-ee"),                  # a key that is being changed
    ("stranger", [UNUSABLE], "unverified"),
    ("stranger", [UNUSABLE, fits], "dane-ee"),
    ("stranger", [UNUSABLE, WRONG], NOTHING_SENT),
    ("clear", [WRONG], ("deferred", "4.7.4")),
    ("clear", [UNUSABLE], ("deferred", "4.7.4")),            # section 2.2: TLS all the same
    ("clear", [], "none"),
    ("stranger", [], "unverified"),                          # NODATA, and that is signed
])
def test_what_the_record_demands(instance, shown, domain, name, tlsa, expect):
    check(instance, shown, domain(name, tlsa), expect)


@pytest.mark.parametrize("record, expect", [((2, 0, 1), "dane-ta"), ((2, 1, 1), "dane-ta")])
def test_an_authority_is_named(instance, network, shown, record, expect):
    """Usage 2: the chain leads there, and the certificate has the host's name."""
    address, _ = shown.shown["chain"]
    domain = f"d{next(numbers)}.chain.test"
    network.dns.publish({domain: [f"MX 10 {domain}."], f"_25._tcp.{domain}": [network.authority.tlsa(*record)]})
    network.dns.publish({domain: [f"A {address}"]})
    check(instance, shown, domain, expect)


def test_an_authority_is_named_and_the_certificate_is_of_another_host(instance, network, shown, domain):
    check(instance, shown, domain("chain", [network.authority.tlsa(2, 0, 1)]), NOTHING_SENT)


def test_records_of_a_zone_without_signatures_mean_nothing(instance, shown, domain):
    check(instance, shown, domain("stranger", [WRONG], zone="plain.test"), "unverified")


def test_a_signature_of_the_record_that_does_not_fit(instance, shown, domain):
    """Somebody on the way, who would have us send in clear: not delivered."""
    check(instance, shown, domain("stranger", [fits], forged=True), NOTHING_SENT)


def test_a_signature_of_the_mx_that_does_not_fit(instance, network, shown):
    """Nobody can say who takes the domain's mail."""
    name = f"d{next(numbers)}.test"
    network.publish_mx(name, shown.shown["trusted"][0], forged={name})
    outcome = check(instance, shown, name, NOTHING_SENT)
    assert f"{name} is bogus (DNSSEC validation" in outcome["reply"], outcome
    def told():
        return [failure["result"] for failure in json.loads(instance.mailctl("tls", "results", name, "--json"))["failures"]]
    wait_for(lambda: told() == ["dnssec-invalid"], "what its report will say")


def test_signatures_that_have_expired(instance, network, shown):
    """One resolver does not say why, and has the answer when it is asked unchecked; the other says why."""
    name = network.publish_mx(f"d{next(numbers)}.stale.test", shown.shown["trusted"][0])
    before = instance.metric("dns_server_bogus_total")
    outcome = check(instance, shown, name, NOTHING_SENT)
    assert f"DNSSEC validation by {TELLING_RESOLVER}:53: signature expired" in outcome["reply"], outcome
    wait_for(lambda: instance.metric("dns_server_bogus_total") >= before + 2, "both of them to have said so")


@pytest.mark.parametrize("at_end, at_alias, expect", [(["fits"], [], "dane-ee"), ([WRONG], ["fits"], NOTHING_SENT), ([], ["fits"], "dane-ee"),
                                                      ([], [WRONG], NOTHING_SENT)])
def test_a_host_that_is_an_alias(instance, network, shown, at_end, at_alias, expect):
    """Section 2.2.2: at the end of a secure alias first, at the name itself if nothing is there."""
    address, certificate = shown.shown["stranger"]
    name = f"d{next(numbers)}.test"
    tlsa = {where: [certificate.tlsa(3) if record == "fits" else record for record in records]
            for where, records in ((f"_25._tcp.end.{name}", at_end), (f"_25._tcp.mx.{name}", at_alias)) if records}
    network.dns.publish({name: [f"MX 10 mx.{name}."], f"mx.{name}": [f"CNAME end.{name}."], f"end.{name}": [f"A {address}"], **tlsa})
    check(instance, shown, name, expect)


def test_an_alias_that_leads_out_of_what_is_signed(instance, network, shown):
    """The end is insecure, the name itself is not: its records count for who is there, and nobody else's do."""
    address, _ = shown.shown["stranger"]
    name, end = f"d{next(numbers)}.test", f"end{next(numbers)}.plain.test"
    network.dns.publish({name: [f"MX 10 mx.{name}."], f"mx.{name}": [f"CNAME {end}."], end: [f"A {address}"], f"_25._tcp.{end}": [WRONG]})
    check(instance, shown, name, "unverified")


def test_the_second_host_when_the_first_one_does_not_fit(instance, network, shown):
    (bad, _), (good, certificate) = shown.shown["trusted"], shown.shown["stranger"]
    name = f"d{next(numbers)}.test"
    network.dns.publish({name: [f"MX 10 a.{name}.", f"MX 20 b.{name}."], f"a.{name}": [f"A {bad}"], f"b.{name}": [f"A {good}"],
                         f"_25._tcp.a.{name}": [WRONG], f"_25._tcp.b.{name}": [certificate.tlsa(3)]})
    check(instance, shown, name, "dane-ee")


def test_requiretls_of_a_server_that_does_not_offer_it(instance, shown, domain):
    """RFC 8689, whatever the certificate."""
    outcome, rcpt, subject = instance.deliver(domain("stranger", [fits]), mail_options=["REQUIRETLS"])
    assert (outcome["event"], outcome["code"]) == ("failed", "5.7.30") and not shown.messages(subject), outcome
