// A directory of a test's own, and events to fill histories with.
#pragma once

#include "logd/kept.h"

#include <filesystem>
#include <string>
#include <unistd.h>

namespace postern::logd {

struct Temporary {
    std::filesystem::path path;
    explicit Temporary(const std::string& name)
        : path(std::filesystem::temp_directory_path() / ("postern-" + name + "-" + std::to_string(::getpid()))) {
        std::filesystem::remove_all(path);
        std::filesystem::create_directories(path);
    }
    ~Temporary() { std::filesystem::remove_all(path); }
    Temporary(const Temporary&) = delete;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

inline Kept event_of(std::int64_t time_us, std::string name, const Pairs& fields) {
    Kept kept;
    kept.source = "smtpd/0";
    kept.record.time_us = time_us;
    kept.record.name = std::move(name);
    kept.record.level = log::Level::info;
    for (const auto& [key, value] : fields) kept.record.values.push_back({key, value});
    return kept;
}

inline void add(Batch& batch, const Kept& kept) { batch.add(kept.source, encode(kept.record), kept.record); }

} // namespace postern::logd
