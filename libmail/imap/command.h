// IMAP commands as data, and the table of verbs: RFC 9051 section 6 with RFC 3501's differences, and the extensions
// ID (2971), IDLE (2177), UIDPLUS (4315), MOVE (6851), UNSELECT (3691), ENABLE (5161), SPECIAL-USE (6154),
// LIST-EXTENDED (5258), LIST-STATUS (5819), SASL-IR (4959).
//
// Mailbox names are UTF-8 here, INBOX in capitals, whatever the client wrote.
#pragma once

#include "libmail/imap/fetch_item.h"
#include "libmail/imap/flags.h"
#include "libmail/imap/search_key.h"
#include "libmail/imap/sequence_set.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace postern::imap {

struct Capability {};
struct Noop {};
struct Logout {};
struct Id { std::vector<std::pair<std::string, std::optional<std::string>>> fields; };
struct StartTls {};
struct Login { std::string user, password; };
struct Authenticate {
    std::string mechanism;
    std::optional<std::string> initial_response;
}; // still base64; "=" is empty
struct Enable { std::vector<std::string> capabilities; };
struct Select { std::string mailbox; bool read_only = false; };
struct Create { std::string mailbox; std::vector<std::string> special_use; };
struct Delete { std::string mailbox; };
struct Rename { std::string from, to; };
struct Subscribe { std::string mailbox; bool subscribed = true; };

enum class StatusItem : std::uint8_t { messages, recent, uid_next, uid_validity, unseen, size };
constexpr std::string_view status_item_names[] = {"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "SIZE"};
struct Status { std::string mailbox; std::vector<StatusItem> items; };

struct List {
    bool lsub = false;
    bool extended = false;                 // options or several patterns were given
    bool only_subscribed = false, only_special_use = false, recursive_match = false;   // selection
    bool return_subscribed = false, return_children = false, return_special_use = false;
    std::vector<StatusItem> return_status;
    std::string reference;
    std::vector<std::string> patterns;
};
struct Namespace {};
// Up to the literal's header: the message itself is streamed (command_reader.h).
struct Append {
    std::string mailbox;
    FlagList flags;
    std::optional<std::int64_t> internal_date;
    std::uint64_t size = 0;
    bool synchronizing = true;
};
struct Check {};
struct Close {};
struct Unselect {};
struct Expunge { std::optional<SequenceSet> uids; };
struct Search { bool uid = false; std::string charset; SearchKey key; };
struct Fetch { bool uid = false; SequenceSet set; std::vector<FetchItem> items; };
struct Store {
    enum class Mode : std::uint8_t { add, remove, replace };
    bool uid = false;
    SequenceSet set;
    Mode mode = Mode::replace;
    bool silent = false;
    FlagList flags;
};
struct Copy { bool uid = false; bool move = false; SequenceSet set; std::string mailbox; };
struct Idle {};

using Command = std::variant<Capability, Noop, Logout, Id, StartTls, Login, Authenticate, Enable, Select,
                             Create, Delete, Rename, Subscribe, Status, List, Namespace, Append, Check, Close,
                             Unselect, Expunge, Search, Fetch, Store, Copy, Idle>;

// RFC 9051 section 3. A verb's states are a sum of these.
using States = unsigned;
constexpr States not_authenticated = 1, authenticated = 2, selected = 4;
constexpr States logged_in = authenticated | selected, any_state = logged_in | not_authenticated;

class Cursor;
struct Verb {
    std::string_view name;
    States states;
    bool has_uid_form;                     // UID FETCH and so on
    bool (*parse)(Cursor&, bool uid, Command&);
};
std::span<const Verb> verbs();

// How the session's client writes.
struct Dialect {
    bool utf8 = false;                     // UTF8=ACCEPT or IMAP4rev2: mailbox names are UTF-8, not modified UTF-7
};

struct Parsed {
    std::string tag;
    const Verb* verb = nullptr;
    Command command;
};
struct BadSyntax {
    std::string tag;                       // "*" when the line has none that could be echoed
    std::string text;
};

// `text`: one command without its last line end, literals inside as they came ("{3}\r\nabc").
std::variant<Parsed, BadSyntax> parse_command(std::string_view text, Dialect dialect = {});

// Where an APPEND stands whose text ends in a literal's header, line end included.
struct AppendHead {
    enum class State { message_follows, name_follows, bad } state = State::bad;
    std::string tag;
    Append append;
    std::string error;
};
AppendHead parse_append_head(std::string_view text, Dialect dialect = {});

// The tag of a line that may be anything; "*" when it has none.
std::string tag_of(std::string_view text);

} // namespace postern::imap
