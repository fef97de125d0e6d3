"""Which hosts a message goes to, in which order, and when the next one is tried."""
import itertools
import os
import signal

import pytest

from lab import message, wait_for
from outbound import Sender
from smtp_server import CLOSE, STALL, SmtpServer

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def instance(tmp_path_factory, dns):
    sender = Sender(tmp_path_factory.mktemp("outbound-hosts"), dns, ["outbound.bind_senders=u0002.test=127.0.9.2 u0003.test=192.0.2.3", "outbound.max_attempts=3", "outbound.max_messages=100000"])
    sender.start()
    for name in ("u0002.test", "u0003.test"):
        sender.mailctl("domain", "add", name)
        sender.mailctl("address", "add", "u0001@lab.test", f"me@{name}")
    yield sender
    sender.stop()


@pytest.fixture
def domain(dns):
    """domain((preference, address or addresses), ...) gives a recipient in a new domain with those hosts; domain.name is one without."""
    def publish(*hosts):
        name = f"d{next(numbers)}.test"
        lines = []
        for preference, host in hosts:
            mx = f"mx{next(numbers)}.{name}"
            dns.set(mx, *[f"{'AAAA' if ':' in a else 'A'} {a}" for a in ([host] if isinstance(host, str) else host)])
            lines.append(f"MX {preference} {mx}.")
        dns.set(name, *lines)
        return f"r{next(numbers)}@{name}"
    publish.name = f"d{next(numbers)}.test"
    return publish


def test_the_best_host_first(instance, domain):
    with instance.server() as best, instance.server() as worse:
        assert instance.send(domain((20, worse.address), (10, best.address)))["event"] == "delivered"
    assert best.messages and not worse.sessions


@pytest.mark.parametrize("script", [{"connect": "554 5.3.2 no"}, {"connect": "421 4.3.2 busy"}, {"connect": CLOSE}, {"EHLO": "421 4.3.2 busy"},
                                    {"MAIL": "451 4.3.0 later"}, {"MAIL": "421 4.3.2 bye"}, {"RCPT": CLOSE}, {"DATA": CLOSE}, {"connect": STALL}],
                         ids=str)
def test_the_next_host_where_one_cannot(instance, domain, script):
    with instance.server(script) as first, instance.server() as second:
        outcome = instance.send(domain((10, first.address), (20, second.address)))
    assert outcome["event"] == "delivered" and outcome["remote"].startswith(second.address)
    assert first.sessions == 1 and len(second.messages) == 1


@pytest.mark.parametrize("script", [{"RCPT": "450 4.2.1 later"}, {"RCPT": "550 5.1.1 no"}, {"MAIL": "550 5.7.1 no"}, {"content": "451 4.3.0 later"},
                                    {"content": CLOSE}], ids=str)
def test_no_other_host_where_one_has_decided(instance, domain, script):
    with instance.server(script) as first, instance.server() as second:
        outcome = instance.send(domain((10, first.address), (20, second.address)))
    assert outcome["event"] != "delivered" and not second.sessions


def test_a_better_host_is_tried_again_though_a_connection_to_a_worse_one_is_kept(instance, domain):
    """It would be kept for minutes, as a message comes in each moment."""
    with instance.server({"connect": ["554 5.3.2 no", "220 mx.test ESMTP"]}) as first, instance.server() as second:
        name = domain((10, first.address), (20, second.address)).partition("@")[2]
        assert instance.send(f"a@{name}")["remote"].startswith(second.address)
        wait_for(lambda: instance.send(f"r{next(numbers)}@{name}")["remote"].startswith(first.address), "the better host to be tried")
        assert instance.send(f"z@{name}")["remote"].startswith(first.address)     # and kept
    assert second.sessions == 1 and first.sessions == 2


def test_a_dead_address_and_a_live_one(instance, domain):
    with instance.server() as server:
        assert instance.send(domain((10, ["127.0.0.98", "127.0.0.99", server.address])))["event"] == "delivered"


def test_what_a_host_says_counts_and_not_that_another_address_of_it_is_dead(instance, domain):
    with instance.server(extensions=["SIZE 10"]) as server:
        outcome = instance.send(domain((10, ["127.0.0.98", server.address])))
    assert (outcome["event"], outcome["code"]) == ("failed", "5.3.4"), outcome


def test_both_families(instance, domain):
    with SmtpServer(address="::1", port=instance.outbound_port) as six:
        assert instance.send(domain((10, ["127.0.0.97", "::1"])))["event"] == "delivered"
        assert six.messages
    with instance.server() as four:
        assert instance.send(domain((10, ["::1", four.address])))["event"] == "delivered"
    with SmtpServer(address="::1", port=instance.outbound_port) as six:
        assert instance.send(f"r{next(numbers)}@[ipv6:::1]")["event"] == "delivered"


