#include "sendmail/client.h"

#include "libcommon/text.h"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace postern::sendmail {
namespace {

constexpr int patience = 600;                    // RFC 5321 section 4.5.3.2.6: ten minutes for the end of data
constexpr int last_patience = 60;                // for replies, when whoever gave the commands is gone
constexpr std::size_t longest_reply = 64 * 1024;

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t done = ::write(fd, bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return true;
}

Error gone() { return {Errc::unavailable, "the mail server closed the connection"}; }

} // namespace

ExitCode exit_code_of(const Reply& reply, ExitCode for_good) { return reply.code < 500 ? exit_try_again : for_good; }

std::string dot_stuffed(std::string_view message) {
    std::string out;
    out.reserve(message.size() + 64);
    bool begins = true;
    for (const char c : message) {
        if (begins && c == '.') out.push_back('.');
        out.push_back(c);
        begins = c == '\n';
    }
    return out;
}

// The greeting is "host ESMTP Postern for address".
Result<Client> Client::connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return Error(Errc::unavailable, "the path of the socket is too long: " + path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    Client client(Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    const timeval limit{patience, 0};
    ::setsockopt(client.socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(client.socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(client.socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return Error(errno == EACCES ? Errc::denied : Errc::unavailable, "cannot connect to " + path + ": " + std::strerror(errno));
    const Reply greeting = client.read_reply();
    if (greeting.code == 0) return gone();
    if (greeting.code != 220) return Error(greeting.code < 500 ? Errc::unavailable : Errc::denied, greeting.text);
    const auto words = split(greeting.text, ' ');
    client.hostname_ = std::string(words.front());
    client.address_ = std::string(words.back());
    return client;
}

bool Client::write(std::string_view bytes) { return write_all(socket_.get(), bytes); }

Reply Client::read_reply() {
    Reply reply;
    for (std::string text;;) {
        const auto end = in_.find('\n');
        if (end == std::string::npos) {
            char bytes[4096];
            const ssize_t got = ::read(socket_.get(), bytes, sizeof bytes);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0 || in_.size() + text.size() > longest_reply) return {};
            in_.append(bytes, static_cast<std::size_t>(got));
            continue;
        }
        std::string line = in_.substr(0, end);
        in_.erase(0, end + 1);
        if (line.ends_with('\r')) line.pop_back();
        const auto code = parse_number(std::string_view(line).substr(0, 3), 599);
        if (line.size() < 3 || !code || *code < 200) return {};
        if (!text.empty()) text += ' ';
        text += line.substr(std::min<std::size_t>(4, line.size()));
        if (line.size() == 3 || line[3] == ' ') return {static_cast<int>(*code), text};
    }
}

Reply Client::command(std::string_view line) {
    return write(std::string(line) + "\r\n") ? read_reply() : Reply{};
}

Outcome Client::send(const Submission& s) {
    const auto refusal = [](const Reply& reply, ExitCode for_good, const std::string& about) {
        return Outcome{exit_code_of(reply, for_good), about + (reply.code == 0 ? gone().message() : reply.text)};
    };
    if (const Reply hello = command("EHLO localhost"); hello.code != 250) return refusal(hello, exit_unavailable, "");
    const Reply mail = command("MAIL FROM:<" + s.reverse_path + ">" + s.mail_parameters);
    if (mail.code != 250) return refusal(mail, exit_no_permission, "sender " + s.reverse_path + ": ");
    Outcome refused;
    for (const std::string& recipient : s.recipients) {
        const Reply rcpt = command("RCPT TO:<" + recipient + ">" + s.rcpt_parameters);
        if (rcpt.code == 250) continue;
        const Outcome one = refusal(rcpt, exit_no_user, recipient + ": ");
        refused.code = one.code;
        refused.reason += (refused.reason.empty() ? "" : "\n") + one.reason;
        if (rcpt.code == 0) break;
    }
    if (refused.code != exit_ok) return refused;
    if (const Reply data = command("DATA"); data.code != 354) return refusal(data, exit_unavailable, "");
    const Reply end = write(dot_stuffed(s.message)) ? command(".") : Reply{};
    if (end.code != 250) return refusal(end, exit_data, "");
    (void)command("QUIT");
    return {};
}

Outcome relay(Client& client, int in, int out) {
    if (!write_all(out, "220 " + client.hostname() + " ESMTP Postern for " + client.address() + "\r\n") || !write_all(out, client.received()))
        return {exit_unavailable, "nobody reads the replies"};
    pollfd ends[] = {{in, POLLIN, 0}, {client.socket().get(), POLLIN, 0}};
    char bytes[16384];
    while (::poll(ends, 2, (ends[0].fd < 0 ? last_patience : patience) * 1000) > 0) {
        if (ends[0].revents != 0) {
            const ssize_t got = ::read(in, bytes, sizeof bytes);
            // What was said is still answered: an end of ours would end the session at once.
            const std::string_view more = got > 0 ? std::string_view(bytes, static_cast<std::size_t>(got)) : "QUIT\r\n";
            if (got <= 0) ends[0].fd = -1;
            if (!write_all(client.socket().get(), more)) ends[0].fd = -1;
        }
        if (ends[1].revents != 0) {
            const ssize_t got = ::read(client.socket().get(), bytes, sizeof bytes);
            if (got <= 0) return {};
            if (!write_all(out, {bytes, static_cast<std::size_t>(got)})) return {exit_unavailable, "nobody reads the replies"};
        }
    }
    return {exit_try_again, "the mail server does not answer"};
}

} // namespace postern::sendmail
