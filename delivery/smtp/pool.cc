#include "delivery/smtp/pool.h"

#include <algorithm>

namespace postern::smtp_out {

std::shared_ptr<Conversation> Pool::take(const std::string& key) {
    const auto is_of_key = [&](const Idle& idle) { return idle.key == key; };
    auto at = std::find_if(idle_.rbegin(), idle_.rend(), [&](const Idle& idle) { return is_of_key(idle) && idle.conversation->peer().is_best; });
    if (at == idle_.rend()) at = std::find_if(idle_.rbegin(), idle_.rend(), is_of_key);
    if (at == idle_.rend()) return nullptr;
    auto conversation = std::move(at->conversation);
    idle_.erase(std::next(at).base());
    conversation->rest(nullptr);
    return conversation;
}

bool Pool::is_worth_keeping(const Conversation& conversation) const {
    return conversation.is_usable() && settings_.max_idle > 0 && conversation.transactions() < settings_.max_messages &&
           time_left(conversation) > std::chrono::milliseconds(0);
}

std::chrono::milliseconds Pool::time_left(const Conversation& conversation) const {
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - conversation.since());
    return (conversation.peer().is_best ? settings_.max_connection_age : settings_.idle_time) - age;
}

void Pool::put(const std::string& key, std::shared_ptr<Conversation> conversation) {
    if (!is_worth_keeping(*conversation)) return Conversation::part(conversation);
    Conversation* const raw = conversation.get();
    idle_.emplace_back(loop_, key, std::move(conversation), [this, raw] { forget(*raw); });
    idle_.back().expiry.once(std::min(settings_.idle_time, time_left(*raw)));
    raw->rest([this, raw] { forget(*raw); });
    if (idle_.size() > settings_.max_idle) forget(*idle_.front().conversation);
}

// Later: it, or its timer, may be what runs.
void Pool::forget(Conversation& conversation) {
    const auto at = std::find_if(idle_.begin(), idle_.end(), [&](const Idle& idle) { return idle.conversation.get() == &conversation; });
    if (at == idle_.end()) return;
    const auto gone = std::make_shared<std::list<Idle>>();
    gone->splice(gone->end(), idle_, at);
    gone->front().expiry.cancel();
    Conversation::part(gone->front().conversation);
    loop_.defer([gone] {});
}

void Pool::clear() {
    while (!idle_.empty()) forget(*idle_.front().conversation);
}

} // namespace postern::smtp_out
