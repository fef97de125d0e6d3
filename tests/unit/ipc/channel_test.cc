#include "ipc/channel.h"
#include "ipc/auth.h"
#include "ipc/queue.h"
#include "libcommon/log.h"

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <unistd.h>

using namespace postern;
using namespace postern::ipc;
using namespace std::chrono_literals;

namespace {

// smtpd and authd, or two others, at the ends of a socketpair on one loop.
struct Pair {
    Loop loop;
    Dispatcher left_handlers, right_handlers;
    std::shared_ptr<Channel> left, right;
    bool left_closed = false, right_closed = false;

    explicit Pair(ServiceId l = ServiceId::smtpd, ServiceId r = ServiceId::authd) {
        log::set_level(log::Level::error);
        int fds[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        left = Channel::open(loop, Fd(fds[0]), l, Peer{r, 0, 1}, left_handlers);
        right = Channel::open(loop, Fd(fds[1]), r, Peer{l, 0, 1}, right_handlers);
        left->on_closed([this](Channel&) { left_closed = true; loop.stop(); });
        right->on_closed([this](Channel&) { right_closed = true; loop.stop(); });
    }
};

std::string frame(MessageType type, std::string body, std::uint8_t flags = 0, std::uint8_t version = 1) {
    std::string out;
    Writer writer(out);
    writer.put(static_cast<std::uint32_t>(body.size()));
    writer.put(static_cast<std::uint16_t>(type));
    writer.put(flags);
    writer.put(version);
    writer.put(std::uint32_t{1});
    return out + body;
}

// What raw bytes from smtpd do to authd's channel.
bool survives(const std::string& bytes) {
    Loop loop;
    log::set_level(log::Level::error);
    Dispatcher handlers;
    bool served = false, closed = false;
    handlers.on<CheckSender>([&](Incoming<CheckSender>) { served = true; loop.stop(); });
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
    const Fd raw(fds[0]);
    auto channel = Channel::open(loop, Fd(fds[1]), ServiceId::authd, Peer{ServiceId::smtpd, 0, 1}, handlers);
    channel->on_closed([&](Channel&) { closed = true; loop.stop(); });
    REQUIRE(::write(raw.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    loop.run();
    return served && !closed;
}

} // namespace

TEST_CASE("a question is answered, in any order, with what belongs to it") {
    Pair pair;
    std::vector<Incoming<CheckSender>> waiting;
    pair.right_handlers.on<CheckSender>([&](Incoming<CheckSender> in) {
        waiting.push_back(std::move(in));
        if (waiting.size() < 2) return;
        waiting[1].reply({.verdict = Verdict::denied});
        waiting[0].reply({.verdict = Verdict::allowed});
    });
    std::vector<Verdict> verdicts(2);
    int answers = 0;
    for (std::size_t i = 0; i < 2; ++i)
        pair.left->call<CheckSender>({}, [&, i](Result<SenderVerdict> reply, Fd) {
            verdicts[i] = reply->verdict;
            if (++answers == 2) pair.loop.stop();
        });
    pair.loop.run();
    CHECK(verdicts[0] == Verdict::allowed);
    CHECK(verdicts[1] == Verdict::denied);
}

TEST_CASE("descriptors arrive with their own message, large bodies whole") {
    Pair pair(ServiceId::smtpd, ServiceId::qmgr);
    std::vector<std::pair<std::string, bool>> seen;
    pair.right_handlers.on<Submit>([&](Incoming<Submit> in) {
        bool right_file = !in.descriptor;
        if (in.descriptor) {
            char name[8] = {};
            right_file = ::read(in.descriptor.get(), name, 1) == 1 && name[0] == in.message.body.value[0];
        }
        seen.emplace_back(in.message.body.value, right_file);
        if (seen.size() == 4) pair.loop.stop();
    });
    for (char name : {'a', '-', 'b', 'c'}) {
        Submit submit;
        submit.body = std::string(name == 'b' ? 900'000 : 10, name);
        Fd passed;
        if (name != '-') {
            int fds[2];
            REQUIRE(::pipe(fds) == 0);
            REQUIRE(::write(fds[1], &name, 1) == 1);
            ::close(fds[1]);
            passed = Fd(fds[0]);
        }
        pair.left->call<Submit>(submit, [](Result<Submitted>, Fd) {}, 30s, std::move(passed));
    }
    pair.loop.run();
    REQUIRE(seen.size() == 4);
    for (const auto& [body, right_file] : seen) CHECK(right_file);
    CHECK(seen[2].first.size() == 900'000);
}

TEST_CASE("a call ends in a timeout or with the peer, once") {
    Pair pair;
    pair.right_handlers.on<CheckSender>([](Incoming<CheckSender>) {});
    Errc how = Errc::invalid;
    pair.left->call<CheckSender>({}, [&](Result<SenderVerdict> reply, Fd) { how = reply.error().code(); pair.loop.stop(); }, 1ms);
    pair.loop.run();
    CHECK(how == Errc::timeout);
    pair.left->call<CheckSender>({}, [&](Result<SenderVerdict> reply, Fd) { how = reply.error().code(); });
    pair.right->close("test");
    pair.loop.run();
    CHECK(how == Errc::closed);
    CHECK(pair.left_closed);
}

TEST_CASE("a malformed message costs its sender the channel") {
    const std::string good = encode(CheckSender{});
    CHECK(survives(frame(MessageType::check_sender, good)));
    CHECK(survives(frame(MessageType::sender_verdict, "late", 2) + frame(MessageType::check_sender, good)));
    CHECK_FALSE(survives(frame(MessageType::check_sender, good + "x")));
    CHECK_FALSE(survives(frame(MessageType::check_sender, "")));
    CHECK_FALSE(survives(frame(MessageType::check_sender, good, 0, 9)));            // another protocol version
    CHECK_FALSE(survives(frame(MessageType::check_sender, good, 1)));               // no descriptor came
    CHECK_FALSE(survives(frame(MessageType::redeem, encode(Redeem{}))));            // smtpd may not ask this
    CHECK_FALSE(survives(frame(static_cast<MessageType>(65535), "")));
    CHECK_FALSE(survives(frame(MessageType::check_sender, std::string(100'000, 'x'))));
}

TEST_CASE("who retires answers what has begun, and knows when nothing more comes") {
    Pair pair;
    std::vector<Incoming<CheckSender>> waiting;
    pair.right_handlers.on<CheckSender>([&](Incoming<CheckSender> in) {
        waiting.push_back(std::move(in));
        pair.right->retire();
        pair.loop.stop();
    });
    bool told = false, answered = false;
    pair.left->on_peer_retiring([&](Channel&) { told = true; pair.loop.stop(); });
    pair.left->call<CheckSender>({}, [&](Result<SenderVerdict> reply, Fd) { answered = reply.ok(); pair.loop.stop(); });
    pair.loop.run();
    CHECK_FALSE(pair.right->is_quiet());          // the other side has not heard of it
    pair.loop.run();
    CHECK(told);
    waiting[0].reply({.verdict = Verdict::allowed});
    pair.loop.run();
    CHECK(answered);
    Timer look(pair.loop, [&] { if (pair.right->is_quiet()) pair.loop.stop(); });
    look.every(1ms);
    pair.loop.run();
    CHECK(pair.right->is_quiet());
    CHECK_FALSE(pair.left_closed);
}

TEST_CASE("nobody is let go who did not ask for it") {
    const std::string good = encode(CheckSender{});
    CHECK(survives(frame(static_cast<MessageType>(0), "", 4) + frame(MessageType::check_sender, good)));
    CHECK_FALSE(survives(frame(static_cast<MessageType>(0), "", 8) + frame(MessageType::check_sender, good)));
    CHECK_FALSE(survives(frame(static_cast<MessageType>(0), "body", 4) + frame(MessageType::check_sender, good)));
}

TEST_CASE("A password is wiped where it came in and where it went out") {
    Pair pair;
    constexpr std::string_view password = "correct horse battery staple";
    std::string_view body;                                 // where the receiver's bytes lie, for as long as the channel does
    pair.right_handlers.on<Login>([&](Incoming<Login> in) {
        CHECK(in.message.password.view() == password);
        in.reply({});
    });
    // Sees the same bytes as the handler above, in place.
    const auto* entry = pair.right_handlers.find(MessageType::login);
    REQUIRE(entry);
    CHECK(entry->is_secret);
    const auto inner = entry->handle;
    const_cast<Dispatcher::Entry*>(entry)->handle = [&, inner](std::shared_ptr<Channel> channel, std::uint32_t request,
                                                               std::string_view bytes, Fd fd) {
        body = bytes;
        CHECK(bytes.find(password) != bytes.npos);
        return inner(std::move(channel), request, bytes, std::move(fd));
    };
    Login login;
    login.username = std::string(100, 'u');                // the answer comes into the same buffer, and covers less than that
    login.password = password;
    bool answered = false;
    pair.left->call<Login>(login, [&](Result<LoginResult> result, Fd) {
        answered = result.ok();
        pair.loop.stop();
    });
    pair.loop.run();
    CHECK(answered);
    CHECK(body.substr(100).find_first_not_of('\0') == body.npos);
}

TEST_CASE("Which messages carry passwords") {
    CHECK(is_secret<Login>);
    CHECK_FALSE(is_secret<LoginResult>);
    CHECK_FALSE(is_secret<CheckSender>);
}
