// postern.yaml to a checked configuration. Every mistake is reported, each with its line; one is enough to refuse.
#pragma once

#include "libcommon/config.h"

#include <string>
#include <string_view>
#include <vector>

namespace postern::config {

struct Outcome {
    Config config;                       // complete, defaults filled in
    std::vector<std::string> mistakes;   // "postern.yaml:12: smtp.max_sizes: unknown key; did you mean smtp.max_size_mb?"
};

// `environment` holds "POSTERN_SMTP_LISTEN_ADDR=…" entries, which win over the file; others are ignored.
Outcome read_configuration(std::string_view yaml, std::string_view file_name, const std::vector<std::string>& environment);

} // namespace postern::config
