#include "libmail/address.h"

#include "libcommon/text.h"
#include "libmail/chars.h"
#include "libmail/idna.h"

#include <algorithm>
#include <charconv>

namespace postern::mail {
namespace {

constexpr std::size_t max_local_part = 64;    // section 4.5.3.1.1, as written, quotes included
constexpr std::size_t max_domain = 255;       // section 4.5.3.1.2
constexpr std::size_t max_mailbox = 254;      // section 4.5.3.1.3: a path is 256 with its angle brackets
constexpr std::size_t max_label = 63;         // RFC 1035 section 2.3.4
constexpr std::string_view ipv6_tag = "IPv6:";

bool has_eight_bit(std::string_view text) { return std::any_of(text.begin(), text.end(), is_eight_bit); }

// UTF-8 without the controls of U+0080 to U+009F: RFC 6531 lets them pass, but they drive terminals.
bool is_clean_utf8(std::string_view text) {
    if (!is_utf8(text)) return false;
    for (auto at = text.find('\xC2'); at != std::string_view::npos; at = text.find('\xC2', at + 1))
        if (static_cast<unsigned char>(text[at + 1]) < 0xA0) return false;
    return true;
}

// Reads from the front, one rule of the grammar at a time; a rule that fails leaves its reason and place.
class Grammar {
  public:
    explicit Grammar(std::string_view text) : text_(text) {}

    std::size_t at() const { return at_; }
    bool at_end() const { return at_ == text_.size(); }
    bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }
    bool accept(char c) { return next_is(c) && ++at_ > 0; }
    Error error() const { return Error(Errc::invalid, why_).with("column", std::to_string(at_ + 1)); }
    bool fail(const char* why) {
        why_ = why;
        return false;
    }

    bool mailbox(Mailbox& out) {
        const std::size_t begin = at_;
        if (!local_part(out.local_part)) return false;
        if (!accept('@')) return fail("expected @");
        if (!(next_is('[') ? literal(out.domain) : domain(out.domain))) return false;
        if (at_ - begin > max_mailbox) return fail("address too long");
        const bool grew = has_eight_bit(text_.substr(begin, at_ - begin));       // A-labels are longer than U-labels
        return !grew || out.text().size() <= max_mailbox || fail("address too long");
    }

    bool local_part(std::string& out) {
        const std::size_t begin = at_;
        if (!(next_is('"') ? quoted_string(out) : dot_string(out))) return false;
        if (at_ - begin > max_local_part) return fail("local part too long");
        return is_clean_utf8(out) || fail("local part is not UTF-8");
    }

    bool domain(std::string& out) {
        const std::size_t begin = at_;
        do {
            if (!label()) return false;
        } while (accept('.'));
        if (at_ - begin > max_domain) return fail("domain too long");
        const std::string_view written = text_.substr(begin, at_ - begin);
        if (has_eight_bit(written)) return u_labels(written, out);
        out = ascii_lower(written);
        return true;
    }

    // A-d-l ":", appendix C.
    bool source_route() {
        std::string ignored;
        do {
            if (!accept('@')) return fail("expected @ in source route");
            if (!domain(ignored)) return false;
        } while (accept(','));
        return accept(':') || fail("expected : after source route");
    }

  private:
    bool dot_string(std::string& out) {
        const std::size_t begin = at_;
        do {
            const std::size_t atom = at_;
            while (at_ < text_.size() && (is_atext(text_[at_]) || is_eight_bit(text_[at_]))) ++at_;
            if (at_ == atom) return fail(atom == begin ? "expected local part" : "misplaced dot in local part");
        } while (accept('.'));
        out = text_.substr(begin, at_ - begin);
        return true;
    }

    bool quoted_string(std::string& out) {
        ++at_;
        while (!accept('"')) {
            if (accept('\\') && at_end()) return fail("unfinished quoted string");
            if (at_end()) return fail("unfinished quoted string");
            if (!is_printable(text_[at_]) && !is_eight_bit(text_[at_])) return fail("control character in quoted string");
            out.push_back(text_[at_++]);
        }
        return !out.empty() || fail("empty local part");
    }

    bool label() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && (is_alnum(text_[at_]) || text_[at_] == '-' || is_eight_bit(text_[at_]))) ++at_;
        const std::string_view label = text_.substr(begin, at_ - begin);
        if (label.empty()) return fail("expected domain name");
        if (label.size() > max_label) return fail("domain label too long");
        if (label.front() == '-' || label.back() == '-') return fail("hyphen at the edge of a domain label");
        return true;
    }

    // What they become has to be a domain by the rules of ASCII: a character may turn into anything on the way there.
    bool u_labels(std::string_view written, std::string& out) {
        const auto ascii = is_clean_utf8(written) ? to_a_labels(written) : Result<std::string>(Error(Errc::invalid, ""));
        if (!ascii || has_eight_bit(*ascii)) return fail("not an internationalized domain name");
        Grammar labels(*ascii);
        return (labels.domain(out) && labels.at_end()) || fail("not an internationalized domain name");
    }

    bool literal(std::string& out) {
        const auto end = text_.find(']', at_);
        if (end == std::string_view::npos) return fail("unfinished address literal");
        const std::string_view whole = text_.substr(at_, end + 1 - at_);
        if (!is_address_literal(whole)) return fail("invalid address literal");
        out = ascii_lower(whole);
        at_ = end + 1;
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    const char* why_ = "invalid address";
};

