// One Maildir folder on disk: where its files are and what its names say. Knows no index.
#pragma once

#include "libstore/file_name.h"
#include "libstore/sys.h"

#include <functional>
#include <set>

namespace postern::store {

constexpr char side_file_name[] = "postern-mailbox";

// How a folder looked at a moment: compared, it tells whether somebody was there.
struct Look {
    std::int64_t new_modified = 0, cur_modified = 0;
    std::uint64_t side_bytes = 0;
};

class Folder {
  public:
    Folder() = default;
    // `directory` is below the account's, empty for the account's own: INBOX.
    static Result<Folder> open(int account, const std::string& directory);
    static Result<Folder> create(int account, const std::string& directory);   // fine when it is there

    explicit operator bool() const { return static_cast<bool>(root_); }
    int root() const { return root_.get(); }
    int new_dir() const { return new_.get(); }
    int cur_dir() const { return cur_.get(); }
    Fd new_for_sync() const { return new_.duplicate(); }
    Fd cur_for_sync() const { return cur_.duplicate(); }
    int dir_of(Flags name_flags) const { return (name_flags & in_new) != 0 ? new_dir() : cur_dir(); }

    Result<Fd> open_message(std::string_view base, Flags name_flags) const;

    // The place of a message that is not where it should be: another tool renamed it.
    struct Found {
        std::string name;
        Flags name_flags = 0;       // in_new, or what its name says now
    };
    std::optional<Found> search(std::string_view base) const;

    struct Entry {
        std::string name;
        bool in_new_dir = false;
    };
    struct Listing {
        std::vector<Entry> messages;        // names parse_file_name() takes
        std::vector<Entry> unfinished;      // our own dot-names: written, not yet renamed
    };
    Result<Listing> list() const;

  private:
    Fd root_, new_, cur_;
};

// By names alone, without opening the folder: what is compared each time an account is opened.
Look look_at(int account, const std::string& directory);

// The Maildir++ folders below an account's directory, but for those that are known.
Result<std::vector<std::string>> unknown_folders(int account, const std::set<std::string>& known);

Result<std::vector<std::string>> list_names(int dir);

// Renames a message inside or between folders, and writes its name anew: from what it says to what it should say.
Result<void> rename_message(const Folder& from, Flags from_flags, const Folder& to, Flags to_flags, std::string_view base);

// A name under which nobody else looks at a file that is being written.
inline std::string unfinished_name(std::string_view base) { return "." + std::string(base); }

} // namespace postern::store
