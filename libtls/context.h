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
    std::string server_name;     // for SNI; empty: the default
    std::string chain_pem;       // leaf first
};

class Context {
  public:
    // `alpn` is the one protocol name accepted from clients that offer any ("smtp", "imap", "http/1.1"): another
    // server's traffic cannot be led here (TESTCARD F3). `tickets` outlives the context and may change; without it tickets
    // are this process's own. Errors name the certificate.
    static Result<std::shared_ptr<const Context>> server(const std::vector<Certificate>& certificates,
                                                         std::string_view alpn, Signer signer,
                                                         const ipc::TicketKeys* tickets = nullptr);
    ~Context();
    ssl_ctx_st* native() const { return default_.get(); }

    struct Shared;               // what the OpenSSL callbacks need

  private:
    Context();
    std::unique_ptr<Shared> shared_;
    std::shared_ptr<ssl_ctx_st> default_;
};

// The SHA-256 of a certificate's public key: how keyd names the key that belongs to it.
Result<ipc::KeyName> key_name_of(std::string_view chain_pem);

} // namespace postern::tls
