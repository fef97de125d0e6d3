#include "authd/srs.h"

#include "libcommon/text.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <tuple>

namespace postern::authd {
namespace {

constexpr std::size_t longest_local_part = 64;        // RFC 5321 section 4.5.3.1.1
constexpr std::size_t hash_digits = 6;                // 30 bits: guesses are counted and slowed (policy.unknown_delay)
constexpr std::int64_t day = 86400;
constexpr std::int64_t days_known = 1024;             // two digits of base 32
constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";      // RFC 4648 section 6

std::string day_text(std::int64_t now) {
    const auto number = static_cast<std::size_t>((now / day) % days_known);
    return {digits[number / 32], digits[number % 32]};
}

std::optional<std::int64_t> day_number(std::string_view text) {
    if (text.size() != 2) return std::nullopt;
    const auto high = digits.find(ascii_upper(text)[0]), low = digits.find(ascii_upper(text)[1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    return static_cast<std::int64_t>(high * 32 + low);
}

// "SRS0=" and its kind; the separator behind the tag may be any of these, those between the fields are "=".
bool has_tag(std::string_view local_part, char generation) {
    return local_part.size() > 5 && istarts_with(local_part, "SRS") && local_part[3] == generation &&
           std::string_view("=+-").find(local_part[4]) != std::string_view::npos;
}

// The text before the first "=", and all behind it; nothing when either is missing.
std::optional<std::pair<std::string_view, std::string_view>> cut(std::string_view text) {
    const auto at = text.find('=');
    if (at == 0 || at == std::string_view::npos || at + 1 == text.size()) return std::nullopt;
    return std::pair(text.substr(0, at), text.substr(at + 1));
}

struct Srs0 {
    std::string_view hash, hashed, day, domain, user;
};
std::optional<Srs0> parse_srs0(std::string_view local_part) {
    if (!has_tag(local_part, '0')) return std::nullopt;
    const auto hash = cut(local_part.substr(5));
    const auto time = hash ? cut(hash->second) : std::nullopt;
    const auto domain = time ? cut(time->second) : std::nullopt;
    if (!domain) return std::nullopt;
    return Srs0{hash->first, hash->second, time->first, domain->first, domain->second};
}

struct Srs1 {
    std::string_view hash, hashed, domain, rest;      // rest: what the first forwarder wrote behind "SRS0"
};
std::optional<Srs1> parse_srs1(std::string_view local_part) {
    if (!has_tag(local_part, '1')) return std::nullopt;
    const auto hash = cut(local_part.substr(5));
    const auto domain = hash ? cut(hash->second) : std::nullopt;
    if (!domain || !parse_srs0("SRS0" + std::string(domain->second))) return std::nullopt;
    return Srs1{hash->first, hash->second, domain->first, domain->second};
}

bool is_same(std::string_view given, std::string_view right) {
    const std::string upper = ascii_upper(given);
    return upper.size() == right.size() && CRYPTO_memcmp(upper.data(), right.data(), right.size()) == 0;
}

std::optional<mail::Mailbox> mailbox_of(std::string_view local_part, std::string_view domain) {
    auto mailbox = mail::parse_mailbox(mail::Mailbox{std::string(local_part), ascii_lower(domain)}.text());
    return mailbox ? std::optional(std::move(*mailbox)) : std::nullopt;
}

} // namespace

std::string_view to_string(Srs::Fault fault) {
    constexpr std::string_view names[] = {"malformed", "forged", "expired"};
    return names[static_cast<std::size_t>(fault)];
}

bool Srs::is_srs(std::string_view local_part) { return has_tag(local_part, '0') || has_tag(local_part, '1'); }

std::string Srs::hash(std::string_view what) const {
    const std::string text = ascii_lower(what);
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
    HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         mac.data(), nullptr);
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < 5; ++i) bits = bits << 8 | mac[i];
    std::string out;
    for (std::size_t i = 0; i < hash_digits; ++i) out.push_back(digits[bits >> (35 - 5 * i) & 31]);
    return out;
}

// The tag is hashed, too: what is right for one generation is forged for the other.
std::optional<mail::Mailbox> Srs::rewrite(const mail::Mailbox& sender, std::string_view domain, std::int64_t now) const {
    std::string tag = "SRS0=", what;
    // What only looks like another forwarder's is wrapped like any other address: nothing could be made of it on its way back.
    const auto again = parse_srs1(sender.local_part);
    if (again && mailbox_of("SRS0" + std::string(again->rest), again->domain)) {
        tag = "SRS1=";
        what = std::string(again->hashed);
    } else if (parse_srs0(sender.local_part)) {
        tag = "SRS1=";
        what = sender.domain + "=" + sender.local_part.substr(4);
    } else {
        what = day_text(now) + "=" + sender.domain + "=" + sender.local_part;
    }
    std::string local_part = tag + hash(tag + what) + "=" + what;
    if (local_part.size() > longest_local_part) return std::nullopt;
    return mailbox_of(local_part, domain);             // nothing where quotes make it too long after all
}

std::variant<Srs::Origin, Srs::Fault> Srs::origin(std::string_view local_part, std::int64_t max_days, std::int64_t now) const {
    if (const auto second = parse_srs1(local_part)) {
        if (!is_same(second->hash, hash("SRS1=" + std::string(second->hashed)))) return Fault::forged;
        auto mailbox = mailbox_of("SRS0" + std::string(second->rest), second->domain);
        if (!mailbox) return Fault::malformed;
        return Origin{std::move(*mailbox)};
    }
    const auto first = parse_srs0(local_part);
    if (!first) return Fault::malformed;
    if (!is_same(first->hash, hash("SRS0=" + std::string(first->hashed)))) return Fault::forged;
    const auto made = day_number(first->day);
    auto mailbox = mailbox_of(first->user, first->domain);
    if (!made || !mailbox) return Fault::malformed;
    const std::int64_t today = now / day, age = (today - *made) & (days_known - 1);
    if (age > max_days) return Fault::expired;
    return Origin{std::move(*mailbox), (today - age + max_days + 1) * day};
}

} // namespace postern::authd
