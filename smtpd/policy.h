// What smtpd asks and tells policyd. Mail never waits for a policyd that is down: a question it does not answer in time has
// the answer "go on", counted and logged.
#pragma once

#include "ipc/daemon.h"
#include "ipc/policy.h"
#include "libcommon/trust.h"
#include "smtpd/reply.h"

#include <string>

namespace postern::smtpd {

// What the door needs of it.
class ClientPolicy {
  public:
    virtual ~ClientPolicy() = default;
    virtual std::chrono::milliseconds greet_delay() const = 0;
    virtual void judge(const ipc::CheckClient& question, std::function<void(const ipc::ClientVerdict&)> done) = 0;
    virtual void tell(const ipc::ReportClient& report) = 0;
};

class Policy final : public ClientPolicy {
  public:
    explicit Policy(ipc::Daemon& daemon);
    void configure();

    // Nothing is asked about these, and nothing told.
    bool trusts(const IpAddress& client) const { return trust_.covers(client); }
    std::chrono::milliseconds greet_delay() const override { return greet_delay_; }

    void judge(const ipc::CheckClient& question, std::function<void(const ipc::ClientVerdict&)> done) override;
    void ask(const ipc::CheckRecipient& question, std::function<void(const ipc::RecipientPolicy&)> done);
    void tell(const ipc::ReportClient& report) override { policyd_.send(report); }

  private:
    template <ipc::Request Q> void put(const Q& question, std::function<void(const typename Q::Reply&)> done);
    void unanswered(std::string_view why);

    ipc::Daemon& daemon_;
    ipc::Link& policyd_;
    Trust trust_;
    std::chrono::milliseconds deadline_{}, greet_delay_{};
    std::chrono::steady_clock::time_point said_{};
};

// The domain of a reverse-path, as rates count it; empty for the null one.
std::string domain_of(std::string_view reverse_path);

// "try again in 40 seconds"
std::string time_left(std::chrono::seconds retry_after);

} // namespace postern::smtpd
