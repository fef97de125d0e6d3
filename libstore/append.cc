// IMAP APPEND: a message that is durable before its OK. See account.h for the states a crash can leave.
#include "libstore/append.h"

#include "libstore/mailbox.h"

namespace postern::store {

Result<std::unique_ptr<Appending>> LocalAccount::append(MailboxId mailbox, std::uint64_t expected_size) {
    Box* target = box(mailbox);
    if (!target) return Error(Errc::not_found, "no such mailbox");
    if (!fits(expected_size, 1)) return Error(Errc::over_quota, "over quota");
    auto there = folder(*target);
    if (!there) return there.error();
    // The size is not known for certain before the last byte; the name under which it is written says nothing.
    const std::string unique = random_unique();
    const OwnChange change(*target);
    auto file = sys::create_file((*there)->cur_dir(), unfinished_name(unique));
    if (!file) return file.error();
    return std::unique_ptr<Appending>(new LocalAppending(shared_from_this(), mailbox, unique, std::move(*file)));
}

LocalAppending::~LocalAppending() {
    if (!file_) return;
    if (Box* box = account_->box(mailbox_); box && box->folder) {
        const OwnChange change(*box);
        (void)sys::unlink(box->folder.cur_dir(), unfinished_name(unique_));
    }
}

Result<void> LocalAppending::write(std::string_view bytes) {
    auto done = sys::write_all(file_.get(), bytes);
    if (done) size_ += bytes.size();
    return done;
}

Result<NewMessage> LocalAppending::insert(Box& box, Flags flags, std::span<const std::string> keywords, std::int64_t date) {
    std::vector<NewMessage> fresh(1);
    Message& m = fresh[0].message;
    for (const std::string& name : keywords) {
        auto number = account_->keyword(box, name);
        if (!number) return number.error();
        m.keywords |= Keywords{1} << *number;
    }
    m.flags = m.name_flags = flags & flag::all;
    m.size = size_;
    m.internal_date = date;
    fresh[0].base = make_base(date, unique_, account_->context_.options.host, size_);
    const int cur = box.folder.cur_dir();
    // 1. the name a recovery would finish, 2. the row, 3. the final name
    if (auto done = sys::rename(cur, unfinished_name(unique_), cur, unfinished_name(fresh[0].base)); !done) return done.error();
    if (auto done = account_->insert(box, fresh); !done) {
        (void)sys::unlink(cur, unfinished_name(fresh[0].base));
        return done.error();
    }
    auto done = sys::rename(cur, unfinished_name(fresh[0].base), cur, file_name(fresh[0].base, m.name_flags));
    if (!done) {
        account_->withdraw(mailbox_, std::span(&m.uid, 1));
        return done.error();
    }
    return std::move(fresh[0]);
}

// The bytes are on disk before anybody can see a message: a name or a row without them would be, after a power cut, an
// empty message that its client was never promised. Then the name and the row, and what makes those two durable.
void LocalAppending::commit(Flags flags, std::span<const std::string> keywords, std::int64_t date,
                            std::function<void(Result<Appended>)> done) {
    SyncJob bytes;
    bytes.files.push_back(file_.duplicate());
    bytes.done = [this, flags, words = std::vector(keywords.begin(), keywords.end()), date,
                  done = std::move(done)](Result<void> flushed) mutable {
        if (!flushed) return done(flushed.error());
        enter(flags, words, date, std::move(done));
    };
    account_->context_.worker->add(std::move(bytes));
}

void LocalAppending::enter(Flags flags, std::span<const std::string> keywords, std::int64_t date,
                           std::function<void(Result<Appended>)> done) {
    file_.reset();
    Box* box = account_->box(mailbox_);
    if (!box || !box->folder) return done(Error(Errc::not_found, "no such mailbox"));
    Result<NewMessage> fresh = Error(Errc::over_quota, "over quota");
    {
        const OwnChange change(*box);
        if (account_->fits(size_, 1)) fresh = insert(*box, flags, keywords, date);
        if (!fresh) (void)sys::unlink(box->folder.cur_dir(), unfinished_name(unique_));
    }
    if (!fresh) return done(fresh.error());
    SyncJob job = account_->sync_job();
    job.files.push_back(box->folder.cur_for_sync());
    const Appended appended{box->row.uid_validity, fresh->message.uid};
    job.done = [account = account_, mailbox = mailbox_, appended, done = std::move(done)](Result<void> flushed) {
        if (flushed) return done(appended);
        account->withdraw(mailbox, std::span(&appended.uid, 1));
        done(flushed.error());
    };
    account_->context_.worker->add(std::move(job));
}

} // namespace postern::store
