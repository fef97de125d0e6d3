// postern-smtp-client. See README.md and postern-smtp-client(1).
#include "smtp-client/client.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <openssl/ssl.h>
#include <sysexits.h>

using namespace postern;

namespace {

int fail(int code, const std::string& why) {
    std::fprintf(stderr, "postern-smtp-client: %s\n", why.c_str());
    return code;
}

} // namespace

int main(int argc, char** argv) {
    auto parsed = smtp_client::parse_options(argc, argv);
    if (parsed.exit_code) return *parsed.exit_code;
    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr);
    std::ifstream authorities(parsed.options.authorities);
    auto tls = tls::ClientContext::make(std::string(std::istreambuf_iterator<char>(authorities), {}));
    if (!tls) return fail(EX_CONFIG, parsed.options.authorities + ": " + tls.error().message());
    auto addresses = smtp_client::addresses_of(parsed.options.hop);
    if (!addresses) return fail(EX_NOHOST, addresses.error().message());
    auto content = smtp_client::content_of(parsed.options);
    if (!content) return fail(EX_NOINPUT, content.error().message());
    smtp_client::Client client(std::move(parsed.options), std::move(*tls), std::move(*addresses), std::move(*content));
    return client.run();
}
