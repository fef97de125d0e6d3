// LIST and LSUB: RFC 9051 section 6.3.9, RFC 3501 section 6.3.9, RFC 5258, RFC 5819, RFC 6154.
#include "imapd/session/session.h"

#include "imapd/session/special_use.h"
#include "libmail/imap/list_pattern.h"

#include <algorithm>
#include <map>

namespace postern::imapd {
namespace {

// A name that LIST may show: a mailbox, a level above one, or a subscription to nothing.
struct Entry {
    const store::MailboxInfo* info = nullptr;
    bool subscribed = false;
    bool has_children = false;
    bool child_subscribed = false;
};
using Entries = std::map<std::string, Entry>;

void add_parents(Entries& entries, std::string_view name, bool exists, bool subscribed) {
    for (auto slash = name.rfind('/'); slash != std::string_view::npos && slash > 0;
         slash = name.rfind('/', slash - 1)) {
        Entry& parent = entries[std::string(name.substr(0, slash))];
        parent.has_children |= exists;
        parent.child_subscribed |= subscribed;
    }
}

Entries collect(const std::vector<store::MailboxInfo>& mailboxes, const std::vector<std::string>& subscriptions) {
    Entries entries;
    for (const store::MailboxInfo& info : mailboxes) {
        entries[info.name].info = &info;
        add_parents(entries, info.name, true, false);
    }
    for (const std::string& name : subscriptions) {
        entries[name].subscribed = true;
        add_parents(entries, name, false, true);
    }
    return entries;
}

class Lister {
  public:
    Lister(const imap::List& command, std::string& out) : command_(command), out_(out) {
        for (const std::string& pattern : command.patterns) patterns_.emplace_back(command.reference + pattern);
    }

    // Whether the name was shown.
    bool show(const std::string& name, const Entry& entry) {
        if (std::none_of(patterns_.begin(), patterns_.end(), [&](const auto& p) { return p.matches(name); }))
            return false;
        return command_.lsub ? show_lsub(name, entry) : show_list(name, entry);
    }

  private:
    // RFC 3501 section 6.3.9: a level above a subscription is shown, \Noselect, when "%" cannot reach further.
    bool show_lsub(const std::string& name, const Entry& entry) {
        if (!entry.subscribed && !(entry.child_subscribed && has_percent())) return false;
        line(name, entry.subscribed ? "" : "\\Noselect", {});
        return true;
    }

    bool show_list(const std::string& name, const Entry& entry) {
        std::string child_info;
        if (command_.only_subscribed && !entry.subscribed) {
            if (!command_.recursive_match || !entry.child_subscribed) return false;
            child_info = " (\"CHILDINFO\" (\"SUBSCRIBED\"))";                     // RFC 5258 section 3.5
        }
        const auto use = entry.info ? entry.info->special_use : store::SpecialUse::none;
        if (command_.only_special_use && use == store::SpecialUse::none) return false;
        // A subscription to nothing is told to those who ask for subscriptions.
        if (!entry.info && !entry.has_children && !command_.only_subscribed) return false;

        std::string attributes = entry.info ? "" : command_.extended ? "\\NonExistent" : "\\Noselect";
        auto add = [&](std::string_view attribute) {
            attributes.append(attributes.empty() ? "" : " ").append(attribute);
        };
        add(entry.has_children ? "\\HasChildren" : "\\HasNoChildren");
        if (use != store::SpecialUse::none) add(special_use_name(use));
        if (entry.subscribed && (command_.only_subscribed || command_.return_subscribed)) add("\\Subscribed");
        line(name, attributes, child_info);
        return true;
    }

    bool has_percent() const {
        return std::any_of(command_.patterns.begin(), command_.patterns.end(),
                           [](const std::string& p) { return p.ends_with('%'); });
    }

    void line(const std::string& name, std::string_view attributes, std::string_view extra) {
        out_.append(command_.lsub ? "* LSUB (" : "* LIST (").append(attributes).append(") \"/\" ");
        append_mailbox(out_, name, false);
        out_.append(extra).append("\r\n");
    }

    const imap::List& command_;
    std::string& out_;
    std::vector<imap::ListPattern> patterns_;
};

} // namespace

void Session::handle(const imap::List& command) {
    if (!command.lsub && command.patterns.size() == 1 && command.patterns[0].empty()) {
        out_.append("* LIST (\\Noselect) \"/\" \"\"\r\n");                        // asks for the separator only
        return ok();
    }
    const auto mailboxes = account_->list();
    const Entries entries = collect(mailboxes, account_->subscriptions());
    Lister lister(command, out_);
    for (const auto& [name, entry] : entries)
        if (lister.show(name, entry) && entry.info && !command.return_status.empty())
            out_.append(status_response(*entry.info, command.return_status));
    ok();
}

} // namespace postern::imapd
