"""What TLS is demanded of other hosts, what they must prove, and what becomes of the message when they do not."""
import contextlib
import itertools
import ssl

import pytest

from certificates import Certificate
from lab import wait_for
from outbound import Sender, fresh, metrics
from smtp_server import CLOSE, GARBAGE, SmtpServer

numbers = itertools.count(1)
LEVELS = ["none", "may", "encrypt", "verify", "secure"]
LOGIN = {"127.0.200.1": "joe p@ss", "127.0.200.2": "ann secret", "127.0.200.3": "eve secret", "127.0.200.4": "tom secret"}


@pytest.fixture(scope="module")
def instance(tmp_path_factory, dns, authority):
    directory = tmp_path_factory.mktemp("outbound-tls")
    credentials = directory / "credentials"
    credentials.write_text("# next hop, user, password\n" + "".join(f"[{where}] {who}\n" for where, who in LOGIN.items()))
    credentials.chmod(0o600)
    levels = [f".{level}.test={level}" for level in LEVELS] + ["[127.0.200.2]=encrypt", "[127.0.200.4]=none"]
    sender = Sender(directory, dns, [f"outbound.tls_authorities={authority.path}", f"outbound.credentials={credentials}",
                                     "outbound.max_messages=1",      # TLS anew for each
                                     "outbound.tls_policy=" + " ".join(levels)])
    sender.start()
    yield sender
    sender.stop()


class Host:
    """A domain below `.LEVEL.test` with one MX, and a server there."""

    def __init__(self, instance, level, names=("mx",), issuer=None, tmp=None, **server):
        self.domain = f"d{next(numbers)}.{level}.test"
        self.mx = f"mx.{self.domain}"
        self.certificate = Certificate(tmp, [self.mx if name == "mx" else self.domain if name == "domain" else name for name in names], issuer)
        self.instance = instance
        self.server = instance.server(tls=server.pop("tls", self.certificate.tls), **server)
        instance.dns.set(self.domain, f"MX 10 {self.mx}.")
        instance.dns.set(self.mx, f"A {self.server.address}")

    def send(self, **more):
        with self.server:
            return self.instance.send(f"r{next(numbers)}@{self.domain}", **more)

    # -- DANE

    @property
    def tlsa_name(self):
        return f"_{self.instance.outbound_port}._tcp.{self.mx}"

    def publish(self, *records):
        self.instance.dns.set(self.tlsa_name, *records)


@pytest.fixture
def host(instance, tmp_path):
    return lambda level, *words, **more: Host(instance, level, *words, tmp=tmp_path, **more)


# ---- levels ------------------------------------------------------------------------------------------------------------

def test_tls_is_used_where_it_is_offered(host):
    there = host("any")
    outcome = there.send()
    assert outcome["event"] == "delivered"
    assert outcome["tls"].startswith("TLSv1.3 TLS_") and outcome["tls"].endswith(" unverified")
    assert there.server.messages[0].tls
    assert [line.split()[0] for _, line in there.server.commands][:3] == ["EHLO", "STARTTLS", "EHLO"]


@pytest.mark.parametrize("level, delivered", [("none", True), ("may", True), ("encrypt", False), ("verify", False), ("secure", False)])
def test_tls_that_is_not_offered(host, level, delivered):
    there = host(level, tls=None)
    outcome = there.send()
    assert outcome["event"] == ("delivered" if delivered else "deferred")
    assert delivered or (outcome["code"] == "4.7.4" and not there.server.messages)


@pytest.mark.parametrize("broken", ["454 4.7.0 no TLS today", CLOSE, GARBAGE], ids=["refused", "closed", "garbage"])
@pytest.mark.parametrize("level", ["may", "encrypt"])
def test_tls_that_fails(host, level, broken):
    there = host(level)
    there.server.behave("STARTTLS", broken)
    outcome = there.send()
    if level == "encrypt":
        assert outcome["event"] == "deferred" and outcome["code"].startswith("4.") and not there.server.messages
    elif broken is CLOSE or broken is GARBAGE:
        assert outcome["event"] == "deferred"            # lost before the handshake: no sign that TLS is to blame
    else:
        assert outcome["event"] == "delivered" and outcome["tls"] == "none"


