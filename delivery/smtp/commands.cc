#include "delivery/smtp/commands.h"

#include "libcommon/text.h"
#include "libmail/chars.h"

#include <fmt/core.h>

namespace postern::smtp_out {
namespace {

struct NotifyWord {
    std::uint8_t bit;
    std::string_view word;
};
constexpr NotifyWord notify_words[] = {{ipc::notify::never, "NEVER"}, {ipc::notify::success, "SUCCESS"},
                                       {ipc::notify::failure, "FAILURE"}, {ipc::notify::delay, "DELAY"}};

std::string notify_list(std::uint8_t notify) {
    std::string out;
    for (const NotifyWord& row : notify_words)
        if ((notify & row.bit) != 0) out += (out.empty() ? "" : ",") + std::string(row.word);
    return out;
}

// The code point at the beginning of checked UTF-8, and its octets.
std::pair<std::uint32_t, std::size_t> code_point(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint32_t point = size == 1 ? lead : lead & (0xFFU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
    return {point, size};
}

std::string original_recipient(std::string_view original, bool smtputf8) {
    const auto semicolon = original.find(';');
    const auto type = original.substr(0, semicolon);
    const auto address = semicolon == std::string_view::npos ? std::string_view() : original.substr(semicolon + 1);
    std::string text(address);
    if (iequals(type, "utf-8") && !smtputf8 && is_utf8(address)) text = to_unitext(address);
    return std::string(type) + ";" + to_xtext(text);
}

} // namespace

std::string to_xtext(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        // UTF-8 stands as it is: RFC 6533 allows it under SMTPUTF8, where alone it comes this far.
        if ((mail::is_printable(c) && c != ' ' && c != '+' && c != '=') || mail::is_eight_bit(c)) {
            out += c;
        } else {
            const auto octet = static_cast<unsigned char>(c);
            out += '+';
            out += digits[octet >> 4];
            out += digits[octet & 15];
        }
    }
    return out;
}

std::string to_unitext(std::string_view address) {
    std::string out;
    while (!address.empty()) {
        const auto [point, size] = code_point(address);
        if (size == 1) out += address.front();
        else out += fmt::format("\\x{{{:X}}}", point);
        address.remove_prefix(std::min(size, address.size()));
    }
    return out;
}

std::string mail_command(const Outgoing& message, const Capabilities& offered, const Carriage& carriage) {
    std::string line = "MAIL FROM:<" + message.reverse_path + ">";
    if (offered.size) line += " SIZE=" + std::to_string(carriage.size);
    if (!carriage.body.empty()) line += " BODY=" + carriage.body;
    if (carriage.smtputf8) line += " SMTPUTF8";
    if (carriage.require_tls) line += " REQUIRETLS";
    if (carriage.dsn && message.ret != ipc::DsnReturn::unsaid) line += message.ret == ipc::DsnReturn::full ? " RET=FULL" : " RET=HDRS";
    if (carriage.dsn && !message.envelope_id.empty()) line += " ENVID=" + to_xtext(message.envelope_id);
    return line + "\r\n";
}

std::string rcpt_command(const Outgoing::Recipient& recipient, const Carriage& carriage) {
    std::string line = "RCPT TO:<" + recipient.address + ">";
    if (carriage.dsn && recipient.notify != ipc::notify::unsaid) line += " NOTIFY=" + notify_list(recipient.notify);
    if (carriage.dsn && !recipient.original.empty()) line += " ORCPT=" + original_recipient(recipient.original, carriage.smtputf8);
    return line + "\r\n";
}

} // namespace postern::smtp_out
