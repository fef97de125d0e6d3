#include "delivery/smtp/host_lookup.h"
#include "delivery/smtp/mx.h"
#include "delivery/smtp/ourselves.h"

#include <catch2/catch.hpp>

#include <map>

using namespace postern;
using namespace postern::smtp_out;
using ipc::DnsStatus;

namespace {

ipc::DnsAnswer mx(const std::vector<std::pair<std::uint16_t, std::string>>& records) {
    ipc::DnsAnswer answer;
    answer.status = DnsStatus::found;
    for (const auto& [preference, name] : records) answer.records.push_back({preference, name});
    return answer;
}

ipc::DnsAnswer nothing(DnsStatus status) {
    ipc::DnsAnswer answer;
    answer.status = status;
    answer.reason = "SERVFAIL";
    return answer;
}

const auto nobody = [](std::string_view) { return false; };
const auto we_are_b = [](std::string_view name) { return name == "b"; };

std::string names(const std::vector<MxHost>& hosts) {
    std::string out;
    for (const MxHost& host : hosts) out += (out.empty() ? "" : " ") + host.name;
    return out;
}

} // namespace

TEST_CASE("hosts of a domain, the best first (RFC 5321 section 5.1)") {
    Chance chance(1);
    CHECK(names(choose_hosts("x.example", mx({{20, "b"}, {10, "a"}, {30, "c"}}), nobody, chance).hosts) == "a b c");
    CHECK(names(choose_hosts("x.example", nothing(DnsStatus::no_data), nobody, chance).hosts) == "x.example");
    // All of equal preference are somebody's first choice.
    std::map<std::string, int> first;
    for (int i = 0; i < 200; ++i) ++first[choose_hosts("x.example", mx({{5, "a"}, {5, "b"}, {5, "c"}}), nobody, chance).hosts[0].name];
    CHECK(first.size() == 3);
}

TEST_CASE("domains without a host to send to") {
    Chance chance(1);
    const auto problem = [&](const ipc::DnsAnswer& answer, const auto& is_us) {
        const MxHosts chosen = choose_hosts("x.example", answer, is_us, chance);
        CHECK(chosen.hosts.empty());
        return chosen.problem.value().code;
    };
    CHECK(problem(mx({{0, ""}}), nobody) == "5.1.10");            // null MX, RFC 7505
    CHECK(problem(nothing(DnsStatus::no_name), nobody) == "5.1.2");
    CHECK(problem(nothing(DnsStatus::bad_name), nobody) == "5.1.2");
    CHECK(problem(nothing(DnsStatus::failed), nobody) == "4.4.3");
    CHECK(problem(nothing(DnsStatus::timed_out), nobody) == "4.4.3");
    CHECK(problem(nothing(DnsStatus::bogus), nobody) == "4.7.5");
    CHECK(problem(mx({{10, "b"}, {20, "c"}}), we_are_b) == "5.4.6");
    CHECK(names(choose_hosts("x.example", mx({{10, ""}, {20, "c"}}), nobody, chance).hosts) == "c");   // not alone: no null MX
}

TEST_CASE("where we are a host ourselves, only better ones are sent to") {
    Chance chance(1);
    CHECK(names(choose_hosts("x.example", mx({{10, "a"}, {20, "b"}, {20, "d"}, {30, "c"}}), we_are_b, chance).hosts) == "a");
}

TEST_CASE("who we are, by names, addresses and ports") {
    Ourselves ourselves;
    ourselves.add_name("MX.Example.org");
    ourselves.add_address(*IpAddress::parse("192.0.2.1"));
    ourselves.add_public(*Network::parse("198.51.100.7"));
    ourselves.add_listener("0.0.0.0:25");
    ourselves.add_listener("203.0.113.9:2525");
    CHECK(ourselves.is_named("mx.example.org", 25));
    CHECK_FALSE(ourselves.is_named("mx.example.org", 26));
    CHECK_FALSE(ourselves.is_named("example.org", 25));
    CHECK(ourselves.is_at(*IpAddress::parse("192.0.2.1"), 25));
    CHECK(ourselves.is_at(*IpAddress::parse("127.0.0.2"), 25));
    CHECK(ourselves.is_at(*IpAddress::parse("198.51.100.7"), 25));
    CHECK(ourselves.is_at(*IpAddress::parse("203.0.113.9"), 2525));
    CHECK_FALSE(ourselves.is_at(*IpAddress::parse("192.0.2.1"), 2525));
    CHECK_FALSE(ourselves.is_at(*IpAddress::parse("192.0.2.2"), 25));
}

// ---- addresses and TLSA ------------------------------------------------------------------------------------------------

namespace {

// A DNS of the answers it is given: "name TYPE"; no_data for anything else. Says what it was asked.
struct Zone {
    std::map<std::string, ipc::DnsAnswer> answers;
    std::vector<std::string> asked;

    void put(const std::string& question, bool authentic, const std::string& data, const std::string& canonical = "") {
        ipc::DnsAnswer& answer = answers[question];
        answer.status = DnsStatus::found;
        answer.authentic = authentic;
        answer.canonical = canonical;
        answer.records.push_back({0, data});
    }
    void fail(const std::string& question, DnsStatus status = DnsStatus::failed) { answers[question] = nothing(status); }

