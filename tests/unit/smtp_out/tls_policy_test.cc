#include "delivery/smtp/tls_policy.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::smtp_out;

namespace {

mail::NextHop hop(std::string_view text) { return *mail::parse_next_hop(text); }
using Proof = tls::ServerIdentity::Proof;
using State = DaneFinding::State;

} // namespace

TEST_CASE("levels by destination: the next hop as it stands, its host, what is above it") {
    std::vector<std::string> faults;
    const TlsPolicy policy = TlsPolicy::parse(TlsLevel::may, {"example.com secure", ".example.com verify", "Old.Example=none", "[relay.example]:587 encrypt"}, faults);
    CHECK(faults.empty());
    const auto level = [&](std::string_view text) { return std::string(to_string(policy.level_for(hop(text), false, false))); };
    CHECK(level("example.com") == "secure");
    CHECK(level("[example.com]:25") == "secure");
    CHECK(level("a.b.example.com") == "verify");
    CHECK(level("old.example") == "none");
    CHECK(level("[relay.example]:587") == "encrypt");
    CHECK(level("[relay.example]") == "may");
    CHECK(level("other.example") == "may");
    CHECK(level("[192.0.2.1]") == "may");
}

TEST_CASE("lines that are wrong are told, and are never lax") {
    std::vector<std::string> faults;
    const TlsPolicy policy = TlsPolicy::parse(TlsLevel::may, {"example.com secured", "example.org", "exa_mple.. none"}, faults);
    CHECK(faults == std::vector<std::string>{"example.com secured", "example.org", "exa_mple.. none"});
    CHECK(policy.level_for(hop("example.com"), false, false) == TlsLevel::secure);
    CHECK(policy.level_for(hop("example.org"), false, false) == TlsLevel::secure);
}

TEST_CASE("a password and REQUIRETLS raise the level") {
    std::vector<std::string> faults;
    const TlsPolicy policy = TlsPolicy::parse(TlsLevel::dane, {"lax.example none", "plain.example encrypt"}, faults);
    CHECK(policy.level_for(hop("smart.example"), true, false) == TlsLevel::secure);
    CHECK(policy.level_for(hop("lax.example"), true, false) == TlsLevel::encrypt);
    CHECK(policy.level_for(hop("lax.example"), false, true) == TlsLevel::verify);
    CHECK(policy.level_for(hop("plain.example"), false, true) == TlsLevel::verify);
    CHECK(policy.level_for(hop("any.example"), false, true) == TlsLevel::dane);     // its TLSA records may prove it
}

TEST_CASE("what a level means for a host") {
    const DaneFinding none, unusable{State::unusable, "mx.example"}, usable{State::usable, "mx.example", {{3, 1, 1, std::string(32, 'd')}}};
    struct Case {
        TlsLevel level;
        std::string_view hop;
        const DaneFinding& dane;
        bool require_tls;
        TlsUse use;
        bool fallback;
        Proof proof;
        std::vector<std::string> names;
    };
    const Case cases[] = {
        {TlsLevel::none, "d.example", usable, false, TlsUse::never, false, Proof::nothing, {}},
        {TlsLevel::may, "d.example", usable, false, TlsUse::may, true, Proof::nothing, {}},
        {TlsLevel::dane, "d.example", none, false, TlsUse::may, true, Proof::nothing, {}},
        {TlsLevel::dane, "d.example", unusable, false, TlsUse::must, false, Proof::nothing, {}},
        {TlsLevel::dane, "d.example", usable, false, TlsUse::must, false, Proof::dane, {"mx.example", "d.example"}},
        {TlsLevel::dane, "d.example", usable, true, TlsUse::must, false, Proof::dane, {"mx.example", "d.example"}},
        {TlsLevel::dane, "d.example", none, true, TlsUse::must, false, Proof::certificate, {"mx.example"}},
        {TlsLevel::encrypt, "d.example", none, false, TlsUse::must, false, Proof::nothing, {}},
        {TlsLevel::verify, "d.example", none, false, TlsUse::must, false, Proof::certificate, {"mx.example"}},
        {TlsLevel::secure, "d.example", none, false, TlsUse::must, false, Proof::certificate, {"d.example", ".d.example"}},
        {TlsLevel::secure, "[192.0.2.1]", none, false, TlsUse::must, false, Proof::certificate, {"192.0.2.1"}},
    };
    for (const Case& c : cases) {
        INFO(to_string(c.level) << " " << c.hop);
        const TlsPlan plan = plan_tls({c.level, c.require_tls, true}, hop(c.hop), "mx.example", c.dane, {});
        CHECK(plan.use == c.use);
        CHECK(plan.fallback == c.fallback);
        CHECK(plan.identity.proof == c.proof);
        CHECK(plan.identity.names == c.names);
        CHECK(plan.identity.server_name == (c.hop.starts_with('[') ? "" : "mx.example"));
        CHECK(plan_tls({c.level, c.require_tls, false}, hop(c.hop), "mx.example", c.dane, {}).fallback == false);
    }
}

