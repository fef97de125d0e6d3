// Who gets how much of us: the next hops of outbound mail, what waits for each, how many deliveries each may have at once,
// and which are down. Pure bookkeeping: no message, no socket; time comes in.
//
// A destination's states, and the steps between them:
//
//   up        its window of deliveries at once grows by each that it answered, and is halved by each that it did not take
//   down      three in a row did not reach it: nothing goes there until its pause is over; what waits costs nothing
//   probing   the pause is over: one delivery goes, alone. Answered: up, with a window of one. Not: down, for longer
//   frozen    by an operator, beside any of these: nothing goes
//
// Nothing of this is on disk but who is frozen (orders.h): after a restart every destination is up, with the first window.
//
// Between destinations, turns go round in three classes: people's mail for who is up, other mail for who is up, and whoever
// failed the last time. Of what agents can take at once, the last class gets half at most: 100,000 messages for hosts that do
// not answer leave room for one that does.
#pragma once

#include "ipc/agent.h"
#include "libcommon/config.h"

#include <array>
#include <chrono>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace postern::qmgr {

enum class Priority : std::uint8_t { person, bulk };

// What the configuration says of one destination.
struct DestinationLimits {
    std::uint32_t concurrency = 20;
    Rate rate{};
    bool operator==(const DestinationLimits&) const = default;
};

class Destinations {
  public:
    using Time = std::chrono::milliseconds;
    struct Options {
        std::uint32_t first_window = 5;
        Time first_pause = std::chrono::minutes(1), longest_pause = std::chrono::minutes(30);
    };
    explicit Destinations(Options options) : options_(options) {}
    void configure(Options options) { options_ = options; }

    void put(const std::string& name, const DestinationLimits& limits, Priority priority, const QueueId& id);

    // What goes next, of all agents' `slots`; taken from its queue. started() follows, or another next().
    struct Choice {
        std::string name;
        QueueId id;
    };
    std::optional<Choice> next(std::uint32_t slots);
    void started(const std::string& name);
    void finished(const std::string& name, ipc::Reach reach, std::string_view reason, const Time& now, std::int64_t wall);
    void tick(const Time& now);

    void freeze(const std::string& name, bool frozen);
    void probe_now(const std::string& name);                // an operator knows better than the pause

    enum class State : std::uint8_t { up, down, probing };
    struct View {
        std::string name;
        State state = State::up;
        bool frozen = false;
        std::size_t waiting = 0;
        std::uint32_t active = 0, window = 0, failures = 0;
        Time paused_until{};
        std::int64_t last_failure = 0;                      // seconds since the epoch
        std::string reason;                                 // of it
    };
    std::optional<View> view(const std::string& name) const;
    std::vector<View> after(const std::string& name, std::size_t limit) const;      // in order of names

  private:
    enum class Class : std::uint8_t { person, bulk, doubtful };
    static constexpr std::size_t classes = 3;
    struct Destination {
        std::string name;
        DestinationLimits limits;
        std::array<std::deque<QueueId>, 2> waiting;         // by Priority
        unsigned served = 0;
        std::uint32_t active = 0;
        double window = 0;
        std::uint32_t failures = 0;                         // in a row
        State state = State::up;
        bool frozen = false;
        Time paused_until{};                                // down, or held back by its rate
        std::int64_t last_failure = 0;
        std::string reason;
        std::optional<Class> listed;
    };

    bool has_work(const Destination& d) const { return !d.waiting[0].empty() || !d.waiting[1].empty(); }
    bool may_start(const Destination& d) const;
    Class class_of(const Destination& d) const;
    void list(Destination& d);
    void pause(Destination& d, Time length);
    Destination& named(const std::string& name);
    void answered(Destination& d);
    void failed(Destination& d, ipc::Reach reach, std::string_view reason, std::int64_t wall);
    QueueId take(Destination& d);
    std::optional<Choice> next_of(Class cls);
    void drop_if_unused(const std::string& name);
    static View view_of(const Destination& d);

    Options options_;
    std::map<std::string, std::unique_ptr<Destination>> all_;
    std::array<std::list<Destination*>, classes> ready_;
    std::multimap<Time, std::string> paused_;
    std::size_t turn_ = 0;
    std::uint32_t doubtful_active_ = 0;
    Time now_{};
};

} // namespace postern::qmgr
