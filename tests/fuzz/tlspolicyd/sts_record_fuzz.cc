// TXT records, one a line: whatever they say, an id is one that can be asked for and sent.
#include "tlspolicyd/sts/record.h"

#include "libcommon/text.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto id = postern::sts::find_id(postern::split(text, '\n'));
    if (!id) return 0;
    const bool is_id = !id->empty() && id->size() <= postern::sts::max_id && std::all_of(id->begin(), id->end(), [](unsigned char c) { return std::isalnum(c) != 0; });
    if (!is_id) std::abort();
    // What was read can be written, and is then read alike.
    const std::string again = "v=STSv1; id=" + *id + ";";
    if (*postern::sts::find_id({again}) != *id) std::abort();
    return 0;
}