def no_tls(session, _):
    session.write("220 2.0.0 go\r\n")
    session.write(b"this is no TLS record\r\n")
    return CLOSE


@pytest.mark.parametrize("level", ["may", "encrypt"])
def test_a_handshake_that_fails(host, level):
    """It says go, and then speaks no TLS: in clear where that may be, over a new connection."""
    there = host(level)
    there.server.behave("STARTTLS", no_tls)
    outcome = there.send()
    assert outcome["event"] == ("delivered" if level == "may" else "deferred")
    if level == "may":
        assert outcome["tls"] == "none" and there.server.sessions == 2
    else:
        assert not there.server.messages


def test_what_a_host_says_in_clear_counts_and_not_that_its_tls_failed(host):
    """A message it will never take is not tried for days, because each attempt begins with a handshake that fails."""
    there = host("may", extensions=["SIZE 10"])
    there.server.behave("STARTTLS", no_tls)
    outcome = there.send()
    assert (outcome["event"], outcome["code"]) == ("failed", "5.3.4"), outcome


def test_none_asks_for_no_tls(host):
    there = host("none")
    assert there.send()["tls"] == "none"
    assert not any(line == "STARTTLS" for _, line in there.server.commands)


@pytest.mark.parametrize("level, names, trusted, delivered", [
    ("encrypt", ["other.example"], False, True),
    ("verify", ["mx"], True, True),
    ("verify", ["mx"], False, False),
    ("verify", ["domain"], True, False),
    ("verify", [], True, False),
    ("secure", ["domain"], True, True),
    ("secure", ["mx"], True, True),                      # a name below the domain's
    ("secure", ["domain"], False, False),
    ("secure", ["other.example"], True, False),
])
def test_what_a_certificate_must_be(host, authority, level, names, trusted, delivered):
    there = host(level, names, authority if trusted else None)
    outcome = there.send()
    assert outcome["event"] == ("delivered" if delivered else "deferred"), outcome
    if delivered:
        assert outcome["tls"].endswith(" verified" if level != "encrypt" else " unverified")
    else:
        assert outcome["code"] == "4.7.5" and not there.server.messages
        assert "certificate" in outcome["reply"] or "mismatch" in outcome["reply"]


def test_words_in_clear_behind_starttls_are_never_taken_for_encrypted_ones(host):
    there = host("encrypt")
    there.server.behave("STARTTLS", "220 2.0.0 go\r\n250-mx.test\r\n250 AUTH PLAIN")
    outcome = there.send()
    assert outcome["event"] == "deferred" and "in clear behind STARTTLS" in outcome["reply"]


# ---- sessions ----------------------------------------------------------------------------------------------------------

@pytest.fixture(params=["TLSv1_2", "TLSv1_3"])
def apart(request, host):
    """apart(level, ...): a host of one version of TLS that knows which sessions were resumed."""
    def made(level, *words, **more):
        there = host(level, *words, **more)
        there.server.tls.minimum_version = there.server.tls.maximum_version = ssl.TLSVersion[request.param]
        there.seen = []
        there.server.behave("MAIL", lambda session, _: there.seen.append(session.connection.session_reused) or "250 ok")
        there.server.start()
        return there
    return made


def sent(instance, there):
    return instance.send(f"r{next(numbers)}@{there.domain}")


def test_a_session_is_resumed(apart, instance, authority):
    there = apart("verify", ["mx"], authority)
    before = resumed(instance)
    outcomes = [sent(instance, there) for _ in range(3)]
    assert there.seen == [False, True, True]
    assert len({outcome["tls"] for outcome in outcomes}) == 1 and outcomes[0]["tls"].endswith(" verified"), outcomes
    wait_for(lambda: resumed(instance) == before + 2, "the counter")
    there.server.stop()


