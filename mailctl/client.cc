#include "mailctl/client.h"

#include "libcommon/owned.h"
#include "libcommon/text.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

#include <fmt/core.h>

namespace postern::mailctl {
namespace {

std::string advice(int error, const std::string& path) {
    switch (error) {
    case ENOENT: return fmt::format("{} does not exist: is postern running? (systemctl status postern, or --socket)", path);
    case ECONNREFUSED: return fmt::format("nobody answers on {}: postern is not running (systemctl start postern)", path);
    case EACCES:
    case EPERM: return fmt::format("no permission to use {}: be root or a member of the group postern-admin", path);
    default: return fmt::format("{}: {}", path, std::strerror(error));
    }
}

[[noreturn]] void fail(int error, const std::string& path) {
    const bool permission = error == EACCES || error == EPERM;
    throw Failure{permission ? exit_no_permission : exit_unavailable, advice(error, path)};
}

Fd connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) throw Failure{exit_usage, "the path of the socket is too long: " + path};
    std::memcpy(address.sun_path, path.c_str(), path.size());
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // Longer than any answer the API may take: it has deadlines of its own.
    const timeval patience{.tv_sec = 90, .tv_usec = 0};
    if (socket) ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fail(errno, path);
    return socket;
}

void send_all(int socket, std::string_view bytes, const std::string& path) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EPIPE) return;        // refused before it was read: the answer says why, or is empty
        if (sent < 0) fail(errno, path);
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::string receive_all(int socket, const std::string& path) {
    std::string bytes;
    char buffer[16384];
    for (;;) {
        const ssize_t got = ::recv(socket, buffer, sizeof buffer, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == ECONNRESET && !bytes.empty()) return bytes;
        if (got < 0 && errno != ECONNRESET) fail(errno, path);
        if (got <= 0) return bytes;
        bytes.append(buffer, static_cast<std::size_t>(got));
    }
}

} // namespace

ExitCode exit_code_of(int http_status) {
    switch (http_status) {
    case 400: case 413: case 415: case 422: return exit_data;
    case 403: return exit_no_permission;
    case 404: return exit_not_found;
    case 409: return exit_exists;
    case 408: case 503: return exit_unavailable;
    default: return http_status >= 200 && http_status < 300 ? exit_ok : exit_software;
    }
}

Result<Reply> parse_reply(std::string_view bytes) {
    const auto head_end = bytes.find("\r\n\r\n");
    if (head_end == bytes.npos || !bytes.starts_with("HTTP/1.1 ")) return Error(Errc::bad_message, "not an HTTP answer");
    const auto lines = split(bytes.substr(0, head_end), '\n');
    Reply reply;
    const auto status = parse_number(lines[0].substr(9, 3), 999);
    if (!status) return Error(Errc::bad_message, "not an HTTP answer");
    reply.status = static_cast<int>(*status);
    reply.body = bytes.substr(head_end + 4);
    for (const auto line : lines) {
        const auto colon = line.find(':');
        if (colon == line.npos) continue;
        auto value = line.substr(colon + 1);
        if (value.ends_with('\r')) value.remove_suffix(1);
        value = trim(value);
        if (iequals(line.substr(0, colon), "content-type")) reply.content_type = value;
        if (iequals(line.substr(0, colon), "content-length") && parse_number(value) != reply.body.size())
            return Error(Errc::bad_message, "the answer is cut short");
    }
    return reply;
}

Reply Client::exchange(std::string_view method, std::string_view target, const json::Value* body) {
    const Fd socket = connect_to(path_);
    std::string bytes = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", method, target);
    if (body) {
        const std::string text = body->dump();
        bytes += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", text.size(), text);
    } else {
        bytes += method == "GET" ? "\r\n" : "Content-Length: 0\r\n\r\n";
    }
    send_all(socket.get(), bytes, path_);
    const std::string answer = receive_all(socket.get(), path_);
    // api-local closes what the kernel does not let it serve, without a word.
    if (answer.empty()) throw Failure{exit_no_permission, advice(EACCES, path_)};
    auto reply = parse_reply(answer);
    if (!reply) throw Failure{exit_software, reply.error().message()};
    return std::move(*reply);
}

Reply Client::request(std::string_view method, std::string_view target, const json::Value* body) {
    Reply reply = exchange(method, target, body);
    if (reply.status >= 200 && reply.status < 300) return reply;
    const auto problem = json::parse(reply.body);
    const std::string* detail = problem ? (*problem)["detail"].text() : nullptr;
    throw Failure{exit_code_of(reply.status), detail ? *detail : fmt::format("the answer was status {}", reply.status)};
}

json::Value Client::json_of(const Reply& reply) {
    if (reply.body.empty()) return {};
    auto value = json::parse(reply.body);
    if (!value) throw Failure{exit_software, value.error().message()};
    return std::move(*value);
}

json::Array Client::get_all(const std::string& target) {
    json::Array all;
    std::string page = target;
    for (;;) {
        const json::Value listing = get(page);
        if (const json::Array* items = listing["items"].array()) all.insert(all.end(), items->begin(), items->end());
        const json::Value& next = listing["next"];
        if (next.is_null()) return all;
        page = target + (target.find('?') == target.npos ? "?" : "&") + "after=" +
               (next.text() ? *next.text() : next.dump());
    }
}

} // namespace postern::mailctl
