#include "authd/sasl.h"

#include "authd/cram_md5.h"
#include "authd/scram.h"
#include "libcommon/text.h"
#include "tests/unit/authd/fixture.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

using namespace postern;
using namespace postern::authd;
using namespace std::chrono_literals;
using ipc::LoginStatus;
using ipc::SaslState;

namespace {

const ipc::Peer smtpd{ipc::ServiceId::smtpd, 0, 1}, other{ipc::ServiceId::smtpd, 1, 1};

struct Door {
    test::Mailbag bag;
    Database db = test::empty_database();
    HashPool pool{bag.post(), 1, 8};
    Verifier verifier{pool, test::cheap, 90s};
    Handles handles{30s, 100};
    Guard guard{db};
    Verifier::Time now{};
    Logins logins{db, verifier, handles, guard, [this] { return now; }, [] { return std::int64_t{5000}; },
                  [](std::chrono::milliseconds, const std::function<void()>& task) { task(); }};
    Sasl sasl{db, logins, "mx.example.org", [this] { return now; }};
    AccountId ann = 0;

    Door() {
        test::add_domain(db, "example.org");
        ann = test::add_account(db, "ann@example.org", "pw");
        test::add_account(db, "sue@example.org", "pw", {.name = {}, .status = ipc::AccountStatus::suspended, .role = {},
                                                        .quota_bytes = {}, .quota_messages = {}});
        test::add_account(db, "old@example.org");
    }

    ipc::SaslReply start(std::string response, ipc::SaslMechanism mechanism = ipc::SaslMechanism::scram_sha_256,
                         const ipc::Peer& peer = smtpd, ipc::Protocol protocol = ipc::Protocol::submission) {
        ipc::SaslStart request;
        request.protocol = protocol;
        request.mechanism = mechanism;
        request.response = std::move(response);
        std::optional<ipc::SaslReply> reply;
        sasl.start({peer, [] { return true; }}, std::move(request), [&](const ipc::SaslReply& r) { reply = r; });
        REQUIRE(reply);
        return *reply;
    }
    ipc::SaslReply step(std::uint64_t attempt, std::string response, const ipc::Peer& peer = smtpd) {
        std::optional<ipc::SaslReply> reply;
        sasl.step({peer, [] { return true; }}, {attempt, std::move(response)}, [&](const ipc::SaslReply& r) { reply = r; });
        REQUIRE(reply);
        return *reply;
    }
};

std::string hmac(std::string_view key, std::string_view text) {
    unsigned char out[32];
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, nullptr);
    return {reinterpret_cast<char*>(out), 32};
}

// The client's half, by the formulas of RFC 5802 section 3.
std::string client_final(std::string_view bare, std::string_view server_first, std::string_view password) {
    const auto parts = split(server_first, ',');
    REQUIRE(parts.size() == 3);
    const std::string salt = *from_base64(parts[1].substr(2));
    std::string salted(32, '\0'), stored_key(32, '\0');
    PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), reinterpret_cast<const unsigned char*>(salt.data()),
                      static_cast<int>(salt.size()), static_cast<int>(*parse_number(parts[2].substr(2))), EVP_sha256(), 32,
                      reinterpret_cast<unsigned char*>(salted.data()));
    const std::string client_key = hmac(salted, "Client Key");
    EVP_Digest(client_key.data(), 32, reinterpret_cast<unsigned char*>(stored_key.data()), nullptr, EVP_sha256(), nullptr);
    const std::string without = "c=biws," + std::string(parts[0]);
    std::string proof = hmac(stored_key, std::string(bare) + "," + std::string(server_first) + "," + without);
    for (std::size_t i = 0; i < 32; ++i) proof[i] = static_cast<char>(proof[i] ^ client_key[i]);
    return without + ",p=" + to_base64(proof);
}

