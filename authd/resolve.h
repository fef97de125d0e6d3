// Where a recipient goes, and who may send as whom: the questions every RCPT and every submission asks.
//
// Answers that name somebody are remembered until anything changes (authd is the only writer, so it knows); "no such
// user" is not, so that a dictionary of guesses cannot push the useful answers out.
#pragma once

#include "authd/sqlite.h"
#include "ipc/auth.h"

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace postern::authd {

class Resolver {
  public:
    static constexpr unsigned max_depth = 10;          // aliases that lead to aliases
    static constexpr std::size_t max_remembered = 32768;

    // `postmaster`: an address that gets the mail for postmaster@ and abuse@ where nothing else does; empty: the
    // first administrator, or failing that the oldest account, of the domain's organization.
    Resolver(Database& db, std::string postmaster) : db_(db), postmaster_(std::move(postmaster)) {}

    ipc::RecipientVerdict recipient(std::string_view forward_path, std::uint64_t size);

    // Its own addresses, aliases that lead to it and what it was granted (send_as.h); the null reverse-path, which
    // notifications need (RFC 8098 section 3). Receiving what a catch-all catches is no right to speak for all of a domain.
    ipc::Verdict may_send_as(AccountId account, std::string_view reverse_path);

    // Everything remembered is out of date.
    void forget();

  private:
    struct Domain {
        std::uint64_t id = 0;
        std::uint64_t organization = 0;
        bool active = true;
        char separator = 0;
        std::string catch_all;
    };
    struct Expansion {
        ipc::RecipientVerdict verdict;
        bool by_catch_all = false;
        std::uint64_t room = UINT64_MAX;   // the smallest quota among the targets: a larger message never fits
    };
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    template <class T> using ByText = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

    class Walk;   // one expansion, resolve.cc

    ipc::Verdict granted(AccountId account, std::string_view reverse_path);
    const Expansion* expand(std::string_view address);
    const Expansion* remembered(std::string_view address);
    Result<void> load_domains();

    Database& db_;
    std::string postmaster_;
    bool domains_loaded_ = false;
    ByText<Domain> domains_;
    // Two generations: when the young one is full it becomes the old one, and what is still asked for moves up.
    ByText<Expansion> young_, old_;
    Expansion last_;   // an answer that is not remembered
};

} // namespace postern::authd