    HostFound look_up(bool dane = true, IpVersion version = IpVersion::any) {
        const Ask ask = [this](const std::string& name, ipc::DnsType type, const std::function<void(const ipc::DnsAnswer&)>& done) {
            const std::string question = name + " " + std::string(ipc::to_string(type));
            asked.push_back(question);
            const auto at = answers.find(question);
            done(at == answers.end() ? nothing(DnsStatus::no_data) : at->second);
        };
        std::optional<HostFound> found;
        look_up_host(ask, {"mx.example", 25, version, dane}, [&](HostFound f) { found = std::move(f); });
        return found.value();
    }
};

const std::string v4("\xC0\x00\x02\x01", 4), v6 = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01";
const std::string tlsa_ee = std::string("\x03\x01\x01", 3) + std::string(32, 'd'), tlsa_pkix = std::string("\x01\x01\x01", 3) + std::string(32, 'd');

} // namespace

TEST_CASE("both families are there, in turns; one is enough") {
    Zone zone;
    zone.put("mx.example A", false, v4);
    zone.put("mx.example A", false, std::string("\xC0\x00\x02\x02", 4));
    zone.put("mx.example AAAA", false, v6);
    const auto text = [&](IpVersion version) {
        std::string out;
        for (const IpAddress& address : zone.look_up(false, version).addresses) out += (out.empty() ? "" : " ") + address.text();
        return out;
    };
    CHECK(text(IpVersion::any) == "2001:db8::1 192.0.2.1 192.0.2.2");
    CHECK(text(IpVersion::ipv4) == "192.0.2.1 192.0.2.2");
    CHECK(text(IpVersion::ipv6) == "2001:db8::1");
    zone.fail("mx.example AAAA");
    CHECK(text(IpVersion::any) == "192.0.2.1 192.0.2.2");
    CHECK(zone.look_up(false, IpVersion::ipv6).problem->code == "4.4.3");
    zone.answers.erase("mx.example A");
    CHECK(zone.look_up(false).problem->code == "4.4.3");          // one family has none, the other may have
    zone.answers.clear();
    CHECK(zone.look_up(false).problem->code == "5.4.4");
}

TEST_CASE("an address that does not validate is no address, and says so") {
    Zone zone;
    for (const std::string broken : {"mx.example A", "mx.example AAAA"}) {
        zone.answers.clear();
        zone.fail("mx.example A");
        zone.fail("mx.example AAAA");
        CHECK_FALSE(zone.look_up().is_bogus);
        zone.fail(broken, DnsStatus::bogus);
        const HostFound found = zone.look_up();
        CHECK((found.is_bogus && found.problem == deferred("4.7.5", "the DNS answer for mx.example is bogus (SERVFAIL)")));
    }
    zone.put("mx.example A", true, v4);                           // the other family's is not its fault
    CHECK(zone.look_up().addresses.size() == 1);
    CHECK_FALSE(zone.look_up().is_bogus);
}

TEST_CASE("TLSA records count where all that leads to them is authentic (RFC 7672 section 2.2)") {
    using State = DaneFinding::State;
    Zone zone;
    zone.put("mx.example A", true, v4);
    zone.put("_25._tcp.mx.example TLSA", true, tlsa_ee);
    SECTION("usable") {
        const HostFound found = zone.look_up();
        CHECK(found.dane.state == State::usable);
        CHECK(found.dane.base == "mx.example");
        CHECK(found.dane.records == std::vector{*tls::parse_tlsa(tlsa_ee)});
    }
    SECTION("not asked for") {
        CHECK(zone.look_up(false).dane.state == State::none);
        CHECK(zone.asked.size() == 2);
    }
    SECTION("the address is not authentic") {
        zone.answers["mx.example A"].authentic = false;
        CHECK(zone.look_up().dane.state == State::none);
        CHECK(zone.asked.size() == 2);
    }
    SECTION("the records are not authentic") {
        zone.answers["_25._tcp.mx.example TLSA"].authentic = false;
        CHECK(zone.look_up().dane.state == State::none);
    }
    SECTION("none that SMTP can use") {
        zone.answers["_25._tcp.mx.example TLSA"].records = {{{0, tlsa_pkix}}};
        CHECK(zone.look_up().dane.state == State::unusable);
    }
    SECTION("no answer: the host is not to be used") {
        zone.fail("_25._tcp.mx.example TLSA");
        CHECK(zone.look_up().problem->code == "4.7.5");
        CHECK_FALSE(zone.look_up().is_bogus);
        zone.fail("_25._tcp.mx.example TLSA", DnsStatus::bogus);
        CHECK(zone.look_up().problem == deferred("4.7.5", "TLSA records of mx.example are bogus (SERVFAIL)"));
        CHECK(zone.look_up().is_bogus);
    }
    SECTION("no such name") {
        zone.answers["_25._tcp.mx.example TLSA"] = nothing(DnsStatus::no_name);
        CHECK(zone.look_up().dane.state == State::none);
        CHECK_FALSE(zone.look_up().problem);
    }
    SECTION("a secure alias: its end first, then itself") {
        zone.answers["mx.example A"].canonical = "end.example";
        CHECK(zone.look_up().dane.base == "mx.example");
        CHECK(zone.asked[2] == "_25._tcp.end.example TLSA");
        zone.put("_25._tcp.end.example TLSA", true, tlsa_ee);
        CHECK(zone.look_up().dane.base == "end.example");
    }
    SECTION("an alias to an insecure zone: itself, if it is secure") {
        zone.answers["mx.example A"].canonical = "end.example";
        zone.answers["mx.example A"].authentic = false;
        CHECK(zone.look_up().dane.state == State::none);
        zone.put("mx.example CNAME", true, "end.example");
        CHECK(zone.look_up().dane.base == "mx.example");
    }
}
