#include "delivery/smtp/tls_results.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::smtp_out;
using ipc::TlsResultType;
using Of = TlsEnd::Of;
using Fault = tls::CertificateFault;
using Proof = tls::ServerIdentity::Proof;

namespace {

TlsPlan plan(TlsBasis basis, Proof proof, TlsUse use = TlsUse::may, bool listed = true) {
    TlsPlan made;
    made.basis = basis;
    made.use = use;
    made.identity.proof = proof;
    made.sts_listed = listed;
    return made;
}

std::string shown(std::optional<TlsResultType> result) { return result ? std::string(to_string(*result)) : "none"; }

struct Case {
    TlsPlan plan;
    TlsEnd end;
    std::string_view expect;
};

ipc::TlsResult result(int number) {
    ipc::TlsResult made;
    made.domain = "d" + std::to_string(number) + ".example";
    return made;
}

} // namespace

TEST_CASE("what came of TLS is one of RFC 8460 section 4.3") {
    const TlsPlan opportunistic = plan(TlsBasis::opportunistic, Proof::nothing), verified = plan(TlsBasis::configured, Proof::certificate, TlsUse::must),
                  dane = plan(TlsBasis::dane, Proof::dane, TlsUse::must), unusable = plan(TlsBasis::dane, Proof::nothing, TlsUse::must),
                  sts = plan(TlsBasis::sts, Proof::certificate, TlsUse::must), testing = plan(TlsBasis::sts_testing, Proof::certificate),
                  unlisted = plan(TlsBasis::sts_testing, Proof::certificate, TlsUse::may, false);
    const Case cases[] = {
        {opportunistic, {Of::secured}, "success"},
        {opportunistic, {Of::no_starttls}, "starttls-not-supported"},
        {opportunistic, {Of::failed, {}, "wrong version number"}, "validation-failure"},
        {opportunistic, {Of::unknown}, "none"},                          // no connection, no greeting: nothing was learned of TLS
        {plan(TlsBasis::configured, Proof::nothing, TlsUse::never), {Of::no_starttls}, "none"},
        {verified, {Of::secured}, "success"},
        {verified, {Of::failed, {Fault::expired, ""}}, "certificate-expired"},
        {verified, {Of::failed, {Fault::other_host, ""}}, "certificate-host-mismatch"},
        {verified, {Of::failed, {Fault::not_trusted, ""}}, "certificate-not-trusted"},
        {dane, {Of::secured}, "success"},
        {dane, {Of::failed, {Fault::no_tlsa_match, ""}}, "validation-failure"},
        {dane, {Of::failed, {Fault::other_host, ""}}, "certificate-host-mismatch"},      // of DANE-TA
        {dane, {Of::no_starttls}, "starttls-not-supported"},
        {unusable, {Of::secured}, "tlsa-invalid"},
        {unusable, {Of::no_starttls}, "starttls-not-supported"},
        {sts, {Of::secured}, "success"},
        {sts, {Of::failed, {Fault::not_trusted, ""}}, "certificate-not-trusted"},
        {testing, {Of::secured}, "success"},
        {testing, {Of::secured, {Fault::expired, ""}}, "certificate-expired"},           // what enforcing it would have refused
        {testing, {Of::no_starttls}, "starttls-not-supported"},
        {unlisted, {Of::secured}, "validation-failure"},
    };
    for (const Case& c : cases) {
        INFO(static_cast<int>(c.plan.basis) << " " << static_cast<int>(c.end.of) << " " << static_cast<int>(c.end.fault.kind));
        CHECK(shown(judge(c.plan, c.end)) == c.expect);
    }
}

TEST_CASE("equal results are counted and told together") {
    Loop loop;
    std::vector<ipc::TlsResults> told;
    TlsTally tally(loop, [&](const ipc::TlsResults& results) { return told.push_back(results), true; });
    tally.flush();
    CHECK(told.empty());                                                 // there is nothing to tell
    for (int i = 0; i < 3; ++i) tally.add(result(1));
    tally.add(result(2));
    CHECK(told.empty());
    tally.flush();
    REQUIRE(told.size() == 1);
    std::size_t sessions = 0;
    for (const auto& one : told[0].results) sessions += one.count;
    CHECK(told[0].results.size() == 2);
    CHECK(sessions == 4);
    tally.flush();
    CHECK(told.size() == 1);
}

TEST_CASE("results wait for who takes them, and no more of them than a message holds") {
    constexpr int most = 256;
    Loop loop;
    bool there = false;
    std::vector<ipc::TlsResults> told;
    TlsTally tally(loop, [&](const ipc::TlsResults& results) {
        if (there) told.push_back(results);
        return there;
    });
    for (int i = 0; i < most + 10; ++i) tally.add(result(i));            // the last ten are lost
    tally.add(result(0));                                                // which has its place
    there = true;
    tally.flush();
    REQUIRE(told.size() == 1);
    CHECK(told[0].results.size() == most);
    for (int i = 0; i < most + 10; ++i) tally.add(result(i));
    CHECK(told.size() == 2);                                             // a full one goes at once
    tally.flush();
    CHECK(told[2].results.size() == 10);
}