def test_a_session_is_not_resumed_once_more_is_to_be_proved(apart, dns, instance, tmp_path):
    """A host that nobody asked for a proof, then one that other TLSA records are of, then the same again."""
    there = apart("any", ["another.example"])
    fits, other = there.certificate.tlsa(3), Certificate(tmp_path, ["x.example"]).tlsa(3)
    with authentic(dns):
        for records, proof in [([], "unverified"), ([fits], "dane-ee"), ([fits, other], "dane-ee")]:
            there.publish(*records)
            instance.mailctl("dns", "flush")
            assert [sent(instance, there)["tls"].split()[-1] for _ in range(2)] == [proof] * 2
        there.publish(other)
        instance.mailctl("dns", "flush")
        assert sent(instance, there)["code"] == "4.7.5"
    assert there.seen == [False, True] * 3
    there.server.stop()


def test_a_reload_forgets_sessions(apart, instance, authority):
    there = apart("verify", ["mx"], authority)
    sent(instance, there)
    instance.mailctl("reload")
    sent(instance, there)
    assert there.seen == [False, False]
    there.server.stop()


def resumed(instance):
    return sum(int(line.split()[-1]) for line in metrics(instance) if line.startswith("outbound_tls_resumed_total"))


# ---- REQUIRETLS (RFC 8689) ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("offered, trusted, event, code", [
    (True, True, "delivered", "2.6.0"), (False, True, "failed", "5.7.30"), (True, False, "failed", "5.7.10")])
@pytest.mark.parametrize("level", ["any", "may", "verify"])
def test_requiretls(host, authority, dns, level, offered, trusted, event, code):
    """Section 4.2.1: of hosts that a signed MX names; whatever the level, as it is raised to what proves the host's name."""
    there = host(level, ["mx"], authority if trusted else None, extensions=["REQUIRETLS"] if offered else [])
    with authentic(dns):
        outcome = there.send(mail_options=["REQUIRETLS"])
    assert (outcome["event"], outcome["code"]) == (event, code), outcome
    if event == "delivered":
        assert "REQUIRETLS" in there.server.messages[0].mail


@pytest.mark.parametrize("level, names, event, code", [
    ("any", ["mx"], "failed", "5.7.10"),
    ("verify", ["mx"], "failed", "5.7.10"),
    ("secure", ["domain"], "delivered", "2.6.0"),                    # which needs no name from the DNS
])
def test_requiretls_wants_the_host_s_name_vouched_for(host, authority, level, names, event, code):
    """Step 2: a certificate proves whose the host is, and not that the domain's mail is to go there."""
    there = host(level, names, authority, extensions=["REQUIRETLS"])
    outcome = there.send(mail_options=["REQUIRETLS"])
    assert (outcome["event"], outcome["code"]) == (event, code), outcome
    if event == "failed":
        assert f"neither DNSSEC nor an MTA-STS policy vouches for {there.mx} as a host of {there.domain}" in outcome["reply"]
        assert not there.server.sessions


def test_requiretls_of_a_domain_that_is_its_own_host(host, authority, dns):
    there = host("any", ["domain"], authority, extensions=["REQUIRETLS"])
    dns.set(there.domain, f"A {there.server.address}")
    assert there.send(mail_options=["REQUIRETLS"])["event"] == "delivered"


def test_requiretls_of_a_host_without_starttls(host, dns):
    there = host("any", tls=None, extensions=["REQUIRETLS"])
    with authentic(dns):
        outcome = there.send(mail_options=["REQUIRETLS"])
    assert (outcome["event"], outcome["code"]) == ("failed", "5.7.10") and not there.server.messages, outcome


# ---- logging in where mail goes through another server ---------------------------------------------------------------------

def smarthost(instance, number, tmp_path, issuer, offers, names=None):
    address = f"127.0.200.{number}"
    certificate = Certificate(tmp_path, names or [address], issuer)
    return SmtpServer(address=address, port=instance.outbound_port, tls=certificate.tls, extensions=offers)


@pytest.mark.parametrize("offers", ["AUTH PLAIN LOGIN", "AUTH LOGIN"])
def test_we_log_in_with_a_host_that_proves_its_name(instance, tmp_path, authority, offers):
    with smarthost(instance, 1, tmp_path, authority, [offers]) as server:
        outcome = instance.send(fresh(server.address))
        assert outcome["event"] == "delivered" and outcome["tls"].endswith(" verified"), outcome
        assert server.messages[0].user == LOGIN[server.address]
        server.wait_for_command("QUIT")                  # the next server here shall not find it kept


