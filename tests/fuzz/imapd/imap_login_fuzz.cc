#include "imapd/login/session.h"
#include "tests/fuzz/libmail/fuzz.h"

using namespace postern;
using namespace postern::imap_login;

// authd denies, does not answer, or goes on with an exchange for ever.
static Session::Wants answer(Session& session, std::uint8_t how, std::string& out) {
    const bool exchange = !std::holds_alternative<ipc::Login>(session.question());
    session.forget_question();
    if (exchange && (how & 64) != 0) return session.on_reply({ipc::SaslState::challenge, 1, "challenge", {}, {}}, out);
    if (exchange && (how & 128) != 0) return session.on_reply({ipc::SaslState::malformed, 0, {}, {}, {}}, out);
    return (how & 32) != 0 ? session.denied(out) : session.unavailable(out);
}

// The first byte says how the bytes are cut, whether TLS is there and how authd answers; the rest is what a stranger says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t step = data[0] % 16 + 1;
    const bool secure = (data[0] & 16) != 0;
    std::string_view bytes = fuzz_text(data + 1, size - 1);
    const Limits limits;
    Session session(limits, secure, true);
    Input input(limits.command + 4'096);
    std::string out = session.greeting();
    bool answered = false;
    for (auto wants = Session::Wants::input; !bytes.empty();) {
        bytes.remove_prefix(input.append(bytes.substr(0, step)));
        do {
            wants = session.run(input, out);
            answered = wants == Session::Wants::answer || wants == Session::Wants::refusal;
            if (answered) {
                fuzz_require(secure);
                wants = answer(session, data[0], out);
            }
        } while (answered && wants == Session::Wants::input);
        if (wants != Session::Wants::input) return 0;
        fuzz_require(input.room() > 0);
        for (const char c : out) fuzz_require(c == '\r' || c == '\n' || (c >= 0x20 && c < 0x7F));   // nothing of theirs goes back raw
        out.clear();
    }
    return 0;
}
