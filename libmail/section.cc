#include "libmail/section.h"

#include "libcommon/text.h"
#include "libmail/headers.h"
#include "libmail/imap/quote.h"

#include <algorithm>
#include <unordered_set>

namespace postern::mail {
namespace {

constexpr std::string_view what_names[] = {"", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"};

// The message that HEADER and TEXT of this part speak of: the root, or the message in a message/rfc822 part.
const Part* message_in(const Structure& structure, PartIndex index, bool is_root) {
    if (is_root) return &structure.root();
    const Part& part = structure.parts[index];
    return part.kind == Part::Kind::message ? &structure.parts[part.first_child] : nullptr;
}

// Names of fields, case ignored. A few are compared one by one; for a client's list of thousands the cost per field
// stays the same.
class NameSet {
  public:
    explicit NameSet(const std::vector<std::string>& names) : names_(names) {
        if (names.size() > few)
            for (const std::string& name : names) lower_.insert(ascii_lower(name));
    }
    bool has(std::string_view name) const {
        if (names_.size() > few) return lower_.count(ascii_lower(name)) > 0;
        return std::any_of(names_.begin(), names_.end(), [&](const std::string& n) { return iequals(n, name); });
    }

  private:
    static constexpr std::size_t few = 16;
    const std::vector<std::string>& names_;
    std::unordered_set<std::string> lower_;
};

} // namespace

std::string section_text(const Section& section) {
    std::string out;
    for (std::uint32_t number : section.part) out.append(out.empty() ? "" : ".").append(std::to_string(number));
    const std::string_view what = what_names[static_cast<std::size_t>(section.what)];
    if (!out.empty() && !what.empty()) out.push_back('.');
    out.append(what);
    if (section.what != Section::What::header_fields && section.what != Section::What::header_fields_not) return out;
    char before = '(';
    out.push_back(' ');
    for (const std::string& field : section.fields) {
        out.push_back(before);
        imap::append_astring(out, field);
        before = ' ';
    }
    return out.append(")");
}

// Numbers count the parts of a multipart; a message that is none has one part, its body. A number below a
// message/rfc822 part counts in the message it holds.
PartIndex find_part(const Structure& structure, const std::vector<std::uint32_t>& numbers) {
    PartIndex at = 0;
    bool is_message = true;   // at the root of a message, where "1" of a single part is the message itself
    for (std::uint32_t number : numbers) {
        const Part* part = &structure.parts[at];
        if (part->kind == Part::Kind::message && !is_message) {
            at = part->first_child;
            part = &structure.parts[at];
            is_message = true;
        }
        if (part->kind == Part::Kind::multipart) {
            PartIndex child = part->first_child;
            for (std::uint32_t i = 1; i < number && child != no_part; ++i)
                child = structure.parts[child].next_sibling;
            if (child == no_part || number == 0) return no_part;
            at = child;
        } else if (!is_message || number != 1) {
            return no_part;
        }
        is_message = false;
    }
    return at;
}

std::optional<SectionBytes> resolve_section(const Structure& structure, const Section& section) {
    using What = Section::What;
    const PartIndex index = find_part(structure, section.part);
    if (index == no_part) return std::nullopt;
    const Part& part = structure.parts[index];
    const bool is_root = section.part.empty();
    if (section.what == What::all) return SectionBytes{is_root ? structure.message : structure.body(part), {}};
    if (section.what == What::mime) return SectionBytes{structure.header(part), {}};

    const Part* message = message_in(structure, index, is_root);
    if (!message) return std::nullopt;
    if (section.what == What::text) return SectionBytes{structure.body(*message), {}};
    const std::string_view header = structure.header(*message);
    if (section.what == What::header) return SectionBytes{header, {}};
    return SectionBytes{{}, select_fields(header, section.fields, section.what == What::header_fields_not)};
}

std::string select_fields(std::string_view header, const std::vector<std::string>& names, bool exclude) {
    const NameSet wanted(names);
    std::string out;
    HeaderScanner scanner(header);
    while (const auto field = scanner.next())
        if (wanted.has(field->name) != exclude) out.append(header.substr(field->begin, field->end - field->begin));
    if (!out.empty() && !out.ends_with('\n')) out.append("\r\n");   // a header that ends in mid-line
    return out.append("\r\n");
}

std::pair<std::string_view, std::string_view> split_header(std::string_view message) {
    std::size_t at = 0;
    while (at < message.size()) {
        const auto newline = message.find('\n', at);
        if (newline == std::string_view::npos) break;
        const std::size_t length = newline - at;
        at = newline + 1;
        if (length == 0 || (length == 1 && message[newline - 1] == '\r'))
            return {message.substr(0, at), message.substr(at)};
    }
    return {message, {}};
}

} // namespace postern::mail
