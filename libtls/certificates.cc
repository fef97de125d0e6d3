#include "libtls/certificates.h"

#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libtls/keyd_signer.h"

#include <algorithm>
#include <ctime>
#include <openssl/evp.h>

namespace postern::tls {
namespace {

Gauge in_use{"tls_certificates", "", "Certificates this process shows"};
Gauge first_end{"tls_certificate_first_end_seconds", "", "When the first of them ends, as Unix time"};

constexpr std::int64_t day = 24 * 3600;

std::string digest_of(const std::vector<Certificate>& certificates) {
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> digest(EVP_MD_CTX_new());
    EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
    const auto add = [&](std::string_view text) { EVP_DigestUpdate(digest.get(), text.data(), text.size()); };
    for (const Certificate& certificate : certificates) {
        for (std::string_view text : {std::string_view(certificate.name), std::string_view(certificate.chain_pem)}) {
            add(std::to_string(text.size()) + ":");
            add(text);
        }
    }
    std::string out(32, '\0');
    EVP_DigestFinal_ex(digest.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr);
    return out;
}

bool is_path(const ipc::Bundled& bundled) { return bundled.name.starts_with('/'); }

} // namespace

std::vector<Certificate> shown_by(std::string_view section, const std::vector<ipc::Bundled>& all) {
    std::vector<Certificate> shown;
    const auto add_default = [&](std::string_view of) {
        const auto found = std::find_if(all.begin(), all.end(), [&](const ipc::Bundled& b) {
            return b.name == std::string(of) + ".tls_cert";
        });
        if (found != all.end()) shown.push_back({found->name, found->bytes});
    };
    add_default(section);
    if (shown.empty() && section == "imap") add_default("smtp");
    if (shown.empty() && section == "api") return shown;
    for (const ipc::Bundled& bundled : all)
        if (is_path(bundled)) shown.push_back({bundled.name, bundled.bytes});
    return shown;
}

Certificates::Certificates(ipc::Daemon& daemon, std::string_view section, std::string_view alpn) :
    daemon_(daemon), section_(section), alpn_(alpn), signer_(keyd_signer(daemon)), daily_(daemon.loop(), [this] { look_at_ends(); }) {
    daily_.every(std::chrono::hours(24));
}

Result<std::shared_ptr<const Context>> Certificates::load() {
    const std::vector<Certificate> shown = shown_by(section_, daemon_.certificates());
    daemon_.certificates().clear();
    // Most reloads are about something else, and a thousand certificates take half a second to make ready.
    const std::string made_of = digest_of(shown);
    if (const auto unchanged = current_.lock(); unchanged && made_of == made_of_) {
        look_at_ends();
        return unchanged;
    }
    std::shared_ptr<const Context> context;
    if (!shown.empty()) {
        auto made = Context::server(shown, alpn_, signer_, &daemon_.ticket_keys());
        if (!made) return made;
        context = std::move(*made);
    }
    current_ = context;
    made_of_ = made_of;
    look_at_ends();
    return context;
}

// One process of a service speaks for all of them.
void Certificates::look_at_ends() {
    const auto context = current_.lock();
    in_use.set(context ? static_cast<std::int64_t>(context->validities().size()) : 0);
    if (!context) return;
    const std::int64_t now = std::time(nullptr);
    const std::int64_t notice = daemon_.config().duration("tls.expiry_notice").count() / 1000;
    std::int64_t first = INT64_MAX;
    for (const Context::Validity& validity : context->validities()) {
        first = std::min(first, validity.not_after);
        if (validity.not_after - now >= notice || daemon_.instance() != 0) continue;
        log::warning(validity.not_after > now ? "tls.certificate.ends" : "tls.certificate.ended",
                     {{"certificate", validity.name}, {"days", (validity.not_after - now) / day}});
    }
    first_end.set(first);
}

} // namespace postern::tls
