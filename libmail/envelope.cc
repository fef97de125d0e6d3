#include "libmail/envelope.h"

#include "libcommon/text.h"
#include "libmail/address_list.h"
#include "libmail/headers.h"
#include "libmail/imap/quote.h"

#include <array>

namespace postern::mail {
namespace {

// In the order of the ENVELOPE.
enum Slot : std::size_t { date, subject, from, sender, reply_to, to, cc, bcc, in_reply_to, message_id, slots };
constexpr std::array<std::string_view, slots> names = {"Date", "Subject", "From", "Sender",      "Reply-To",
                                                       "To",   "Cc",      "Bcc",  "In-Reply-To", "Message-ID"};
using Bodies = std::array<std::string_view, slots>;   // no data(): the field is missing

// The first of each: a second Subject is what spam has.
Bodies find_bodies(std::string_view header) {
    Bodies bodies{};
    HeaderScanner scanner(header);
    while (const auto field = scanner.next())
        for (std::size_t slot = 0; slot < slots; ++slot)
            if (field->name.size() == names[slot].size() && bodies[slot].data() == nullptr &&
                iequals(field->name, names[slot]))
                bodies[slot] = field->body;
    return bodies;
}

void append_or_nil(std::string& out, std::string_view text) {
    if (text.empty()) out.append("NIL");
    else imap::append_string(out, text);
}

// RFC 9051 section 7.5.2: NIL as host marks a group, so an address without one needs a word there.
void append_address(std::string& out, const HeaderAddress& a) {
    using Kind = HeaderAddress::Kind;
    if (a.kind == Kind::group_end) {
        out.append("(NIL NIL NIL NIL)");
        return;
    }
    if (a.kind == Kind::group_begin) {
        out.append("(NIL NIL ");
        imap::append_string(out, a.name);
        out.append(" NIL)");
        return;
    }
    out.append("(");
    if (a.has_name) imap::append_string(out, a.name);
    else out.append("NIL");
    out.append(" ");
    append_or_nil(out, a.route);
    out.append(" ");
    imap::append_string(out, a.local_part.empty() ? "MISSING_MAILBOX" : std::string_view(a.local_part));
    out.append(" ");
    imap::append_string(out, a.domain.empty() ? "MISSING_DOMAIN" : std::string_view(a.domain));
    out.append(")");
}

void append_addresses(std::string& out, std::string_view body) {
    const std::size_t begin = out.size();
    out.push_back('(');
    AddressListParser parser(body);
    HeaderAddress address;
    for (std::size_t count = 0; count < max_envelope_addresses && parser.next(address); ++count)
        append_address(out, address);
    if (out.size() == begin + 1) out.replace(begin, 1, "NIL");   // "()" is not an answer
    else out.push_back(')');
}

void append_text(std::string& out, std::string_view body) {
    if (body.data() == nullptr) out.append("NIL");
    else imap::append_string(out, unfold(body));
}

} // namespace

void append_envelope(std::string& out, std::string_view header) {
    Bodies bodies = find_bodies(header);
    for (Slot slot : {sender, reply_to})                          // absent or empty: From stands for them
        if (trim(bodies[slot]).empty()) bodies[slot] = bodies[from];
    out.push_back('(');
    for (std::size_t slot = 0; slot < slots; ++slot) {
        if (slot > 0) out.push_back(' ');
        if (slot >= from && slot <= bcc) append_addresses(out, bodies[slot]);
        else append_text(out, bodies[slot]);
    }
    out.push_back(')');
}

std::string envelope_text(std::string_view header) {
    std::string out;
    append_envelope(out, header);
    return out;
}

} // namespace postern::mail
