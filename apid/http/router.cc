#include "apid/http/router.h"

#include "libcommon/text.h"

namespace postern::http {
namespace {

bool fits(std::string_view pattern, std::string_view path, std::vector<std::string>& parameters) {
    const auto want = split(pattern, '/'), have = split(path, '/');
    if (want.size() != have.size()) return false;
    parameters.clear();
    for (std::size_t i = 0; i < want.size(); ++i) {
        if (!want[i].starts_with('{')) {
            if (want[i] != have[i]) return false;
            continue;
        }
        std::string decoded;
        if (have[i].empty() || !percent_decode(have[i], decoded)) return false;
        parameters.push_back(std::move(decoded));
    }
    return true;
}

} // namespace

std::optional<Match> match(std::span<const RoutePattern> patterns, const Request& request, NoMatch& none) {
    const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
    none.allow.clear();
    for (std::size_t i = 0; i < patterns.size(); ++i) {
        std::vector<std::string> parameters;
        if (!fits(patterns[i].path, request.path, parameters)) continue;
        if (patterns[i].method == method) return Match{i, std::move(parameters)};
        none.allow += (none.allow.empty() ? "" : ", ") + std::string(patterns[i].method);
    }
    return std::nullopt;
}

} // namespace postern::http
