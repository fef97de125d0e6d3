// SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 7677), the server's half: what is stored of a password, the two messages a client
// sends, and the exchange.
//
// libgsasl has these mechanisms, and CRAM-MD5; it is not used because it knows no tls-server-end-point, needs the password
// itself for CRAM-MD5, and would bring GSSAPI and NTLM into the one process that holds the hashes.
#pragma once

#include "authd/exchange.h"
#include "ipc/auth.h"
#include "libcommon/result.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::authd {

// About 10 ms. RFC 7677 section 4 wants 4096 at least. The same for everybody: a count that differed would tell who exists.
constexpr unsigned scram_iterations = 20'000;
constexpr std::size_t scram_salt_bytes = 16;

struct ScramVerifier {
    using Key = std::array<std::uint8_t, 32>;
    unsigned iterations = scram_iterations;
    std::string salt;            // bytes
    Key stored_key{}, server_key{};
    bool operator==(const ScramVerifier&) const = default;
};

// RFC 5803: "SCRAM-SHA-256$20000:<salt>$<StoredKey>:<ServerKey>".
std::string to_text(const ScramVerifier& verifier);
Result<ScramVerifier> parse_scram(std::string_view text);

// Takes its 10 ms: worker threads only. The password is prepared (saslprep.h).
ScramVerifier make_scram(std::string_view password, std::string salt, unsigned iterations = scram_iterations);

// RFC 5802 section 5.1 and 7; pure. Views point into the message, but what had to be decoded is a string.
struct ScramFirst {              // "n,a=authzid,n=user,r=nonce"
    char binding = 'n';          // 'n': the client has none, 'y': it has, and thinks we do not, 'p': it binds
    std::string_view binding_name;
    std::string authorization, username;
    std::string_view nonce;
    std::string_view header;     // up to and with the second comma
    std::string_view bare;       // the rest
};
std::optional<ScramFirst> parse_scram_first(std::string_view message);

struct ScramFinal {              // "c=...,r=nonce,p=proof"
    std::string channel;
    std::string_view nonce;
    ScramVerifier::Key proof{};
    std::string_view without_proof;
};
std::optional<ScramFinal> parse_scram_final(std::string_view message);

class ScramExchange : public Exchange {
  public:
    // `verifier_of` always finds one: for whom there is none, one nobody can satisfy.
    using VerifierOf = std::function<Result<ScramVerifier>(std::string_view username, std::string_view authorization)>;
    ScramExchange(bool plus, ipc::ChannelBindings bindings, std::string nonce, VerifierOf verifier_of)
        : plus_(plus), bindings_(std::move(bindings)), nonce_(std::move(nonce)), verifier_of_(std::move(verifier_of)) {}

    Step respond(std::string_view response) override;

  private:
    enum class Expects : std::uint8_t { first, final, confirmation };
    Step on_first(std::string_view response);
    Step on_final(std::string_view response);
    std::string_view refusal(const ScramFirst& first) const;
    std::string_view binding(std::string_view name) const;

    const bool plus_;
    const ipc::ChannelBindings bindings_;
    std::string nonce_;          // ours, then the client's and ours
    VerifierOf verifier_of_;
    Expects expects_ = Expects::first;
    ScramVerifier verifier_;
    std::string channel_;        // what "c=" has to be
    std::string first_messages_; // client-first-bare "," server-first ","
};

} // namespace postern::authd