TEST_CASE("what a domain's policy means for a host, and what it stands on") {
    const DaneFinding none, unusable{State::unusable, "mx.example"}, usable{State::usable, "mx.example", {{3, 1, 1, std::string(32, 'd')}}};
    using Mode = ipc::StsMode;
    struct Case {
        const DaneFinding& dane;
        Mode mode;
        bool require_tls;
        TlsBasis basis;
        TlsUse use;
        bool fallback;
        Proof proof;
        bool binding;
    };
    const Case cases[] = {
        {none, Mode::none, false, TlsBasis::opportunistic, TlsUse::may, true, Proof::nothing, true},
        {none, Mode::testing, false, TlsBasis::sts_testing, TlsUse::may, true, Proof::certificate, false},
        {none, Mode::enforce, false, TlsBasis::sts, TlsUse::must, false, Proof::certificate, true},
        {usable, Mode::enforce, false, TlsBasis::dane, TlsUse::must, false, Proof::dane, true},       // RFC 8461 section 2
        {usable, Mode::testing, true, TlsBasis::dane, TlsUse::must, false, Proof::dane, true},
        {unusable, Mode::none, false, TlsBasis::dane, TlsUse::must, false, Proof::nothing, true},
        {unusable, Mode::testing, false, TlsBasis::sts_testing, TlsUse::must, false, Proof::certificate, false},
        {unusable, Mode::enforce, false, TlsBasis::sts, TlsUse::must, false, Proof::certificate, true},
        {none, Mode::testing, true, TlsBasis::sts_testing, TlsUse::must, false, Proof::certificate, true},
        {none, Mode::enforce, true, TlsBasis::sts, TlsUse::must, false, Proof::certificate, true},
    };
    for (const Case& c : cases) {
        INFO("dane " << static_cast<int>(c.dane.state) << ", policy " << to_string(c.mode) << ", REQUIRETLS " << c.require_tls);
        const TlsPlan plan = plan_tls({TlsLevel::dane, c.require_tls, true}, hop("d.example"), "mx.example", c.dane, {c.mode, "id1", true});
        CHECK(plan.basis == c.basis);
        CHECK(plan.use == c.use);
        CHECK(plan.fallback == c.fallback);
        CHECK(plan.identity.proof == c.proof);
        CHECK(plan.identity.binding == c.binding);
        CHECK(plan.identity.server_name == "mx.example");
        const bool by_policy = c.basis == TlsBasis::sts || c.basis == TlsBasis::sts_testing;
        CHECK(plan.sts_id == (by_policy ? "id1" : ""));
        if (by_policy) CHECK(plan.identity.names == std::vector<std::string>{"mx.example"});
    }
    // Who chose a level asked nobody else.
    const TlsPlan chosen = plan_tls({TlsLevel::encrypt, false, true}, hop("d.example"), "mx.example", none, {Mode::enforce, "id1", true});
    CHECK(chosen.basis == TlsBasis::configured);
    CHECK(chosen.identity.proof == Proof::nothing);
}
