// FETCH as a task: RFC 9051 sections 6.4.5 and 7.5.2. Flags, dates, sizes, envelopes, structures and the usual header
// fields come from the index alone; bodies are sent from their files in pieces, as the client takes them.
#pragma once

#include "imapd/session/message_walk.h"
#include "imapd/session/task.h"
#include "imapd/session/texts.h"
#include "libmail/imap/command.h"
#include "libmail/mime.h"

#include <deque>
#include <optional>

namespace postern::imapd {

class FetchTask final : public Task {
  public:
    FetchTask(View& view, const imap::Fetch& command, IndexRanges ranges);

    Progress step(std::string& out) override;
    std::string_view code() const override { return missing_ ? "EXPUNGEISSUED" : std::string_view(); }   // RFC 5530

  private:
    // Of a message's answer: text, or bytes of its file.
    struct Piece {
        std::string text;
        std::uint64_t offset = 0, length = 0;
    };

    // What is asked for, with what is said about it, worked out once.
    struct Item {
        imap::FetchItem asked;
        mail::Section section;
        std::string name;                    // "BODY[1.2]<0>", of sections
        bool from_file = false;
    };

    void next_batch();
    void prepare();
    void set_seen(const std::vector<store::Uid>& uids);
    void answer(std::string& out, MessageWalk::Place place, const store::Message& message);
    void simple_item(std::string& out, const Item& item, const store::Message& message);
    void header_fields_item(std::string& out, const Item& item, store::Uid uid);
    bool body_items(std::string& out, store::Uid uid);
    void section_item(std::string& out, const Item& item, const mail::Structure& structure);
    void text_literal(std::string& out, const Item& item, std::string_view bytes);
    void file_literal(std::string& out, const Item& item, std::uint64_t offset, std::uint64_t length);
    std::string& tail(std::string& out) { return pieces_.empty() ? out : pieces_.back().text; }
    Progress send_pieces(std::string& out);

    View& view_;
    std::vector<Item> items_;
    MessageWalk walk_;
    bool wants_texts_ = false, wants_body_ = false, wants_flags_ = false, sets_seen_ = false;
    bool missing_ = false;

    std::vector<MessageWalk::Place> batch_;
    std::size_t batch_at_ = 0, ready_ = 0;   // [at, ready) can be answered
    Texts texts_;                            // of these
    std::vector<store::Uid> seen_now_;       // of these: \Seen was set by this FETCH

    store::Body file_;
    std::deque<Piece> pieces_;
};

} // namespace postern::imapd
