// Connections that have nothing to do, kept for the next message of the same kind: one next hop, TLS demanded alike, the same
// source address. Bounded in number, idle time, messages and age; one to a host that is not the best by the idle time, however much it is
// used: so often the better ones are tried again.
#pragma once

#include "delivery/smtp/conversation.h"

#include <list>
#include <map>

namespace postern::smtp_out {

class Pool {
  public:
    Pool(Loop& loop, const Settings& settings) : loop_(loop), settings_(settings) {}

    // The one used last, to the best host if there is one; or none.
    std::shared_ptr<Conversation> take(const std::string& key);
    // Takes it over, to keep or to end.
    void put(const std::string& key, std::shared_ptr<Conversation> conversation);
    void clear();
    std::size_t size() const { return idle_.size(); }

  private:
    struct Idle {
        Idle(Loop& loop, std::string k, std::shared_ptr<Conversation> c, std::function<void()> expire)
            : key(std::move(k)), conversation(std::move(c)), expiry(loop, std::move(expire)) {}
        std::string key;
        std::shared_ptr<Conversation> conversation;
        Timer expiry;
    };
    bool is_worth_keeping(const Conversation& conversation) const;
    std::chrono::milliseconds time_left(const Conversation& conversation) const;
    void forget(Conversation& conversation);

    Loop& loop_;
    const Settings& settings_;
    std::list<Idle> idle_;                   // the oldest first
};

} // namespace postern::smtp_out
