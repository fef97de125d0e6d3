#include "qmgr/journal/kept_file.h"

#include <fcntl.h>

namespace postern::qmgr {
namespace {

constexpr std::string_view magic = "POSTERNK";
constexpr std::size_t max_bytes = 64 + MaxEncoded<Kept>::value;

} // namespace

std::string encode_kept(Kept message) {
    std::string bytes(magic);
    append_frame(bytes, JournalRecord(std::move(message)));
    return bytes;
}

Result<Kept> decode_kept(std::string_view bytes) {
    if (!bytes.starts_with(magic)) return Error(Errc::corrupt, "not a kept message");
    bytes.remove_prefix(magic.size());
    const auto frame = read_frame(bytes);
    if (!frame) return frame.error();
    if (frame->size != bytes.size()) return Error(Errc::corrupt, "bytes behind the message");
    auto record = decode_record(*frame);
    auto* kept = record ? std::get_if<Kept>(&record.value()) : nullptr;
    if (!kept) return Error(Errc::corrupt, "not a kept message");
    return std::move(*kept);
}

Result<void> write_kept(Sys& sys, int folder, Kept message) {
    const std::string name = message.id.text();
    const std::string draft = "." + name;
    auto file = open_file(sys, folder, draft, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file) return file.error();
    if (auto written = write_all(sys, file->get(), encode_kept(std::move(message)), 0); !written) return written;
    if (auto synced = sync_file(sys, file->get(), draft); !synced) return synced;
    if (sys.rename(folder, draft, folder, name) != 0) return Error::from_errno("rename " + draft);
    return {};
}

Result<Kept> read_kept(Sys& sys, int folder, const std::string& name) {
    auto file = open_file(sys, folder, name, O_RDONLY);
    if (!file) return file.error();
    FileInfo info;
    if (sys.stat(file->get(), info) != 0) return Error::from_errno("stat " + name);
    if (!info.plain || info.size > max_bytes) return Error(Errc::corrupt, "not a plain file of ours: " + name);
    auto bytes = read_exactly(sys, file->get(), 0, info.size);
    if (!bytes) return bytes.error();
    auto kept = decode_kept(*bytes);
    if (kept && kept->id.text() != name) return Error(Errc::corrupt, "holds another message: " + name);
    return kept;
}

} // namespace postern::qmgr
