// Answers while they hold, in a bounded table: bounded in entries and in bytes, the least recently used goes first. Time arrives
// as an argument.
#pragma once

#include "resolvd/packet.h"

#include <chrono>
#include <list>
#include <map>

namespace postern::dns {

class Cache {
  public:
    using Time = std::chrono::steady_clock::time_point;

    void resize(std::size_t max_entries, std::size_t max_bytes);

    // With what is left of its TTL, in full seconds begun.
    std::optional<ipc::DnsAnswer> find(const Question& question, Time now);
    void keep(const Question& question, ipc::DnsAnswer answer, Time now);    // for its TTL; 0: not at all
    std::size_t forget(std::string_view name);                               // all its types; how many there were
    std::size_t clear();

    std::size_t size() const { return index_.size(); }
    std::size_t bytes() const { return bytes_; }
    std::uint64_t evicted() const { return evicted_; }

  private:
    struct Entry {
        Question question;
        ipc::DnsAnswer answer;
        Time until;
        std::size_t cost;
    };
    using Entries = std::list<Entry>;                      // the one used last is first
    void remove(Entries::iterator entry);
    void shrink();

    std::size_t max_entries_ = 0, max_bytes_ = 0, bytes_ = 0;
    std::uint64_t evicted_ = 0;
    Entries entries_;
    std::map<Question, Entries::iterator> index_;          // ordered: strangers choose names, and could choose a hash's collisions
};

} // namespace postern::dns
