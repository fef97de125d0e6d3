// SEARCH as a task: RFC 3501 section 6.4.4. Keys the index can answer are asked first, then those that need
// the cached header fields, then those that read the message; a message is read only while its answer is
// open.
#pragma once

#include "imapd/session/message_walk.h"
#include "imapd/session/task.h"
#include "imapd/session/texts.h"
#include "libcommon/result.h"
#include "libmail/charset.h"
#include "libmail/imap/search_key.h"
#include "libmail/text_match.h"

#include <vector>

namespace postern::imapd {

// A search key ready to be asked: texts folded, sets and keywords looked up, children in order of cost.
struct SearchNode {
    enum class Cost { index, header, file } cost = Cost::index;
    imap::SearchKey::Kind kind = imap::SearchKey::Kind::all;
    mail::TextMatcher text{""};
    std::string field;
    std::uint64_t number = 0;
    std::int64_t day = 0;
    store::Keywords keyword = 0;
    IndexRanges ranges;
    std::vector<SearchNode> children;
};

// Errc::unsupported: the charset; Errc::invalid: a message number that is not there.
Result<SearchNode> compile_search(const imap::SearchKey& key, std::string_view charset, const View& view,
                                  mail::Charsets& charsets);

class SearchTask final : public Task {
  public:
    SearchTask(View& view, mail::Charsets& charsets, SearchNode program, bool uid);

    Progress step(std::string& out) override;

  private:
    struct Candidate;
    bool matches(const SearchNode& node, Candidate& candidate);
    bool matches_field(std::string_view name, const mail::TextMatcher& text, Candidate& candidate);
    bool matches_sent_date(const SearchNode& node, Candidate& candidate);
    std::size_t batch_size() const;

    View& view_;
    mail::Charsets& charsets_;
    SearchNode program_;
    bool uid_;
    MessageWalk walk_;
    Texts texts_;
    std::vector<std::uint32_t> found_;
};

} // namespace postern::imapd
