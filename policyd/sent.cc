#include "policyd/sent.h"

#include "libcommon/text.h"

namespace postern::policy {

std::size_t Sent::fingerprint(const QueueId& id, std::string_view address) const {
    std::string whole(reinterpret_cast<const char*>(secret_.bytes.data()), secret_.bytes.size());
    whole += id.text() + ascii_lower(address);
    return std::hash<std::string>{}(whole);
}

void Sent::add(const QueueId& id, std::string_view address) {
    const std::size_t print = fingerprint(id, address);
    if (!known_.insert(print).second) return;
    order_.push_back(print);
    if (order_.size() <= most_) return;
    known_.erase(order_.front());
    order_.pop_front();
}

bool Sent::take(const QueueId& id, std::string_view address) { return known_.erase(fingerprint(id, address)) != 0; }

} // namespace postern::policy
