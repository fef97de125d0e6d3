// Who guesses recipients waits ever longer for each answer, over all its connections. The first few are free: a list
// with old addresses is not an attack.
#pragma once

#include "libcommon/windows.h"

namespace postern::policy {

class Tarpit {
  public:
    struct Settings {
        std::chrono::milliseconds first{500}, most{10'000};
    };
    explicit Tarpit(std::size_t most) : windows_(most) {}
    void configure(Settings settings) { settings_ = settings; }

    void missed(std::string_view client, std::uint32_t recipients, Windows::Time now);
    std::chrono::milliseconds delay(std::string_view client, Windows::Time now) const;

  private:
    Settings settings_;
    Windows windows_;
};

} // namespace postern::policy
