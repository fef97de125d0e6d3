#include "fuzz.h"
#include "libmail/address.h"

using namespace postern::mail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz_text(data, size);
    if (const auto mailbox = parse_mailbox(text)) {
        const auto again = parse_mailbox(mailbox->text());       // the canonical form is an address, the same one
        fuzz_require(again.ok() && *again == *mailbox);
    }
    for (const auto& path : {parse_reverse_path(text), parse_forward_path(text)})
        if (path) fuzz_require(path->length <= size && text[path->length - 1] == '>');
    (void)split_subaddress(text, "+-");
    return 0;
}
