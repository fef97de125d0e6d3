#include "resolvd/exchange.h"

#include "libcommon/counters.h"
#include "libcommon/ids.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

namespace postern::dns {
namespace {

Counter by_udp{"dns_server_queries_total", "transport=\"udp\"", "Queries to servers"};
Counter by_tcp{"dns_server_queries_total", "transport=\"tcp\"", "Queries to servers"};
Counter truncated{"dns_answers_truncated_total", "", "Answers that did not fit a datagram"};
Counter rejected[] = {       // in the order of Match, behind `ours`
    {"dns_answers_rejected_total", "reason=\"short\"", "Datagrams that are no answer to what was asked"},
    {"dns_answers_rejected_total", "reason=\"no_answer\"", "Datagrams that are no answer to what was asked"},
    {"dns_answers_rejected_total", "reason=\"id\"", "Datagrams that are no answer to what was asked"},
    {"dns_answers_rejected_total", "reason=\"question\"", "Datagrams that are no answer to what was asked"},
    {"dns_answers_rejected_total", "reason=\"case\"", "Datagrams that are no answer to what was asked"},
};

constexpr std::size_t frame_size = 2, max_message = 65535;

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    explicit Address(const Server& server) {
        const std::string host = server.address.bytes();
        if (server.address.is_v4()) {
            auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
            v4.sin_family = AF_INET;
            v4.sin_port = htons(server.port);
            std::memcpy(&v4.sin_addr, host.data(), host.size());
            size = sizeof v4;
        } else {
            auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
            v6.sin6_family = AF_INET6;
            v6.sin6_port = htons(server.port);
            std::memcpy(&v6.sin6_addr, host.data(), host.size());
            size = sizeof v6;
        }
    }
};

Query fresh_query(const Question& question, Want want) {
    std::array<unsigned char, 34> dice;                    // a bit for each letter of the longest name, then the id
    random_bytes(dice.data(), dice.size());
    const auto id = static_cast<std::uint16_t>(dice[32] << 8U | dice[33]);
    return make_query(question, id, std::span(dice).first(32), want);
}

// One event a minute, whatever arrives: who sends false answers must not fill the log. The counters have them all.
void count_rejected(const Server& server, const Question& question, Match why) {
    rejected[static_cast<std::size_t>(why) - 1].add();
    using Clock = std::chrono::steady_clock;
    static Clock::time_point next{};
    static std::uint64_t unsaid = 0;
    ++unsaid;
    if (Clock::now() < next) return;
    next = Clock::now() + std::chrono::minutes(1);
    log::warning("resolvd.answer.rejected", {{"server", server.text()}, {"name", printable(question.name)}, {"why", to_string(why)},
                                             {"count", std::exchange(unsaid, 0)}});
}

} // namespace

Exchange::Exchange(Loop& loop, const Server& server, const Question& question, Want want, std::chrono::milliseconds timeout, Done done)
    : loop_(loop), server_(server), question_(question), timeout_(timeout), done_(std::move(done)),
      query_(fresh_query(question, want)),
      timer_(loop, [this] { lost(broken_.empty() ? "no answer in time" : broken_); }) {
    ask_by_datagram();
}