bool is_ipv4(std::string_view text) {
    const auto octets = split(text, '.');
    if (octets.size() != 4) return false;
    for (std::string_view octet : octets)
        if (octet.size() > 3 || !parse_number(octet, 255)) return false;
    return true;
}

// One side of an IPv6 address's "::" or all of it: how many 16-bit groups it has; nothing if it is malformed.
std::optional<int> ipv6_groups(std::string_view text, bool may_end_in_ipv4) {
    if (text.empty()) return 0;
    const auto groups = split(text, ':');
    int count = 0;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (may_end_in_ipv4 && i + 1 == groups.size() && is_ipv4(groups[i])) {
            count += 2;
            continue;
        }
        unsigned value = 0;
        const auto [end, bad] = std::from_chars(groups[i].begin(), groups[i].end(), value, 16);
        if (groups[i].size() > 4 || bad != std::errc{} || end != groups[i].end()) return std::nullopt;
        ++count;
    }
    return count;
}

// Section 4.1.3: "::" stands for two groups at least.
bool is_ipv6(std::string_view text) {
    const auto gap = text.find("::");
    if (gap == std::string_view::npos) return ipv6_groups(text, true) == 8;
    const auto before = ipv6_groups(text.substr(0, gap), false);
    const auto after = ipv6_groups(text.substr(gap + 2), true);
    return before && after && *before + *after <= 6;
}

bool is_dot_string(std::string_view text) {
    std::string ignored;
    Grammar grammar(text);
    return !text.starts_with('"') && grammar.local_part(ignored) && grammar.at_end();
}

Result<Path> parse_path(std::string_view text, bool forward) {
    Path path;
    Grammar grammar(text);
    if (!grammar.accept('<') && !grammar.fail("expected <")) return grammar.error();
    if (!forward && grammar.accept('>')) {
        path.null = true;
    } else {
        constexpr std::string_view postmaster = "Postmaster";
        if (forward && istarts_with(text.substr(1), postmaster) &&
            text.substr(1 + postmaster.size()).starts_with('>')) {
            path.mailbox.local_part = "postmaster";
            path.length = postmaster.size() + 2;
            return path;
        }
        if (grammar.next_is('@') && !grammar.source_route()) return grammar.error();
        if (!grammar.mailbox(path.mailbox)) return grammar.error();
        if (!grammar.accept('>') && !grammar.fail("expected >")) return grammar.error();
    }
    path.length = grammar.at();
    path.ascii = !has_eight_bit(text.substr(0, path.length));
    return path;
}

} // namespace

std::string Mailbox::text() const {
    std::string out;
    if (is_dot_string(local_part)) {
        out = local_part;
    } else {
        out = "\"";
        for (char c : local_part) {
            if (c == '"' || c == '\\') out.push_back('\\');
            out.push_back(c);
        }
        out.push_back('"');
    }
    if (!domain.empty()) out.append("@").append(domain);
    return out;
}

Result<Mailbox> parse_mailbox(std::string_view text) {
    Mailbox mailbox;
    Grammar grammar(text);
    if (!grammar.mailbox(mailbox)) return grammar.error();
    if (!grammar.at_end()) {
        grammar.fail("unexpected character after address");
        return grammar.error();
    }
    return mailbox;
}

Result<std::string> parse_domain(std::string_view text) {
    std::string domain;
    Grammar grammar(text);
    if (!grammar.domain(domain)) return grammar.error();
    if (!grammar.at_end()) {
        grammar.fail("unexpected character in domain");
        return grammar.error();
    }
    return domain;
}

bool is_address_literal(std::string_view text) {
    if (text.size() < 2 || text.size() > max_domain || !text.starts_with('[') || !text.ends_with(']')) return false;
    text = text.substr(1, text.size() - 2);
    return istarts_with(text, ipv6_tag) ? is_ipv6(text.substr(ipv6_tag.size())) : is_ipv4(text);
}

std::optional<IpAddress> address_in_literal(std::string_view literal) {
    if (!is_address_literal(literal)) return std::nullopt;
    literal = literal.substr(1, literal.size() - 2);
    if (istarts_with(literal, ipv6_tag)) literal.remove_prefix(ipv6_tag.size());
    return IpAddress::parse(literal);
}

Result<Path> parse_reverse_path(std::string_view text) { return parse_path(text, false); }
Result<Path> parse_forward_path(std::string_view text) { return parse_path(text, true); }

std::pair<std::string_view, std::string_view> split_address(std::string_view address) {
    const auto at = address.rfind('@');
    if (at == std::string_view::npos) return {address, {}};
    return {address.substr(0, at), address.substr(at + 1)};
}

Subaddress split_subaddress(std::string_view local_part, std::string_view separators) {
    const auto at = local_part.find_first_of(separators);
    if (at == std::string_view::npos || at == 0) return {local_part, {}};
    return {local_part.substr(0, at), local_part.substr(at + 1)};
}

} // namespace postern::mail
