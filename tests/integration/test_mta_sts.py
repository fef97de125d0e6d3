"""MTA-STS (RFC 8461): policies are found, kept and followed; nothing leaves in clear or to a wrong host where one is enforced."""
import itertools
import json
import os
import signal
import subprocess

import pytest

from certificates import Certificate
from lab import ROOT, wait_for
from outbound import Sender, free_port
from policy_host import PolicyHost, policy, respond

numbers = itertools.count(1)
BUILD = ROOT / "build" / "release"


@pytest.fixture(scope="module")
def instance(tmp_path_factory, dns, authority):
    sender = Sender(tmp_path_factory.mktemp("mta-sts"), dns,
                    [f"outbound.tls_authorities={authority.path}", f"fetch.tls_authorities={authority.path}", "fetch.private_networks=127.0.0.0/8",
                     f"outbound.mta_sts_port={free_port()}", "outbound.mta_sts_patience=3s", "outbound.idle_time=0"])
    sender.policy_port = int(next(s for s in sender.settings if "mta_sts_port" in s).split("=")[1])
    sender.start()
    yield sender
    sender.stop()


class Domain:
    """One with a policy host and an SMTP server, its MX; both prove their names, unless told otherwise."""

    def __init__(self, instance, authority, tmp, answer=None, mode="enforce", mx_names=("mx",), web_names=("web",), trusted=True, web_trusted=True, **server):
        self.instance, self.name = instance, f"d{next(numbers)}.sts.test"
        self.mx, self.web_name = f"mx.{self.name}", f"mta-sts.{self.name}"
        names = {"mx": self.mx, "web": self.web_name}
        certificate = Certificate(tmp, [names.get(n, n) for n in mx_names], authority if trusted else None)
        self.certificate = certificate
        self.server = instance.server(tls=server.pop("tls", certificate.tls), **server)
        shown = Certificate(tmp, [names.get(n, n) for n in web_names], authority if web_trusted else None)
        self.web = PolicyHost(self.server.address, instance.policy_port, shown.tls, policy(mode, [self.mx]) if answer is None else answer)
        instance.dns.set(self.name, f"MX 10 {self.mx}.")
        instance.dns.set(self.mx, f"A {self.server.address}")
        instance.dns.set(self.web_name, f"0 A {self.server.address}")
        self.announce("1")

    def announce(self, *ids):
        self.instance.dns.set(f"_mta-sts.{self.name}", *(f'0 TXT "v=STSv1; id={number};"' for number in ids))

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.stop()
        self.web.stop()

    def send(self, **more):
        return self.instance.send(f"r{next(numbers)}@{self.name}", **more)

    def known(self, *options):
        """What mailctl says of its policy."""
        done = subprocess.run([BUILD / "bin" / "mailctl", "--socket", self.instance.dir / "run" / "api.sock", "tls", "policy", self.name, "--json", *options],
                              capture_output=True, timeout=120)
        assert done.stdout, done.stderr.decode()
        return json.loads(done.stdout)

    def testing_events(self):
        return [line for line in self.instance.log().splitlines() if " outbound.sts.testing " in line and self.name in line]


@pytest.fixture
def domain(instance, authority, tmp_path):
    made = []

    def make(*words, **more):
        made.append(Domain(instance, authority, tmp_path, *words, **more).__enter__())
        return made[-1]
    yield make
    for one in made:
        one.__exit__()


def refused(outcome, code="4.7.5"):
    assert (outcome["event"], outcome["code"]) == ("deferred", code), outcome
    assert "MTA-STS" in outcome["reply"]


# ---- enforce -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("end", ["\r\n", "\n"], ids=["crlf", "lf"])
def test_a_host_that_proves_its_name_gets_the_mail(domain, end):
    there = domain()
    there.web.answer = policy("enforce", [there.mx], end=end)
    outcome = there.send()
    assert outcome["event"] == "delivered" and outcome["tls"].endswith(" sts"), outcome
    assert there.server.messages[0].tls
    assert there.web.requests == ["GET /.well-known/mta-sts.txt HTTP/1.1"]
    assert f"Host: {there.web_name}:" in there.web.heads[0]
    known = there.known()
    assert (known["mode"], known["id"], known["mx"], known["reason"]) == ("enforce", "1", [there.mx], "")
    assert known["expires"] - known["fetched"] == 86400


@pytest.mark.parametrize("what", [{"trusted": False}, {"mx_names": ["other.example"]}, {"mx_names": []}],
                         ids=["no authority", "another name", "no name"])
