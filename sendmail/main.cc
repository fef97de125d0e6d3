// postern-sendmail. See README.md and sendmail(1).
#include "libcommon/text.h"
#include "libmail/chars.h"
#include "sendmail/client.h"
#include "sendmail/message.h"
#include "sendmail/options.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using namespace postern;
using namespace postern::sendmail;

namespace {

constexpr std::size_t largest_input = std::size_t{1} << 30;      // what the server takes is less, and its to say

int fail(ExitCode code, std::string_view reason) {
    std::fprintf(stderr, "sendmail: %.*s\n", static_cast<int>(reason.size()), reason.data());
    return code;
}

Result<std::string> read_input() {
    std::string input;
    for (char bytes[65536];;) {
        const ssize_t got = ::read(STDIN_FILENO, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return Error::from_errno("cannot read the message");
        if (got == 0) return input;
        input.append(bytes, static_cast<std::size_t>(got));
        if (input.size() > largest_input) return Error(Errc::too_large, "the message is too large");
    }
}

bool has_eight_bits(std::string_view text) { return std::any_of(text.begin(), text.end(), mail::is_eight_bit); }

// RFC 3461 section 4.
std::string xtext(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (mail::is_printable(c) && c != ' ' && c != '+' && c != '=') out.push_back(c);
        else out += "+" + ascii_upper(to_hex({&c, 1}));
    }
    return out;
}

std::string mail_parameters(const Options& options, const Submission& s, std::string_view header) {
    std::string out;
    if (has_eight_bits(s.message)) out += " BODY=8BITMIME";
    if (has_eight_bits(header) || has_eight_bits(s.reverse_path) || std::any_of(s.recipients.begin(), s.recipients.end(), has_eight_bits))
        out += " SMTPUTF8";
    if (!options.ret.empty()) out += " RET=" + options.ret;
    if (!options.envelope_id.empty()) out += " ENVID=" + xtext(options.envelope_id);
    return out;
}

Outcome deliver(const Options& options, Client& client, std::string_view text) {
    Submission s;
    s.reverse_path = !options.sender ? client.address() : options.sender->empty() ? "" : qualified(*options.sender, client.hostname());
    Message message = prepare(text, client.hostname(), options.full_name, s.reverse_path.empty() ? client.address() : s.reverse_path);
    for (const std::string& recipient : options.recipients) s.recipients.push_back(qualified(recipient, client.hostname()));
    if (options.read_recipients) s.recipients.insert(s.recipients.end(), message.recipients.begin(), message.recipients.end());
    if (s.recipients.empty()) return {exit_usage, "nobody to send it to: give recipients, or -t and a header with some"};
    const auto breaks = [](const std::string& address) { return address.find_first_of("\r\n<>") != std::string::npos; };
    if (breaks(s.reverse_path) || std::any_of(s.recipients.begin(), s.recipients.end(), breaks))
        return {exit_data, "an address has a line end or a bracket in it"};
    s.message = std::move(message.text);
    s.mail_parameters = mail_parameters(options, s, std::string_view(s.message).substr(0, s.message.find("\r\n\r\n")));
    if (!options.notify.empty()) s.rcpt_parameters = " NOTIFY=" + options.notify;
    return client.send(s);
}

int run(const Options& options) {
    if (options.mode == Mode::nothing) return exit_ok;                       // aliases are in no file that needs work
    if (options.mode == Mode::queue) return fail(exit_unavailable, "the queue is shown by \"mailctl queue list\"");
    std::string text;
    if (options.mode == Mode::deliver) {
        const auto input = read_input();
        if (!input) return fail(input.error().code() == Errc::too_large ? exit_data : exit_try_again, input.error().message());
        auto lines = normal_lines(*input, options.dots_are_text);
        if (!lines) return fail(exit_data, lines.error().message());
        text = std::move(*lines);
    }
    const char* given = std::getenv("POSTERN_SUBMIT_SOCKET");                // no setuid: the caller could connect there himself
    auto client = Client::connect(given ? given : "/run/postern/submit.sock");
    if (!client) return fail(client.error().code() == Errc::denied ? exit_no_permission : exit_try_again, client.error().message());
    const Outcome outcome = options.mode == Mode::smtp ? relay(*client, STDIN_FILENO, STDOUT_FILENO) : deliver(options, *client, text);
    return outcome.code == exit_ok ? exit_ok : fail(outcome.code, outcome.reason);
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    const auto options = parse_options(argc > 0 ? argv[0] : "sendmail", {argv + std::min(argc, 1), argv + argc});
    return options ? run(*options) : fail(exit_usage, options.error().message());
}
