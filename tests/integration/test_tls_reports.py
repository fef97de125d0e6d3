"""TLSRPT (RFC 8460), the sending side: what came of TLS with other hosts is recorded, and told to domains that ask for it."""
import contextlib
import email
import email.policy
import gzip
import http.server
import itertools
import json
import os
import signal
import sqlite3
import threading

import pytest

from certificates import Certificate
from lab import wait_for
from outbound import Sender, free_port
from policy_host import PolicyHost, policy, respond
from smtp_server import CLOSE

numbers = itertools.count(1)
POLICY_PORT = free_port()


@pytest.fixture(scope="module")
def instance(tmp_path_factory, dns, authority):
    sender = Sender(tmp_path_factory.mktemp("tls-reports"), dns,
                    ["server.hostname=mail.lab.test", "tls_reports.organization=The Lab", f"outbound.tls_authorities={authority.path}",
                     "outbound.tls_policy=.verify.test=verify", "outbound.idle_time=0s", f"fetch.tls_authorities={authority.path}",
                     "fetch.private_networks=127.0.0.0/8", f"outbound.mta_sts_port={POLICY_PORT}"])
    sender.start()
    yield sender
    sender.stop()


class Domain:
    """A domain with one host, and where its reports go."""

    def __init__(self, instance, tmp_path, below="test", rua=(), names=None, issuer=None, tls=True, txt=None):
        self.name = f"d{next(numbers)}.{below}"
        self.mx = f"mx.{self.name}"
        self.instance, self.dns = instance, instance.dns
        self.certificate = Certificate(tmp_path, names or [self.mx], issuer)
        self.server = instance.server(tls=self.certificate.tls if tls else None)
        self.dns.set(self.name, f"MX 10 {self.mx}.")
        self.dns.set(self.mx, f"A {self.server.address}")
        if rua or txt:
            self.dns.set(f"_smtp._tls.{self.name}", txt or f'TXT "v=TLSRPTv1; rua={",".join(rua)}"')

    def send(self, **more):
        return self.instance.send(f"r{next(numbers)}@{self.name}", **more)

    # -- what is known of it

    def results(self):
        return json.loads(self.instance.mailctl("tls", "results", self.name, "--json"))

    def counts(self):
        """{policy: (good, failed)} of today."""
        return {row["policy"]: (row["successes"], row["failures"]) for row in self.results()["items"]}

    def wait_for_counts(self, expected):
        wait_for(lambda: self.counts() == expected, f"results {expected} of {self.name}")

    def report(self, *words):
        return json.loads(self.instance.mailctl("tls", "report", self.name, *words, "--json"))

    def events(self, name):
        return [line for line in self.instance.log().splitlines() if f" {name} " in line and f"domain={self.name} " in line]

    @property
    def tlsa_name(self):
        return f"_{self.instance.outbound_port}._tcp.{self.mx}"


@pytest.fixture
def domain(instance, tmp_path):
    started = []

    def make(**more):
        made = Domain(instance, tmp_path, **more)
        started.append(made.server.start())
        return made
    yield make
    for server in started:
        server.stop()