def test_a_host_that_does_not_prove_its_name_gets_nothing(domain, what):
    there = domain(**what)
    refused(there.send())
    assert not there.server.messages


def test_no_starttls_no_mail(domain):
    there = domain(tls=None)
    refused(there.send(), "4.7.4")
    assert not there.server.messages and not any(line.startswith("MAIL") for _, line in there.server.commands)


def test_a_host_that_is_not_in_the_policy_is_not_spoken_to(domain):
    there = domain()
    there.web.answer = policy("enforce", ["other.example", f"*.{there.mx}", f"*.{there.name.partition('.')[2]}"])
    outcome = there.send()
    refused(outcome)
    assert "is not in the MTA-STS policy" in outcome["reply"] and not there.server.commands


def test_a_wildcard_is_one_label(domain):
    there = domain()
    there.web.answer = policy("enforce", [f"*.{there.name}"])
    assert there.send()["tls"].endswith(" sts")


def test_the_next_host_when_the_first_is_not_in_the_policy(domain, dns):
    there, stranger = domain(), domain()
    dns.set(there.name, f"MX 10 {stranger.mx}.", f"MX 20 {there.mx}.")
    outcome = there.send()
    assert outcome["event"] == "delivered" and outcome["host"] == there.mx
    assert there.server.messages and not stranger.server.commands


@pytest.mark.parametrize("mode, listed, event", [("enforce", True, "delivered"), ("testing", True, "delivered"), ("none", True, "failed"),
                                                 ("enforce", False, "failed"), ("testing", False, "failed")])
def test_requiretls_is_satisfied_by_a_policy(domain, mode, listed, event):
    """RFC 8689 section 4.2.1, step 2: without DNSSEC the policy says which hosts are the domain's."""
    there = domain(mode=mode, extensions=["REQUIRETLS"])
    if not listed:
        there.web.answer = policy(mode, ["other.example"])
    outcome = there.send(mail_options=["REQUIRETLS"])
    assert outcome["event"] == event, outcome
    if event == "delivered":
        assert outcome["tls"].split()[-1] == ("sts" if mode == "enforce" else "verified")
    else:
        assert outcome["code"] == "5.7.10" and not there.server.commands


def test_requiretls_waits_for_a_policy_that_may_still_be_had(domain):
    there = domain(extensions=["REQUIRETLS"])
    there.web.answer = respond("later", code=503)
    outcome = there.send(mail_options=["REQUIRETLS"])
    assert (outcome["event"], outcome["code"]) == ("deferred", "4.7.5") and "not known yet: HTTP 503" in outcome["reply"], outcome
    assert not there.server.commands


def test_an_operator_who_chose_a_level_is_not_asked_twice(domain, instance):
    """A next hop with a host named, or at a level that is not dane, follows no policy."""
    there = domain(trusted=False)
    outcome = instance.send(f"r{next(numbers)}@[{there.server.address}]")
    assert outcome["event"] == "delivered" and outcome["tls"].endswith(" unverified")
    assert not there.web.requests


# ---- testing and none ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("what, reason", [({"trusted": False}, "certificate"), ({"tls": None}, "no STARTTLS"), ({}, None)])
def test_testing_stops_nothing_and_tells(domain, what, reason):
    there = domain(mode="testing", **what)
    outcome = there.send()
    assert outcome["event"] == "delivered", outcome
    assert outcome["tls"] == "none" if "tls" in what else outcome["tls"].endswith(" unverified" if what else " verified")
    events = there.testing_events()
    assert [reason in line for line in events] == ([True] if reason else [])


def test_testing_tells_of_a_host_that_is_not_in_the_policy(domain):
    there = domain()
    there.web.answer = policy("testing", ["other.example"])
    assert there.send()["event"] == "delivered"
    assert any("not in the policy" in line for line in there.testing_events())


def test_a_policy_of_none_is_no_policy(domain):
    there = domain(trusted=False)
    there.web.answer = policy("none", [])
    outcome = there.send()
    assert outcome["event"] == "delivered" and outcome["tls"].endswith(" unverified")
    assert there.known()["mode"] == "none" and there.known()["id"] == "1"


# ---- finding a policy -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("records", [[], ['TXT "v=spf1 -all"'], ['TXT "v=STSv1; id=1;"', 'TXT "v=STSv1; id=2;"'], ['TXT "v=STSv1; id=;"']],
                         ids=["none", "of another kind", "two", "broken"])
def test_without_one_good_record_there_is_no_policy(domain, dns, records):
    there = domain(trusted=False)
    dns.set(f"_mta-sts.{there.name}", *records)
    assert there.send()["event"] == "delivered"
    assert not there.web.requests and there.known()["reason"]


