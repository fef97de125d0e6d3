#include "authd/alias_loop.h"

#include "authd/aliases.h"

#include <set>

namespace postern::authd {
namespace {

class Search {
  public:
    Search(Database& db, std::uint64_t origin) : db_(db), origin_(origin) {}

    Result<void> follow(std::uint64_t alias, const std::string& way) {
        if (!seen_.insert(alias).second) return {};
        auto targets = alias_targets(db_, alias);
        if (!targets) return targets.error();
        for (const std::string& target : *targets) {
            auto next = alias_behind(target);
            if (!next) return next.error();
            if (*next == 0) continue;
            if (*next == origin_) return Error(Errc::conflict, "it would lead back to itself" + way);
            if (auto ends = follow(*next, way + (way.empty() ? ", by " : ", ") + target); !ends) return ends;
        }
        return {};
    }

  private:
    // 0: an account, nobody, or an address elsewhere.
    Result<std::uint64_t> alias_behind(const std::string& target) {
        auto own = own_address(db_, target);
        if (!own && own.error().code() != Errc::not_found) return own.error();
        if (!own) return std::uint64_t{0};
        auto separators = separators_of(own->domain);
        if (!separators) return separators.error();
        // As at RCPT (expansion.cc): the exact address first, then without its detail.
        for (const std::string_view name : {std::string_view(own->mailbox.local_part),
                                            mail::split_subaddress(own->mailbox.local_part, *separators).user}) {
            Rows rows = db_.query("SELECT coalesce(alias, 0) FROM addresses WHERE domain = ? AND local_part = ?",
                                  own->domain, name);
            if (rows.next()) return rows.count(0);
            if (auto failed = rows.failed()) return *failed;
        }
        return std::uint64_t{0};
    }

    Result<std::string> separators_of(std::uint64_t domain) {
        Rows rows = db_.query("SELECT separator FROM domains WHERE id = ?", domain);
        std::string separators(rows.next() ? rows.text(0) : "");
        if (auto failed = rows.failed()) return *failed;
        return separators;
    }

    Database& db_;
    const std::uint64_t origin_;
    std::set<std::uint64_t> seen_;
};

} // namespace

Result<void> check_no_loop(Database& db, std::uint64_t alias) { return Search(db, alias).follow(alias, ""); }

} // namespace postern::authd
