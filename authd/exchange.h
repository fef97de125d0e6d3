// One SASL exchange in which a password is proven without being sent. Pure but for the look-up it is given: the client's
// responses go in, challenges and the end come out.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>

namespace postern::authd {

class Exchange {
  public:
    struct Challenge { std::string bytes; };
    struct Proven {};
    struct Denied { std::string_view why; };           // for the log; the client learns only that it was denied
    struct Malformed {};
    struct Unavailable { std::string why; };
    using Step = std::variant<Challenge, Proven, Denied, Malformed, Unavailable>;

    Exchange() = default;
    Exchange(const Exchange&) = delete;
    virtual ~Exchange() = default;

    // The first response is the initial one, empty where the server speaks first. Anything but a challenge is the end.
    virtual Step respond(std::string_view response) = 0;
};

} // namespace postern::authd
