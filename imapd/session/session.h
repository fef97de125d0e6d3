// One authenticated IMAP conversation: RFC 9051 section 3, the authenticated and selected states. Bytes come in by an
// Input, bytes go out by output(); nothing here knows a socket. run() does what can be done now and says what it
// waits for, so that a whole conversation is a unit test.
#pragma once

#include "imapd/session/reply.h"
#include "imapd/session/task.h"
#include "imapd/session/view.h"
#include "libcommon/input.h"
#include "libmail/charset.h"
#include "libmail/imap/command_reader.h"
#include "libstore/store.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace postern::imapd {

// What all sessions of a process share.
struct Environment {
    mail::Charsets& charsets;
    std::function<std::int64_t()> now;               // seconds since the epoch
    std::size_t command_limit = 65'536;              // one command with its literals, APPEND's message apart
    std::uint64_t message_limit = 50 * 1024 * 1024;  // of an APPEND
    std::size_t bad_limit = 25;                      // BADs in a row before BYE
};

class Session final : private store::Observer {
  public:
    // `wake` is called when there may be something to do though no byte came; from inside calls of the store too,
    // so it must only arrange for run() to be called later.
    Session(std::shared_ptr<store::Account> account, const Environment& environment, std::function<void()> wake);
    ~Session();
    Session(const Session&) = delete;

    enum class Wants {
        input,      // more bytes, or a wake()
        turn,       // to be called again after the others
        drained,    // to be called again when the client has taken the output
        answer,     // a wake(): the store is at work, no further command is looked at
        close,      // send what is left, then close
    };
    Wants run(Input& input);
    std::string& output() { return out_; }           // the caller takes what is there

    bool is_idle() const { return state_ == State::idling; }
    const std::string& farewell() const { return farewell_; }   // why it ended, for the log

    // "* BYE text" and the end, at once or (shutdown) when no command is half done any more; then run() says close.
    void bye(std::string_view text);
    void bye_after_command(std::string_view text) { last_words_ = text; }

  private:
    enum class State { reading, idling, appending, waiting, ended };

    void mailbox_changed(store::Mailbox& mailbox) override;
    void mailbox_gone(store::Mailbox& mailbox) override;

    // The loop of run().
    std::optional<Wants> run_task();
    bool between_commands() const;
    Wants take_event(Input& input, bool& more);
    void on_command(std::string_view text);
    void on_append_begins(imap::AppendHead head);
    void on_message_bytes(std::string_view bytes);
    void on_message_ends();
    void on_bad(std::string_view tag, std::string_view text);
    void on_idle_line(std::string_view line);

    // One command each; in cmd_<what>.cc.
    void handle(const imap::Capability&);
    void handle(const imap::Noop&);
    void handle(const imap::Logout&);
    void handle(const imap::Id&);
    void handle(const imap::Enable&);
    void handle(const imap::Select&);
    void handle(const imap::Create&);
    void handle(const imap::Delete&);
    void handle(const imap::Rename&);
    void handle(const imap::Subscribe&);
    void handle(const imap::Status&);
    void handle(const imap::List&);
    void handle(const imap::Namespace&);
    void handle(const imap::Check&);
    void handle(const imap::Close&);
    void handle(const imap::Unselect&);
    void handle(const imap::Expunge&);
    void handle(const imap::Search&);
    void handle(const imap::Fetch&);
    void handle(const imap::Store&);
    void handle(const imap::Copy&);
    void handle(const imap::Idle&);
    // Not for this side of the login; the gate in on_command() keeps them out.
    void handle(const imap::StartTls&) {}
    void handle(const imap::Login&) {}
    void handle(const imap::Authenticate&) {}
    void handle(const imap::Append&) {}

    // Ends the current command: what changed meanwhile, then its tagged answer.
    void complete(Condition condition, std::string_view code, std::string_view text);
    void ok(std::string_view code = {}) { complete(Condition::ok, code, "Done"); }
    void no(std::string_view code, std::string_view text) { complete(Condition::no, code, text); }
    void no(const Error& error);
    void bad(std::string_view text) { complete(Condition::bad, {}, text); }

    // The messages a command names; answers BAD itself when there can be none.
    std::optional<IndexRanges> resolve(const imap::SequenceSet& set, bool uid);
    void start(std::unique_ptr<Task> task);
    void selected(const Result<std::shared_ptr<store::Mailbox>>& mailbox);
    void copied(const Result<store::Copied>& result);
    void appended(const Result<store::Appended>& result);
    Result<store::Keywords> keywords_of(const imap::FlagList& flags);
    void unselect();
    std::string status_response(const store::MailboxInfo& info, const std::vector<imap::StatusItem>& items);

    // Wraps an answer of the store that may come when this session is gone.
    template <class T> std::function<void(Result<T>)> later(void (Session::*then)(const Result<T>&)) {
        state_ = State::waiting;
        return [this, then, alive = std::weak_ptr<bool>(alive_)](Result<T> result) {
            if (alive.expired()) return;
            state_ = State::reading;
            (this->*then)(result);
            wake_();
        };
    }

    std::shared_ptr<store::Account> account_;
    const Environment& environment_;
    std::function<void()> wake_;
    imap::CommandReader reader_;
    std::string out_;

    State state_ = State::reading;
    std::unique_ptr<View> view_;
    bool changed_ = false;               // the mailbox says there is something to sync
    bool examining_ = false;             // the SELECT under way is an EXAMINE
    bool gone_ = false;                  // the selected mailbox was deleted under us
    std::string tag_;
    bool expunges_allowed_ = true;       // in the current command's answer
    bool uid_command_ = false;
    std::unique_ptr<Task> task_;
    bool closing_ = false;               // the task is a CLOSE: with its end the mailbox is left
    std::size_t bad_in_a_row_ = 0;
    std::string farewell_, last_words_;

    struct Upload {
        imap::Append command;
        std::unique_ptr<store::Appending> to;
        std::optional<Error> failed;
    };
    std::optional<Upload> upload_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace postern::imapd
