// COPY, in slices. Of each: 1. hard links under unfinished names: no byte is copied, and nothing shows if this is all that
// happens. 2. the rows, in one transaction. 3. the names. Behind the last slice one flush, then the answer.
//
// All or none (RFC 9051 section 6.4.7): what failed half-way is taken away again. A crash half-way leaves a part, for
// which no OK was said.
#include "libstore/mailbox.h"

namespace postern::store {
namespace {

constexpr std::size_t copied_at_once = 200;

} // namespace

class LocalMailbox::Copying final : public Work {
  public:
    Copying(LocalMailbox& from, std::span<const Uid> uids, MailboxId target, std::function<void(Result<Copied>)> done) :
        account_(from.account_.shared_from_this()), from_(from.box_->view), uids_(uids.begin(), uids.end()),
        target_id_(target), done_(std::move(done)) {}

    bool step() override {
        Box* target = account_->box(target_id_);
        if (!from_->box_) return fail(from_->gone());
        if (!target) return fail(Error(Errc::not_found, "no such mailbox"));
        if (next_ == 0)
            if (auto fits = check_quota(*target); !fits) return fail(fits.error());
        if (auto done = copy_some(*target); !done) return fail(done.error());
        if (next_ < uids_.size()) return true;
        flush(*target);
        return false;
    }

  private:
    Result<void> check_quota(Box& target) {
        copied_.uid_validity = target.row.uid_validity;
        std::uint64_t bytes = 0, messages = 0;
        for (const Message* m : from_->select(uids_)) {
            bytes += m->size;
            ++messages;
        }
        if (!account_->fits(bytes, messages)) return Error(Errc::over_quota, "over quota");
        return {};
    }

    Result<void> copy_some(Box& target) {
        const auto slice = std::span(uids_).subspan(next_, std::min(copied_at_once, uids_.size() - next_));
        next_ += slice.size();
        const auto chosen = from_->select(slice);
        const OwnChange there(target);
        std::vector<NewMessage> linked;
        auto done = link_files(chosen, target, linked);
        std::vector<Uid> source;
        for (const Message* m : chosen) source.push_back(m->uid);
        if (done) done = account_->insert(target, linked);
        if (!done) {
            for (const NewMessage& one : linked) (void)sys::unlink(target.folder.cur_dir(), unfinished_name(one.base));
            return done;
        }
        for (std::size_t i = 0; i < linked.size(); ++i) {
            copied_.source.push_back(source[i]);
            copied_.target.push_back(linked[i].message.uid);
            (void)sys::rename(target.folder.cur_dir(), unfinished_name(linked[i].base), target.folder.cur_dir(),
                              file_name(linked[i].base, linked[i].message.name_flags));
        }
        return {};
    }

    Result<void> link_files(std::span<const Message* const> chosen, Box& target, std::vector<NewMessage>& linked) {
        auto from = account_->folder(*from_->box_), to = account_->folder(target);
        if (!from) return from.error();
        if (!to) return to.error();
        for (const Message* m : chosen) {
            auto base = account_->base_of(*from_->box_, m->uid);
            if (!base) return base.error();
            const std::string& host = account_->context_.options.host;
            NewMessage copy{*m, make_base(m->internal_date, random_unique(), host, m->size), {}};
            copy.message.name_flags = m->flags;
            copy.message.keywords = account_->translate_keywords(*from_->box_, m->keywords, target);
            auto done = sys::link((*from)->dir_of(m->name_flags), file_name(*base, m->name_flags), (*to)->cur_dir(),
                                  unfinished_name(copy.base));
            if (!done) return done;
            linked.push_back(std::move(copy));
        }
        return {};
    }

    void flush(Box& target) {
        Context& context = account_->context_;
        SyncJob job = account_->sync_job();
        if (target.folder) job.files.push_back(target.folder.cur_for_sync());
        // What was delivered to the source and is not on disk yet has its bytes in the same file (DESIGN section 6).
        if (!context.flushed(from_->box_->changed_at)) job.file_system = true;
        job.done = [account = account_, target_id = target_id_, copied = std::move(copied_),
                    done = std::move(done_)](const Result<void>& flushed) {
            if (flushed) return done(copied);
            account->withdraw(target_id, copied.target);
            done(flushed.error());
        };
        context.worker->add(std::move(job));
    }

    bool fail(const Error& error) {
        account_->withdraw(target_id_, copied_.target);
        done_(error);
        return false;
    }

    std::shared_ptr<LocalAccount> account_;
    std::shared_ptr<LocalMailbox> from_;
    std::vector<Uid> uids_;
    MailboxId target_id_;
    std::function<void(Result<Copied>)> done_;
    std::size_t next_ = 0;
    Copied copied_;
};

void LocalMailbox::copy(std::span<const Uid> uids, MailboxId target, std::function<void(Result<Copied>)> done) {
    if (!box_) return account_.context_.later([done = std::move(done), error = gone()] { done(error); });
    account_.context_.carry_out(std::make_shared<Copying>(*this, uids, target, std::move(done)));
}

} // namespace postern::store
