// Brings index and folders together: after an unclean stop, after the index was lost, or because another Maildir
// tool was there. First look_over() each folder that may differ, then finish() in one transaction.
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

class Reconciler {
  public:
    // `unclean`: numbers may have been handed out that neither index nor side file remember.
    Reconciler(LocalAccount& account, bool unclean) : account_(account), unclean_(unclean) {}

    Result<void> look_over(Box& box);
    Result<void> finish();

  private:
    struct Renamed { Box* box; Message message; std::string base, found; bool in_new_dir; };
    struct Unknown { Box* box; std::string found; bool in_new_dir; std::string base; Uid side_uid; std::int64_t seconds; };
    struct Missing { Box* box; Message message; };
    struct Room {                       // one mailbox being looked over
        MailboxRow row;
        SideFile side;
        Uid old_uid_next = 1;           // before the jump: below it only the index says what a UID is
        bool changed = false;
    };

    Room& room(Box& box);
    void read_side(Box& box, Room& room);
    void skip_numbers(Room& room);
    Result<void> compare(Box& box, const Folder::Listing& listing);
    void finish_unfinished(Box& box, const Folder::Listing& listing, std::unordered_map<std::string, Message>& known);
    Result<void> put_keywords(Index& index, Box& box, Room& room);
    Result<void> merge_flags(Index& index, const Renamed& renamed);
    Result<void> settle_unknown(Index& index, Unknown& unknown);
    Result<bool> retain_again(Index& index, const Unknown& unknown);
    Result<void> move_here(Index& index, const Unknown& unknown, const Missing& from);
    Result<void> adopt(Index& index, const Unknown& unknown);
    Result<void> drop_missing(Index& index, const std::string& base, const Missing& missing);
    bool is_retained(const std::string& base);
    Result<void> recount(Index& index, Box& box, Room& room);
    Result<Uid> uid_for(Index& index, const Unknown& unknown);

    LocalAccount& account_;
    bool unclean_;
    std::map<Box*, Room> rooms_;
    std::vector<Renamed> renamed_;
    std::vector<Unknown> unknown_;
    std::unordered_map<std::string, Missing> missing_;
    std::unordered_map<std::string, RetainedRow> retained_;
    bool retained_loaded_ = false;
    std::optional<std::set<std::string>> in_retention_;     // bases of the files there
};

} // namespace postern::store