def endless(stream, stopping):
    stream.sendall(b"HTTP/1.1 200 X\r\nContent-Type: text/plain\r\n\r\nversion: STSv1\r\n")
    while not stopping.is_set():
        stream.sendall(b"x" * 4096)


def silent(stream, stopping):
    stopping.wait(20)


def dripping(stream, stopping):
    stream.sendall(b"HTTP/1.1 200 X\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n")
    while not stopping.wait(0.2):
        stream.sendall(b"v")


BAD = {
    "404": (respond("version: STSv1\nmode: none\nmax_age: 1\n", code=404), "HTTP 404"),
    "redirect": (respond("", code=301, headers=["Location: https://elsewhere.example/"]), "HTTP 301"),
    "html": (respond("version: STSv1\nmode: none\nmax_age: 1\n", kind="text/html"), "not text/plain"),
    "no type": (respond("version: STSv1\nmode: none\nmax_age: 1\n", kind=None), "not text/plain"),
    "no policy": (respond("hello\r\n"), "colon"),
    "no mx": (respond("version: STSv1\nmode: enforce\nmax_age: 1\n"), "no mx"),
    "huge": (respond("x: y\n" * 20000), "too-large"),
    "endless": (endless, "too-large"),
    "garbage": (b"\x00\x01\x02 nothing of HTTP\r\n\r\n", "bad-answer"),
    "http/0.9": (b"version: STSv1\nmode: enforce\nmx: mx.example\nmax_age: 1\n", "bad-answer"),
    "nothing": (b"", "unreachable"),
    "headers": (b"HTTP/1.1 200 X\r\n" + b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 3000 + b"\r\n", "too-large"),
}


@pytest.mark.parametrize("which", BAD)
def test_a_policy_that_cannot_be_had_is_none_at_first_and_not_asked_for_again_soon(domain, which):
    answer, reason = BAD[which]
    there = domain(answer, trusted=False)
    outcome = there.send()
    assert outcome["event"] == "delivered" and outcome["tls"].endswith(" unverified"), outcome
    known = there.known()
    assert known["id"] == "" and reason in known["reason"], known
    assert there.send()["event"] == "delivered"
    assert len(there.web.requests) == 1                          # RFC 8461 section 3.3: five minutes
    there.web.answer = policy("enforce", [there.mx])
    there.announce("2")                                          # for the same id
    refused(there.send())


@pytest.mark.parametrize("answer", [silent, dripping])
def test_a_slow_policy_host_delays_a_message_and_does_not_hold_it(domain, answer):
    there = domain(answer, trusted=False)
    assert there.send()["event"] == "delivered"
    assert there.known()["reason"] == "it is being fetched"


@pytest.mark.parametrize("what, result", [({"web_trusted": False}, "not-trusted"), ({"web_names": ["other.example"]}, "not-trusted"),
                                          ({"web_names": []}, "not-trusted")], ids=["no authority", "another name", "no name"])
def test_a_policy_host_that_does_not_prove_its_name_makes_no_policy(domain, what, result):
    there = domain(trusted=False, **what)
    assert there.send()["event"] == "delivered"
    assert there.known()["reason"].startswith(result) and not there.web.requests


@pytest.mark.parametrize("address", ["A 10.0.0.1", "A 169.254.169.254", "A 192.168.1.1", "A 0.0.0.0", "AAAA ::1", "AAAA fe80::1", "AAAA fd00::1",
                                     "AAAA 64:ff9b::a00:1", "AAAA ::ffff:10.0.0.1"])
def test_addresses_that_are_not_public_are_not_fetched_from(domain, dns, address):
    there = domain(trusted=False)
    dns.set(there.web_name, address)
    assert there.send()["event"] == "delivered"
    assert there.known()["reason"].startswith("forbidden")


def test_both_families_are_tried(domain, dns):
    there = domain()
    dns.set(there.web_name, f"A {there.server.address}", "AAAA 2001:db8::1", "AAAA ::1")
    assert there.send()["tls"].endswith(" sts")


def test_a_policy_host_without_an_address(domain, dns):
    there = domain(trusted=False)
    dns.remove(there.web_name)
    assert there.send()["event"] == "delivered"
    assert there.known()["reason"].startswith("no-address")


# ---- a policy that is known -------------------------------------------------------------------------------------------------

def test_a_known_policy_is_not_fetched_again(domain):
    there = domain()
    for _ in range(3):
        assert there.send()["tls"].endswith(" sts")
    assert len(there.web.requests) == 1


