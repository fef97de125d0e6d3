// What a TLS server shows and allows: its certificates, its protocol versions, its ALPN name. The private keys
// are keyd's: signatures are asked for through an OpenSSL provider (provider.h).
#pragma once

#include "ipc/birth.h"
#include "ipc/keys.h"
#include "libcommon/result.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st;

namespace postern::tls {

// Asks for one signature and waits for it, bounded by a deadline: the one blocking call a session loop makes.
using Signer = std::function<Result<std::string>(const ipc::KeyName&, ipc::SignatureScheme, std::string_view input)>;

struct Certificate {
    std::string name;            // for people: where it comes from
    std::string chain_pem;       // leaf first
};

class Context {
  public:
    // A client gets the certificate that names the server it asks for, the first one when none does or it asks for none. One
    // that cannot be used is said in the log and left out; an error is that none is left.
    // `alpn` is the one protocol name accepted from clients that offer any ("smtp", "imap", "http/1.1"): another
    // server's traffic cannot be led here (TESTCARD F3). `tickets` outlives the context and may change; without it tickets
    // are this process's own.
    static Result<std::shared_ptr<const Context>> server(const std::vector<Certificate>& certificates,
                                                         std::string_view alpn, Signer signer,
                                                         const ipc::TicketKeys* tickets = nullptr);
    ~Context();
    ssl_ctx_st* native() const { return default_.get(); }

    struct Validity {
        std::string name;
        std::int64_t not_after = 0;      // seconds since the epoch
    };
    const std::vector<Validity>& validities() const { return validities_; }   // of those in use

    struct Shared;               // what the OpenSSL callbacks need

  private:
    Context();
    std::unique_ptr<Shared> shared_;
    std::shared_ptr<ssl_ctx_st> default_;
    std::vector<Validity> validities_;
};

// Whether fronts could use these: chains that parse, leaf first and in order, each with its key among `keys`. Empty, or why not.
std::string fault_of(std::string_view chain_pem, const std::function<bool(const ipc::KeyName&)>& has_key);

// The SHA-256 of a certificate's public key: how keyd names the key that belongs to it.
Result<ipc::KeyName> key_name_of(std::string_view chain_pem);

} // namespace postern::tls
