#include "imapd/session/reply.h"

#include "libmail/date.h"
#include "libmail/imap/modified_utf7.h"
#include "libmail/imap/quote.h"

#include <array>
#include <bit>
#include <charconv>

namespace postern::imapd {
namespace {

constexpr std::array<std::string_view, 3> condition_names = {"OK", "NO", "BAD"};

static_assert(store::flag::answered == 1 && store::flag::flagged == 2 && store::flag::deleted == 4 &&
                  store::flag::seen == 8 && store::flag::draft == 16,
              "imap::system_flags is in the store's order");

// All 32 combinations as text: FETCH 1:* FLAGS writes one per message.
const std::array<std::string, 32>& flag_texts() {
    static const std::array<std::string, 32> texts = [] {
        std::array<std::string, 32> made;
        for (std::size_t set = 0; set < made.size(); ++set)
            for (std::size_t bit = 0; bit < imap::system_flags.size(); ++bit)
                if (set & (1U << bit)) made[set].append(made[set].empty() ? "" : " ").append(imap::system_flags[bit]);
        return made;
    }();
    return texts;
}

struct Meaning { Errc code; std::string_view response_code, text; };
constexpr Meaning meanings[] = {
    {Errc::not_found, "NONEXISTENT", "No such mailbox"},
    {Errc::exists, "ALREADYEXISTS", "Mailbox exists"},
    {Errc::invalid, "CANNOT", "Invalid mailbox name"},
    {Errc::denied, "CANNOT", "Not allowed"},
    {Errc::over_quota, "OVERQUOTA", "Over quota"},
    {Errc::no_space, "UNAVAILABLE", "The server's disk is full"},
    {Errc::too_large, "LIMIT", "Too large"},
    {Errc::corrupt, "CORRUPTION", "Mailbox is damaged"},
};

} // namespace

void append_untagged(std::string& out, Condition condition, std::string_view code, std::string_view text) {
    append_tagged(out, "*", condition, code, text);
}

void append_tagged(std::string& out, std::string_view tag, Condition condition, std::string_view code,
                   std::string_view text) {
    out.append(tag).append(" ").append(condition_names[static_cast<std::size_t>(condition)]).append(" ");
    if (!code.empty()) out.append("[").append(code).append("] ");
    out.append(text).append("\r\n");
}

void append_number(std::string& out, std::uint64_t number) {
    char digits[24];
    const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), number);
    out.append(digits, static_cast<std::size_t>(end - digits));
}

void append_flags(std::string& out, const store::Message& message, const std::vector<std::string>& keywords,
                  bool recent) {
    const std::size_t begin = out.size();
    out.append(flag_texts()[message.flags & store::flag::all]);
    for (store::Keywords left = message.keywords; left != 0; left &= left - 1) {
        const auto number = static_cast<std::size_t>(std::countr_zero(left));
        if (number >= keywords.size()) break;
        if (out.size() > begin) out.push_back(' ');
        out.append(keywords[number]);
    }
    if (recent) out.append(out.size() > begin ? " \\Recent" : "\\Recent");
}

void append_internal_date(std::string& out, std::int64_t seconds) {
    const mail::CivilTime time = mail::civil_time({seconds, 0});
    auto two = [&](unsigned number) {
        out.push_back(static_cast<char>('0' + number / 10 % 10));
        out.push_back(static_cast<char>('0' + number % 10));
    };
    out.push_back('"');
    two(time.day);
    out.append("-").append(mail::month_name(time.month)).append("-");
    append_number(out, static_cast<std::uint64_t>(time.year < 0 ? 0 : time.year));
    out.push_back(' ');
    two(time.hour);
    out.push_back(':');
    two(time.minute);
    out.push_back(':');
    two(time.second);
    out.append(" +0000\"");
}

void append_mailbox(std::string& out, std::string_view name, bool utf8) {
    imap::append_astring(out, utf8 ? std::string(name) : imap::to_modified_utf7(name));
}

Refusal refusal_of(const Error& error) {
    for (const Meaning& meaning : meanings)
        if (meaning.code == error.code()) return {meaning.response_code, std::string(meaning.text)};
    return {"UNAVAILABLE", "Try again later"};     // the log has the detail
}

} // namespace postern::imapd
