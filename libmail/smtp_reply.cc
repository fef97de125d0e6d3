#include "libmail/smtp_reply.h"

#include "libcommon/text.h"
#include "libmail/chars.h"

#include <utility>

namespace postern::mail {

std::string_view enhanced_code(std::uint16_t code, std::string_view text) {
    // class "." subject "." detail, RFC 3463 section 2: one digit, then one to three each
    std::size_t at = 0;
    for (int part = 0; part < 3; ++part) {
        if (part > 0 && (at >= text.size() || text[at++] != '.')) return {};
        const std::size_t begin = at;
        while (at < text.size() && is_digit(text[at])) ++at;
        if (at == begin || at - begin > (part == 0 ? 1U : 3U)) return {};
    }
    if (at < text.size() && text[at] != ' ') return {};
    if (text[0] - '0' != code / 100) return {};
    return text.substr(0, at);
}

std::string SmtpReply::text(std::size_t limit) const {
    std::string out = std::to_string(code);
    if (!enhanced.empty()) out += " " + enhanced;
    for (const std::string& line : lines) {
        std::string_view words = trim(line);
        if (const auto repeated = enhanced_code(code, words); !repeated.empty()) words = trim(words.substr(repeated.size()));
        if (words.empty()) continue;
        out += (&line == &lines.front() ? " " : "; ") + printable(words, words.size());
        if (out.size() > limit) break;
    }
    if (out.size() > limit) out.resize(limit);
    return out;
}

SmtpReplyReader::State SmtpReplyReader::take(std::string_view bytes, std::size_t& taken) {
    taken = 0;
    while (taken < bytes.size()) {
        const auto rest = bytes.substr(taken);
        const auto end = rest.find('\n');
        const auto piece = rest.substr(0, end);
        if (line_.size() + piece.size() > max_line) return malformed("a line too long", line_);
        line_ += piece;
        taken += piece.size() + (end == std::string_view::npos ? 0 : 1);
        if (end == std::string_view::npos) return State::incomplete;
        if (line_.ends_with('\r')) line_.pop_back();
        const std::string line = std::exchange(line_, {});
        if (const State state = take_line(line); state != State::incomplete) return state;
    }
    return State::incomplete;
}

SmtpReplyReader::State SmtpReplyReader::take_line(std::string_view line) {
    const bool coded = line.size() >= 3 && line[0] >= '2' && line[0] <= '5' && is_digit(line[1]) && is_digit(line[2]);
    if (!coded || (line.size() > 3 && line[3] != ' ' && line[3] != '-')) return malformed("no reply", line);
    const auto code = static_cast<std::uint16_t>((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
    const std::string_view words = line.size() > 4 ? line.substr(4) : std::string_view();
    if (std::exchange(ended_, false)) {
        reply_ = {code, std::string(enhanced_code(code, words)), {}};
        size_ = 0;
    }
    // Section 4.2.1: all lines of a reply have its code.
    if (code != reply_.code) return malformed("a reply of two codes", line);
    size_ += line.size();
    if (size_ > max_text || reply_.lines.size() == max_lines) return malformed("a reply without end", line);
    reply_.lines.emplace_back(words);
    if (line.size() > 3 && line[3] == '-') return State::incomplete;
    ended_ = true;
    return State::complete;
}

SmtpReplyReader::State SmtpReplyReader::malformed(std::string_view why, std::string_view line) {
    fault_ = std::string(why) + ": " + printable(line, 100);
    return State::malformed;
}

} // namespace postern::mail
