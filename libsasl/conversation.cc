#include "libsasl/conversation.h"

#include "libcommon/text.h"
#include "libsasl/plain.h"

namespace postern::sasl {
namespace {

constexpr std::string_view ask_username = "VXNlcm5hbWU6", ask_password = "UGFzc3dvcmQ6";   // "Username:", "Password:"

} // namespace

Conversation::Step Conversation::begin(std::optional<std::string_view> initial) {
    if (initial && !mechanism_.client_first) return Malformed{};       // RFC 4954 section 4: MUST reject
    if (initial) return on_line(*initial == "=" ? std::string_view{} : *initial);
    switch (mechanism_.id) {
    case ipc::SaslMechanism::login: return Say{std::string(ask_username)};
    case ipc::SaslMechanism::cram_md5: return on_line({});             // authd makes the challenge
    default: return Say{};
    }
}

Conversation::Step Conversation::on_line(std::string_view line) {
    if (line == "*") return Cancelled{};
    if (mechanism_.id == ipc::SaslMechanism::plain || mechanism_.id == ipc::SaslMechanism::login) return on_password(line);
    auto response = from_base64(line);
    if (!response || response->size() > ipc::SaslResponse::limit) return Malformed{};
    if (started_) return ipc::SaslStep{attempt_, std::move(*response)};
    started_ = true;
    return ipc::SaslStart{client_.trace, client_.protocol, mechanism_.id, std::move(*response), client_.address,
                          client_.bindings};
}

Conversation::Step Conversation::on_password(std::string_view line) {
    if (mechanism_.id == ipc::SaslMechanism::plain) {
        auto given = parse_plain(line);
        if (!given) return Malformed{};
        username_ = std::move(given->username);
        return login(std::move(given->authorization), std::move(given->password));
    }
    const bool is_name = username_.empty();
    auto text = parse_login_line(line, is_name ? decltype(ipc::Login::username)::limit : decltype(ipc::Login::password)::limit);
    if (!text) return Malformed{};
    if (!is_name) return login({}, std::move(*text));
    username_ = std::move(*text);
    return Say{std::string(ask_password)};
}

Conversation::Step Conversation::login(std::string authorization, std::string password) {
    return ipc::Login{client_.trace, client_.protocol, std::move(authorization), username_, std::move(password),
                      client_.address};
}

Conversation::Step Conversation::on_reply(const ipc::SaslReply& reply) {
    attempt_ = reply.state == ipc::SaslState::challenge ? reply.attempt : 0;
    if (!reply.username.empty()) username_ = reply.username.value;
    switch (reply.state) {
    case ipc::SaslState::challenge: return Say{to_base64(reply.challenge)};
    case ipc::SaslState::malformed: return Malformed{};
    case ipc::SaslState::finished: break;
    }
    return reply.login;
}

std::optional<ipc::SaslAbort> Conversation::abort() {
    if (attempt_ == 0) return std::nullopt;
    return ipc::SaslAbort{std::exchange(attempt_, 0)};
}

} // namespace postern::sasl
