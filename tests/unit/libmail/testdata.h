// Public test data, read in place; missing is a failure, not a pass.
#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace postern::testing {

inline std::filesystem::path testdata() { return std::filesystem::path(POSTERN_SOURCE_DIR) / "../shared/testdata"; }

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    INFO(path.string());
    REQUIRE(file);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

// Every regular file below, in a stable order.
inline std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (entry.is_regular_file()) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace postern::testing
