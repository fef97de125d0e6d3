// A conversation with a client that says anything and back ends that answer anything. The input is a program:
// each byte is an operation, lines of the rest are what the client says. Whatever happens: an unauthenticated
// session submits no foreign recipient but what an address here leads to, a submission shows no blind one, nothing is submitted twice per DATA, every reply is well-formed.
#include "libmail/headers.h"
#include "smtpd/session.h"

#include <cstdlib>
#include <set>
#include <string>

using namespace postern;
using namespace postern::smtpd;

namespace {

class Program {
  public:
    Program(const std::uint8_t* data, std::size_t size) : in_(reinterpret_cast<const char*>(data), size) {}
    bool at_end() const { return in_.empty(); }
    std::uint8_t byte() {
        if (in_.empty()) return 0;
        const auto value = static_cast<std::uint8_t>(in_.front());
        in_.remove_prefix(1);
        return value;
    }
    std::string_view take(std::size_t count) {
        const std::string_view out = in_.substr(0, count);
        in_.remove_prefix(out.size());
        return out;
    }

  private:
    std::string_view in_;
};

struct Answerer {
    Program& program;
    bool& authenticated;
    std::set<std::string>& forwards;
    bool xclient;
    bool submission;

    Answer operator()(const ipc::Login&) const {
        ipc::LoginResult result;
        result.status = static_cast<ipc::LoginStatus>(program.byte() % 3);
        result.account = program.byte() % 2;
        result.handle.bytes[0] = program.byte() % 2;
        if (result.status == ipc::LoginStatus::ok && result.account && result.handle.bytes[0]) authenticated = true;
        return result;
    }
    std::uint64_t bytes() const { return program.byte() % 2 ? program.byte() * 16ULL : 0; }   // of a limit
    ipc::SaslReply reply() const {
        ipc::SaslReply reply;
        reply.state = static_cast<ipc::SaslState>(program.byte() % 3);
        reply.attempt = program.byte() % 3;
        reply.challenge = program.take(program.byte() % 8);
        if (reply.state == ipc::SaslState::finished) reply.login = std::get<ipc::LoginResult>((*this)(ipc::Login{}));
        return reply;
    }
    Answer operator()(const ipc::LocalLogin&) const { return (*this)(ipc::Login{}); }
    Answer operator()(const ipc::SaslStart& start) const {
        if (start.mechanism == ipc::SaslMechanism::plain || start.mechanism == ipc::SaslMechanism::login) std::abort();
        return reply();
    }
    Answer operator()(const ipc::SaslStep&) const { return reply(); }
    Answer operator()(const ipc::CheckSender&) const {
        return ipc::SenderVerdict{static_cast<ipc::Verdict>(program.byte() % 3), bytes()};
    }
    Answer operator()(const ipc::ResolveRecipient& resolve) const {
        ipc::RecipientVerdict verdict;
        constexpr std::uint8_t statuses = static_cast<std::uint8_t>(last_enumerator(ipc::RecipientStatus{})) + 1;
        const std::uint8_t status = program.byte() % (statuses + 1);
        if (status == statuses) return RecipientDeferred{reply_to_rate(static_cast<ipc::RateKind>(program.byte() % 9)), "try again"};
        verdict.status = static_cast<ipc::RecipientStatus>(status);
        for (int i = program.byte() % 4; i > 0; --i)
            verdict.targets.push_back({1 + program.byte() % 3ULL, resolve.forward_path, {}});
        for (int i = program.byte() % 3; i > 0; --i) {
            verdict.forwards.push_back("f" + std::to_string(program.byte() % 3) + "@far.example");
            if (verdict.status == ipc::RecipientStatus::deliver) forwards.insert(verdict.forwards.items.back().value);
        }
        verdict.size_limit = bytes();
        verdict.room = bytes();
        return verdict;
    }
    Answer operator()(const ipc::CheckClient& check) const {
        if (!xclient || check.client.empty()) std::abort();                      // only a proxy of ours names clients
        authenticated = false;
        return ClientJudged{program.byte() % 2 ? Reply{} : replies::banned, {}};
    }
    Answer operator()(const ipc::OpenLarge&) const {
        return ipc::LargeOpened{static_cast<ipc::SubmitStatus>(program.byte() % 4), 1};
    }
    Answer operator()(const ipc::Submit& submit) const {
        for (const ipc::EnvelopeRecipient& r : submit.envelope.recipients)
            if (r.account == 0 && !authenticated && !forwards.contains(r.address.value)) std::abort();   // an open relay
        if (submit.envelope.recipients.empty()) std::abort();
        for (const ipc::RecipientDsn& dsn : submit.envelope.extensions.recipients)
            if (dsn.index >= submit.envelope.recipients.size()) std::abort();
        const bool text = submit.envelope.body != ipc::BodyKind::binary;
        if (text && submit.body.value.find('\0') != std::string::npos) std::abort();
        if (submission && (mail::find_field(submit.body.view(), "Bcc") || mail::find_field(submit.body.view(), "Resent-Bcc"))) std::abort();
        return ipc::Submitted{static_cast<ipc::SubmitStatus>(program.byte() % 4), {1, 1, 1}, "because"};
    }
};

void check_replies(std::string_view text) {
    while (!text.empty()) {
        const auto end = text.find("\r\n");
        if (end == std::string_view::npos || end < 3) std::abort();
        const std::string_view line = text.substr(0, end);
        if (line[0] < '2' || line[0] > '5' || (line.size() > 3 && line[3] != ' ' && line[3] != '-')) std::abort();
        for (char c : line)
            if (c < ' ' || c > '~') std::abort();
        text.remove_prefix(end + 2);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Program program(data, size);
    Limits limits;
    limits.inline_bytes = 64;
    limits.message_bytes = 4096;
    limits.recipients = 5;
    Effects effects;
    bool authenticated = false;
    std::set<std::string> forwards;
    const Role& role = roles[program.byte() % 4];
    Session session(limits, role, program.byte() % 2, TraceId{1}, "192.0.2.1", effects);
    const bool xclient = size % 4 == 0;
    if (xclient) session.allow_xclient();
    if (size % 3 == 0) session.connected_to(IpAddress::parse("192.0.2.25"));
    std::vector<Ask> open;
    while (!program.at_end()) {
        check_replies(effects.send);
        for (Ask& ask : effects.asks) open.push_back(std::move(ask));
        if (effects.then == Effects::Then::close && session.state() != Session::State::closed) std::abort();
        effects.clear();
        const std::uint8_t operation = program.byte();
        if (operation < 200) {
            std::string_view bytes = program.take(operation);
            session.receive(bytes, 1);
        } else if (operation < 230) {
            if (open.empty()) continue;
            const auto at = static_cast<std::ptrdiff_t>(program.byte() % open.size());
            Answerer answerer{program, authenticated, forwards, xclient, role.submission};
            session.answer(open[static_cast<std::size_t>(at)].ticket, std::visit(answerer, open[static_cast<std::size_t>(at)].question), 1);
            open.erase(open.begin() + at);
        } else if (operation < 250) {
            session.tls_started("TLSv1.3", "cipher", {"exported", {}});
        } else if (operation < 251) {
            session.time_out();
        } else if (operation < 252) {
            session.make_way();
        } else if (operation < 254) {
            session.shut_down();
        } else {
            session.peer_closed();
        }
    }
    return 0;
}
