#include "authd/scram.h"

#include "libcommon/text.h"

#include <catch2/catch.hpp>

#include <openssl/evp.h>
#include <openssl/hmac.h>

using namespace postern;
using namespace postern::authd;
using namespace std::string_literals;

namespace {

// RFC 7677 section 3.
const std::string vector_salt = *from_base64("W22ZaJ0SNY7soEsUEjb6gQ==");
constexpr std::string_view vector_first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view vector_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr std::string_view vector_final =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

std::string describe(const Exchange::Step& step) {
    if (const auto* challenge = std::get_if<Exchange::Challenge>(&step)) return "challenge " + challenge->bytes;
    if (const auto* denied = std::get_if<Exchange::Denied>(&step)) return "denied " + std::string(denied->why);
    if (std::holds_alternative<Exchange::Malformed>(step)) return "malformed";
    return std::holds_alternative<Exchange::Proven>(step) ? "proven" : "unavailable";
}

ScramExchange exchange(bool plus = false, ipc::ChannelBindings bindings = {}) {
    return ScramExchange(plus, std::move(bindings), std::string(vector_nonce), [](std::string_view, std::string_view) {
        return Result<ScramVerifier>(make_scram("pencil", vector_salt, 4096));
    });
}

// The client's half, by the formulas of RFC 5802 section 3 and no code of ours.
std::string client_final(std::string_view bare, std::string_view server_first, std::string_view channel, std::string_view password) {
    const auto hmac = [](std::string_view key, std::string_view text) {
        unsigned char out[32];
        HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, nullptr);
        return std::string(reinterpret_cast<char*>(out), 32);
    };
    std::string salted(32, '\0');
    PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), reinterpret_cast<const unsigned char*>(vector_salt.data()),
                      static_cast<int>(vector_salt.size()), 4096, EVP_sha256(), 32, reinterpret_cast<unsigned char*>(salted.data()));
    const std::string client_key = hmac(salted, "Client Key");
    std::string stored_key(32, '\0');
    EVP_Digest(client_key.data(), 32, reinterpret_cast<unsigned char*>(stored_key.data()), nullptr, EVP_sha256(), nullptr);
    const auto nonce = server_first.substr(0, server_first.find(','));
    const std::string without = "c=" + to_base64(channel) + "," + std::string(nonce);
    std::string proof = hmac(stored_key, std::string(bare) + "," + std::string(server_first) + "," + without);
    for (std::size_t i = 0; i < 32; ++i) proof[i] = static_cast<char>(proof[i] ^ client_key[i]);
    return without + ",p=" + to_base64(proof);
}

std::string run(ScramExchange& scram, const std::string& header, const std::string& channel, std::string_view password = "pencil") {
    const std::string bare = "n=user,r=abc";
    const auto first = scram.respond(header + bare);
    const auto* challenge = std::get_if<Exchange::Challenge>(&first);
    if (!challenge) return describe(first);
    const auto second = scram.respond(client_final(bare, challenge->bytes, header + channel, password));
    if (!std::holds_alternative<Exchange::Challenge>(second)) return describe(second);
    return describe(scram.respond(""));
}

} // namespace

