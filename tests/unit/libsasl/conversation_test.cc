#include "libsasl/conversation.h"

#include "libcommon/text.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::sasl;
using namespace std::string_literals;

namespace {

Conversation begin(std::string_view mechanism) {
    return Conversation(*find(mechanism, {true, true, true}),
                        {TraceId{7}, ipc::Protocol::submission, "192.0.2.1", {"exporter", "end point"}});
}

std::string describe(const Conversation::Step& step) {
    using C = Conversation;
    if (const auto* say = std::get_if<C::Say>(&step)) return "say " + say->base64;
    if (const auto* login = std::get_if<ipc::Login>(&step))
        return "login " + login->authzid.value + "/" + login->username.value + "/" + login->password.value;
    if (const auto* start = std::get_if<ipc::SaslStart>(&step)) return "start " + start->response.value;
    if (const auto* next = std::get_if<ipc::SaslStep>(&step))
        return "step " + std::to_string(next->attempt) + " " + next->response.value;
    if (std::holds_alternative<C::Malformed>(step)) return "malformed";
    return std::holds_alternative<C::Cancelled>(step) ? "cancelled" : "result";
}

ipc::SaslReply challenge(std::string text) { return {ipc::SaslState::challenge, 42, std::move(text), "ann", {}}; }

} // namespace

TEST_CASE("PLAIN and LOGIN become a question with a password") {
    auto plain = begin("PLAIN");
    CHECK(describe(plain.begin(std::nullopt)) == "say ");
    CHECK(describe(plain.on_line(to_base64("\0ann\0pw"s))) == "login /ann/pw");
    CHECK(plain.username() == "ann");
    CHECK(describe(begin("PLAIN").begin(to_base64("z\0ann\0pw"s))) == "login z/ann/pw");
    CHECK(describe(begin("PLAIN").begin("=")) == "malformed");

    auto login = begin("LOGIN");
    CHECK(describe(login.begin(std::nullopt)) == "say VXNlcm5hbWU6");
    CHECK(describe(login.on_line(to_base64("ann"))) == "say UGFzc3dvcmQ6");
    CHECK(describe(login.on_line(to_base64("pw"))) == "login /ann/pw");
    auto early = begin("LOGIN");
    CHECK(describe(early.begin(to_base64("ann"))) == "say UGFzc3dvcmQ6");
    CHECK(describe(early.on_line("%")) == "malformed");
}

TEST_CASE("SCRAM is relayed, decoded, with what the connection can be bound to") {
    auto scram = begin("SCRAM-SHA-256-PLUS");
    const auto start = scram.begin(to_base64("first"));
    REQUIRE(describe(start) == "start first");
    const auto& asked = std::get<ipc::SaslStart>(start);
    CHECK(asked.mechanism == ipc::SaslMechanism::scram_sha_256_plus);
    CHECK(asked.bindings.tls_exporter.view() == "exporter");
    CHECK(asked.client.view() == "192.0.2.1");
    CHECK(describe(scram.on_reply(challenge("salt"))) == "say " + to_base64("salt"));
    CHECK(scram.username() == "ann");
    CHECK(describe(scram.on_line(to_base64("proof"))) == "step 42 proof");
    CHECK(describe(scram.on_reply({})) == "result");
    CHECK_FALSE(scram.abort());
}

TEST_CASE("Without an initial response the client is asked for one; an empty one is one") {
    auto scram = begin("SCRAM-SHA-256");
    CHECK(describe(scram.begin(std::nullopt)) == "say ");
    CHECK(describe(scram.on_line(to_base64("first"))) == "start first");
    CHECK(describe(begin("SCRAM-SHA-256").begin("=")) == "start ");
    CHECK(describe(begin("CRAM-MD5").begin(std::nullopt)) == "start ");
    CHECK(describe(begin("CRAM-MD5").begin("=")) == "malformed");          // RFC 4954 section 4: 501
    CHECK(describe(begin("CRAM-MD5").begin(to_base64("ann 00"))) == "malformed");
}

TEST_CASE("What a client gives up in the middle is given up at authd") {
    for (const std::string& line : {"*"s, "not base64"s, to_base64(std::string(ipc::SaslResponse::limit + 1, 'x'))}) {
        auto scram = begin("SCRAM-SHA-256");
        (void)scram.begin(to_base64("first"));
        CHECK_FALSE(scram.abort());                                        // authd has not said that it keeps anything
        (void)scram.on_reply(challenge("salt"));
        CHECK(describe(scram.on_line(line)) == (line == "*" ? "cancelled" : "malformed"));
        const auto abort = scram.abort();
        REQUIRE(abort);
        CHECK(abort->attempt == 42);
        CHECK_FALSE(scram.abort());
    }
    auto scram = begin("SCRAM-SHA-256");
    (void)scram.begin(to_base64("first"));
    (void)scram.on_reply(challenge("salt"));
    CHECK(describe(scram.on_reply({ipc::SaslState::malformed, 0, {}, {}, {}})) == "malformed");
    CHECK_FALSE(scram.abort());
}
