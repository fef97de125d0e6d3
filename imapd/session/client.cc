#include "imapd/session/client.h"

namespace postern::imapd {
namespace {

// A whole command must fit, or the reader could never say that it is too long.
std::size_t input_budget(const Environment& environment) { return environment.command_limit + 4096; }

} // namespace

Client::Client(Loop& loop, const Environment& environment, Start start,
               std::function<void(Client&, std::string_view)> closed) :
    loop_(loop),
    trace_(start.trace), handle_(start.handle), closed_(std::move(closed)),
    stream_(loop, std::move(start.socket), input_budget(environment),
            {[this] {
                 heard_ = Clock::now();
                 run();
             },
             [this] {
                 moved_ = Clock::now();
                 run();
             },
             [this](std::string_view why) { ended(why); },
             [this] { shut_down(); }}), // imap-login stops, or the client is gone
    session_(std::move(start.account), environment, [this] { run_later(); }) {
    stream_.input().append(start.pending);
    run_later();
}

void Client::run_later() {
    if (scheduled_ || over_) return;
    scheduled_ = true;
    loop_.defer([this, alive = std::weak_ptr<bool>(alive_)] {
        if (alive.expired()) return;
        scheduled_ = false;
        run();
    });
}

void Client::run() {
    if (over_ || stream_.unsent() >= high_water) return;
    const auto wants = session_.run(stream_.input());
    if (stream_.unsent() == 0) moved_ = Clock::now();
    stream_.write(std::exchange(session_.output(), {}));
    switch (wants) {
    case Session::Wants::input:
    case Session::Wants::answer: return stream_.read_on();
    case Session::Wants::turn: return run_later();
    case Session::Wants::drained: return;               // the stream calls
    case Session::Wants::close: return stream_.finish();
    }
}

void Client::shut_down() {
    session_.bye_after_command("Shutting down");
    run_later();
}

void Client::check_time(Clock::time_point now, Clock::duration silence, Clock::duration stall) {
    if (stream_.unsent() != last_unsent_) moved_ = now;
    last_unsent_ = stream_.unsent();
    if (last_unsent_ > 0 && now - moved_ > stall) return ended("the client does not read");
    if (last_unsent_ == 0 && now - heard_ > silence) {
        heard_ = now;
        session_.bye("Too long without a word");
        run_later();
    }
}

void Client::ended(std::string_view why) {
    if (std::exchange(over_, true)) return;
    closed_(*this, session_.farewell().empty() ? why : std::string_view(session_.farewell()));
}

} // namespace postern::imapd