def test_another_id_fetches_another_policy(domain):
    there = domain(trusted=False)
    refused(there.send())
    there.web.answer = policy("testing", [there.mx])
    there.announce("2")
    assert there.send()["event"] == "delivered"
    assert len(there.web.requests) == 2 and there.known()["id"] == "2"


@pytest.mark.parametrize("attack", ["record", "temporary", "two", "fetch", "untrusted", "address"])
def test_a_known_policy_holds_whatever_is_withheld(domain, dns, tmp_path, attack):
    there = domain()
    assert there.send()["tls"].endswith(" sts")
    there.server.tls = Certificate(tmp_path, ["other.example"]).tls
    if attack == "record":
        dns.remove(f"_mta-sts.{there.name}")
    elif attack == "temporary":
        dns.behave(f"_mta-sts.{there.name}", "servfail")
    elif attack == "two":
        there.announce("1", "2")
    else:
        there.announce("2")
        there.web.answer = respond("", code=503)
        if attack == "untrusted":
            there.web.tls = there.server.tls
        if attack == "address":
            dns.set(there.web_name, "A 10.0.0.1")
    refused(there.send())
    assert len(there.server.messages) == 1


def test_a_policy_is_removed_by_one_of_none(domain, tmp_path):
    there = domain()
    assert there.send()["tls"].endswith(" sts")
    there.server.tls = Certificate(tmp_path, ["other.example"]).tls
    there.web.answer = policy("none", [], max_age=86400)
    there.announce("2")
    assert there.send()["tls"].endswith(" unverified")


def test_an_operator_has_it_fetched_again(domain):
    there = domain()
    assert there.known()["mode"] == "enforce"
    there.web.answer = policy("testing", [there.mx])
    assert there.known()["mode"] == "enforce"
    assert there.known("--renew")["mode"] == "testing"
    there.web.answer = respond("", code=500)
    kept = there.known("--renew")
    assert kept["mode"] == "testing" and kept["reason"] == "HTTP 500"


# ---- DANE ----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("fits", [True, False])
def test_dane_comes_first(domain, dns, tmp_path, fits, listed):
    there = domain(trusted=False, mx_names=["other.example"])       # which no policy would take
    if not listed:
        there.web.answer = policy("enforce", ["other.example"])
    shown = there.certificate if fits else Certificate(tmp_path, ["x.example"])
    dns.set(f"_{there.instance.outbound_port}._tcp.{there.mx}", shown.tlsa(3))
    dns.authentic = True
    try:
        outcome = there.send()
    finally:
        dns.authentic = False
    if fits:
        assert outcome["event"] == "delivered" and outcome["tls"].endswith(" dane-ee"), outcome
    else:
        assert (outcome["event"], outcome["code"]) == ("deferred", "4.7.5") and "TLSA" in outcome["reply"]
        assert not there.server.messages


# ---- tlspolicyd comes and goes ----------------------------------------------------------------------------------------------

def test_policies_survive_a_restart(domain, instance, tmp_path):
    there = domain()
    assert there.send()["tls"].endswith(" sts")
    before = instance.processes()["tlspolicyd"]
    os.kill(before[0], signal.SIGKILL)
    wait_for(lambda: instance.processes().get("tlspolicyd", before) != before, "another tlspolicyd")
    there.web.stop()
    there.server.tls = Certificate(tmp_path, ["other.example"]).tls
    refused(there.send())
    assert there.known()["mode"] == "enforce"


def test_a_tlspolicyd_that_does_not_answer_holds_mail_and_blames_nobody(domain, instance):
    there, blamed = domain(), domain(trusted=False)
    refused(blamed.send())
    pid = instance.processes()["tlspolicyd"][0]
    os.kill(pid, signal.SIGSTOP)
    try:
        outcome = there.send()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (outcome["event"], outcome["code"]) == ("deferred", "4.3.2") and "tlspolicyd does not answer" in outcome["reply"]
    assert not there.server.commands
    rows = [row["name"] for row in json.loads(instance.mailctl("destination", "list", "--json"))]
    assert blamed.name in rows and there.name not in rows        # those something is known of


def test_fetch_that_is_stopped_is_no_fault_of_the_domain(domain, instance):
    there = domain(trusted=False)
    pid = instance.processes()["fetch"][0]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert there.send()["event"] == "delivered"              # no policy is known: after outbound.mta_sts_patience
    finally:
        os.kill(pid, signal.SIGCONT)
    there.web.wait_for_requests(1)
    wait_for(lambda: there.known()["mode"] == "enforce", "the policy")
    refused(there.send())
