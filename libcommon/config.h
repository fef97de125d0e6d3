// A process's slice of the configuration: checked, with every default filled in, by the configuration reader
// (config/), and handed over by master on a descriptor. The table of all options is config/schema.cc.
#pragma once

#include "libcommon/network.h"
#include "libcommon/result.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

// So many in any stretch of time this long; 0: as many as come.
struct Rate {
    std::uint64_t count = 0;
    std::chrono::milliseconds period{};
    bool operator==(const Rate&) const = default;
};

class Config {
  public:
    // The flat form: "key=value" records, each length-prefixed. Durations are milliseconds, sizes bytes, flags
    // 0 or 1, rates count/milliseconds, lists one value per line.
    static Result<Config> parse(std::string_view flat);
    std::string flat() const;

    // Asking for a key that is not in this process's slice, or by the wrong type, is our own mistake and aborts.
    const std::string& text(std::string_view key) const;
    std::uint64_t number(std::string_view key) const;
    std::size_t size(std::string_view key) const { return static_cast<std::size_t>(number(key)); }
    std::chrono::milliseconds duration(std::string_view key) const;
    bool flag(std::string_view key) const;
    Rate rate(std::string_view key) const;
    std::vector<Network> networks(std::string_view key) const;
    std::vector<std::string> list(std::string_view key) const;

    void set(std::string key, std::string value) { values_[std::move(key)] = std::move(value); }
    bool has(std::string_view key) const { return values_.find(key) != values_.end(); }
    const std::map<std::string, std::string, std::less<>>& values() const { return values_; }

  private:
    std::map<std::string, std::string, std::less<>> values_;
};

} // namespace postern
