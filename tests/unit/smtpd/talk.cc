#include "talk.h"

#include "libcommon/text.h"

namespace postern::smtpd {
namespace {

Limits test_limits(Limits limits) {
    limits.hostname = "mx.example.org";
    return limits;
}

struct Answerer {
    Talk& talk;

    Answer operator()(const ipc::Login& login) const {
        ipc::LoginResult result;
        result.status = ipc::LoginStatus::denied;
        if (login.username.view() == "down@example.org") result.status = ipc::LoginStatus::unavailable;
        if (login.username.view() == "ann@example.org" && login.password.view() == "secret" &&
            (login.authzid.empty() || login.authzid.view() == login.username.view())) {
            result.status = ipc::LoginStatus::ok;
            result.account = 7;
            result.handle.bytes[0] = 1;
            result.address = "ann@example.org";
        }
        return result;
    }
    Answer operator()(const ipc::LocalLogin&) const {
        return ipc::LoginResult{talk.local_status, {{1}}, ipc::local_user(1000), "ann@example.org"};
    }
    // An authd with one exchange, number 5: what it is told says what it answers.
    Answer operator()(const ipc::SaslStart& start) const {
        if (start.response.view() == "malformed") return ipc::SaslReply{ipc::SaslState::malformed, 0, {}, {}, {}};
        return ipc::SaslReply{ipc::SaslState::challenge, 5, "salt", "ann@example.org", {}};
    }
    Answer operator()(const ipc::SaslStep& step) const {
        if (step.attempt != 5 || step.response.view() == "malformed") return ipc::SaslReply{ipc::SaslState::malformed, 0, {}, {}, {}};
        if (step.response.view() == "proof") return ipc::SaslReply{ipc::SaslState::challenge, 5, "v=us", "ann@example.org", {}};
        ipc::SaslReply reply{ipc::SaslState::finished, 0, {}, "ann@example.org", {}};
        reply.login.status = ipc::LoginStatus::denied;
        if (step.response.view() == "down") reply.login.status = ipc::LoginStatus::unavailable;
        if (step.response.empty()) {
            reply.login.status = ipc::LoginStatus::ok;
            reply.login.account = 7;
            reply.login.handle.bytes[0] = 1;
            reply.login.address = "ann@example.org";
        }
        return reply;
    }
    Answer operator()(const ipc::CheckSender& check) const {
        const std::string_view from = check.reverse_path.view();
        if (from == "down@example.org") return ipc::SenderVerdict{ipc::Verdict::unavailable};
        const bool own = from.empty() || from == "ann@example.org" || from == "team@example.org" || from == "ann+x@example.org";
        return ipc::SenderVerdict{own ? ipc::Verdict::allowed : ipc::Verdict::denied, talk.sender_limit};
    }
    Answer operator()(const ipc::ResolveRecipient& resolve) const {
        const std::string address(resolve.forward_path.view());
        using Status = ipc::RecipientStatus;
        constexpr std::pair<std::string_view, Status> known[] = {
            {"nobody@example.org", Status::unknown_user}, {"closed@example.org", Status::disabled},
            {"full@example.org", Status::over_quota},     {"loop@example.org", Status::loop},
            {"odd@example.org", Status::invalid},         {"slow@example.org", Status::unavailable},
            {"group@example.org", Status::not_permitted}, {"small@example.org", Status::too_large},
            {"army@example.org", Status::too_many},       {"void@example.org", Status::deliver}};
        for (const auto& [name, status] : known)
            if (name == address) return ipc::RecipientVerdict{status, {}, {}};
        if (!address.ends_with("@example.org") && address != "postmaster" && address != "ann")
            return ipc::RecipientVerdict{Status::foreign, {}, {}};
        ipc::RecipientVerdict verdict{Status::deliver, std::vector<ipc::LocalTarget>{{std::hash<std::string>{}(address), address, {}}}, {}};
        if (address == "tight@example.org") verdict.room = 50;
        if (address == "ruled@example.org") verdict.size_limit = 50;
        return verdict;
    }
    Answer operator()(const ipc::CheckClient& check) const {
        talk.checked.push_back(check);
        if (check.client.view() == "192.0.2.66") return ClientJudged{replies::banned, "try again in 5 minutes"};
        return ClientJudged{};
    }
    Answer operator()(const ipc::OpenLarge&) const { return ipc::LargeOpened{talk.large_status, 42}; }
    Answer operator()(const ipc::Submit& submit) const {
        talk.submitted.push_back(submit);
        return ipc::Submitted{talk.submit_status, {1, 2, 3}, talk.submit_status == ipc::SubmitStatus::accepted ? "" : "reason"};
    }
};

bool matches(std::string_view pattern, std::string_view line) {
    if (pattern.ends_with('*')) return line.starts_with(pattern.substr(0, pattern.size() - 1));
    return pattern == line;
}

} // namespace

std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) { out.push_back(text[i]); continue; }
        ++i;
        out.push_back(text[i] == 'r' ? '\r' : text[i] == 'n' ? '\n' : text[i] == '0' ? '\0' : text[i]);
    }
    return out;
}

Talk::Talk(const Role& role, Limits with, bool tls, ipc::LoginStatus status) :
    local_status(status), limits(test_limits(std::move(with))), session(limits, role, tls, TraceId{1}, "192.0.2.1", effects) {
    perform();
}

Answer Talk::answer_to(const Question& question) { return std::visit(Answerer{*this}, question); }

void Talk::perform() {
    for (;;) {
        Effects done = std::exchange(effects, {});
        replies_ += done.send;
        large += done.large;
        for (auto& event : done.events) events.push_back(std::move(event));
        for (auto& tell : done.tells) tells.push_back(tell);
        if (done.then == Effects::Then::start_tls) start_tls = true;
        if (hold) {
            for (auto& ask : done.asks) questions.push_back(std::move(ask));
            return;
        }
        if (done.asks.empty()) return;
        for (const Ask& ask : done.asks) session.answer(ask.ticket, answer_to(ask.question), now);
    }
}

void Talk::send(std::string_view bytes) {
    while (!bytes.empty() && session.has_room()) {
        bytes.remove_prefix(session.receive(bytes, now));
        perform();
    }
}

void Talk::answer_held(std::size_t index) {
    const Ask ask = std::move(questions.at(index));
    questions.erase(questions.begin() + static_cast<std::ptrdiff_t>(index));
    answer_with(ask, answer_to(ask.question));
}

void Talk::answer_with(const Ask& ask, Answer answer) {
    session.answer(ask.ticket, std::move(answer), now);
    perform();
}

void Talk::script(std::string_view text) {
    std::string said = take_replies();
    const auto expect_silence = [&] { CHECK(said == ""); };
    for (std::string_view line : split(text, '\n')) {
        line = trim(line);
        if (line.empty()) continue;
        INFO(line);
        if (line.starts_with("S: ")) {
            const auto end = said.find("\r\n");
            REQUIRE(end != std::string::npos);
            INFO("server said: " << said.substr(0, end));
            REQUIRE(matches(line.substr(3), std::string_view(said).substr(0, end)));
            said.erase(0, end + 2);
            continue;
        }
        expect_silence();
        if (line == "TLS") {
            session.tls_started("TLSv1.3", "TLS_AES_256_GCM_SHA384");
            perform();
        } else {
            send(line.starts_with("C- ") ? unescape(line.substr(3)) : std::string(line.substr(line == "C:" ? 2 : 3)) + "\r\n");
        }
        said = take_replies();
    }
    expect_silence();
}

} // namespace postern::smtpd
