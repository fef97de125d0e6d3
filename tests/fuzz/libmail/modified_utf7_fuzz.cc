#include "fuzz.h"
#include "libcommon/text.h"
#include "libmail/imap/list_pattern.h"
#include "libmail/imap/modified_utf7.h"

using namespace postern;
using namespace postern::imap;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz_text(data, size);
    if (const auto name = from_modified_utf7(text)) {
        fuzz_require(is_utf8(*name) && to_modified_utf7(*name) == text);     // one spelling each
    }
    if (is_utf8(text)) (void)to_modified_utf7(text);
    const std::size_t half = size / 2;
    if (size < 2000) (void)ListPattern(std::string(text.substr(0, half))).matches(text.substr(half));
    return 0;
}
