// APPEND: RFC 9051 section 6.3.12. The message goes to the store as it comes; nobody holds the whole of it.
#include "imapd/session/session.h"

namespace postern::imapd {

void Session::on_append_begins(imap::AppendHead head) {
    tag_ = std::move(head.tag);
    uid_command_ = false;
    bad_in_a_row_ = 0;
    const imap::Append& command = head.append;
    const auto refuse = [&](std::string_view code, std::string_view text) {
        reader_.refuse_message();
        no(code, text);
    };
    const auto info = account_->find(command.mailbox);
    if (!info) return refuse("TRYCREATE", "No such mailbox");
    if (command.size == 0) return refuse("CANNOT", "A message without a byte");
    if (command.size > environment_.message_limit)
        return refuse("TOOBIG", "Message too large"); // RFC 7889 section 4
    auto appending = account_->append(info->id, command.size);
    if (!appending) {
        const Refusal refusal = refusal_of(appending.error());
        return refuse(refusal.code, refusal.text);
    }
    if (command.synchronizing) out_.append("+ OK\r\n");
    upload_.emplace(Upload{std::move(head.append), std::move(*appending), {}});
    state_ = State::appending;
    reader_.accept_message();
}

// After a failure the rest is read and dropped: the client cannot be told before its literal is over.
void Session::on_message_bytes(std::string_view bytes) {
    if (upload_->failed) return;
    if (const auto written = upload_->to->write(bytes); !written) upload_->failed = written.error();
}

void Session::on_message_ends() {
    Upload upload = std::move(*upload_);
    upload_.reset();
    state_ = State::reading;
    if (upload.failed) return no(*upload.failed);
    const auto date = upload.command.internal_date.value_or(environment_.now());
    // The store keeps the message past this call; it must stay until `done`.
    auto appending = std::shared_ptr<store::Appending>(std::move(upload.to));
    auto done = later<store::Appended>(&Session::appended);
    appending->commit(upload.command.flags.system, upload.command.flags.keywords, date,
                      [appending, done](Result<store::Appended> result) { done(std::move(result)); });
}

void Session::appended(const Result<store::Appended>& result) {
    if (!result) return no(result.error());
    ok("APPENDUID " + std::to_string(result->uid_validity) + " " +
       std::to_string(result->uid)); // RFC 4315 section 3
}

} // namespace postern::imapd
