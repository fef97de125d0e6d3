// Where an address leads: subaddresses, aliases, groups, catch-alls and roles followed to accounts here and addresses
// elsewhere, each once. Which of several rules counts is the order in Walk::visit().
#pragma once

#include "authd/sqlite.h"
#include "authd/srs.h"
#include "ipc/admin.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace postern::authd {

constexpr unsigned max_alias_depth = 10;   // aliases and groups that lead to others

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class T> using ByText = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

struct Domain {
    std::uint64_t id = 0;
    std::uint64_t organization = 0;
    bool active = true;
    bool backup_mx = false;
    bool backup_listed = false;      // its recipients are known
    std::string separators, catch_all;
};
using Domains = ByText<Domain>;
Result<void> load_domains(Database& db, Domains& into);

struct RoleSettings {
    std::string postmaster;           // gets the mail for roles nobody has; empty: the first administrator, or failing that
                                      // the oldest account, of the domain's organization
    std::vector<std::string> names;   // local parts that always reach somebody, beside postmaster and abuse
};

// Return addresses of ours (srs.h).
struct Returns {
    const Srs& srs;
    std::int64_t max_days = 21;
};

struct Expansion {
    // What the rules of a target allow it; 0: no limit.
    struct Allowance {
        std::uint64_t quota_bytes = 0, quota_messages = 0, size_limit = 0;
    };
    // A group on the way that is not for everybody. Groups inside it do not ask again: who may post to a group may reach
    // its members.
    struct Gate {
        std::string group;
        ipc::Posting posting{};
        std::uint64_t domain = 0;
        std::vector<std::string> posters;
    };

    ipc::RecipientVerdict verdict;
    std::vector<Allowance> allowances;   // of each of the verdict's targets
    std::vector<AccountId> speakers;     // who may send as this address: not whom a catch-all or a group leads to
    std::vector<Gate> gates;
    std::int64_t until = INT64_MAX;      // an alias on the way begins or ends then
    bool reserved = false;               // postmaster or abuse: refused for no policy, RFC 5321 section 4.5.1
    bool is_return = false;              // a return address of ours: for reports
    std::optional<Srs::Fault> fault;     // or one that is none
    std::string forwarder;               // the domain in whose name mail for elsewhere leaves; empty: in its sender's
};

Result<Expansion> expand(Database& db, const Domains& domains, const RoleSettings& roles, const Returns& returns,
                         std::string_view address, std::int64_t now);

} // namespace postern::authd