def test_attempts_are_bounded(instance, domain):
    outcome = instance.send(domain(*[(n, f"127.0.8.{n}") for n in range(1, 9)]))
    assert outcome["event"] == "deferred"
    assert instance.log().count(f"outbound.host.failed session={outcome['session']}") == 3


@pytest.mark.parametrize("records, event, code", [
    (["MX 0 ."], "failed", "5.1.10"),
    (["TXT nothing"], "failed", "5.4.4"),
    (["MX 10 nowhere.test."], "failed", "5.1.2"),
])
def test_domains_without_a_host(instance, domain, dns, records, event, code):
    dns.set(domain.name, *records)
    outcome = instance.send(f"r@{domain.name}")
    assert (outcome["event"], outcome["code"]) == (event, code), outcome


def test_a_domain_that_is_not(instance):
    outcome = instance.send("r@no-such-domain.test")
    assert (outcome["event"], outcome["code"]) == ("failed", "5.1.2")


def test_a_dns_that_does_not_answer(instance, domain, dns):
    dns.behave(domain.name, "servfail")
    outcome = instance.send(f"r@{domain.name}")
    assert (outcome["event"], outcome["code"]) == ("deferred", "4.4.3")


def test_an_implicit_mx(instance, domain, dns):
    with instance.server() as server:
        dns.set(domain.name, f"A {server.address}")
        assert instance.send(f"r@{domain.name}")["event"] == "delivered"


def test_a_domain_beyond_ascii(instance, dns):
    with instance.server() as server:
        dns.set("xn--bcher-kva.test", f"A {server.address}")
        user = instance.user(1)
        with instance.smtp(user) as session:
            session.ehlo()
            session.mail(user.address, ["SMTPUTF8"])
            assert session.rcpt("r@b\u00fccher.test")[0] == 250
            assert session.data(message("idn", sender=user.address))[0] == 250
        taken, = server.wait_for_messages()
    assert taken.recipients == ["r@xn--bcher-kva.test"]


def test_where_connections_come_from_by_the_sender_s_domain(instance):
    seen = []
    with instance.server({"MAIL": lambda session, _: seen.append(session.connection.getpeername()[0]) or "250 ok"}) as server:
        instance.send(f"a@[{server.address}]", sender="me@u0002.test", content=message("bind", sender="me@u0002.test"))
        instance.send(f"b@[{server.address}]")
    assert seen == ["127.0.9.2", "127.0.0.1"]


def test_a_source_address_that_is_not_ours(instance):
    """Nobody else's fault, and told so."""
    with instance.server() as server:
        outcome = instance.send(f"a@[{server.address}]", sender="me@u0003.test", content=message("bind", sender="me@u0003.test"))
    assert (outcome["event"], outcome["code"]) == ("deferred", "4.3.5") and outcome["reply"].startswith("from 192.0.2.3: "), outcome


# ---- mail that would come back to us ------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def looping(tmp_path_factory, dns):
    """Sends to the port where it listens itself."""
    sender = Sender(tmp_path_factory.mktemp("looping"), dns)
    sender.settings.append(f"outbound.port={sender.port('smtp')}")
    sender.start()
    yield sender
    sender.stop()


@pytest.mark.parametrize("mx", ["mail.lab.test", "other.lab.test"])
def test_we_are_the_only_host(looping, dns, mx):
    name = f"d{next(numbers)}.test"
    dns.set(name, f"MX 10 {mx}.", "MX 20 worse.test.")
    dns.set("other.lab.test", "A 127.0.0.1")
    dns.set("worse.test", "A 127.0.0.96")
    outcome = looping.send(f"r@{name}")
    assert (outcome["event"], outcome["code"]) == ("failed", "5.4.6")
    assert "127.0.0.96" not in looping.log()


# ---- a queue that is gone (DESIGN section 5, rule 9) ------------------------------------------------------------------------

def test_a_session_ends_before_the_last_byte_when_the_queue_is_gone(instance):
    with instance.server({"RCPT": [STALL, "250 ok"]}) as server:
        rcpt = f"r{next(numbers)}@[{server.address}]"
        instance.submit(rcpt)
        server.wait_for_command("RCPT")
        os.kill(instance.processes()["qmgr"][0], signal.SIGKILL)
        assert wait_for(lambda: instance.attempts(rcpt), "the attempt's end")[0]["reply"] in ("the queue manager is gone",
                                                                                             "lost before the message was sent: the queue manager is gone")
        server.wait_for_messages(1, 60)                  # the queue came back, and gave it out again
    assert len(server.messages) == 1
