// What a domain's policy is: by its record, the policies that are known, and the domain's policy host, in this order (RFC 8461
// sections 3 and 5.1). Questions about one domain wait for one look-up, and not longer than Settings::patience.
//
//   the record        known, not expired     then
//   same id           yes                    the known one
//   another id        yes or no              fetched; where that fails the known one, or none
//   none, or broken   yes                    the known one: who can hide a record must not thereby remove a policy
//   none, or broken   no                     none
#pragma once

#include "ipc/dns.h"
#include "ipc/http.h"
#include "libcommon/loop.h"
#include "tlspolicyd/sts/store.h"

#include <functional>
#include <map>

namespace postern::sts {

struct Settings {
    std::uint16_t port = 443;                        // of policy hosts
    std::chrono::milliseconds patience{};            // of a question, for a look-up that has to fetch
    std::size_t max_domains = 0;                     // whose policies are kept
};

// A policy that is announced and could not be had (RFC 8460 section 4.3.2.2).
struct Failure {
    std::string domain, id;
    ipc::TlsResultType type = ipc::TlsResultType::sts_policy_fetch_error;
    std::string reason;
};

// What Policies asks of others. Each answer comes later, once, whatever happens.
struct Outside {
    std::function<void(const std::string& name, std::function<void(const ipc::DnsAnswer&)>)> txt;
    std::function<void(const std::string& url, std::function<void(const ipc::HttpReply&)>)> get;
    std::function<std::int64_t()> now;               // seconds since the epoch
    std::function<void(const Failure&)> failed;
};

class Policies {
  public:
    Policies(Loop& loop, Store& store, Outside outside);
    void configure(const Settings& settings) { settings_ = settings; }

    using Done = std::function<void(const ipc::TlsPolicy&)>;
    // `renew`: fetched again, whatever is known.
    void ask(std::string_view domain, bool renew, Done done);
    // Section 3.3: what is known is fetched again before it expires, so that who interferes has to do so for all that time.
    // A few at a time of those that mail went to lately.
    void refresh();
    // Forgets what has expired, and what is too much. How many are left.
    Result<std::size_t> tidy();
    // A policy as its domain wrote it, in lines; none where that is not the one known.
    std::vector<std::string> lines(const std::string& domain, std::string_view id);

  private:
    struct Lookup;
    struct Failed {                                  // not asked for again before `until` (section 3.3)
        std::string id, reason;
        std::int64_t until = 0;
    };
    void begin(const std::string& domain, bool renew, Done done);
    void on_record(const std::shared_ptr<Lookup>& lookup, const ipc::DnsAnswer& answer);
    bool wants_fetch(const Lookup& lookup, const std::string& id) const;
    void fetch(const std::shared_ptr<Lookup>& lookup, std::string id);
    void on_fetched(const std::shared_ptr<Lookup>& lookup, const std::string& id, const ipc::HttpReply& reply);
    void keep(Lookup& lookup, const std::string& id, Policy policy);
    void note_failure(const Lookup& lookup, Failure failure);
    void finish(const std::shared_ptr<Lookup>& lookup, std::string_view reason);
    ipc::TlsPolicy known(const Lookup& lookup, std::string_view reason) const;

    Loop& loop_;
    Store& store_;
    Outside outside_;
    Settings settings_;
    std::map<std::string, std::shared_ptr<Lookup>> running_;     // by domain
    std::map<std::string, Failed> failed_;                       // by domain
};

} // namespace postern::sts
