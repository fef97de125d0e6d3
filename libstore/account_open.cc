// Opening an account: finding its index or building one from its folders, and noticing that the two disagree.
#include "libstore/account.h"

#include "libcommon/log.h"
#include "libstore/mailbox.h"
#include "libstore/mailbox_name.h"
#include "libstore/reconcile.h"

#include <fmt/core.h>

namespace postern::store {
namespace {

struct Default {
    const char* name;
    SpecialUse special_use;
};
constexpr Default defaults[] = {{"Drafts", SpecialUse::drafts}, {"Sent", SpecialUse::sent}, {"Junk", SpecialUse::junk},
                                {"Trash", SpecialUse::trash},   {"Archive", SpecialUse::archive}};

Result<Fd> make_and_open(int at, const std::string& name, bool& made) {
    auto fresh = sys::make_dir(at, name);
    if (!fresh) return fresh.error();
    made = *fresh;
    return sys::open_dir(at, name);
}

bool differs(const MailboxRow& row, const Look& look) {
    return row.new_modified != look.new_modified || row.cur_modified != look.cur_modified;
}

} // namespace

// <root>/<aa>/<account id>: 256 directories, so that none grows large.
Result<std::shared_ptr<LocalAccount>> LocalAccount::open(Context& context, AccountId id) {
    bool made_spread = false, made = false;
    auto spread = make_and_open(context.root.get(), fmt::format("{:02x}", id & 0xFF), made_spread);
    if (!spread) return spread.error();
    auto directory = make_and_open(spread->get(), std::to_string(id), made);
    if (!directory) return directory.error();
    if (made || made_spread) context.structure_changed();
    std::shared_ptr<LocalAccount> account(new LocalAccount(context, id, std::move(*directory)));
    if (auto done = account->load(); !done) return done.error().with("account", std::to_string(id));
    return account;
}

LocalAccount::~LocalAccount() {
    for (auto& [id, box] : boxes_)
        if (box->view) box->view->detach();
}

std::string LocalAccount::index_path() const {
    return fmt::format("{}/{:02x}/{}/index.db", context_.options.root, id_ & 0xFF, id_);
}

Result<void> LocalAccount::load() {
    bool rebuilt = false;
    if (auto done = load_index(rebuilt); !done) return done;
    auto epoch = index_->meta("epoch", -1);
    if (!epoch) return epoch.error();
    const bool unclean = !rebuilt && *epoch != context_.epoch;
    if (unclean && !index_->check()) {
        set_aside();
        if (auto done = load_index(rebuilt); !done) return done;
        rebuilt = true;
    }
    const std::int64_t boot = context_.options.boot;
    auto last_boot = index_->meta("boot", 0);
    if (!last_boot) return last_boot.error();
    bool adopted = false;
    if (auto done = adopt_folders(adopted); !done) return done;
    if (rebuilt)
        if (auto done = adopt_retention(); !done) return done;
    if (auto done = settle_differences(unclean || rebuilt || adopted, boot != 0 && *last_boot == boot); !done) return done;
    if (rebuilt)
        if (auto done = make_defaults(); !done) return done;
    if (!rebuilt && !unclean && *last_boot == boot) return {};
    return transact([&](Index& index) -> Result<void> {
        if (auto put = index.put_meta("boot", boot); !put) return put;
        return index.put_meta("epoch", context_.epoch);
    });
}

// Afterwards boxes_ is what the index says; `rebuilt` when it says nothing because it is new.
Result<void> LocalAccount::load_index(bool& rebuilt) {
    boxes_.clear();
    ++removals_;
    names_.clear();
    subscriptions_.clear();
    auto index = Index::open(index_path());
    auto rows = index ? index->mailboxes() : Result<std::vector<MailboxRow>>(index.error());
    auto keywords = rows ? index->keywords() : Result<std::vector<Index::Keyword>>(rows.error());
    auto subscriptions = keywords ? index->subscriptions() : Result<std::vector<std::string>>(keywords.error());
    if (!subscriptions) {
        if (subscriptions.error().code() != Errc::corrupt || rebuilt) return subscriptions.error();
        set_aside();
        rebuilt = true;
        return load_index(rebuilt);
    }
    index_ = std::move(*index);
    for (MailboxRow& row : *rows) {
        auto box = std::make_unique<Box>();
        box->seen = {row.new_modified, row.cur_modified, row.side_bytes};
        box->changed_at = context_.started();
        box->side_due = 1;              // what it lacks since before is written at the first upkeep
        last_mailbox_id_ = std::max(last_mailbox_id_, row.id);
        last_uid_validity_ = std::max(last_uid_validity_, row.uid_validity);
        box->row = std::move(row);
        if (!box->deleted()) names_[box->row.name] = box.get();
        boxes_[box->row.id] = std::move(box);
    }
    for (Index::Keyword& keyword : *keywords)
        if (Box* owner = box(keyword.mailbox); owner && keyword.number < max_keywords) {
            owner->keywords.resize(std::max<std::size_t>(owner->keywords.size(), keyword.number + 1));
            owner->keywords[keyword.number] = std::move(keyword.name);
        }
    subscriptions_.insert(subscriptions->begin(), subscriptions->end());
    limit_bytes_ = static_cast<std::uint64_t>(index_->meta("limit_bytes", 0) ? *index_->meta("limit_bytes", 0) : 0);
    limit_messages_ = static_cast<std::uint64_t>(index_->meta("limit_messages", 0) ? *index_->meta("limit_messages", 0) : 0);
    rebuilt = rebuilt || boxes_.empty();
    return {};
}

// A damaged index is kept for whoever wants to know why, and is in nobody's way.
void LocalAccount::set_aside() {
    index_.reset();
    const std::string aside = fmt::format("index.damaged-{}", context_.now());
    log::error("store.index.damaged", {{"account", id_}, {"kept_as", aside}});
    for (const char* part : {"", "-wal", "-shm"})
        (void)sys::rename(directory_.get(), std::string("index.db") + part, directory_.get(), aside + part);
}

// What is pending in memory has its files on disk, named by their keys: the look into the folders finds them.
Result<void> LocalAccount::recover() {
    for (auto& [id, box] : boxes_)
        if (box->view) box->view->detach();
    pending_keys_.clear();
    dirty_ = damaged_ = false;
    set_aside();
    return load();
}

// Folders the index does not know: all of them after it was lost, or one that another tool or an unfinished
// create made. Their side files say what they are.
Result<void> LocalAccount::adopt_folders(bool& adopted) {
    std::set<std::string> known;
    for (const auto& [id, box] : boxes_) known.insert(box->row.directory);
    auto directories = unknown_folders(directory_.get(), known);
    if (!directories) return directories.error();
    if (known.count("") == 0) directories->push_back("");
    for (const std::string& directory : *directories) {
        auto folder = Folder::create(directory_.get(), directory);       // what is missing of it
        if (!folder) return folder.error();
        SideFile side;
        if (auto file = sys::open_file(folder->root(), side_file_name))
            if (auto text = sys::read_all(file->get(), max_side_file)) side = parse_side_file(*text);
        std::string name = directory.empty() ? "INBOX" : folder_mailbox(directory).value_or("");
        if (side.mailbox && !directory.empty())
            if (auto kept = canonical_mailbox_name(side.mailbox->name)) name = *kept;
        if (name.empty()) continue;
        for (unsigned n = 2; names_.count(name) != 0; ++n) name = fmt::format("{} {}", name.substr(0, name.rfind(" (")), n);
        auto box = std::make_unique<Box>();
        box->row.id = ++last_mailbox_id_;
        box->row.name = name;
        box->row.directory = directory;
        box->row.uid_validity = side.mailbox ? side.mailbox->uid_validity : next_uid_validity();
        last_uid_validity_ = std::max(last_uid_validity_, box->row.uid_validity);
        if (side.mailbox) {
            box->row.special_use = side.mailbox->special_use;
            if (side.mailbox->subscribed) subscriptions_.insert(name);
        } else {
            subscriptions_.insert(name);
        }
        box->look_again = true;
        box->changed_at = context_.started();
        box->folder = std::move(*folder);
        names_[name] = box.get();
        Box& made = *(boxes_[box->row.id] = std::move(box));
        auto done = transact([&](Index& index) -> Result<void> {
            if (auto put = index.put_mailbox(persisted(made, made.row)); !put) return put;
            if (subscriptions_.count(name) != 0) return index.put_subscription(name, true);
            return {};
        });
        if (!done) return done;
        adopted = true;
    }
    return {};
}

// The keys of what its user expunged: without them a replay would bring it back. Which mailbox it was in is lost.
Result<void> LocalAccount::adopt_retention() {
    auto directory = sys::open_dir(directory_.get(), "retention");
    if (!directory) return {};
    auto names = list_names(directory->get());
    if (!names) return names.error();
    return transact([&](Index& index) -> Result<void> {
        Uid number = 0;
        for (const std::string& name : *names) {
            const auto parsed = parse_file_name(name);
            if (!parsed) continue;
            const RowId id = row_id(0, ++number);
            const Flags place = parsed->info ? parsed->flags : in_new;
            if (auto done = index.put_retained({id, std::string(parsed->base), place, true}, context_.now()); !done) return done;
            if (!parsed->key) continue;
            if (auto done = index.add_delivery(*parsed->key, id); !done) return done;
        }
        return {};
    });
}

Result<void> LocalAccount::make_defaults() {
    for (const Default& wanted : defaults) {
        if (names_.count(wanted.name) != 0) continue;
        auto made = make_box(wanted.name, wanted.special_use);
        if (!made) return made.error();
        if (auto done = subscribe(wanted.name, true); !done) return done;
    }
    return {};
}

// Compares what each folder looks like with what its row remembers. A side file that is not the one the row knows
// means that the index is older than it: then, as after an unclean stop, numbers may have been handed out that the
// index has forgotten. After a loss of power times say nothing: btrfs brings names back without touching them.
Result<void> LocalAccount::settle_differences(bool unclean, bool times_hold) {
    std::vector<Box*> boxes;
    for (auto& [id, box] : boxes_) {
        if (box->deleted()) continue;
        const Look look = look_at(directory_.get(), box->row.directory);
        if (differs(box->row, look)) box->look_again = true;
        if (look.side_bytes != box->row.side_bytes) unclean = true;
        boxes.push_back(box.get());
    }
    if (!unclean) return {};            // what others did is looked for when the mailbox is opened
    if (!times_hold)
        for (Box* box : boxes) box->look_again = true;
    return reconcile(boxes, true);
}

Result<void> LocalAccount::reconcile(std::vector<Box*> boxes, bool unclean) {
    Result<void> result;
    Reconciler reconciler(*this, std::move(boxes), unclean, [&](const Result<void>& done) { result = done; });
    while (reconciler.step()) {}
    return result;
}

} // namespace postern::store
