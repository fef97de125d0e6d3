#include "smtpd/header_repair.h"

#include "libmail/address.h"
#include "libmail/chars.h"
#include "smtpd/received.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace postern::smtpd {
namespace {

class Repairing {
  public:
    explicit Repairing(const Submission& s) : s_(s), from_(s.reverse_path.empty() ? s.account : s.reverse_path) {}

    Repair all() {
        if (lacks(HeaderField::from)) add_address(HeaderField::from, from_);
        // RFC 5322 section 3.6.2: several authors have one of them, or somebody else, who sends. One author who is not the account
        // gets no Sender, though the RFC would name it and RFC 6409 section 8.1 lets us: whom an administrator let send as
        // info@ is to write as info@, and clients show a Sender as "ann on behalf of info", with a login name that was nobody's
        // to know ("send as" of Exchange and Gmail adds none either). Which account it was is in the log and in the queue.
        else if (lacks(HeaderField::sender) && authors() > 1) add_address(HeaderField::sender, s_.account);
        if (lacks(HeaderField::date)) add(HeaderField::date, date_time(s_.now));
        if (lacks(HeaderField::message_id)) add(HeaderField::message_id, repair_.message_id = message_id());
        return std::move(repair_);
    }

  private:
    bool lacks(HeaderField field) const { return !s_.header.seen.has(field); }
    std::ptrdiff_t authors() const {
        return std::count_if(s_.header.authors.begin(), s_.header.authors.end(),
                             [](const Author& a) { return a.field == HeaderField::from; });
    }
    // The author's domain, where whoever wonders about the id would ask.
    std::string message_id() const {
        const auto& authors = s_.header.authors;
        const auto at = std::find_if(authors.begin(), authors.end(), [](const Author& a) { return a.field == HeaderField::from; });
        const auto domain = mail::split_address(at != authors.end() ? std::string_view(at->address) : from_).second;
        return fmt::format("<{:x}.{}.{}@{}>", s_.now, s_.trace.text(), s_.number, domain);
    }
    void add_address(HeaderField field, std::string_view address) {
        if (s_.smtputf8 || std::none_of(address.begin(), address.end(), mail::is_eight_bit)) add(field, address);
    }
    void add(HeaderField field, std::string_view value) {
        repair_.added.add(field);
        fmt::format_to(std::back_inserter(repair_.lines), "{}: {}\r\n", to_string(field), value);
    }

    const Submission& s_;
    const std::string_view from_;
    Repair repair_;
};

} // namespace

Repair repair(const Submission& submission) {
    if (submission.header.seen.has(HeaderField::dkim_signature)) return {};
    return Repairing(submission).all();
}

} // namespace postern::smtpd
