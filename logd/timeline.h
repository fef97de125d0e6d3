// Which events belong to what somebody asks about: not only those that name it, but the connection it came over, the
// transaction it was part of and all that became of the message.
//
// A connection's events share their trace id, and several messages may come over one connection. What a connection
// says between two messages' ends (smtpd.message.*) is one transaction; events outside of transactions (connect, TLS,
// login) belong to every one of them. A message's later events name their queue id.
#pragma once

#include "logd/kept.h"

#include <set>

namespace postern::logd {

// Of events that share traces with those that mention the key, those that belong to it, in order of time. Pure.
std::vector<Kept> timeline_of(std::vector<Kept> candidates, std::string_view normal_key);

// What to look for around an event: its trace and its queue id.
void add_relations(const Kept& kept, std::set<std::string>& into);

} // namespace postern::logd
