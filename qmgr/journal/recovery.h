// From files to what waits: two steps. survey() is quick: it looks at headers, flushes the live segments (nothing
// read from them is acted on before that: rule 5) and leaves enough for intake to open on a new segment. replay()
// reads everything, off the loop, while intake already runs.
#pragma once

#include "qmgr/journal/folders.h"
#include "qmgr/journal/segment.h"

#include <map>
#include <set>

namespace postern::qmgr {

struct Survey {
    std::map<std::uint64_t, std::shared_ptr<Segment>> live;   // by generation
    std::vector<std::shared_ptr<Segment>> spare;              // in the order they may be used again
    std::set<std::uint64_t> suspect;                          // could not be flushed: their messages are copied out
    std::map<std::uint64_t, std::uint64_t> ends;              // generation -> where it ends, of all but the newest read
    std::vector<std::string> deferred, hold, large;           // names that were there before intake opened
    std::uint64_t next_generation = 1;
    std::uint64_t oldest_live = 1;
    std::uint32_t id_salt = 0;
    std::uint32_t next_file = 1;
    Totals totals;
    std::vector<std::string> problems;
};
Result<Survey> survey(Sys& sys, const Folders& folders);

// Where the envelope and body of a message lie.
enum class Base : std::uint8_t { journal, deferred, hold };

struct RecoveredMessage {
    QueueId id;
    Accepted message;                            // without body and trace header
    std::uint64_t size = 0;                      // of the body
    std::vector<RecipientRecord> recipients;     // one each, in envelope order
    Base base = Base::journal;
    std::uint32_t length = 0;                    // of the frame in the journal
    std::uint64_t oldest_change = 0;             // generation of the oldest state record that still counts
};
// A file of a message that was finished before it could be removed; its record must outlive it.
struct Leftover {
    QueueId id;
    Base base = Base::deferred;
    std::uint64_t finished_in = 0;
};
struct Recovered {
    std::vector<RecoveredMessage> messages;
    std::vector<Leftover> leftovers;
    std::vector<std::uint64_t> orphans;          // large bodies nothing refers to
    std::vector<std::string> problems;           // what went to corrupt/
    std::int64_t unaccounted = 0;                // recipients the account has waiting and nobody found
};
Recovered replay(Sys& sys, const Folders& folders, const Survey& found);

} // namespace postern::qmgr
