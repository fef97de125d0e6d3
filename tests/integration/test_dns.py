"""resolvd under the real master, asked over api.sock and by `mailctl dns`, against servers that behave as they are told."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import urllib.parse

import pytest

from dns_server import DnsServer
from lab import Instance, wait_for

NAMES = {
    "example.test": ["MX 10 mx1.example.test.", "MX 20 MX2.Example.test.", "300 A 192.0.2.1", "A 192.0.2.2", "AAAA 2001:db8::1",
                     'TXT "v=spf1 " "-all"'],
    "_25._tcp.mx1.example.test": ["TLSA 3 1 1 " + "ab" * 32],
    "1.2.0.192.in-addr.arpa": ["PTR example.test."],
    "alias.test": ["60 CNAME second.test."],
    "second.test": ["200 CNAME example.test."],
    "circle.test": ["CNAME elcric.test."],
    "elcric.test": ["CNAME circle.test."],
    "nowhere.test": ["CNAME missing.test."],
    "nullmx.test": ["MX 0 ."],
    "big.test": [f"TXT {number}{'x' * 240}" for number in range(40)],
    "brief.test": ["1 A 192.0.2.5"],
    "long.test": ["9000000 A 192.0.2.5"],
    "*.many.test": ["A 192.0.2.3"],
    **{f"c{number}.chain.test": [f"CNAME c{number + 1}.chain.test."] for number in range(30)},
    "c30.chain.test": ["A 192.0.2.4"],
}


class Api(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


class Asker(Instance):
    """A suite whose resolvd asks the given servers."""

    def __init__(self, directory, servers, *settings):
        super().__init__(directory, settings=[f"dns.servers={' '.join(server.at for server in servers)}", "dns.timeout=500ms", *settings])

    def api(self, method, target):
        with contextlib.closing(Api(self.dir / "run" / "api.sock")) as api:
            api.request(method, target)
            response = api.getresponse()
            body = response.read()
            assert response.status == 200, (target, body)
            return json.loads(body)

    def lookup(self, name, rdtype="A"):
        return self.api("GET", f"/api/v1/dns/records?name={urllib.parse.quote(name, safe='')}&type={rdtype}")

    def flush(self, name=""):
        return self.api("DELETE", "/api/v1/dns/cache" + (f"?name={name}" if name else ""))["answers"]

    def dns(self, *words):
        """(exit status, output) of mailctl dns."""
        build = self.build or json.loads((self.dir / "lab.json").read_text())["build"]
        done = subprocess.run([f"{build}/bin/mailctl", "--socket", str(self.dir / "run" / "api.sock"), "dns", *words],
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr


def data(answer):
    return sorted(record["data"] for record in answer["records"])


@pytest.fixture(scope="module")
def servers():
    with DnsServer(NAMES) as first, DnsServer(NAMES) as second:
        yield first, second


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        def started(servers, *settings):
            asker = Asker(tmp_path_factory.mktemp("dns"), servers, *settings)
            asker.start()
            stack.callback(asker.stop)
            return asker
        yield started


@pytest.fixture(scope="module")
def suite(start, servers):
    return start(servers)


@pytest.fixture
def asker(suite, servers):
    """Nothing known, nobody asked yet, both servers as they should be and none put back."""
    for server in servers:
        server.behaviours.clear()
        server.authentic = False
        server.chase = True
        server.negative_ttl = 60
    suite.flush()
    for server in servers:
        server.queries.clear()
    return suite


@pytest.mark.parametrize("name, rdtype, expected", [
    ("example.test", "A", ["192.0.2.1", "192.0.2.2"]),
    ("example.test", "AAAA", ["2001:db8::1"]),
    ("example.test", "MX", ["mx1.example.test", "mx2.example.test"]),
    ("example.test", "TXT", ["v=spf1 -all"]),
    ("EXAMPLE.Test.", "A", ["192.0.2.1", "192.0.2.2"]),
    ("_25._tcp.mx1.example.test", "TLSA", ["3 1 1 " + "ab" * 32]),
    ("1.2.0.192.in-addr.arpa", "PTR", ["example.test"]),
    ("circle.test", "CNAME", ["elcric.test"]),
    ("nullmx.test", "MX", [""]),
])
def test_records(asker, name, rdtype, expected):
    answer = asker.lookup(name, rdtype)
    assert (answer["status"], data(answer), answer["canonical"]) == ("found", expected, name.lower().rstrip("."))
    assert not answer["cached"] and answer["ttl"] == 300


def test_preferences(asker):
    assert {(r["preference"], r["data"]) for r in asker.lookup("example.test", "MX")["records"]} == {
        (10, "mx1.example.test"), (20, "mx2.example.test")}


def test_mailctl(asker, servers):
    code, text = asker.dns("lookup", "alias.test", "mx")
    assert code == 0
    assert text.splitlines()[0] == f"alias.test MX: found, from {servers[0].at}, for 60 s"
    assert set(text.splitlines()[1:]) == {"it is example.test", "10 mx1.example.test", "20 mx2.example.test"}
    assert "known already" in asker.dns("lookup", "alias.test", "MX")[1]
    assert asker.dns("lookup", "missing.test")[0] == 67
    assert asker.dns("lookup", "example.test", "PTR")[0] == 67
    assert asker.dns("lookup", "a..b")[0] == 65
    assert asker.dns("lookup", "192.0.2.1")[1].splitlines()[1:] == ["example.test"]
    assert asker.dns("flush", "alias.test") == (0, "forgotten: 1 answers\n")
    assert asker.dns("lookup", "example.test", "NAPTR")[0] == 65


def test_an_answer_is_kept_until_it_is_flushed(asker, servers):
    assert not asker.lookup("example.test")["cached"]
    again = asker.lookup("Example.TEST")
    assert again["cached"] and 290 <= again["ttl"] <= 300 and len(data(again)) == 2
    assert servers[0].count("example.test") == 1
    asker.lookup("example.test", "MX")
    asker.lookup("second.test")
    assert asker.flush("example.test") == 2
    assert asker.lookup("second.test")["cached"] and not asker.lookup("example.test")["cached"]
    assert asker.flush() == 2


def test_ttls_are_bounded(asker):
    assert asker.lookup("brief.test")["ttl"] == 5
    assert asker.lookup("long.test")["ttl"] == 86400


def test_denials_are_kept_as_their_soa_says(asker, servers):
    for name, rdtype, status in [("missing.test", "A", "no-name"), ("brief.test", "MX", "no-data")]:
        assert [asker.lookup(name, rdtype)["status"] for _ in range(2)] == [status] * 2
        assert asker.lookup(name, rdtype)["ttl"] <= 60
        assert servers[0].count(name, rdtype) == 1
    servers[0].behave("unsaid.test", "no_soa")               # RFC 2308 section 5: nobody says how long
    assert [asker.lookup("unsaid.test")["status"] for _ in range(2)] == ["no-name"] * 2
    assert servers[0].count("unsaid.test") == 2
    servers[0].negative_ttl = 1_000_000
    assert asker.lookup("missing2.test")["ttl"] == 3600


@pytest.mark.parametrize("chase", [True, False], ids=["in one answer", "one by one"])
def test_cnames(asker, servers, chase):
    servers[0].chase = chase
    answer = asker.lookup("alias.test")
    assert (answer["status"], answer["canonical"], answer["ttl"], len(data(answer))) == ("found", "example.test", 60, 2)
    answer = asker.lookup("nowhere.test")
    assert (answer["status"], answer["canonical"]) == ("no-name", "missing.test")
    answer = asker.lookup("alias.test", "PTR")
    assert (answer["status"], answer["canonical"]) == ("no-data", "example.test")
    assert asker.lookup("c18.chain.test")["status"] == "found"      # 12 of them
    assert asker.lookup("c17.chain.test")["status"] == "failed"     # 13
    before = len(servers[0].queries)
    answer = asker.lookup("circle.test")
    assert answer["status"] == "failed" and "circle" in answer["reason"]
    assert len(servers[0].queries) - before <= 13 and not servers[1].queries


@pytest.mark.parametrize("name", ["a" * 64 + ".test", ".".join(["a" * 49] * 6), "a..b", ".a", "a b.test", "a\\.b.test", "ä.test", "a\x7f.test"])
def test_what_is_no_name_is_not_asked(asker, servers, name):
    assert asker.lookup(name)["status"] == "bad-name"
    assert not servers[0].queries and not servers[1].queries


def test_the_longest_names_are_asked(asker, servers):
    name = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 56, "test"])
    assert len(name) == 253
    servers[0].set(name, "A 192.0.2.9")
    assert data(asker.lookup(name)) == ["192.0.2.9"]


def test_what_fits_no_datagram_comes_by_tcp(asker, servers):
    assert len(data(asker.lookup("big.test", "TXT"))) == 40
    assert [query.transport for query in servers[0].queries] == ["udp", "tcp"]


@pytest.mark.parametrize("behaviour", ["truncate", "wrong_case"])
def test_by_tcp_where_udp_is_not_enough(asker, servers, behaviour):
    servers[0].behave("example.test", behaviour)
    assert len(data(asker.lookup("example.test"))) == 2
    assert [query.transport for query in servers[0].queries] == ["udp", "tcp"]


def test_false_answers_beside_the_right_one(asker, servers):
    servers[0].behave("example.test", "spoofed")
    assert data(asker.lookup("example.test")) == ["192.0.2.1", "192.0.2.2"]
    assert [query.transport for query in servers[0].queries] == ["udp"]


def test_a_storm_of_datagrams(asker, servers):
    """After a few that are no answer it is settled by TCP, and the next question is like any other."""
    servers[0].behave("*", "storm")
    for number in range(30):
        assert data(asker.lookup(f"storm{number}.many.test")) == ["192.0.2.3"]
    assert servers[0].count(transport="tcp") >= 25 and not servers[1].queries
    servers[0].behave("*")
    assert len(data(asker.lookup("example.test"))) == 2


@pytest.mark.parametrize("behaviour", ["wrong_id", "wrong_question", "wrong_type", "no_question", "short", "elsewhere", "silent", "close", "garbage"])
def test_what_is_no_answer_has_the_next_server_asked(asker, servers, behaviour):
    servers[0].behave("example.test", behaviour)
    answer = asker.lookup("example.test")
    assert (data(answer), answer["source"]) == (["192.0.2.1", "192.0.2.2"], servers[1].at)


@pytest.mark.parametrize("behaviour", ["servfail", "refused", "formerr", "lame"])
def test_who_cannot_say_is_asked_once(asker, servers, behaviour):
    servers[0].behave("example.test", behaviour)
    assert asker.lookup("example.test")["source"] == servers[1].at
    servers[1].behave("brief.test", behaviour)
    servers[0].behave("brief.test", behaviour)
    answers = [asker.lookup("brief.test") for _ in range(2)]
    assert [answer["status"] for answer in answers] == ["failed"] * 2
    assert servers[1].at in answers[0]["reason"] and answers[0]["ttl"] == 5 and answers[1]["cached"]
    asked = 2 if behaviour == "servfail" else 1                      # that might have been DNSSEC: then with CD, too
    assert [server.count("brief.test") for server in servers] == [asked, asked]


@pytest.mark.parametrize("behaviour, why, asked", [("bogus", "there is an answer, but only unchecked", [False, True]),
                                                   ("bogus_said", "signature expired (since 2020-03-01)", [False])])
def test_bogus_is_told_from_broken(asker, servers, behaviour, why, asked):
    """By what the server says of it (RFC 8914), else by what it answers with CD (RFC 4035 section 3.2.2)."""
    cd = 0x10
    for server in servers:
        server.behave("example.test", behaviour)
    answer = asker.lookup("example.test", "MX")
    assert (answer["status"], answer["records"], answer["authentic"]) == ("bogus", [], False)
    assert answer["reason"] == f"DNSSEC validation by {servers[1].at}: {why}"
    for server in servers:
        assert [bool(query.flags & cd) for query in server.queries] == asked
    assert asker.lookup("example.test", "MX")["cached"]
    code, said = asker.dns("lookup", "example.test", "MX")
    assert code == 69 and f"example.test MX: an answer that is not true: {answer['reason']}" in said


def test_another_server_that_validates_may_know_better_than_bogus(asker, servers):
    servers[0].behave("example.test", "bogus")
    answer = asker.lookup("example.test")
    assert (answer["status"], answer["source"]) == ("found", servers[1].at)


@pytest.mark.parametrize("behaviour", ["bogus", "bogus_said"])
def test_who_does_not_validate_is_not_asked_about_what_is_bogus(start, behaviour):
    with DnsServer(NAMES) as validating, DnsServer(NAMES, address="127.0.0.2") as other:
        asker = start([validating, other], "dns.untrusted_servers=127.0.0.2")
        validating.behave("example.test", behaviour)
        assert asker.lookup("example.test")["status"] == "bogus"
        assert not other.queries
        other.behave("brief.test", behaviour)                        # and what he says of DNSSEC counts for nothing
        validating.behave("brief.test", "refused")
        answer = asker.lookup("brief.test")
        assert (answer["status"], answer["reason"]) == ("failed", f"SERVFAIL from {other.at}")
        assert other.count("brief.test") == 1


def test_an_alias_of_what_is_bogus(asker, servers):
    servers[0].chase = False
    for server in servers:
        server.behave("example.test", "bogus")
    answer = asker.lookup("alias.test")
    assert (answer["status"], answer["canonical"]) == ("bogus", "example.test")


def test_a_silent_server_is_put_back(asker, servers):
    servers[0].behave("*", "silent")
    for number in range(5):
        assert asker.lookup(f"s{number}.many.test")["source"] == servers[1].at
    assert len(servers[0].queries) == 1
    told = wait_for(lambda: re.findall(rf"resolvd\.server\.silent .*server={re.escape(servers[0].at)}", asker.log()), "the event")
    assert told


def test_nobody_answers(asker, servers):
    for server in servers:
        server.behave("gone.test", "silent")
    answer = asker.lookup("gone.test")
    assert (answer["status"], answer["records"]) == ("timed-out", [])
    assert [server.count("gone.test") for server in servers] == [2, 2]


def test_nobody_says_where_an_alias_leads(asker, servers):
    servers[0].chase = False
    for server in servers:
        server.behave("example.test", "silent")
    answer = asker.lookup("second.test")
    assert (answer["status"], answer["canonical"]) == ("timed-out", "example.test")
    assert servers[0].count("second.test") == 1


def test_a_byte_at_a_time(start, servers):
    """Within the patience of one server it is an answer; beyond, its time is up."""
    with DnsServer(NAMES) as slow:
        slow.behave("*", "drip")
        asker = start([slow], "dns.timeout=3s", "dns.attempts=1")
        slow.drip_interval = 0.002
        assert len(data(asker.lookup("example.test"))) == 2
        slow.drip_interval = 1
        assert asker.lookup("brief.test")["status"] == "timed-out"


def test_equal_questions_are_one(asker, servers):
    servers[0].behave("example.test", "slow")
    servers[0].delay = 0.3
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: asker.lookup("example.test"), range(20)))
    assert all(len(data(answer)) == 2 for answer in answers)
    assert servers[0].count("example.test") == 1


def test_look_ups_at_a_time_are_bounded(start):
    with DnsServer(NAMES) as slow:
        slow.behave("*", "slow")
        slow.delay = 0.3
        asker = start([slow], "dns.max_lookups=4", "dns.timeout=5s", "dns.max_waiting=12")
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            answers = list(pool.map(lambda number: asker.lookup(f"b{number}.many.test"), range(30)))
    found = [answer for answer in answers if answer["status"] == "found"]
    refused = [answer for answer in answers if "too many" in answer["reason"]]
    assert len(found) + len(refused) == 30 and len(found) >= 12
    assert len(slow.queries) == len(found)
    assert 1 < slow.peak <= 4


def metric(asker, name):
    connection = http.client.HTTPConnection("127.0.0.1", asker.port("http"), timeout=30)
    connection.request("GET", "/metrics")
    return sum(int(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\d+)$", connection.getresponse().read().decode(), flags=re.M))


def test_a_flood_of_names_has_bounds(start, servers):
    asker = start([servers[0]], "dns.cache_size=64KiB")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: asker.lookup(f"flood{number}.many.test"), range(1000)))
    assert all(answer["status"] == "found" for answer in answers)
    wait_for(lambda: metric(asker, "dns_lookups_total") == 1000 and metric(asker, "dns_cache_evicted") >= 800, "the cache in bounds")
    assert 0 < metric(asker, "dns_cache_bytes") <= 64 * 1024
    assert asker.lookup("flood999.many.test")["status"] == "found"


def test_the_deadline_ends_it(start):
    """Of who is asked about, and of those that wait behind it and are never asked about."""
    with DnsServer(NAMES) as silent:
        silent.behave("*", "silent")
        asker = start([silent], "dns.deadline=1s", "dns.attempts=10", "dns.max_lookups=1")
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(lambda number: asker.lookup(f"late{number}.many.test"), range(5)))
        assert [answer["status"] for answer in answers] == ["timed-out"] * 5
        assert 1 <= len({query.name for query in silent.queries}) < 5
        silent.behave("*")
        assert [asker.lookup(f"soon{number}.many.test")["status"] for number in range(3)] == ["found"] * 3


def test_what_is_on_its_way_when_all_is_forgotten_is_not_kept(asker, servers):
    servers[0].behave("example.test", "slow")
    servers[0].delay = 0.4
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(asker.lookup, "example.test")
        wait_for(lambda: servers[0].count("example.test") == 1, "the question")
        asker.flush()
        assert under_way.result()["status"] == "found"
    assert not asker.lookup("example.test")["cached"]
    assert asker.lookup("example.test")["cached"]


def test_authentic_from_who_is_trusted(asker, servers, start):
    servers[0].authentic = {"example.test", "alias.test", "missing.test"}
    assert asker.lookup("example.test")["authentic"]
    assert asker.lookup("example.test")["authentic"]                 # from the cache, too
    assert asker.lookup("missing.test")["authentic"]                 # a denial that is signed
    assert asker.lookup("alias.test")["authentic"]
    assert not asker.lookup("brief.test")["authentic"]
    servers[0].chase = False
    asker.flush()
    assert not asker.lookup("alias.test")["authentic"]               # second.test is not
    ad = 0x20
    assert all(query.flags & ad for query in servers[0].queries)
    wary = start([servers[0]], "dns.untrusted_servers=127.0.0.0/8")
    servers[0].queries.clear()
    assert not wary.lookup("example.test")["authentic"]
    assert not any(query.flags & ad for query in servers[0].queries)


def test_nobody_can_guess(asker, servers):
    """Ports, ids and the case of letters of a few hundred queries."""
    count = 400
    for number in range(count):
        asker.lookup(f"guessing-this-is-not-easy-{number}.many.test")
    queries = servers[0].queries
    assert len(queries) == count and all(query.edns for query in queries)
    assert len({query.port for query in queries}) > 0.9 * count      # of 28,000: three in 400 meet by chance
    assert len({query.id for query in queries}) > 0.95 * count
    assert len({re.sub(r"\d", "", query.qname) for query in queries}) > 0.95 * count
    for values, most in (([query.id for query in queries], 65536), ([query.port for query in queries], 65536)):
        steps = [(after - before) % most for before, after in zip(values, values[1:])]
        assert len(set(steps)) > 0.9 * count                         # no counter
    high = sum(query.id >> 15 for query in queries)
    assert 0.35 * count < high < 0.65 * count                        # six standard deviations
    upper = sum(letter.isupper() for query in queries for letter in query.qname)
    letters = sum(letter.isalpha() for query in queries for letter in query.qname)
    assert 0.45 * letters < upper < 0.55 * letters


def test_the_hosts_file(asker, servers, start):
    answer = asker.lookup("localhost")
    assert (answer["status"], answer["source"], answer["authentic"]) == ("found", "hosts", False)
    assert "127.0.0.1" in data(answer)
    assert "localhost" in data(asker.lookup("1.0.0.127.in-addr.arpa", "PTR"))
    assert not servers[0].queries
    without = start([servers[0]], "dns.hosts=false")
    assert without.lookup("localhost")["status"] == "no-name"
    assert servers[0].count("localhost") == 1


def in_own_files(directory):
    """A launcher whose programs see files of `directory` as /etc/resolv.conf and /etc/hosts."""
    mounts = " && ".join(f"mount --bind {directory}/{name} /etc/{name}" for name in ("resolv.conf", "hosts"))
    return ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh"]


@pytest.mark.skipif(os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0,
                    reason="port 53, and mounts of its own, which a bare chroot cannot have")
def test_files_of_the_host(tmp_path, servers):
    """The servers of resolv.conf are on port 53: two loopback addresses of our own."""
    (tmp_path / "resolv.conf").write_text("search example.test\nnameserver fe80::1%eth0\nnameserver 127.53.0.1\n")
    (tmp_path / "hosts").write_text("192.0.2.200 listed.test other.test\n")
    with DnsServer(NAMES, "127.53.0.1", 53) as first, DnsServer({"new.test": ["A 192.0.2.6"]}, "127.53.0.2", 53) as second:
        asker = Asker(tmp_path / "suite", servers)
        asker.settings = ["dns.servers="]
        asker.launcher = in_own_files(tmp_path)
        asker.start()
        try:
            assert asker.lookup("example.test")["source"] == first.at
            assert data(asker.lookup("other.test")) == ["192.0.2.200"]
            assert asker.lookup("other.test", "AAAA")["status"] == "no-data"
            assert data(asker.lookup("200.2.0.192.in-addr.arpa", "PTR")) == ["listed.test"]
            assert "resolvd.resolv_conf.skipped" in asker.log()
            (tmp_path / "resolv.conf").write_text("nameserver 127.53.0.2\n")
            (tmp_path / "hosts").write_text("")
            assert asker.lookup("example.test")["cached"]
            asker.mailctl("reload")
            wait_for(lambda: asker.lookup("new.test")["source"] == second.at, "the other server")
            assert [asker.lookup(name)["status"] for name in ("example.test", "other.test")] == ["no-name"] * 2
        finally:
            asker.stop()


def test_ipv6_and_a_reload(start, servers):
    with DnsServer({**NAMES, "example.test": ["A 192.0.2.77"]}, address="::1") as other:
        asker = start([servers[0]])
        assert len(data(asker.lookup("example.test"))) == 2
        config = asker.dir / "postern.yaml"
        config.write_text(config.read_text().replace(servers[0].at, other.at))
        asker.mailctl("reload")
        answer = wait_for(lambda: (now := asker.lookup("example.test"))["source"] == other.at and now, "the other server")
        assert (data(answer), answer["cached"]) == (["192.0.2.77"], False)


def test_it_comes_back(asker, servers):
    [pid] = asker.processes()["resolvd"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: asker.processes().get("resolvd", [pid]) != [pid], "another resolvd")
    assert len(data(asker.lookup("example.test"))) == 2


def test_metrics(asker):
    asker.lookup("example.test")
    asker.lookup("example.test")
    asker.lookup("missing.test", "MX")
    for name in ('dns_queries_total{.*type="A",result="found".*}', 'dns_queries_total{.*type="MX",result="no-name".*}', "dns_cache_hits_total",
                 "dns_lookup_microseconds_total", 'dns_server_queries_total{.*transport="udp".*}'):
        assert metric(asker, name) > 0, name