def test_a_reload_brings_another_password(instance, tmp_path, authority):
    file = instance.dir / "credentials"
    before = file.read_text()
    try:
        for words, mode, shown in (("joe other", 0o600, True), ("joe third", 0o644, False)):    # others may read it: nobody logs in
            file.write_text(before.replace(LOGIN["127.0.200.1"], words))
            file.chmod(mode)
            instance.mailctl("reload")
            with smarthost(instance, 1, tmp_path, authority, ["AUTH PLAIN"]) as server:
                assert instance.send(fresh(server.address))["event"] == "delivered"
                assert server.messages[0].user == (words if shown else "")
                server.wait_for_command("QUIT")
        assert "others than its owner may" in instance.log()
    finally:
        file.write_text(before)
        file.chmod(0o600)
        instance.mailctl("reload")


def test_no_password_goes_to_a_host_that_does_not(instance, tmp_path, authority):
    with smarthost(instance, 3, tmp_path, None, ["AUTH PLAIN"]) as server:
        outcome = instance.send(fresh(server.address))
    assert (outcome["event"], outcome["code"]) == ("deferred", "4.7.5")
    assert not any(line.startswith("AUTH") for _, line in server.commands)


@pytest.mark.parametrize("number", [2, 4])
def test_unless_the_operator_says_so_but_never_in_clear(instance, tmp_path, number):
    with smarthost(instance, number, tmp_path, None, ["AUTH PLAIN"]) as server:
        outcome = instance.send(fresh(server.address))
        assert outcome["event"] == "delivered" and outcome["tls"].endswith(" unverified")
        assert server.messages[0].user == LOGIN[server.address]
        server.behave("AUTH", "535 5.7.8 wrong")
        server.wait_for_command("QUIT")
        outcome = instance.send(fresh(server.address))
        assert outcome["event"] == "deferred" and "535 5.7.8 wrong" in outcome["reply"]
    assert LOGIN[server.address].split()[1] not in instance.log()


# ---- DANE (RFC 7672) -------------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def authentic(dns, what=True):
    dns.authentic = what
    try:
        yield
    finally:
        dns.authentic = False


@pytest.mark.parametrize("usage, selector, matching", [(3, 1, 1), (3, 0, 1), (3, 1, 2), (3, 0, 2), (3, 1, 0)])
def test_dane_ee_needs_no_name_and_no_authority(host, dns, usage, selector, matching):
    there = host("any", ["another.example"])
    there.publish(there.certificate.tlsa(usage, selector, matching))
    with authentic(dns):
        outcome = there.send()
    assert outcome["event"] == "delivered" and outcome["tls"].endswith(" dane-ee"), outcome


@pytest.mark.parametrize("names, delivered", [(["mx"], True), (["domain"], True), (["another.example"], False)])
def test_dane_ta_names_the_authority_and_checks_the_name(host, dns, instance, tmp_path, names, delivered):
    issuer = Certificate(tmp_path, is_authority=True)
    there = host("any", names, issuer)
    chained = Certificate(tmp_path, [there.mx if n == "mx" else there.domain if n == "domain" else n for n in names], issuer, chain=True)
    there.server.tls = chained.tls
    there.publish(issuer.tlsa(2, 0, 1))
    with authentic(dns):
        outcome = there.send()
    assert outcome["event"] == ("delivered" if delivered else "deferred"), outcome
    assert outcome["tls"].endswith(" dane-ta") or not delivered


def test_records_that_do_not_fit_stop_the_message(host, dns, tmp_path):
    there = host("any")
    there.publish(Certificate(tmp_path, ["x.example"]).tlsa(3))
    with authentic(dns):
        outcome = there.send()
    assert (outcome["event"], outcome["code"]) == ("deferred", "4.7.5")
    assert not there.server.messages                     # nor in clear


def test_one_record_that_fits_is_enough(host, dns, tmp_path):
    there = host("any")
    there.publish(Certificate(tmp_path, ["x.example"]).tlsa(3), there.certificate.tlsa(3), there.certificate.tlsa(1))
    with authentic(dns):
        assert there.send()["tls"].endswith(" dane-ee")


