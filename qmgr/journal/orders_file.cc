#include "qmgr/journal/orders_file.h"

#include "libcommon/codec.h"
#include "libcommon/crc32c.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>

namespace postern::qmgr {
namespace {

constexpr std::string_view magic = "POSTERNO";
constexpr std::size_t head = magic.size() + sizeof(std::uint32_t);
constexpr std::size_t max_bytes = head + MaxEncoded<Orders>::value;
constexpr const char* file_name = "orders";
constexpr const char* draft = ".orders";

} // namespace

std::string encode_orders(const Orders& orders) {
    const std::string body = encode(orders);
    const std::uint32_t sum = crc32c(body);
    std::string bytes(magic);
    bytes.append(reinterpret_cast<const char*>(&sum), sizeof sum);
    return bytes + body;
}

Result<Orders> decode_orders(std::string_view bytes) {
    if (bytes.size() < head || !bytes.starts_with(magic)) return Error(Errc::corrupt, "not a file of orders");
    std::uint32_t sum = 0;
    std::memcpy(&sum, bytes.data() + magic.size(), sizeof sum);
    if (crc32c(bytes.substr(head)) != sum) return Error(Errc::corrupt, "the orders fail their checksum");
    return decode<Orders>(bytes.substr(head));
}

Result<void> write_orders(Sys& sys, int root, const Orders& orders) {
    auto file = open_file(sys, root, draft, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file) return file.error();
    if (auto written = write_all(sys, file->get(), encode_orders(orders), 0); !written) return written;
    if (auto synced = sync_file(sys, file->get(), draft); !synced) return synced;
    if (sys.rename(root, draft, root, file_name) != 0) return Error::from_errno("rename the orders");
    return sync_file(sys, root, "spool");
}

Result<Orders> read_orders(Sys& sys, int root) {
    auto file = open_file(sys, root, file_name, O_RDONLY);
    if (!file) return file.error().code() == Errc::not_found ? Result<Orders>(Orders{}) : file.error();
    FileInfo info;
    if (sys.stat(file->get(), info) != 0) return Error::from_errno("stat the orders");
    if (!info.plain || info.size > max_bytes) return Error(Errc::corrupt, "not a plain file of ours");
    auto bytes = read_exactly(sys, file->get(), 0, info.size);
    if (!bytes) return bytes.error();
    return decode_orders(*bytes);
}

} // namespace postern::qmgr
