// Options of the command line as members of a request's body.
#pragma once

#include "mailctl/command.h"

#include <optional>

namespace postern::mailctl {

// Each copies an option, where it was given, into a member. Throws Failure with the option's name.
void copy_text(const Arguments& from, std::string_view option, json::Value& into, std::string_view member);
void copy_number(const Arguments& from, std::string_view option, json::Value& into, std::string_view member);
void copy_list(const Arguments& from, std::string_view option, json::Value& into, std::string_view member);     // a,b
void copy_switch(const Arguments& from, std::string_view option, json::Value& into, std::string_view member);   // on, off
// "5GB", "none", or "domain" where `inherits`.
void copy_quota(const Arguments& from, std::string_view option, json::Value& into, std::string_view member, bool is_bytes,
                bool inherits);

// "25MB", or "default" for what is above it.
void copy_size(const Arguments& from, std::string_view option, json::Value& into, std::string_view member);
// A local day or minute, "2026-12-31" or "2026-12-31T18:00", as seconds since the epoch; "none" is 0. `end`: of a day, its end.
void copy_time(const Arguments& from, std::string_view option, json::Value& into, std::string_view member, bool end);

json::Value array_of(const std::vector<std::string>& items);

// "12h" in seconds; nothing when the option was not given.
std::optional<std::uint64_t> seconds_in(const Arguments& from, std::string_view option);

// For a path segment or a query value: everything but unreserved characters and "@" is escaped.
std::string encoded(std::string_view text);

// "/api/v1/accounts/" + "ann@example.org", encoded.
std::string target(std::string_view collection, std::string_view name);

} // namespace postern::mailctl