// Connected, also for UDP: the kernel then takes datagrams of that address and port only, tells of a port nobody listens on, and
// gives the socket a source port of its own at random, which no listener of this host was promised.
bool Exchange::open_socket(int type) {
    const Address address(server_);
    watch_.reset();
    socket_.reset(::socket(address.storage.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const bool open = socket_ && (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0 ||
                                  errno == EINPROGRESS);
    if (!open) broken_ = std::strerror(errno);
    timer_.once(open ? timeout_ : std::chrono::milliseconds(0));
    return open;
}

void Exchange::ask_by_datagram() {
    if (!open_socket(SOCK_DGRAM)) return;
    by_udp.add();
    if (::send(socket_.get(), query_.wire.data(), query_.wire.size(), 0) < 0) {
        broken_ = std::strerror(errno);
        return timer_.once(std::chrono::milliseconds(0));
    }
    watch_ = std::make_unique<Watch>(loop_, socket_.get(), Watch::For::read, [this] { datagrams_came(); });
    watch_->enable();
}

void Exchange::datagrams_came() {
    char bytes[max_message];
    for (;;) {
        const ssize_t got = ::recv(socket_.get(), bytes, sizeof bytes, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got < 0) return lost(std::strerror(errno));    // ICMP: nobody listens there
        if (datagram_came({bytes, static_cast<std::size_t>(got)})) return;
    }
}

// True: that was it, for UDP.
bool Exchange::datagram_came(std::string_view bytes) {
    const Match matched = match(query_, bytes);
    if (matched != Match::ours) {
        count_rejected(server_, question_, matched);
        // A server that changes the case of letters is indistinguishable from one who guessed all but them.
        if (matched != Match::other_case && ++strangers_ < max_strangers) return false;
        ask_by_stream();
        return true;
    }
    constexpr unsigned char tc = 0x02;
    if ((static_cast<unsigned char>(bytes[2]) & tc) != 0) {
        truncated.add();
        log::debug("resolvd.answer.truncated", {{"server", server_.text()}, {"name", printable(question_.name)}});
        ask_by_stream();
    } else {
        take(bytes);
    }
    return true;
}

void Exchange::ask_by_stream() {
    if (!open_socket(SOCK_STREAM)) return;
    by_tcp.add();
    const auto size = query_.wire.size();
    buffer_ = {static_cast<char>(size >> 8U), static_cast<char>(size & 0xffU)};       // RFC 1035 section 4.2.2
    buffer_ += query_.wire;
    watch_ = std::make_unique<Watch>(loop_, socket_.get(), Watch::For::write, [this] { stream_is_writable(); });
    watch_->enable();
}

void Exchange::stream_is_writable() {
    const ssize_t sent = ::send(socket_.get(), buffer_.data(), buffer_.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent < 0) return lost(std::strerror(errno));
    buffer_.erase(0, static_cast<std::size_t>(sent));
    if (!buffer_.empty()) return;
    watch_ = std::make_unique<Watch>(loop_, socket_.get(), Watch::For::read, [this] { stream_came(); });
    watch_->enable();
}

void Exchange::stream_came() {
    char bytes[16 * 1024];
    const ssize_t got = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return lost(got == 0 ? "connection closed without an answer" : std::strerror(errno));
    buffer_.append(bytes, static_cast<std::size_t>(got));
    if (buffer_.size() < frame_size) return;
    const std::size_t size = std::size_t{static_cast<unsigned char>(buffer_[0])} << 8U | static_cast<unsigned char>(buffer_[1]);
    if (buffer_.size() < frame_size + size) return;
    const std::string message = buffer_.substr(frame_size, size);
    // Nobody but the server answers here: a letter's case needs no proof.
    const Match matched = match(query_, message);
    if (matched == Match::ours || matched == Match::other_case) return take(message);
    count_rejected(server_, question_, matched);
    finish({std::nullopt, false, std::string("an answer to something else: ") + std::string(to_string(matched))});
}

void Exchange::take(std::string_view bytes) {
    auto reply = read_reply(bytes);
    if (!reply) return finish({std::nullopt, false, "a malformed answer: " + reply.error().message()});
    if (reply->truncated) return finish({std::nullopt, false, "an answer cut short by TCP, too"});
    finish({std::move(*reply), false, {}});
}

void Exchange::lost(std::string why) { finish({std::nullopt, true, std::move(why)}); }

void Exchange::finish(Outcome outcome) {
    watch_.reset();
    timer_.cancel();
    socket_.reset();
    const Done done = std::move(done_);
    done(std::move(outcome));                              // nothing of this object after it
}

} // namespace postern::dns
