// Whom a submission says it is from: its From, Sender, Resent-From and Resent-Sender are the account's to use, as its
// reverse-path is (RFC 6409 section 6.1). Else a user could write in the name of a colleague, and DKIM would vouch for it.
#include "smtpd/session.h"

#include "libcommon/text.h"

#include <fmt/format.h>

namespace postern::smtpd {
namespace {

constexpr Reply unclear_authors{553, "5.1.7", "Not everybody would read the same addresses in the"};
constexpr Reply foreign_author{553, "5.7.1", "Your account may not send as"};

} // namespace

// What was allowed at MAIL, and the address that the login gave, need no question: most mail asks none.
bool Session::is_own(std::string_view address) const {
    return iequals(address, address_) || iequals(address, transaction_.reverse_path());
}

void Session::check_authors(std::int64_t now) {
    const HeaderFacts& header = header_.facts();
    if (!role_.submission || !limits_.check_authors) return submit(now);
    if (header.unclear)
        return refuse_message({unclear_authors, fmt::format("{} header (RFC 5322 section 3.6.2)", to_string(*header.unclear))});
    while (author_ < header.authors.size() && is_own(header.authors[author_].address)) ++author_;
    if (author_ == header.authors.size()) return submit(now);
    state_ = State::submitting;
    only_ticket_ = ask(ipc::CheckSender{client_.trace, handle_, header.authors[author_].address});
}

void Session::on_author(ipc::Verdict verdict, std::int64_t now) {
    if (verdict == ipc::Verdict::unavailable) return refuse_message(reply_to_sender(verdict));
    const Author& author = header_.facts().authors[author_];
    if (verdict == ipc::Verdict::denied) {
        effects_.events.push_back(event::AuthorRefused{});
        return refuse_message({foreign_author, fmt::format("<{}>, which the {} header names (RFC 6409 section 6.1)",
                                                           printable(author.address, 100), to_string(author.field))});
    }
    ++author_;
    check_authors(now);
}

} // namespace postern::smtpd
