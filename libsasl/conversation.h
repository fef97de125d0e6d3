// One AUTH (RFC 4954) or AUTHENTICATE (RFC 9051 section 6.2.2), between its command and its result. Pure: the client's
// lines and authd's answers go in, what to say and what to ask comes out. What is common to SMTP and IMAP is here; how a
// challenge or a result is worded is theirs.
#pragma once

#include "libsasl/mechanism.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace postern::sasl {

// What a front knows of the session that wants to log in.
struct Client {
    TraceId trace;
    ipc::Protocol protocol = ipc::Protocol::imap;
    std::string address;
    ipc::ChannelBindings bindings;
};

class Conversation {
  public:
    struct Say { std::string base64; };      // a challenge for the client, whose next line is its answer
    struct Malformed {};                     // the end: not base64, or not what the mechanism expects
    struct Cancelled {};                     // the end: the client sent "*"
    using Result = ipc::LoginResult;         // the end
    using Step = std::variant<Say, ipc::Login, ipc::SaslStart, ipc::SaslStep, Result, Malformed, Cancelled>;

    Conversation(const Mechanism& mechanism, Client client) : mechanism_(mechanism), client_(std::move(client)) {}

    // `initial`: the argument behind the mechanism, as it came; "=" stands for an empty one (RFC 4954 section 4,
    // RFC 4959 section 3).
    Step begin(std::optional<std::string_view> initial);
    Step on_line(std::string_view line);
    Step on_reply(const ipc::SaslReply& reply);

    // What authd keeps of it, when the conversation ends before authd has ended it.
    std::optional<ipc::SaslAbort> abort();

    const std::string& username() const { return username_; }   // as far as it is known, for the log

  private:
    Step on_password(std::string_view line);
    Step login(std::string authorization, std::string password);

    const Mechanism& mechanism_;
    Client client_;
    std::string username_;
    std::uint64_t attempt_ = 0;              // authd's number of it; 0: none is open
    bool started_ = false;
};

} // namespace postern::sasl