@pytest.mark.parametrize("offers_tls", [True, False])
def test_records_that_help_nobody_still_demand_tls(host, dns, offers_tls):
    there = host("any", **({} if offers_tls else {"tls": None}))
    there.publish(there.certificate.tlsa(1), "TLSA 3 1 9 " + "ab" * 32)
    with authentic(dns):
        outcome = there.send()
    if offers_tls:
        assert outcome["event"] == "delivered" and outcome["tls"].endswith(" unverified")
    else:
        assert (outcome["event"], outcome["code"]) == ("deferred", "4.7.4")


def test_dane_allows_no_clear_text(host, dns):
    there = host("any", tls=None)
    there.publish(there.certificate.tlsa(3))
    with authentic(dns):
        outcome = there.send()
    assert (outcome["event"], outcome["code"]) == ("deferred", "4.7.4")


@pytest.mark.parametrize("lie", ["mx", "address", "tlsa", "all"])
def test_records_that_are_not_authentic_mean_nothing(host, dns, tmp_path, lie):
    there = host("any")
    there.publish(Certificate(tmp_path, ["x.example"]).tlsa(3))       # which would stop it
    names = {"mx": there.domain, "address": there.mx, "tlsa": there.tlsa_name}
    with authentic(dns, set() if lie == "all" else set(names.values()) - {names[lie]}):
        outcome = there.send()
    assert outcome["event"] == "delivered" and outcome["tls"].endswith(" unverified"), outcome


@pytest.mark.parametrize("behaviour, said", [("servfail", "cannot be had: SERVFAIL"), ("bogus", "are bogus (DNSSEC validation by ")])
def test_tlsa_records_that_cannot_be_had_defer(host, dns, behaviour, said):
    there = host("any")
    dns.behave(there.tlsa_name, behaviour)
    with authentic(dns):
        outcome = there.send()
    assert (outcome["event"], outcome["code"]) == ("deferred", "4.7.5") and said in outcome["reply"], outcome
    assert not there.server.commands


@pytest.mark.parametrize("behaviour, code, said", [("servfail", "4.4.3", "does not answer"), ("bogus", "4.7.5", "bogus"),
                                                   ("bogus_said", "4.7.5", "signature expired")])
@pytest.mark.parametrize("what", ["mx", "address"])
def test_a_domain_that_does_not_validate_is_told_from_one_that_is_not_answered_for(host, dns, instance, what, behaviour, code, said):
    there = host("any")
    name = there.domain if what == "mx" else there.mx
    dns.behave(name, behaviour)
    outcome = there.send()
    assert (outcome["event"], outcome["code"]) == ("deferred", code) and said in outcome["reply"] and name in outcome["reply"], outcome
    assert not there.server.commands
    wait_for(lambda: said in instance.mailctl("explain", outcome["queue"]), "the story of the message")


def test_a_host_that_is_an_alias(host, dns, tmp_path):
    """Section 2.2.2: at the end of a secure alias first, at the name itself if nothing is there."""
    there = host("any", ["end.example"])
    end = f"end{next(numbers)}.test"
    dns.set(there.mx, f"CNAME {end}.")
    dns.set(end, f"A {there.server.address}")
    dns.set(f"_{there.instance.outbound_port}._tcp.{end}", there.certificate.tlsa(3))
    there.publish(Certificate(tmp_path, ["x.example"]).tlsa(3))
    with authentic(dns):
        assert there.send()["tls"].endswith(" dane-ee")


def test_the_second_host_when_the_first_one_fails_dane(host, dns, instance, tmp_path):
    bad, good = host("any"), host("any")
    bad.publish(Certificate(tmp_path, ["x.example"]).tlsa(3))
    good.publish(good.certificate.tlsa(3))
    dns.set(bad.domain, f"MX 10 {bad.mx}.", f"MX 20 {good.mx}.")
    with authentic(dns), good.server:
        outcome = bad.send()
    assert outcome["event"] == "delivered" and outcome["host"] == good.mx
    assert good.server.messages and not bad.server.messages