ipc::LoginResult log_in(Door& door, const std::string& name, std::string_view password) {
    const std::string bare = "n=" + name + ",r=clientnonce";
    const auto first = door.start("n,," + bare);
    if (first.state != SaslState::challenge) return first.login;
    CHECK(first.username.view() == name);
    const auto second = door.step(first.attempt, client_final(bare, first.challenge, password));
    if (second.state != SaslState::challenge) return second.login;
    CHECK(second.challenge.view().starts_with("v="));
    CHECK(second.login.handle.empty());                    // nothing is given before the client has seen who we are
    return door.step(second.attempt, "").login;
}

std::string challenge_for(Door& door, const std::string& name) {
    const auto reply = door.start("n,,n=" + name + ",r=x");
    REQUIRE(reply.state == SaslState::challenge);
    const std::string_view text = reply.challenge.view();
    return std::string(text.substr(text.find(",s=")));     // behind the nonce
}

} // namespace

TEST_CASE("SCRAM-SHA-256 logs in by any of the account's names, and gives what a login gives") {
    Door door;
    const auto result = log_in(door, "Ann@example.org", "pw");
    REQUIRE(result.status == LoginStatus::ok);
    CHECK(result.account == door.ann);
    CHECK(result.address.view() == "ann@example.org");
    CHECK(door.handles.session(smtpd, result.handle) == door.ann);
    CHECK(door.sasl.size() == 0);
}

TEST_CASE("A wrong password, nobody, a suspended account and one without a password get the same answers") {
    Door door;
    for (const auto& [name, password] : std::vector<std::pair<std::string, std::string>>{
             {"ann@example.org", "wrong"}, {"nobody@example.org", "pw"}, {"nobody@elsewhere.example", "pw"}, {"not an address", "pw"},
             {"old@example.org", ""}}) {
        INFO(name);
        CHECK(encode(log_in(door, name, password)) == encode(ipc::LoginResult{LoginStatus::denied, {}, 0, {}}));
    }
    CHECK(log_in(door, "sue@example.org", "pw").status == LoginStatus::denied);
    CHECK(log_in(door, "sue@example.org", "wrong").status == LoginStatus::denied);
    CHECK(door.sasl.size() == 0);
    CHECK(door.handles.size() == 0);
}

TEST_CASE("Whom nobody knows has a salt of its own that stays, and the count everybody has") {
    Door door;
    const auto nobody = challenge_for(door, "nobody@example.org");
    CHECK(challenge_for(door, "nobody@example.org") == nobody);
    CHECK(challenge_for(door, "NOBODY@example.org") == nobody);
    CHECK(challenge_for(door, "other@example.org") != nobody);
    CHECK(challenge_for(door, "ann@example.org") == challenge_for(door, "ann@example.org"));
    CHECK(nobody.size() == challenge_for(door, "ann@example.org").size());
    CHECK(nobody.substr(nobody.find(",i=")) == ",i=" + std::to_string(scram_iterations));
    Door another;
    CHECK(challenge_for(another, "nobody@example.org") != nobody);       // another server, another secret
}

TEST_CASE("An exchange belongs to its front, lives a minute and ends once") {
    Door door;
    const auto begin = [&] { return door.start("n,,n=ann@example.org,r=x").attempt; };
    auto attempt = begin();
    CHECK(door.step(attempt, "x", other).login.status == LoginStatus::unavailable);
    CHECK(door.step(attempt, "x").state == SaslState::malformed);
    CHECK(door.step(attempt, "x").state == SaslState::finished);         // it is over
    attempt = begin();
    door.now += Sasl::life;
    CHECK(door.step(attempt, "x").login.status == LoginStatus::unavailable);
    CHECK(door.sasl.size() == 0);
    (void)begin();
    door.now += Sasl::life;
    door.sasl.expire();
    CHECK(door.sasl.size() == 0);
    attempt = begin();
    door.sasl.abort(other, attempt);
    CHECK(door.sasl.size() == 1);
    door.sasl.abort(smtpd, attempt);
    CHECK(door.sasl.size() == 0);
    (void)begin();
    door.sasl.peer_closed(smtpd);
    CHECK(door.sasl.size() == 0);
}

