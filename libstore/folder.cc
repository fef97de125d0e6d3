#include "libstore/folder.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>

namespace postern::store {
namespace {

using Directory = Owned<DIR, closedir>;

Result<void> walk(int dir, const std::function<bool(const char* name)>& each) {
    auto again = sys::open_dir(dir, ".");       // an offset of its own
    if (!again) return again.error();
    const Directory stream(::fdopendir(again->get()));
    if (!stream) return Error::from_errno("fdopendir");
    (void)again->release();
    for (;;) {
        errno = 0;                              // readdir(3): the only way to tell an error from the end
        const dirent* entry = ::readdir(stream.get());
        if (!entry) break;
        if (!each(entry->d_name)) return {};
    }
    if (errno != 0) return Error::from_errno("readdir");
    return {};
}

} // namespace

Result<Folder> Folder::open(int account, const std::string& directory) {
    Folder folder;
    auto root = sys::open_dir(account, directory.empty() ? "." : directory);
    if (!root) return root.error();
    folder.root_ = std::move(*root);
    auto fresh = sys::open_dir(folder.root(), "new");
    if (!fresh) return fresh.error();
    folder.new_ = std::move(*fresh);
    auto cur = sys::open_dir(folder.root(), "cur");
    if (!cur) return cur.error();
    folder.cur_ = std::move(*cur);
    return folder;
}

Result<Folder> Folder::create(int account, const std::string& directory) {
    if (!directory.empty())
        if (auto made = sys::make_dir(account, directory); !made) return made.error();
    auto root = sys::open_dir(account, directory.empty() ? "." : directory);
    if (!root) return root.error();
    for (const char* part : {"tmp", "new", "cur"})
        if (auto made = sys::make_dir(root->get(), part); !made) return made.error();
    if (!directory.empty())     // Maildir++ marks what is a folder and not a mailbox of its own
        if (auto mark = sys::open_or_create(root->get(), "maildirfolder"); !mark) return mark.error();
    return open(account, directory);
}

Result<Fd> Folder::open_message(std::string_view base, Flags name_flags) const {
    return sys::open_file(dir_of(name_flags), file_name(base, name_flags));
}

std::optional<Folder::Found> Folder::search(std::string_view base) const {
    std::optional<Found> found;
    for (const int dir : {cur_dir(), new_dir()}) {
        (void)walk(dir, [&](const char* name) {
            const auto parsed = parse_file_name(name);
            if (!parsed || parsed->base != base) return true;
            found = Found{name, dir == new_dir() ? in_new : parsed->flags};
            return false;
        });
        if (found) break;
    }
    return found;
}

Result<Folder::Listing> Folder::list() const {
    Listing listing;
    for (const int dir : {new_dir(), cur_dir()}) {
        const bool fresh = dir == new_dir();
        auto done = walk(dir, [&](const char* name) {
            if (parse_file_name(name)) listing.messages.push_back({name, fresh});
            else if (name[0] == '.' && parse_file_name(name + 1)) listing.unfinished.push_back({name, fresh});
            return true;
        });
        if (!done) return done.error();
    }
    return listing;
}

Look look_at(int account, const std::string& directory) {
    const std::string prefix = directory.empty() ? "" : directory + "/";
    return {sys::modified(account, prefix + "new"), sys::modified(account, prefix + "cur"),
            sys::size_of(account, prefix + side_file_name)};
}

namespace {
// One of the two is enough: a loss of power, or a remove that was interrupted, may leave messages in what is left.
bool is_folder(int account, const std::string& name) {
    for (const char* part : {"/cur", "/new"})
        if (sys::open_dir(account, name + part)) return true;
    return false;
}
} // namespace

Result<std::vector<std::string>> unknown_folders(int account, const std::set<std::string>& known) {
    std::vector<std::string> names;
    auto done = walk(account, [&](const char* name) {
        const std::string_view text(name);
        if (text.size() < 2 || text[0] != '.' || text == ".." || known.count(name) != 0) return true;
        if (is_folder(account, name)) names.emplace_back(text);
        return true;
    });
    if (!done) return done.error();
    return names;
}

Result<std::vector<std::string>> list_names(int dir) {
    std::vector<std::string> names;
    auto done = walk(dir, [&](const char* name) {
        names.emplace_back(name);
        return true;
    });
    if (!done) return done.error();
    return names;
}

Result<void> rename_message(const Folder& from, Flags from_flags, const Folder& to, Flags to_flags, std::string_view base) {
    return sys::rename(from.dir_of(from_flags), file_name(base, from_flags), to.dir_of(to_flags), file_name(base, to_flags));
}

} // namespace postern::store
