#include "fuzz.h"
#include "libmail/imap/command_reader.h"

using namespace postern;
using namespace postern::imap;

// The first byte says how the bytes are cut; the rest is a client's side of a connection.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t step = data[0] % 32 + 1;
    std::string_view bytes = fuzz_text(data + 1, size - 1);
    (void)parse_command(bytes);
    (void)parse_command(bytes, Dialect{true});
    CommandReader reader(ReaderLimits{4096, true});
    Input input(5000);
    while (!bytes.empty()) {
        bytes.remove_prefix(input.append(bytes.substr(0, step)));
        for (;;) {
            const auto event = reader.next(input);
            if (std::holds_alternative<CommandReader::NeedMore>(event)) break;
            if (std::holds_alternative<CommandReader::Fatal>(event)) return 0;
            if (const auto* complete = std::get_if<CommandReader::Complete>(&event)) {
                fuzz_require(complete->text.size() <= 4096 + 2);
                (void)parse_command(complete->text);
            }
            if (const auto* append = std::get_if<CommandReader::AppendBegins>(&event))
                append->head.append.size % 2 == 0 ? reader.accept_message() : reader.refuse_message();
        }
        fuzz_require(input.room() > 0);      // a reader that cannot go on and does not say so is stuck for ever
    }
    return 0;
}