TEST_CASE("SCRAM-SHA-256 as in RFC 7677 section 3") {
    auto scram = exchange();
    CHECK(describe(scram.respond(vector_first)) ==
          "challenge r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    CHECK(describe(scram.respond(vector_final)) == "challenge v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    CHECK(describe(scram.respond("")) == "proven");
}

TEST_CASE("A wrong proof, a changed nonce and a changed header are denied") {
    struct Case { std::string_view from, to, expect; };
    constexpr Case cases[] = {
        {"p=dHzb", "p=dHza", "denied password"},
        {"r=rOpr", "r=rOpx", "denied nonce"},
        {"$k0,p=", "$k,p=", "denied nonce"},
        {"c=biws", "c=eSws", "denied binding"},            // "y,,"
        {"c=biws", "c=biwsYQ==", "denied binding"},
        {"c=biws,", "c=biws,m=x,", "malformed"},
        {"c=biws,", "", "malformed"},
        {"c=biws", "c=biw", "malformed"},
        {",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "", "malformed"},
        {"AndVQ=", "AndVQ", "malformed"},
        {"p=dHzbZapW", "p=dHzb", "malformed"},
    };
    for (const Case& c : cases) {
        INFO(c.to);
        std::string final(vector_final);
        REQUIRE(final.find(c.from) != std::string::npos);
        final.replace(final.find(c.from), c.from.size(), c.to);
        auto scram = exchange();
        (void)scram.respond(vector_first);
        CHECK(describe(scram.respond(final)) == c.expect);
    }
}

TEST_CASE("What is no client-first message is malformed") {
    for (std::string_view message :
         {"", "n", "n,", "n,,", "n,,n=user", "n,,n=user,", "n,,n=user,r=", "n,,r=abc,n=user", "x,,n=user,r=abc", "p=,,n=user,r=abc",
          "n,b=c,n=user,r=abc", "n,a=,n=user,r=abc", "n,a=z", "n,,n=,r=abc", "n,,n=us=er,r=abc", "n,,n=us=2c,r=abc", "n,,n=user=,r=abc",
          "n,,n=us\xFF,r=abc", "n,,n=user,r=a b", "n,,n=user,r=a\x7F", "n,,m=ext,n=user,r=abc", "N,,n=user,r=abc"}) {
        INFO(message);
        auto scram = exchange();
        CHECK(describe(scram.respond(message)) == "malformed");
    }
}

TEST_CASE("Names are decoded, extensions behind the nonce ignored") {
    const auto first = parse_scram_first("y,a=z=3Dz,n=a=2Cb=3Dc,r=abc,x=later");
    REQUIRE(first);
    CHECK(first->binding == 'y');
    CHECK(first->authorization == "z=z");
    CHECK(first->username == "a,b=c");
    CHECK(first->nonce == "abc");
    CHECK(first->header == "y,a=z=3Dz,");
    CHECK(first->bare == "n=a=2Cb=3Dc,r=abc,x=later");
}

TEST_CASE("Steps out of order end the exchange") {
    auto scram = exchange();
    CHECK(describe(scram.respond(vector_final)) == "malformed");
    auto again = exchange();
    (void)again.respond(vector_first);
    CHECK(describe(again.respond(vector_first)) == "malformed");
    auto late = exchange();
    (void)late.respond(vector_first);
    (void)late.respond(vector_final);
    CHECK(describe(late.respond("more")) == "malformed");
}

TEST_CASE("Channel binding: each combination of what is offered and what the client says, RFC 5802 section 6") {
    const ipc::ChannelBindings both{"exported", "certificate"}, only_end_point{{}, "certificate"}, none{};
    struct Case { bool plus; const ipc::ChannelBindings& bindings; std::string_view header, channel, expect; };
    const Case cases[] = {
        {false, none, "n,,", "", "proven"},
        {false, none, "y,,", "", "proven"},                                // it could, we could not
        {false, both, "n,,", "", "proven"},
        {false, both, "y,,", "", "denied downgrade"},                      // somebody took -PLUS out of the list
        {false, only_end_point, "y,,", "", "denied downgrade"},
        {false, both, "p=tls-exporter,,", "exported", "denied binding"},   // binds, but did not choose -PLUS
        {true, both, "p=tls-exporter,,", "exported", "proven"},
        {true, both, "p=tls-server-end-point,,", "certificate", "proven"},
        {true, only_end_point, "p=tls-server-end-point,,", "certificate", "proven"},
        {true, both, "p=tls-exporter,,", "of another connection", "denied binding"},
        {true, both, "p=tls-exporter,,", "", "denied binding"},
        {true, both, "p=tls-exporter,,", "certificate", "denied binding"},
        {true, only_end_point, "p=tls-exporter,,", "", "denied binding"},
        {true, both, "p=tls-unique,,", "", "denied binding"},
        {true, both, "n,,", "", "denied binding"},
        {true, both, "y,,", "", "denied binding"},
        {true, none, "p=tls-exporter,,", "", "denied binding"},
    };
    for (const Case& c : cases) {
        INFO(c.plus << " " << c.header << " " << c.channel);
        auto scram = exchange(c.plus, c.bindings);
        CHECK(run(scram, std::string(c.header), std::string(c.channel)) == c.expect);
    }
    auto wrong = exchange(true, both);
    CHECK(run(wrong, "p=tls-exporter,,", "exported", "pencils") == "denied password");
}

TEST_CASE("A look-up that fails is unavailable, not denied") {
    ScramExchange scram(false, {}, "n", [](std::string_view, std::string_view) {
        return Result<ScramVerifier>(Error(Errc::io, "no database"));
    });
    CHECK(describe(scram.respond(vector_first)) == "unavailable");
}

TEST_CASE("Verifiers survive their text, and nothing else is one") {
    const auto made = make_scram("pencil", vector_salt, 4096);
    const std::string text = to_text(made);
    CHECK(text.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
    REQUIRE(parse_scram(text));
    CHECK(*parse_scram(text) == made);
    for (const std::string& bad : {""s, "SCRAM-SHA-256"s, "SCRAM-SHA-1" + text.substr(13), text + "=", text.substr(0, text.size() - 2),
                                   "SCRAM-SHA-256$0:" + text.substr(19), "SCRAM-SHA-256$4096:$" + text.substr(44)}) {
        INFO(bad);
        CHECK_FALSE(parse_scram(bad).ok());
    }
}
