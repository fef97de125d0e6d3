#include "sendmail/message.h"

#include "libcommon/text.h"
#include "libmail/address.h"
#include "libmail/address_list.h"
#include "libmail/field_writer.h"
#include "libmail/headers.h"

#include <algorithm>

namespace postern::sendmail {
namespace {

using mail::HeaderAddress;

constexpr std::string_view recipient_fields[] = {"To", "Cc", "Bcc"};
constexpr std::string_view address_fields[] = {"From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Resent-From", "Resent-Sender",
                                               "Resent-To", "Resent-Cc", "Resent-Bcc"};

bool is_one_of(std::string_view name, const auto& names) {
    return std::any_of(std::begin(names), std::end(names), [&](std::string_view one) { return iequals(one, name); });
}

bool is_field(std::string_view line) {
    const auto colon = line.find(':');
    return colon != 0 && colon != std::string_view::npos &&
           std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) { return c > ' ' && c < 0x7F; });
}

// How much of the text is header: up to the first line that is no part of one.
std::size_t header_size(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
        const std::string_view line = text.substr(at, end - at);
        const bool continued = at > 0 && (line[0] == ' ' || line[0] == '\t') && !trim(line.substr(0, line.size() - 2)).empty();
        if (!continued && !is_field(line)) break;
        at = end;
    }
    return at;
}

std::string quoted(std::string_view name) {
    std::string out = "\"";
    for (const char c : mail::one_line(name, mail::Wording::utf8)) {
        if (c == '"' || c == '\\') out.push_back('\\');
        out.push_back(c);
    }
    return out + "\"";
}

std::vector<HeaderAddress> addresses_of(std::string_view body) {
    std::vector<HeaderAddress> out;
    mail::AddressListParser parser(body);
    for (HeaderAddress address; parser.next(address);)
        if (address.kind != HeaderAddress::Kind::mailbox || !address.local_part.empty()) out.push_back(address);
    return out;
}

// An address literal that is never closed goes on over the lines: what comes of it is one line, which the server refuses.
std::string address_of(const HeaderAddress& a, std::string_view domain) {
    return mail::one_line(mail::Mailbox{a.local_part, a.domain.empty() ? std::string(domain) : a.domain}.text(), mail::Wording::utf8);
}

// A field whose addresses all have a domain stays byte for byte what it was. Groups are left alone.
std::string with_domains(const mail::Field& field, std::string_view bytes, std::string_view domain) {
    const auto addresses = addresses_of(field.body);
    const auto is_mailbox = [](const HeaderAddress& a) { return a.kind == HeaderAddress::Kind::mailbox; };
    const bool whole = std::all_of(addresses.begin(), addresses.end(), [](const HeaderAddress& a) { return !a.domain.empty(); });
    if (whole || !std::all_of(addresses.begin(), addresses.end(), is_mailbox)) return std::string(bytes);
    std::string out = std::string(field.name) + ":";
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        if (i > 0) out += ",\r\n";
        const std::string address = address_of(addresses[i], domain);
        out += addresses[i].name.empty() ? " " + address : " " + quoted(addresses[i].name) + " <" + address + ">";
    }
    return out + "\r\n";
}

} // namespace

Result<std::string> normal_lines(std::string_view input, bool dots_are_text) {
    if (input.find('\0') != std::string_view::npos) return Error(Errc::invalid, "the message has a NUL byte");
    std::string out;
    out.reserve(input.size() + input.size() / 32 + 2);
    while (!input.empty()) {
        const auto end = std::min(input.find_first_of("\r\n"), input.size());
        const std::string_view line = input.substr(0, end);
        if (line == "." && !dots_are_text) break;
        out += line;
        out += "\r\n";
        input.remove_prefix(end);
        input.remove_prefix(input.starts_with("\r\n") ? 2 : std::min<std::size_t>(1, input.size()));
    }
    return out;
}

std::string qualified(std::string_view address, std::string_view domain) {
    const auto found = addresses_of(address);
    if (found.size() != 1 || found[0].kind != HeaderAddress::Kind::mailbox) return std::string(address);
    return address_of(found[0], domain);
}

Message prepare(std::string_view text, std::string_view domain, std::string_view full_name, std::string_view sender) {
    if (text.starts_with("From ")) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    const std::size_t end = header_size(text);
    const std::string_view header = text.substr(0, end), rest = text.substr(end);
    Message message;
    std::vector<std::string> plain, resent;
    bool has_from = false;
    mail::HeaderScanner scanner(header);
    while (const auto field = scanner.next()) {
        const std::string_view bytes = header.substr(field->begin, field->end - field->begin);
        has_from = has_from || iequals(field->name, "From");
        message.text += is_one_of(field->name, address_fields) ? with_domains(*field, bytes, domain) : std::string(bytes);
        const bool again = istarts_with(field->name, "Resent-");
        if (!is_one_of(again ? field->name.substr(7) : field->name, recipient_fields)) continue;
        for (const HeaderAddress& a : addresses_of(field->body))
            if (a.kind == HeaderAddress::Kind::mailbox) (again ? resent : plain).push_back(address_of(a, domain));
    }
    if (!has_from && !full_name.empty()) message.text += "From: " + quoted(full_name) + " <" + std::string(sender) + ">\r\n";
    if (!rest.starts_with("\r\n")) message.text += "\r\n";
    message.text += rest;
    message.recipients = resent.empty() ? std::move(plain) : std::move(resent);
    return message;
}

} // namespace postern::sendmail
