// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS: RFC 9051 sections 6.3.4 to 6.3.8 and 6.3.11.
#include "imapd/session/session.h"

#include "imapd/session/special_use.h"

#include "libcommon/text.h"

#include <algorithm>

namespace postern::imapd {
namespace {

// To us a name is only a name; to clients that keep mailboxes as folders "..", and wildcards to those that LIST what
// they see, are traps: nobody gets to lay them.
bool is_harmless(std::string_view name) {
    const auto levels = split(name, '/');
    return name.find_first_of("*%") == std::string_view::npos &&
           std::none_of(levels.begin(), levels.end(),
                        [](std::string_view level) { return level == "." || level == ".."; });
}

// A trailing separator says "there will be children" (section 6.3.4), for which nothing has to be done.
std::string without_separator(std::string name) {
    if (name.size() > 1 && name.ends_with('/')) name.pop_back();
    return name;
}

} // namespace

void Session::handle(const imap::Create& command) {
    const std::string name = without_separator(command.mailbox);
    if (!is_harmless(name)) return no("CANNOT", "Invalid mailbox name");
    auto use = store::SpecialUse::none;
    if (!command.special_use.empty()) {                              // RFC 6154 section 3
        const auto known = special_use_named(command.special_use.front());
        if (!known || command.special_use.size() > 1) return no("USEATTR", "No such special use");
        use = *known;
    }
    if (const auto made = account_->create(name, use); !made) return no(made.error());
    ok();
}

void Session::handle(const imap::Delete& command) {
    if (view_ && account_->find(command.mailbox) && view_->mailbox().name() == command.mailbox) unselect();
    if (const auto done = account_->remove(command.mailbox); !done) return no(done.error());
    ok();
}

void Session::handle(const imap::Rename& command) {
    const std::string to = without_separator(command.to);
    if (!is_harmless(to)) return no("CANNOT", "Invalid mailbox name");
    if (const auto done = account_->rename(command.from, to); !done) return no(done.error());
    ok();
}

void Session::handle(const imap::Subscribe& command) {
    if (const auto done = account_->subscribe(command.mailbox, command.subscribed); !done) return no(done.error());
    ok();
}

std::string Session::status_response(const store::MailboxInfo& info, const std::vector<imap::StatusItem>& items) {
    const auto status = account_->status(info.id);
    if (!status) return {};
    std::string out = "* STATUS ";
    append_mailbox(out, info.name, false);
    char before = '(';
    out.push_back(' ');
    for (const imap::StatusItem item : items) {
        const std::uint64_t values[] = {status->messages,     status->recent, status->uid_next,
                                        status->uid_validity, status->unseen, status->size};
        out.push_back(before);
        out.append(imap::status_item_names[static_cast<std::size_t>(item)]).append(" ");
        append_number(out, values[static_cast<std::size_t>(item)]);
        before = ' ';
    }
    return out.append(")\r\n");
}

void Session::handle(const imap::Status& command) {
    const auto info = account_->find(command.mailbox);
    if (!info) return no("NONEXISTENT", "No such mailbox");
    const std::string response = status_response(*info, command.items);
    if (response.empty()) return no("UNAVAILABLE", "Try again later");
    out_.append(response);
    ok();
}

} // namespace postern::imapd
