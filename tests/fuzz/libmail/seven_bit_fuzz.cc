// Any message in seven bits: ASCII alone, as large as was said, the same when it is read again.
#include "fuzz.h"
#include "libmail/chars.h"
#include "libmail/seven_bit.h"

#include <algorithm>

using namespace postern::mail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto form = SevenBitForm::of(fuzz_text(data, size));
    if (!form) return 0;
    std::string once, again;
    while (form->read(once)) {}
    form->rewind();
    while (form->read(again)) {}
    fuzz_require(once == again && once.size() == form->size());
    fuzz_require(std::none_of(once.begin(), once.end(), is_eight_bit));
    return 0;
}
