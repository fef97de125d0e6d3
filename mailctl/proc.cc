#include "mailctl/proc.h"

#include "libcommon/text.h"

#include <fstream>
#include <iterator>

namespace postern::mailctl {

ProcessFacts parse_status(std::string_view text) {
    ProcessFacts facts;
    for (const auto line : split(text, '\n')) {
        const auto colon = line.find(':');
        if (colon == line.npos) continue;
        const auto name = line.substr(0, colon), value = trim(line.substr(colon + 1));
        const std::string first(value.substr(0, value.find_first_of("\t ")));
        facts.found = true;
        if (name == "Uid") facts.uid = first;
        if (name == "CapEff") facts.capabilities = first.find_first_not_of('0') == first.npos ? "none" : first.substr(first.find_first_not_of('0'));
        if (name == "NoNewPrivs") facts.no_new_privs = first;
        if (name == "Seccomp") facts.seccomp = first;
        if (name == "VmRSS") facts.memory = parse_number(first).value_or(0) * 1024;
    }
    return facts;
}

ProcessFacts facts_of(std::int64_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    return parse_status(std::string(std::istreambuf_iterator<char>(file), {}));
}

} // namespace postern::mailctl
