// Where a recipient goes and what it takes, who may send as whom, and what may leave for elsewhere: the questions of every
// RCPT and every submission.
//
// Where addresses lead is remembered until anything changes (authd is the only writer, so it knows) or a dated alias
// begins or ends; "no such user" is not, so that a dictionary of guesses cannot push the useful answers out. How full a
// mailbox is, and who asks, changes from one message to the next and is looked at each time.
#pragma once

#include "authd/expansion.h"
#include "authd/uses.h"
#include "ipc/auth.h"

#include <functional>
#include <memory>
#include <optional>

namespace postern::authd {

// What is done with mail that an address here sends on elsewhere, and with reports that come back (srs.h).
struct ForwardingSettings {
    bool rewrite = true;             // its reverse-path becomes one of ours
    bool return_anything = false;    // not reports only: what has a reverse-path goes back to the sender, too
    std::int64_t max_days = 21;      // after which a return address is none any more
};

class Resolver {
  public:
    static constexpr std::size_t max_remembered = 32768;

    // `clock`: seconds since the epoch.
    Resolver(Database& db, Uses& uses, RoleSettings roles, std::function<std::int64_t()> clock)
        : db_(db), uses_(uses), roles_(std::move(roles)), clock_(std::move(clock)) {}

    // `sender`: the account whose session asks, 0 for the world. It proves addresses here; the reverse-path alone proves
    // nothing, so that it counts for addresses elsewhere only.
    ipc::RecipientVerdict recipient(const ipc::ResolveRecipient& question, AccountId sender = 0);

    // Its own addresses, aliases that lead to it and what it was granted (send_as.h); the null reverse-path, which
    // notifications need (RFC 8098 section 3). Receiving what a catch-all catches, or what goes to a group, is no right to
    // speak for all of it.
    ipc::Verdict may_send_as(AccountId account, std::string_view reverse_path);

    // Does an address here lead to this one elsewhere, for everybody's mail, or for reports as this one is?
    ipc::Verdict leads_to(const ipc::ForeignRecipient& recipient, std::string_view reverse_path);

    void configure(const ForwardingSettings& settings);

    // Everything remembered is out of date.
    void forget();

  private:
    using Known = std::shared_ptr<const Expansion>;

    Result<void> load();
    Known expand(std::string_view address);
    bool may_return(std::string_view reverse_path) const { return reverse_path.empty() || forwarding_.return_anything; }
    ipc::RecipientVerdict refuse_return(const ipc::ResolveRecipient& question, std::string_view why) const;
    std::string forwarded_as(const Expansion& expansion, const ipc::ResolveRecipient& question) const;
    Known remembered(std::string_view address);
    ipc::Verdict granted(AccountId account, std::string_view reverse_path);
    ipc::Verdict may_post(const Expansion::Gate& gate, std::string_view reverse_path, AccountId sender);
    ipc::Verdict is_one_of(const std::vector<std::string>& posters, std::string_view reverse_path, AccountId sender);
    ipc::Verdict is_behind(std::string_view address, AccountId sender);
    ipc::Verdict has_address_in(std::uint64_t domain, AccountId account);

    Database& db_;
    Uses& uses_;
    RoleSettings roles_;
    std::function<std::int64_t()> clock_;
    ForwardingSettings forwarding_;
    std::optional<Srs> srs_;
    bool loaded_ = false;
    Domains domains_;
    // Two generations: when the young one is full it becomes the old one, and what is still asked for moves up.
    ByText<Known> young_, old_;
};

} // namespace postern::authd
