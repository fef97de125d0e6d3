"""MTA-STS (RFC 8461) with policies at port 443, found by a real DNS, and a Postfix that proves its name or does not."""
import contextlib
import itertools

import pytest

from policy_host import PolicyHost, policy, respond

numbers = itertools.count(1)
NOTHING_SENT = ("deferred", "4.7.5")
TRUSTED = "mx.trusted.test"              # the name in the certificate of shown's "trusted"
OTHER = "mx.other.test"


@pytest.fixture(scope="module", autouse=True)
def trusted_host(network, shown):
    network.dns.publish({TRUSTED: [f"A {shown.shown['trusted'][0]}"]})


@pytest.fixture
def domain(network, shown):
    """domain("stranger") is a new one whose only host is at the address of `shown` by that name, and its policy host. The policy is in
    `mode` and names `mx`, that host without it, or the answer is `answer`; `names` are those of the policy host's certificate, by an
    authority unless `trusted` is False; `tlsa`: whether the host has a record that fits."""
    with contextlib.ExitStack() as stack:
        def made(which, mode="enforce", mx=None, answer=None, trusted=True, names=None, tlsa=False):
            new = f"s{next(numbers)}.test"
            host = TRUSTED if which == "trusted" else f"mx.{new}"
            address, shows = shown.shown[which]
            v4, _ = network.address()
            certificate = network.certificate(*(names or [f"mta-sts.{new}"]), **({} if trusted else {"issuer": None}))
            with network.peers.inside():
                web = stack.enter_context(PolicyHost(v4, 443, certificate.tls, answer or policy(mode, [mx or host])))
            records = {new: [f"MX 10 {host}."], f"_mta-sts.{new}": ['TXT "v=STSv1; id=1;"'], f"mta-sts.{new}": [f"A {v4}"]}
            records |= {host: [f"A {address}"]} if host != TRUSTED else {}
            records |= {f"_25._tcp.{host}": [shows.tlsa(3)]} if tlsa else {}
            network.dns.publish(records)
            return new, web
        yield made


def check(instance, shown, domain, expect):
    """`expect`: how TLS is told of, or the event and code of what was not delivered; then nothing came there, in clear or otherwise."""
    outcome, rcpt, subject = instance.deliver(domain)
    if isinstance(expect, tuple):
        assert (outcome["event"], outcome["code"]) == expect, outcome
        assert not shown.messages(subject) and f"to=<{rcpt}>" not in shown.log()
    else:
        assert outcome["event"] == "delivered" and outcome["tls"].split()[-1] == expect, outcome
        shown.wait_for_message(subject)


@pytest.mark.parametrize("mode, which, mx, expect", [
    ("enforce", "trusted", None, "sts"),
    ("enforce", "trusted", "*.trusted.test", "sts"),
    ("enforce", "trusted", OTHER, NOTHING_SENT),             # section 4.1: a host that the policy does not know
    ("enforce", "stranger", None, NOTHING_SENT),
    ("enforce", "expired", None, NOTHING_SENT),
    ("enforce", "clear", None, ("deferred", "4.7.4")),
    ("testing", "trusted", None, "verified"),
    ("testing", "stranger", None, "unverified"),             # section 5: delivered, and told
    ("testing", "trusted", OTHER, "verified"),
    ("testing", "clear", None, "none"),
    ("none", "stranger", OTHER, "unverified"),
])
def test_what_a_policy_demands(instance, shown, domain, mode, which, mx, expect):
    name, web = domain(which, mode, mx)
    check(instance, shown, name, expect)
    assert len(web.requests) == 1
    told = any(" outbound.sts.testing " in line and f" domain={name} " in line for line in instance.log().splitlines())
    assert told == (mode == "testing" and (which, mx) != ("trusted", None))


@pytest.mark.parametrize("how", [{"answer": respond("", code=404)}, {"answer": respond("no policy\r\n")}, {"trusted": False},
                                 {"names": ["mta-sts.other.test"]}], ids=["404", "no policy", "no authority", "another name"])
def test_a_policy_that_cannot_be_had(instance, shown, domain, how):
    """Section 3.3: never one of somebody who cannot prove to be the domain's; without one it is as if there were none."""
    name, _ = domain("stranger", mx=OTHER, **how)
    check(instance, shown, name, "unverified")


def test_a_policy_is_kept(instance, shown, domain):
    """Section 5.1: whoever silences the policy host afterwards wins nothing."""
    name, web = domain("stranger")
    check(instance, shown, name, NOTHING_SENT)
    web.answer = respond("", code=404)
    check(instance, shown, name, NOTHING_SENT)
    assert len(web.requests) == 1


def test_a_policy_host_that_is_dead(instance, network, shown):
    """The message waits for it as long as outbound.mta_sts_patience, and then goes as if there were no policy."""
    name = f"s{next(numbers)}.test"
    dead, _ = network.address()
    network.dns.publish({name: [f"MX 10 mx.{name}."], f"mx.{name}": [f"A {shown.shown['stranger'][0]}"],
                         f"_mta-sts.{name}": ['TXT "v=STSv1; id=1;"'], f"mta-sts.{name}": [f"A {dead}"]})
    with network.peers.filtered([dead], "drop"):
        check(instance, shown, name, "unverified")


def test_dane_wins(instance, shown, domain):
    """Section 2: a host whose TLSA records fit needs no place in a policy."""
    check(instance, shown, domain("stranger", mx=OTHER, tlsa=True)[0], "dane-ee")
