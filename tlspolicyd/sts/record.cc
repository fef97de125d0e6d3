#include "tlspolicyd/sts/record.h"

#include "libcommon/text.h"

#include <algorithm>

namespace postern::sts {
namespace {

constexpr std::string_view version = "v=STSv1";

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_id(std::string_view value) { return !value.empty() && value.size() <= max_id && std::all_of(value.begin(), value.end(), is_alphanumeric); }

// What is of another kind, or of a version to come, is as if it were not there.
bool is_ours(std::string_view record) {
    return record.starts_with(version) && trim(record.substr(version.size())).starts_with(';');
}

// sts-ext-name: 1*(ALPHA / DIGIT) with "_", "-" and "." behind the first, 32 in all; sts-ext-value: no "=", ";" or blank.
bool is_field(std::string_view name, std::string_view value) {
    constexpr std::size_t longest = 32;
    const auto is_name = [](char c) { return is_alphanumeric(c) || c == '_' || c == '-' || c == '.'; };
    const auto is_value = [](char c) { return c > ' ' && c < '\x7f' && c != '=' && c != ';'; };
    return !name.empty() && name.size() <= longest && is_alphanumeric(name.front()) && std::all_of(name.begin(), name.end(), is_name) &&
           !value.empty() && std::all_of(value.begin(), value.end(), is_value);
}

Result<std::string> id_of(std::string_view record) {
    std::string id;
    auto fields = split(record.substr(record.find(';') + 1), ';');
    if (trim(fields.back()).empty()) fields.pop_back();          // the last one may end in a ';', too
    for (const std::string_view field : fields) {
        const std::string_view text = trim(field);
        const auto equals = std::min(text.find('='), text.size());
        const std::string_view name = text.substr(0, equals), value = text.substr(std::min(equals + 1, text.size()));
        if (!is_field(name, value)) return Error(Errc::invalid, "the record is malformed");
        if (name != "id" || !id.empty()) continue;               // of a field twice the first counts (section 3.2)
        if (!is_id(value)) return Error(Errc::invalid, "the record's id is malformed");
        id = value;
    }
    if (id.empty()) return Error(Errc::invalid, "the record has no id");
    return id;
}

} // namespace

Result<std::string> find_id(const std::vector<std::string_view>& records) {
    const auto count = std::count_if(records.begin(), records.end(), is_ours);
    if (count == 0) return Error(Errc::not_found, "no record");
    if (count > 1) return Error(Errc::invalid, "more than one record");
    return id_of(*std::find_if(records.begin(), records.end(), is_ours));
}

} // namespace postern::sts