TEST_CASE("A front that begins and begins loses its own oldest exchanges only") {
    Door door;
    const auto others = door.start("n,,n=ann@example.org,r=x", ipc::SaslMechanism::scram_sha_256, other).attempt;
    const auto first = door.start("n,,n=ann@example.org,r=x").attempt;
    for (std::size_t i = 0; i < Sasl::max_of_peer; ++i) (void)door.start("n,,n=ann@example.org,r=x");
    CHECK(door.sasl.size() == Sasl::max_of_peer + 1);
    CHECK(door.step(first, "x").state == SaslState::finished);
    CHECK(door.step(others, "x", other).state == SaslState::malformed);
}

TEST_CASE("A password that changed in the middle of an exchange does not log in") {
    Door door;
    const std::string bare = "n=ann@example.org,r=x";
    const auto first = door.start("n,," + bare);
    const auto second = door.step(first.attempt, client_final(bare, first.challenge, "pw"));
    REQUIRE(second.state == SaslState::challenge);
    REQUIRE(store_password(door.db, door.ann, *derive("new", test::cheap)).ok());
    CHECK(door.step(second.attempt, "").login.status == LoginStatus::denied);
}

TEST_CASE("A front runs exchanges for its own protocol only, and none for what comes as a password") {
    Door door;
    const std::string bare = "n=ann@example.org,r=x";
    const auto first = door.start("n,," + bare, ipc::SaslMechanism::scram_sha_256, smtpd, ipc::Protocol::imap);
    const auto second = door.step(first.attempt, client_final(bare, first.challenge, "pw"));
    CHECK(door.step(second.attempt, "").login.status == LoginStatus::denied);
    CHECK(door.start("", ipc::SaslMechanism::plain).state == SaslState::malformed);
    CHECK(door.start("", ipc::SaslMechanism::login).state == SaslState::malformed);
}

TEST_CASE("SCRAM for somebody else is denied") {
    Door door;
    const std::string bare = "n=ann@example.org,r=x";
    auto first = door.start("n,a=sue@example.org," + bare);
    std::string final = client_final(bare, first.challenge, "pw");
    final.replace(0, final.find(','), "c=" + to_base64("n,a=sue@example.org,"));
    CHECK(door.step(first.attempt, final).login.status == LoginStatus::denied);
}

TEST_CASE("CRAM-MD5 is for accounts that opted in") {
    Door door;
    const auto try_it = [&](const std::string& name) {
        const auto first = door.start("", ipc::SaslMechanism::cram_md5);
        REQUIRE(first.state == SaslState::challenge);
        CHECK(first.challenge.view().ends_with("@mx.example.org>"));
        return door.step(first.attempt, name + " " + cram_digest(make_cram("pw"), first.challenge)).login.status;
    };
    CHECK(try_it("ann@example.org") == LoginStatus::denied);
    REQUIRE(change_account(door.db, test::cram_md5("ann@example.org", true)).ok());
    CHECK(show_account(door.db, "ann@example.org")->cram_md5);
    CHECK(try_it("ann@example.org") == LoginStatus::denied);             // no verifier yet
    REQUIRE(store_password(door.db, door.ann, *derive("pw", test::cheap)).ok());
    CHECK(try_it("ann@example.org") == LoginStatus::ok);
    CHECK(try_it("nobody@example.org") == LoginStatus::denied);
    REQUIRE(change_account(door.db, test::cram_md5("ann@example.org", false)).ok());
    CHECK(login_account(door.db, door.ann)->cram_md5.empty());           // gone, not only unused
    CHECK(try_it("ann@example.org") == LoginStatus::denied);
    REQUIRE(store_password(door.db, door.ann, *derive("pw", test::cheap)).ok());
    CHECK(login_account(door.db, door.ann)->cram_md5.empty());
}
