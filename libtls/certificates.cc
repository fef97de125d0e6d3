#include "libtls/certificates.h"

#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libtls/keyd_signer.h"

#include <algorithm>
#include <ctime>

namespace postern::tls {
namespace {

Gauge in_use{"tls_certificates", "", "Certificates this process shows"};
Gauge first_end{"tls_certificate_first_end_seconds", "", "When the first of them ends, as Unix time"};

constexpr std::int64_t day = 24 * 3600;

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
    std::shared_ptr<const Context> context;
    if (!shown.empty()) {
        auto made = Context::server(shown, alpn_, signer_, &daemon_.ticket_keys());
        if (!made) return made;
        context = std::move(*made);
    }
    current_ = context;
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
