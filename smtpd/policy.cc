#include "smtpd/policy.h"

#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <fmt/core.h>

namespace postern::smtpd {
namespace {

Counter unanswered_questions{"smtp_policy_unanswered_total", "", "Questions that went on without policyd's answer"};
constexpr std::chrono::seconds between_complaints{10};

} // namespace

Policy::Policy(ipc::Daemon& daemon) : daemon_(daemon), policyd_(daemon.link(ipc::ServiceId::policyd)) {
    configure();
    policyd_.keep_up();
}

void Policy::configure() {
    const Config& config = daemon_.config();
    trust_ = Trust(config.networks("policy.trusted_networks"), config.networks("policy.untrusted_networks"));
    deadline_ = config.duration("policy.deadline");
    greet_delay_ = config.duration("policy.greet_delay");
}

template <ipc::Request Q> void Policy::put(const Q& question, std::function<void(const typename Q::Reply&)> done) {
    using Answer = typename Q::Reply;
    if (!policyd_.is_up()) {                             // being restarted: known, so nobody waits to learn it
        unanswered("not connected");
        return daemon_.loop().defer([done = std::move(done)] { done(Answer{}); });
    }
    policyd_.call<Q>(question, [this, done = std::move(done)](Result<Answer> reply) {
        if (!reply) unanswered(reply.error().message());
        done(reply ? *reply : Answer{});
    }, deadline_);
}

void Policy::judge(const ipc::CheckClient& question, std::function<void(const ipc::ClientVerdict&)> done) {
    put(question, std::move(done));
}

void Policy::ask(const ipc::CheckRecipient& question, std::function<void(const ipc::RecipientPolicy&)> done) {
    put(question, std::move(done));
}

// Every one is counted; the log hears of it now and then.
void Policy::unanswered(std::string_view why) {
    unanswered_questions.add();
    const auto now = std::chrono::steady_clock::now();
    if (said_ != decltype(said_){} && now - said_ < between_complaints) return;
    said_ = now;
    log::warning("smtpd.policy.unanswered", {{"reason", why}, {"unanswered", unanswered_questions.value()}});
}

std::string domain_of(std::string_view reverse_path) {
    const auto at = reverse_path.rfind('@');
    const std::string_view domain = at == std::string_view::npos ? std::string_view() : reverse_path.substr(at + 1);
    return ascii_lower(domain.substr(0, decltype(ipc::CheckRecipient::sender_domain)::limit));
}

std::string time_left(std::chrono::seconds retry_after) {
    const auto seconds = std::max<std::int64_t>(1, retry_after.count());
    return seconds < 120 ? fmt::format("try again in {} seconds", seconds) : fmt::format("try again in {} minutes", (seconds + 59) / 60);
}

} // namespace postern::smtpd