class Collector(http.server.ThreadingHTTPServer):
    """An HTTPS server that takes reports, or answers `codes` one after the other."""

    def __init__(self, dns, certificate, name):
        self.posts, self.codes = [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.server.posts.append((self.path, self.headers["Content-Type"], body))
                self.send_response(self.server.codes.pop(0) if self.server.codes else 201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass
        super().__init__(("127.0.0.1", 0), Handler)
        self.socket = certificate.tls.wrap_socket(self.socket, server_side=True)
        dns.set(name, "A 127.0.0.1")
        self.url = f"https://{name}:{self.server_port}/tls?from=us"


@pytest.fixture
def collector(dns, authority, tmp_path):
    with contextlib.ExitStack() as stack:
        def make(issuer=authority):
            name = f"c{next(numbers)}.test"
            server = stack.enter_context(Collector(dns, Certificate(tmp_path, [name], issuer), name))
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            stack.callback(server.shutdown)
            return server
        yield make


def read(raw):
    """(the message, its report) as a reader of reports sees them."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message.get_content_type() == "multipart/report" and message.get_param("report-type") == "tlsrpt"
    words, attachment = message.iter_parts()
    assert words.get_content_type() == "text/plain"
    assert attachment.get_content_type() == "application/tlsrpt+gzip" and attachment["Content-Transfer-Encoding"] == "base64"
    return message, attachment.get_filename(), json.loads(gzip.decompress(attachment.get_content()))


# ---- what is recorded -----------------------------------------------------------------------------------------------------

def test_sessions_are_counted_by_how_tls_went(domain, instance):
    good = domain()
    for _ in range(3):
        assert good.send()["event"] == "delivered"
    good.wait_for_counts({"no-policy-found": (3, 0)})
    assert good.results()["failures"] == []

    clear = domain(tls=False)
    assert clear.send()["tls"] == "none"
    clear.wait_for_counts({"no-policy-found": (0, 1)})
    failure, = clear.results()["failures"]
    assert (failure["result"], failure["mx_host"], failure["receiving_ip"]) == ("starttls-not-supported", clear.mx, clear.server.address)
    assert failure["sending_ip"].startswith("127.")


@pytest.mark.parametrize("names, trusted, result", [(["other.example"], True, "certificate-host-mismatch"),
                                                    (None, False, "certificate-not-trusted")])
def test_a_certificate_that_is_refused_says_why(domain, authority, names, trusted, result):
    there = domain(below="verify.test", names=names, issuer=authority if trusted else None)
    assert there.send()["event"] == "deferred"
    there.wait_for_counts({"no-policy-found": (0, 1)})
    failure, = there.results()["failures"]
    assert failure["result"] == result and failure["reason"]


def test_a_handshake_that_fails_is_one_failure_though_clear_text_follows(domain):
    there = domain()

    def no_tls(session, _):
        session.write("220 2.0.0 go\r\n")
        session.write(b"this is no TLS record\r\n")
        return CLOSE
    there.server.behave("STARTTLS", no_tls)
    assert there.send()["tls"] == "none"
    there.wait_for_counts({"no-policy-found": (0, 1)})
    assert there.results()["failures"][0]["result"] == "validation-failure"


def test_dane_is_a_policy_of_its_own(domain, dns, tmp_path):
    good, bad, bogus, bogus_mx = (domain() for _ in range(4))
    record = good.certificate.tlsa(3)
    dns.set(good.tlsa_name, record)
    dns.set(bad.tlsa_name, Certificate(tmp_path, ["x.example"]).tlsa(3))
    dns.behave(bogus.tlsa_name, "bogus")
    dns.behave(bogus_mx.name, "bogus_said")
    dns.authentic = True
    try:
        assert good.send()["tls"].endswith(" dane-ee")
        outcomes = [there.send() for there in (bad, bogus, bogus_mx)]
        assert [(outcome["event"], outcome["code"]) for outcome in outcomes] == [("deferred", "4.7.5")] * 3, outcomes
    finally:
        dns.authentic = False
    good.wait_for_counts({"tlsa": (1, 0)})
    bad.wait_for_counts({"tlsa": (0, 1)})
    bogus.wait_for_counts({"tlsa": (0, 1)})
    bogus_mx.wait_for_counts({"tlsa": (0, 1)})
    failures = [there.results()["failures"][0] for there in (bad, bogus, bogus_mx)]
    assert [failure["result"] for failure in failures] == ["validation-failure", "dnssec-invalid", "dnssec-invalid"]
    assert [failure["mx_host"] for failure in failures[1:]] == [bogus.mx, ""]
    assert "signature expired" in failures[2]["reason"]
    policy = good.report()["report"]["policies"][0]["policy"]
    assert policy == {"policy-type": "tlsa", "policy-string": [record.removeprefix("TLSA ")], "policy-domain": good.name}


@pytest.fixture
def with_policy(domain, dns, authority, tmp_path):
    """A domain that publishes what `answer` makes of its host's name."""
    with contextlib.ExitStack() as stack:
        def make(answer, **more):
            there = domain(**more)
            web = f"mta-sts.{there.name}"
            stack.enter_context(PolicyHost(there.server.address, POLICY_PORT, Certificate(tmp_path, [web], authority).tls, answer(there.mx)))
            dns.set(web, f"A {there.server.address}")
            dns.set(f"_mta-sts.{there.name}", 'TXT "v=STSv1; id=20261122;"')
            return there
        yield make


def test_a_policy_is_quoted_with_what_came_of_it(with_policy, authority):
    there = with_policy(lambda mx: policy("enforce", [mx]), issuer=authority)
    assert there.send()["tls"].endswith(" sts")
    there.wait_for_counts({"sts": (1, 0)})
    assert there.report()["report"]["policies"][0]["policy"] == {
        "policy-type": "sts", "policy-string": ["version: STSv1", "mode: enforce", f"mx: {there.mx}", "max_age: 86400"],
        "policy-domain": there.name, "mx-host": [there.mx]}


@pytest.mark.parametrize("answer, trusted, event, failure", [
    (lambda mx: policy("testing", [mx]), False, "delivered", "certificate-not-trusted"),      # what enforcing it would have refused
    (lambda mx: policy("testing", ["mx.elsewhere.test"]), True, "delivered", "validation-failure"),
    (lambda mx: policy("enforce", [mx]), False, "deferred", "certificate-not-trusted"),
    (lambda mx: policy("enforce", ["mx.elsewhere.test"]), True, "deferred", "validation-failure"),
], ids=["testing-certificate", "testing-host", "enforce-certificate", "enforce-host"])
def test_a_host_that_is_not_as_the_policy_says(with_policy, authority, answer, trusted, event, failure):
    there = with_policy(answer, issuer=authority if trusted else None)
    assert there.send()["event"] == event
    there.wait_for_counts({"sts": (0, 1)})
    told, = there.results()["failures"]
    assert (told["result"], told["mx_host"], told["sts_id"]) == (failure, there.mx, "20261122")


def test_a_policy_that_cannot_be_had_is_told(with_policy):
    there = with_policy(lambda _: respond("", code=404))
    assert there.send()["event"] == "delivered"
    there.wait_for_counts({"no-policy-found": (1, 0), "sts": (0, 1)})
    assert there.results()["failures"][0]["result"] == "sts-policy-fetch-error"


def test_a_host_that_the_operator_named_is_nobodys_domain(domain, instance):
    there = domain()
    assert instance.send(f"r{next(numbers)}@[{there.server.address}]")["event"] == "delivered"
    assert there.send()["event"] == "delivered"
    there.wait_for_counts({"no-policy-found": (1, 0)})
    listed = json.loads(instance.mailctl("tls", "results", "--json"))
    assert there.name in [row["domain"] for row in listed]
    assert not any("[" in row["domain"] or row["domain"][0].isdigit() for row in listed)


# ---- what is sent ---------------------------------------------------------------------------------------------------------

def test_a_report_goes_by_mail_to_everybody_who_is_named(domain, instance):
    reader, user = domain(), instance.user(2)
    there = domain(rua=[f"mailto:tls@{reader.name}", f"mailto:{user.address}"], tls=False)
    there.send()
    there.wait_for_counts({"no-policy-found": (0, 1)})
    shown = there.report()
    assert shown["state"] == "gathering" and shown["targets"] == []
    there.report("--send")
    arrived, = reader.server.wait_for_messages(1)
    assert arrived.sender == "" and arrived.recipients == [f"tls@{reader.name}"]
    message, name, report = read(arrived.data)

    begin, end = there.results()["items"][0]["began"], there.results()["items"][0]["ended"] - 1
    assert name == f"mail.lab.test!{there.name}!{begin}!{end}.json.gz"
    assert message["From"] == "tls-reports@mail.lab.test" and message["To"] == f"tls@{reader.name}"
    assert message["TLS-Report-Domain"] == there.name and message["TLS-Report-Submitter"] == "mail.lab.test"
    assert message["Subject"] == f"Report Domain: {there.name} Submitter: mail.lab.test Report-ID: <{report['report-id']}>"
    assert message["Auto-Submitted"] == "auto-generated" and message["TLS-Required"] == "No" and message["Received"] and message["Date"]

    assert report == there.report()["report"]
    assert report["organization-name"] == "The Lab" and report["contact-info"] == "tls-reports@mail.lab.test"
    policy, = report["policies"]
    assert policy["policy"] == {"policy-type": "no-policy-found", "policy-domain": there.name}
    assert policy["summary"] == {"total-successful-session-count": 0, "total-failure-session-count": 1}
    assert policy["failure-details"][0]["result-type"] == "starttls-not-supported"
    assert policy["failure-details"][0]["failed-session-count"] == 1

    uid, = instance.wait_for_mail(user)
    assert read(instance.fetch(user, uid))[2] == report
    wait_for(lambda: there.report()["state"] == "sent", "both to have been told")
    assert len(there.events("tlsreport.sent")) == 2


def test_a_report_goes_by_https(domain, collector):
    web = collector()
    there = domain(rua=[web.url])
    there.send()
    there.wait_for_counts({"no-policy-found": (1, 0)})
    there.report("--send")
    wait_for(lambda: there.report()["state"] == "sent", "the report")
    (path, kind, body), = web.posts
    assert (path, kind) == ("/tls?from=us", "application/tlsrpt+gzip")
    assert json.loads(gzip.decompress(body)) == there.report()["report"]


@pytest.mark.parametrize("fault", ["status", "certificate"])
def test_what_is_not_taken_is_sent_again(domain, collector, fault):
    web = collector() if fault == "status" else collector(issuer=None)
    web.codes = [503]
    there = domain(rua=[web.url])
    there.send()
    there.wait_for_counts({"no-policy-found": (1, 0)})
    there.report("--send")
    wait_for(lambda: there.events("tlsreport.deferred"), "a failure")
    target, = there.report()["targets"]
    assert target["state"] == "sending" and ("503" if fault == "status" else "not-trusted") in target["reason"]
    if fault == "certificate":
        assert web.posts == []
        return
    there.report("--send")
    wait_for(lambda: there.report()["state"] == "sent", "the report")
    first, second = [json.loads(gzip.decompress(body)) for _, _, body in web.posts]
    assert first == second                               # told by its report-id


def test_a_day_that_is_over_is_reported_by_itself(domain, instance):
    """As if it were tomorrow: what was gathered is yesterday's, and its time has come."""
    reader = domain()
    there = domain(rua=[f"mailto:tls@{reader.name}"])
    there.send()
    there.wait_for_counts({"no-policy-found": (1, 0)})
    instance.stop()
    with contextlib.closing(sqlite3.connect(instance.dir / "state" / "tls" / "results.db", timeout=10)) as results, results:
        moved = results.execute("UPDATE stretches SET day = day - 1, began = began - 86400, ended = ended - 86400, due = due - 86400, "
                                "next = 0 WHERE domain = ?", [there.name])
        assert moved.rowcount == 1
    instance.start()
    arrived, = reader.server.wait_for_messages(1, seconds=30)
    dates = read(arrived.data)[2]["date-range"]
    assert dates["start-datetime"].endswith("T00:00:00Z") and dates["end-datetime"].endswith("T23:59:59Z")
    assert dates["start-datetime"][:10] == dates["end-datetime"][:10]


def test_what_an_operator_reads(domain, instance):
    there = domain(tls=False)
    there.send()
    there.wait_for_counts({"no-policy-found": (0, 1)})
    listed = next(line for line in instance.mailctl("tls", "results").splitlines() if line.startswith(there.name + " "))
    assert listed.split()[:5] == [there.name, "no-policy-found", "0", "1", "gathering"]
    told = instance.mailctl("tls", "results", there.name)
    assert f"starttls-not-supported  {there.mx}" in told
    report = instance.mailctl("tls", "report", there.name)
    assert report.startswith("report gathering\n{") and json.loads(report.partition("\n")[2]) == there.report()["report"]
    assert instance.mailctl("tls", "results", "--day", "2001-02-03") == "no results of that day\n"
    for words in (["tls", "report", "unknown.test"], ["tls", "report", there.name, "--day", "2001-02-03"], ["tls", "results", "--day", "today"]):
        with pytest.raises(AssertionError, match="there are no results|as 2026-11-21"):
            instance.mailctl(*words)


def test_what_comes_after_a_report_is_the_next_ones(domain):
    reader = domain()
    there = domain(rua=[f"mailto:tls@{reader.name}"])
    there.send()
    there.wait_for_counts({"no-policy-found": (1, 0)})
    there.report("--send")
    reader.server.wait_for_messages(1)
    there.send()
    wait_for(lambda: [row["successes"] for row in there.results()["items"]] == [1, 1], "a second stretch")
    there.report("--send")
    reports = [read(message.data)[2] for message in reader.server.wait_for_messages(2)]
    assert reports[0]["report-id"] != reports[1]["report-id"]
    assert [r["policies"][0]["summary"]["total-successful-session-count"] for r in reports] == [1, 1]
    assert reports[0]["date-range"]["end-datetime"] < reports[1]["date-range"]["start-datetime"]


@pytest.mark.parametrize("txt", [None, 'TXT "v=spf1 -all"', 'TXT "v=TLSRPTv1; rua=ftp://x.test/"'])
def test_who_does_not_ask_is_told_nothing(domain, txt):
    there = domain(txt=txt)
    there.send()
    there.wait_for_counts({"no-policy-found": (1, 0)})
    there.report("--send")
    wait_for(lambda: there.counts() == {}, "the results to be dropped")
    assert there.events("tlsreport.sent") == []


def test_two_records_are_none(domain, dns):
    there = domain()
    dns.set(f"_smtp._tls.{there.name}", *[f'TXT "v=TLSRPTv1; rua=mailto:{who}@lab.test"' for who in ("a", "b")])
    there.send()
    there.wait_for_counts({"no-policy-found": (1, 0)})
    there.report("--send")
    wait_for(lambda: there.counts() == {}, "the results to be dropped")


def test_a_dns_that_does_not_answer_is_asked_again(domain, dns):
    there = domain(rua=["mailto:u0003@lab.test"])
    dns.behave(f"_smtp._tls.{there.name}", "servfail")
    there.send()
    there.wait_for_counts({"no-policy-found": (1, 0)})
    there.report("--send")
    wait_for(lambda: dns.count(f"_smtp._tls.{there.name}", "TXT") >= 1, "a question")
    assert there.report()["state"] == "asking"
    dns.behave(f"_smtp._tls.{there.name}")
    there.report("--send")
    wait_for(lambda: there.report()["state"] == "sent", "the report")


def test_the_report_about_reports_is_never_made(domain):
    reader = domain()
    there = domain(rua=[f"mailto:tls@{reader.name}"])
    there.send()
    there.wait_for_counts({"no-policy-found": (1, 0)})
    there.report("--send")
    reader.server.wait_for_messages(1)
    reader.send()                                        # which is told behind what came before
    reader.wait_for_counts({"no-policy-found": (1, 0)})


def test_tls_that_fails_does_not_stop_the_report_of_it(domain, dns, tmp_path):
    there = domain()
    dns.set(f"_smtp._tls.{there.name}", f'TXT "v=TLSRPTv1; rua=mailto:tls@{there.name}"')
    dns.set(there.tlsa_name, Certificate(tmp_path, ["x.example"]).tlsa(3))
    dns.authentic = True
    try:
        assert there.send()["event"] == "deferred"
        there.wait_for_counts({"tlsa": (0, 1)})
        there.report("--send")
        arrived, = there.server.wait_for_messages(1)
    finally:
        dns.authentic = False
    assert read(arrived.data)[2]["policies"][0]["policy"]["policy-type"] == "tlsa"


def test_a_report_nobody_can_be_given_is_nobodys_mail(domain, instance):
    """No report to a sender, none to postmaster: an event, and a next time."""
    there = domain(rua=["mailto:nobody@lab.test"])
    there.send()
    there.wait_for_counts({"no-policy-found": (1, 0)})
    there.report("--send")
    wait_for(lambda: there.events("tlsreport.deferred"), "a failure")
    target, = there.report()["targets"]
    assert target["state"] == "sending" and target["attempts"] == 1 and target["reason"]
    assert "tls-reports@mail.lab.test" not in instance.mailctl("queue", "list")


# ---- kills ----------------------------------------------------------------------------------------------------------------

def kill(instance):
    pid, = instance.processes()["tlspolicyd"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: instance.processes().get("tlspolicyd", [pid]) != [pid], "another tlspolicyd")


def test_a_kill_takes_no_result_that_was_recorded(domain, instance):
    user = instance.user(4)
    there = domain(rua=[f"mailto:{user.address}"])
    there.send()
    there.wait_for_counts({"no-policy-found": (1, 0)})
    kill(instance)
    there.send()                                         # told when it is there again
    there.wait_for_counts({"no-policy-found": (2, 0)})
    there.report("--send")
    kill(instance)                                       # wherever it is with it
    instance.wait_for_mail(user)
    wait_for(lambda: there.report("--send")["state"] and there.report()["state"] == "sent", "the report")
    ids = {read(instance.fetch(user, uid))[2]["report-id"] for uid in instance.wait_for_mail(user)}
    assert len(ids) == 1                                 # sent more than once it is one report


def test_nothing_is_kept_where_it_is_not_wanted(tmp_path, dns):
    sender = Sender(tmp_path / "off", dns, ["tls_reports.enabled=false", "tls_reports.contact=nobody"])
    sender.start()
    try:
        there = Domain(sender, tmp_path)
        with there.server:
            assert there.send()["event"] == "delivered"
        assert json.loads(sender.mailctl("tls", "results", "--json")) == []
        assert "tlsreport.option.wrong option=\"tls_reports.contact: nobody\"" in sender.log()
    finally:
        sender.stop()
