#include "libmail/address_list.h"

#include "libmail/chars.h"

namespace postern::mail {

void AddressListParser::skip_blank() {
    for (; at_ < text_.size(); ++at_) {
        if (at('(')) {
            comment();
            --at_;
        } else if (!is_space(text_[at_])) {
            return;
        }
    }
}

// Leaves at_ behind the closing parenthesis; nesting is a counter, not a stack.
void AddressListParser::comment() {
    comment_.clear();
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
        char c = text_[at_];
        if (c == '(' && depth++ == 0) continue;
        if (c == ')' && --depth == 0) {
            ++at_;
            return;
        }
        if (c == '\\' && at_ + 1 < text_.size()) c = text_[++at_];
        if (c != '\r' && c != '\n') comment_.push_back(c);
    }
    clear_ = false;
}

void AddressListParser::quoted_string(std::string& out) {
    for (++at_; at_ < text_.size(); ++at_) {
        char c = text_[at_];
        if (c == '"') {
            ++at_;
            return;
        }
        if (c == '\\' && at_ + 1 < text_.size()) c = text_[++at_];
        if (c != '\r' && c != '\n') out.push_back(c);
    }
    clear_ = false;
}

// Words up to a character that gives them their meaning: < : @ , ; or the end.
void AddressListParser::phrase(Phrase& out) {
    for (;;) {
        const std::size_t before = at_;
        skip_blank();
        if (at_ >= text_.size() || std::string_view("<:@,;").find(text_[at_]) != std::string_view::npos) return;
        if (out.any && at_ > before) out.text.push_back(' ');
        const std::size_t text_size = out.text.size();
        if (at('"')) {
            quoted_string(out.text);
        } else if (at('>') || at(')')) {
            ++at_;                                         // stray
            clear_ = false;
            continue;
        } else {
            while (at_ < text_.size() && !is_space(text_[at_]) &&
                   std::string_view("<>:@,;()\"").find(text_[at_]) == std::string_view::npos)
                out.text.push_back(text_[at_++]);
        }
        out.joined.append(out.text, text_size);
        out.any = true;
    }
}

// Dots and atoms, or a domain literal as it stands. Blanks and comments may stand around dots (obs-domain).
void AddressListParser::domain(std::string& out) {
    skip_blank();
    while (at_ < text_.size()) {
        const char c = text_[at_];
        if (c == '[') {
            while (at_ < text_.size() && text_[at_] != ']') out.push_back(text_[at_++]);
            clear_ = clear_ && at(']');
        } else if (std::string_view("<>:@,;\"").find(c) != std::string_view::npos) {
            return;
        } else {
            out.push_back(c);
            ++at_;
        }
        const std::size_t before = at_;
        skip_blank();
        if (at_ == before) continue;
        if (!at('.') && !out.ends_with('.')) return;
        clear_ = false;
    }
}

// From "<" to behind ">": an optional route, then local part and domain.
void AddressListParser::angle_address(HeaderAddress& out) {
    ++at_;
    skip_blank();
    while (at('@')) {                                      // obs-route: "@a,@b:"
        ++at_;
        clear_ = false;
        if (!out.route.empty()) out.route.push_back(',');
        out.route.push_back('@');
        domain(out.route);
        while (at(',')) {
            ++at_;
            skip_blank();
        }
    }
    if (at(':')) ++at_;
    Phrase local;
    phrase(local);
    out.local_part = local.joined;
    if (local.text != local.joined) clear_ = false;
    if (at('@')) {
        ++at_;
        domain(out.domain);
    }
    for (; at_ < text_.size() && !at('>') && !at(',') && !at(';'); ++at_) clear_ = false;
    if (at('>')) ++at_;
    else clear_ = false;
}

bool AddressListParser::next(HeaderAddress& out) {
    out = HeaderAddress();
    comment_.clear();
    for (skip_blank(); at(',') || (at(';') && !in_group_); skip_blank()) {
        if (at(';')) clear_ = false;
        ++at_;
    }
    if (at_ >= text_.size() || at(';')) {
        if (!in_group_) return false;
        if (at(';')) ++at_;
        else clear_ = false;
        in_group_ = false;
        out.kind = HeaderAddress::Kind::group_end;
        return true;
    }

    Phrase words;
    phrase(words);
    out.name = words.text;
    out.has_name = words.any;
    if (at('<')) {
        angle_address(out);
    } else if (at(':')) {
        ++at_;
        if (!in_group_) {
            in_group_ = true;
            out.kind = HeaderAddress::Kind::group_begin;
        } else {
            clear_ = false;
        }
        return true;
    } else {
        out.local_part = words.joined;
        if (at('@')) {
            ++at_;
            domain(out.domain);
            if (words.text != words.joined) clear_ = false;
        } else {
            out.local_part = words.text;
        }
        skip_blank();
        out.has_name = !comment_.empty();
        out.name = comment_;
    }
    // Whatever stands before the next separator has no meaning left.
    for (skip_blank(); at_ < text_.size() && !at(',') && !at(';'); skip_blank()) {
        clear_ = false;
        ++at_;
    }
    return true;
}

} // namespace postern::mail
