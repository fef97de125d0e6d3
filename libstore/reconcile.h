// Brings index and folders together: after an unclean stop, after the index was lost, or because another Maildir
// tool was there. First each folder that may differ is looked over, then what was found is settled in transactions of
// some messages each.
//
// It is Work: with a loop, sessions and deliveries go on between two steps. So each finding is held against the
// rows and files of its moment when it is settled; what has changed since is left for the next look.
//
// What is found, and what becomes of it:
//   a file whose row expects another name    flags merged three ways, the name made ours
//   a file without a row
//     whose row misses it in another mailbox    moved there, with a new UID
//     that was expunged (unclean only)          put into retention again
//     else                                      a new message, with the UID the side file has for it if it has one
//   a row without a file
//     that has it under its unfinished name     renamed
//     whose file lies in retention              expunged: the index had forgotten it
//     while deliveries may still be replayed    kept
//     else                                      expunged: another tool removed it
//   an unfinished file without a row         removed
#pragma once

#include "libstore/account.h"
#include "libstore/side_file.h"

#include <unordered_map>

namespace postern::store {

class Reconciler final : public Work {
  public:
    // `unclean`: numbers may have been handed out that neither index nor side file remember.
    Reconciler(LocalAccount& account, std::vector<Box*> boxes, bool unclean, std::function<void(Result<void>)> done);

    bool step() override;

  private:
    struct Renamed { Box* box; Message message; std::string base, found; bool in_new_dir; };
    struct Unknown { Box* box; std::string found; bool in_new_dir; std::string base; Uid side_uid; std::int64_t seconds; };
    struct Missing { Box* box; Message message; };
    struct Room {                       // one mailbox being looked over
        MailboxRow row;
        SideFile side;
        Uid old_uid_next = 1;           // before the jump: below it only the index says what a UID is
        bool changed = false;
        // For the view, once they are committed.
        std::vector<Message> added, altered;
        std::vector<Uid> removed;
    };

    // A folder being compared: what lay in it, and the rows that were not met yet.
    struct Comparison {
        Box* box;
        Folder::Listing listing;
        std::size_t next = 0;
        std::unordered_map<std::string, Message> known;
        std::set<std::string> met;
    };

    Result<bool> proceed();             // true: there is more
    Result<void> look_over(Box& box);
    void sort_unknown();
    Result<void> settle_some();
    Result<void> settle_slice(Index& index);
    Result<void> show(Box& box, Room& room);

    Room& room(Box& box);
    void read_side(Box& box, Room& room);
    void skip_numbers(Room& room);
    Result<void> read_rows(Folder::Listing listing, Box& box);
    void compare_some();
    void finish_unfinished();
    Result<void> put_keywords(Index& index, Box& box, Room& room);
    Result<void> merge_flags(Index& index, const Renamed& renamed);
    Result<void> settle_unknown(Index& index, const Unknown& unknown);
    Result<bool> retain_again(Index& index, const Unknown& unknown);
    Result<void> move_here(Index& index, const Unknown& unknown, const Missing& from);
    Result<void> adopt(Index& index, const Unknown& unknown);
    Result<void> drop_missing(Index& index, const std::string& base, const Missing& missing);
    bool is_retained(const std::string& base);
    Result<bool> still_missing(Index& index, const Missing& missing);
    Result<void> put_row(Index& index, Box& box, Room& room);
    Result<Uid> uid_for(Index& index, const Unknown& unknown);

    std::shared_ptr<LocalAccount> kept_;        // by whom it goes on after the call
    LocalAccount& account_;
    std::vector<Box*> boxes_;
    const std::uint64_t removals_;
    const bool unclean_;
    std::function<void(Result<void>)> done_;
    std::size_t looked_over_ = 0;
    std::optional<Comparison> comparison_;
    bool sorted_ = false;
    std::size_t settled_ = 0, converted_ = 0;
    struct { std::size_t renamed, unknown, missing; } count_{};
    std::map<Box*, Room> rooms_;
    std::vector<Renamed> renamed_;
    std::vector<Unknown> unknown_;
    std::unordered_map<std::string, Missing> missing_;
    std::unordered_map<std::string, RetainedRow> retained_;
    bool retained_loaded_ = false;
    std::optional<std::set<std::string>> in_retention_;     // bases of the files there
};

} // namespace postern::store
