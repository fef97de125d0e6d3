#include "resolvd/extended_error.h"

#include "libcommon/text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace postern::dns {
namespace {

constexpr unsigned extended_error = 15;                    // section 2
constexpr std::size_t longest_text = 100;                  // of EXTRA-TEXT: it is for people

// Section 4, and the registry it began: those that say of the data that it is not what its zone signed. That a server did not know an
// algorithm (1, 2) is none: then the data is insecure, and it answers.
struct Fault {
    unsigned code;
    std::string_view words;
};
constexpr Fault faults[] = {
    {5, "indeterminate"},       {6, "bogus"},           {7, "signature expired"}, {8, "signature not yet valid"},
    {9, "DNSKEY missing"},      {10, "RRSIGs missing"}, {11, "no zone key"},      {12, "NSEC missing"},
    {25, "signature expires before it is valid"},
};

std::size_t number_at(std::string_view bytes, std::size_t at) {
    return std::size_t{static_cast<unsigned char>(bytes[at])} << 8U | static_cast<unsigned char>(bytes[at + 1]);
}

std::optional<std::string> fault_in(std::string_view error) {
    if (error.size() < 2) return std::nullopt;
    const auto row = std::find_if(std::begin(faults), std::end(faults), [&](const Fault& f) { return f.code == number_at(error, 0); });
    if (row == std::end(faults)) return std::nullopt;
    const std::string text = printable(error.substr(2), longest_text);
    return std::string(row->words) + (text.empty() ? "" : " (" + text + ")");
}

} // namespace

std::optional<std::string> validation_fault(std::string_view options) {
    constexpr std::size_t head = 4;                        // code and length of an option
    while (options.size() >= head && options.size() - head >= number_at(options, 2)) {
        const std::string_view data = options.substr(head, number_at(options, 2));
        if (number_at(options, 0) == extended_error)
            if (auto fault = fault_in(data)) return fault;
        options.remove_prefix(head + data.size());
    }
    return std::nullopt;
}

} // namespace postern::dns
