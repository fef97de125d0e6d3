#include "imapd/session/session.h"

#include "libcommon/text.h"

namespace postern::imapd {
namespace {

// RFC 9051 section 5.5: while one of these runs by sequence numbers, no number may change its meaning.
bool forbids_expunge(const imap::Command& command) {
    if (const auto* fetch = std::get_if<imap::Fetch>(&command)) return !fetch->uid;
    if (const auto* store = std::get_if<imap::Store>(&command)) return !store->uid;
    if (const auto* search = std::get_if<imap::Search>(&command)) return !search->uid;
    return false;
}

bool is_uid_form(const imap::Command& command) {
    return std::visit([](const auto& c) {
        if constexpr (requires { c.uid; }) return c.uid;
        else return false;
    }, command);
}

} // namespace

Session::Session(std::shared_ptr<store::Account> account, const Environment& environment, std::function<void()> wake)
    : account_(std::move(account)), environment_(environment), wake_(std::move(wake)),
      reader_(imap::ReaderLimits{environment.command_limit, true}) {}

Session::~Session() { unselect(); }

void Session::bye(std::string_view text) {
    if (state_ == State::ended) return;
    out_.append("* BYE ").append(text).append("\r\n");
    farewell_ = text;
    task_.reset();
    state_ = State::ended;
}

bool Session::between_commands() const {
    return !task_ && (state_ == State::idling || (state_ == State::reading && !reader_.in_command()));
}

Session::Wants Session::run(Input& input) {
    if (gone_) bye("The selected mailbox was deleted");
    for (bool more = true; more && state_ != State::ended;) {
        if (out_.size() >= high_water) return Wants::drained;
        if (state_ == State::waiting) return Wants::answer;
        if (!last_words_.empty() && between_commands()) {
            bye(last_words_);
            break;
        }
        if (task_) {
            if (const auto wants = run_task()) return *wants;
            continue;
        }
        if (state_ == State::idling && changed_) {
            changed_ = false;
            view_->sync(out_, true, false);
        }
        const Wants wants = take_event(input, more);
        if (wants != Wants::input) return wants;
    }
    return state_ == State::ended ? Wants::close : Wants::input;
}

std::optional<Session::Wants> Session::run_task() {
    switch (task_->step(out_)) {
    case Task::Progress::more: return out_.size() >= high_water ? Wants::drained : Wants::turn;
    case Task::Progress::failed:
        // In the middle of a literal no word of ours would be understood.
        task_.reset();
        farewell_ = "a message could not be read to its end";
        state_ = State::ended;
        return Wants::close;
    case Task::Progress::done: break;
    }
    const auto task = std::exchange(task_, nullptr);
    const bool closing = std::exchange(closing_, false);
    if (task->refusal()) {
        no(*task->refusal());
    } else {
        if (closing) unselect();
        ok(task->code());
    }
    return std::nullopt;
}

Session::Wants Session::take_event(Input& input, bool& more) {
    using Reader = imap::CommandReader;
    auto event = reader_.next(input);
    if (std::holds_alternative<Reader::NeedMore>(event)) {
        more = false;
        return Wants::input;
    }
    if (std::holds_alternative<Reader::Continuation>(event)) out_.append("+ OK\r\n");
    if (const auto* complete = std::get_if<Reader::Complete>(&event))
        state_ == State::idling ? on_idle_line(complete->text) : on_command(complete->text);
    if (auto* begins = std::get_if<Reader::AppendBegins>(&event)) on_append_begins(std::move(begins->head));
    if (const auto* bytes = std::get_if<Reader::MessageBytes>(&event)) on_message_bytes(bytes->bytes);
    if (std::holds_alternative<Reader::MessageEnds>(event)) on_message_ends();
    if (const auto* bad_one = std::get_if<Reader::Bad>(&event)) on_bad(bad_one->tag, bad_one->text);
    if (const auto* fatal = std::get_if<Reader::Fatal>(&event)) bye(fatal->text);
    return Wants::input;
}

void Session::on_command(std::string_view text) {
    auto result = imap::parse_command(text);
    if (const auto* syntax = std::get_if<imap::BadSyntax>(&result)) {
        on_bad(syntax->tag, syntax->text);
        return;
    }
    auto& parsed = std::get<imap::Parsed>(result);
    tag_ = std::move(parsed.tag);
    expunges_allowed_ = !forbids_expunge(parsed.command);
    uid_command_ = is_uid_form(parsed.command);
    if ((parsed.verb->states & (view_ ? imap::selected : imap::authenticated)) == 0) {
        bad("Not in this state");
        return;
    }
    bad_in_a_row_ = 0;
    std::visit([this](const auto& command) { handle(command); }, parsed.command);
}

void Session::on_bad(std::string_view tag, std::string_view text) {
    if (upload_) {                                   // behind its message an APPEND went wrong: the reader has no tag
        upload_.reset();
        state_ = State::reading;
    } else {
        tag_ = tag;
    }
    if (++bad_in_a_row_ >= environment_.bad_limit) {
        bye("Too many errors");
        return;
    }
    bad(text);
}

void Session::complete(Condition condition, std::string_view code, std::string_view text) {
    if (view_ && !gone_ && tag_ != "*") {
        changed_ = false;
        view_->sync(out_, expunges_allowed_, uid_command_);
    }
    append_tagged(out_, tag_, condition, code, text);
    expunges_allowed_ = true;
}

void Session::no(const Error& error) {
    const Refusal refusal = refusal_of(error);
    no(refusal.code, refusal.text);
}

std::optional<IndexRanges> Session::resolve(const imap::SequenceSet& set, bool uid) {
    auto ranges = view_->resolve(set, uid);
    if (!ranges) bad("No such message");
    return ranges;
}

void Session::start(std::unique_ptr<Task> task) { task_ = std::move(task); }

void Session::unselect() {
    if (view_ && !gone_) view_->mailbox().forget(*this);
    view_.reset();
    gone_ = changed_ = false;
}

void Session::mailbox_changed(store::Mailbox&) {
    changed_ = true;
    if (state_ == State::idling) wake_();
}

void Session::mailbox_gone(store::Mailbox&) {
    gone_ = true;
    wake_();
}

} // namespace postern::imapd
