// TLS towards a server: what it must prove, by the authorities of this host (RFC 9525) or by the TLSA records of its name
// (DANE, RFC 7672), before a byte of ours goes to it. OpenSSL checks during the handshake; one that fails ends the connection.
#pragma once

#include "libcommon/result.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;

namespace postern::tls {

struct SslRelease { void operator()(ssl_st* ssl) const noexcept; };
using ClientTls = std::unique_ptr<ssl_st, SslRelease>;           // one connection's, not begun

// RFC 6698 section 2.1.
struct Tlsa {
    std::uint8_t usage = 0, selector = 0, matching = 0;
    std::string data;
    bool operator==(const Tlsa&) const = default;
};
std::optional<Tlsa> parse_tlsa(std::string_view rdata);
// RFC 7672 section 3.1: PKIX-TA and PKIX-EE are not for SMTP; selectors and digests that are not known help nobody.
bool is_usable(const Tlsa& record);

enum class Authentication : std::uint8_t { none, unverified, pkix, dane_ta, dane_ee };
std::string_view to_string(Authentication authentication);

struct ServerIdentity {
    std::string server_name;             // SNI; empty: none is sent, as to an address
    enum class Proof : std::uint8_t { nothing, certificate, dane } proof = Proof::nothing;
    bool binding = true;                 // false: one that does not prove it is talked to all the same, and known to be one
    // Of which the certificate must have one; ".example.org" is any name below it. Of DANE the first is the TLSA base domain.
    std::vector<std::string> names;
    std::vector<Tlsa> tlsa;              // usable ones
};

class Sessions;

// The authorities that vouch for servers, and the sessions that were begun under them: others are another context, which knows none.
class ClientContext {
  public:
    // The authorities as one PEM file has them; empty: none, no certificate is valid then. At most so many sessions are kept.
    static Result<std::shared_ptr<const ClientContext>> make(std::string_view authorities_pem, std::size_t max_sessions = 0);
    // `place` says whose session it is, and all that it may be resumed for beyond what `server` says; empty: it is none to resume.
    Result<ClientTls> connection(const ServerIdentity& server, std::string_view place = {}) const;

  private:
    ClientContext(std::shared_ptr<ssl_ctx_st> native, std::shared_ptr<Sessions> sessions)
        : native_(std::move(native)), sessions_(std::move(sessions)) {}
    std::shared_ptr<ssl_ctx_st> native_;
    std::shared_ptr<Sessions> sessions_;         // none are kept where there is none
};

// What was wrong with the certificate a server showed, whether or not that ended the handshake.
enum class CertificateFault : std::uint8_t { none, expired, other_host, not_trusted, no_tlsa_match };
struct PeerFault {
    CertificateFault kind = CertificateFault::none;
    std::string words;                   // "certificate has expired"
};

// Of a finished handshake; where it resumed a session, what was proved when that was made.
Authentication authentication_of(const ssl_st* ssl);
PeerFault fault_of_peer(const ssl_st* ssl);

} // namespace postern::tls
