// Any bytes as a record, as a kept file, and as what a checksum was made for: decoding gives an error or a record
// that reads back the same.
#include "libcommon/crc32c.h"
#include "qmgr/journal/kept_file.h"
#include "qmgr/journal/orders_file.h"
#include "qmgr/journal/large_files.h"

#include <cstdlib>
#include <cstring>

using namespace postern;
using namespace postern::qmgr;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    (void)read_frame(input).ok();
    (void)decode_kept(input).ok();
    (void)decode_orders(input).ok();
    (void)decode<Orders>(input).ok();
    (void)LargeFiles::parse_name(input);
    if (size == 0) return 0;

    // The first byte is the type; length and checksum are put right.
    std::string framed(8, '\0');
    framed += input;
    const auto length = static_cast<std::uint32_t>(size - 1);
    const std::uint32_t crc = crc32c(input);
    std::memcpy(framed.data(), &length, 4);
    std::memcpy(framed.data() + 4, &crc, 4);
    const auto frame = read_frame(framed);
    if (!frame) std::abort();
    const auto record = decode_record(*frame);
    if (!record) return 0;
    (void)tally(*record);
    std::string again;
    append_frame(again, *record);
    if (again != framed) std::abort();
    return 0;
}
