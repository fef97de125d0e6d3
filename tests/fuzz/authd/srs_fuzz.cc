// Any bytes as a local part that came back, and as a sender: nobody but us makes an address that is taken, and whatever is rewritten
// comes back as it was, in a local part that is one.
#include "authd/srs.h"

#include <cstdlib>

using namespace postern;
using namespace postern::authd;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Srs srs("a key of the fuzzer's"), others("another key");
    constexpr std::int64_t now = 20'000 * 86400;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto origin = srs.origin(text, 21, now);
    if (const auto* found = std::get_if<Srs::Origin>(&origin)) {
        require(Srs::is_srs(text) && mail::parse_mailbox(found->mailbox.text()).ok());
        require(std::holds_alternative<Srs::Fault>(others.origin(text, 21, now)));
    }
    const auto sender = mail::parse_mailbox(text);
    if (!sender) return 0;
    const auto address = srs.rewrite(*sender, "us.example", now);
    if (!address) return 0;
    require(address->local_part.size() <= 64 && mail::parse_mailbox(address->text()).value() == *address);
    const auto back = srs.origin(address->local_part, 21, now);
    require(std::holds_alternative<Srs::Origin>(back));
    const bool is_again = address->local_part.starts_with("SRS1");
    if (!is_again) require(std::get<Srs::Origin>(back).mailbox == *sender);
    return 0;
}
