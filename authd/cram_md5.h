// CRAM-MD5 (RFC 2195), for clients that know nothing better. What is stored is not the password but the two MD5 states HMAC
// begins with: enough to answer for this mechanism, no good for any other. It is still as good as the password to whoever
// steals it and speaks CRAM-MD5, and one guess at it costs a thief nearly nothing: only for accounts that opted in.
#pragma once

#include "authd/exchange.h"
#include "libcommon/result.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::authd {

struct CramVerifier {
    using State = std::array<std::uint32_t, 4>;
    State inner{}, outer{};      // MD5 after the block "key xor ipad", and "key xor opad", RFC 2104 section 4
    bool operator==(const CramVerifier&) const = default;
};
std::string to_text(const CramVerifier& verifier);   // "CRAM-MD5$" and 64 hex digits
Result<CramVerifier> parse_cram(std::string_view text);
CramVerifier make_cram(std::string_view password);
std::string cram_digest(const CramVerifier& verifier, std::string_view challenge);   // 32 hex digits

class CramExchange : public Exchange {
  public:
    using VerifierOf = std::function<Result<CramVerifier>(std::string_view username)>;
    // `challenge`: "<unique@host>", never twice the same.
    CramExchange(std::string challenge, VerifierOf verifier_of)
        : challenge_(std::move(challenge)), verifier_of_(std::move(verifier_of)) {}
    Step respond(std::string_view response) override;

  private:
    std::string challenge_;
    VerifierOf verifier_of_;
    bool challenged_ = false;
};

} // namespace postern::authd
