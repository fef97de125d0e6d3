// A whole SMTP conversation without a socket: what the client says goes in line by line, a pretended authd and
// qmgr answer, and what the server says is compared with the script.
#pragma once

#include "smtpd/session.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace postern::smtpd {

inline constexpr const Role& relay = roles[0];
inline constexpr const Role& submission = roles[1];
inline constexpr const Role& submissions = roles[2];
inline constexpr const Role& lmtp = roles[3];
inline constexpr const Role& local = roles[5];

class Talk {
  public:
    static constexpr std::int64_t now = 1795249200;

    explicit Talk(const Role& role = relay, Limits with = {}, bool tls = true, ipc::LoginStatus local_status = ipc::LoginStatus::ok);

    // Lines "C: …" are sent with CRLF, or as they are with "C- …" (\r, \n and \0 are escapes there); the replies to
    // them must be the lines "S: …" that follow; "…*" matches any rest. "TLS" is a handshake done. What the
    // greeting says is the first "S:". Indentation and empty lines do not count.
    void script(std::string_view text);

    void send(std::string_view bytes);                  // feeds all of it, answering questions unless `hold`
    std::string take_replies() { return std::exchange(replies_, {}); }
    void answer_held(std::size_t index);                // one of `questions`, which it removes
    void answer_with(const Ask& ask, Answer answer);
    bool closed() const { return session.state() == Session::State::closed; }

    bool hold = false;                                  // questions stay in `questions`
    std::vector<Ask> questions;
    std::vector<ipc::CheckClient> checked;              // clients that XCLIENT named
    std::uint64_t sender_limit = 0;                     // of whoever logged in
    ipc::LoginStatus local_status;                      // of whoever connects as a user of this host
    ipc::SubmitStatus submit_status = ipc::SubmitStatus::accepted;
    ipc::SubmitStatus large_status = ipc::SubmitStatus::accepted;

    std::vector<ipc::Submit> submitted;                 // what qmgr got
    std::string large;                                  // what was written behind the descriptor
    std::vector<Tell> tells;
    std::vector<Event> events;
    bool start_tls = false;

    Limits limits;
    Effects effects;
    Session session;

    void perform();                                     // takes what the last step left in `effects`

  private:
    Answer answer_to(const Question& question);
    std::string replies_;
};

std::string unescape(std::string_view text);

} // namespace postern::smtpd
