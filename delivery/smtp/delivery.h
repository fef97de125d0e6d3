// One job of the queue: one message, its recipients at one next hop. Finds the hosts, tries them in order, and answers with
// one outcome for each recipient when all are decided or no host is left.
#pragma once

#include "delivery/smtp/address_notes.h"
#include "delivery/smtp/host_lookup.h"
#include "delivery/smtp/mx.h"
#include "delivery/smtp/ourselves.h"
#include "delivery/smtp/pool.h"
#include "delivery/smtp/tls_results.h"
#include "ipc/channel.h"

namespace postern::smtp_out {

// The policy of a domain; the answer comes later, exactly once: none where tlspolicyd cannot say.
using AskPolicy = std::function<void(const std::string& domain, std::function<void(std::optional<ipc::TlsPolicy>)> done)>;

// Which addresses are suppressed: none where policyd cannot say.
using AskSuppressed = std::function<void(const ipc::CheckAddresses& question, std::function<void(const ipc::AddressVerdicts&)> done)>;

// What deliveries share.
struct Surroundings {
    Loop& loop;
    const Settings& settings;
    const Ourselves& ourselves;
    std::shared_ptr<const tls::ClientContext> tls;
    Ask ask;
    AskPolicy ask_policy;
    AskSuppressed ask_suppressed;
    Pool& pool;
    Chance& chance;
    TlsTally& tally;
    AddressNotes& notes;
};

class Delivery : public std::enable_shared_from_this<Delivery> {
  public:
    using Job = ipc::Incoming<ipc::Deliver>;
    // `done`: it was answered, nothing of it runs any more.
    Delivery(Surroundings& around, Job job, std::function<void()> done);
    void start();
    // Who gave the job may be gone: then nothing is sent that was not sent.
    void check_queue();
    // No further host; what runs ends, unless its message has been sent.
    void stop(const Outcome& why);

  private:
    struct Host {
        std::string name;
        std::uint16_t preference = 0;
        std::optional<IpAddress> address = {};       // the next hop names it
    };

    bool prepare();
    std::string pool_key() const;
    void on_suppressed(const ipc::AddressVerdicts& verdicts);
    bool follows_policy() const;
    void on_policy(std::optional<ipc::TlsPolicy> policy);
    void find_way();
    void find_hosts();
    void ask_mx();
    void on_mx();
    void next_host();
    void on_host(HostFound found);
    bool is_refused(const DaneFinding& dane, const StsFinding& sts) const;
    void next_address();
    void connect(const IpAddress& address, const TlsPlan& plan);
    void opened(const std::shared_ptr<Conversation>& conversation);
    void transact(std::shared_ptr<Conversation> conversation, bool reused);
    void transacted(const std::shared_ptr<Conversation>& conversation, bool reused);
    void take_outcomes(const Conversation& conversation);
    void decide(std::size_t place, const Outcome& outcome, const std::string& host);
    std::vector<std::size_t> undecided() const;
    void remember(const Outcome& problem);
    void fail_host(const Conversation& conversation, const Outcome& problem);
    Outcome with_rule(Outcome problem, const TlsPlan& plan) const;
    void tell_testing(const Conversation& conversation) const;
    void tell_testing(const TlsPlan& plan, std::string_view remote, std::string_view reason) const;
    void count_tls(std::optional<ipc::TlsResult> result);
    void expire();
    void finish();
    void tell(const Outgoing::Recipient& recipient, const Outcome& outcome) const;

    Surroundings& around_;
    Job job_;
    std::function<void()> done_;
    Outgoing message_;
    std::optional<Content> content_;
    mail::NextHop hop_;
    std::uint16_t port_ = 0;
    std::optional<Credentials> credentials_;
    TlsLevel level_ = TlsLevel::dane;
    ipc::TlsPolicy policy_;                          // of the domain, where it is followed
    std::optional<ipc::DnsAnswer> mx_;               // it is asked for beside the policy, and may come first
    bool mx_asked_ = false, mx_wanted_ = false;
    bool authentic_ = false;                         // the way to the hosts' names
    std::vector<Host> hosts_;                        // still to be tried, the next at the front
    Host host_;
    std::vector<IpAddress> addresses_;               // of host_, still to be tried
    TlsPlan plan_;
    std::size_t attempts_ = 0;
    std::shared_ptr<Conversation> conversation_;     // what runs
    std::optional<Transaction> transaction_;
    std::vector<std::optional<Outcome>> outcomes_;
    std::optional<Outcome> problem_;                 // why there are undecided ones
    std::optional<Outcome> problem_before_;          // the same before the host that is tried now
    ipc::DeliverResult result_;
    bool over_ = false;                              // no further host
    Timer deadline_;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

} // namespace postern::smtp_out
