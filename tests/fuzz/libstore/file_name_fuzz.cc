// Names in mail folders and mailbox names: what other tools, and clients, may call things.
#include "libstore/file_name.h"
#include "libstore/mailbox_name.h"

#include <cstdlib>

using namespace postern::store;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (const auto name = parse_file_name(input)) {
        const std::string ours = file_name(name->base, name->flags);
        const auto again = parse_file_name(ours);
        if (ours.size() <= 255 && (!again || again->base != name->base || again->flags != name->flags)) std::abort();
    }
    (void)folder_mailbox(input);
    if (const auto canonical = canonical_mailbox_name(input)) {
        if (!canonical_mailbox_name(*canonical) || *canonical_mailbox_name(*canonical) != *canonical) std::abort();
        const auto directory = folder_directory(*canonical);
        if (directory && directory->find('/') != std::string::npos) std::abort();
        if (directory && folder_mailbox(*directory) != *canonical) std::abort();
    }
    return 0;
}
