#include "fuzz.h"
#include "libmail/bodystructure.h"
#include "libmail/charset.h"
#include "libmail/envelope.h"
#include "libmail/mime.h"
#include "libmail/section.h"
#include "libmail/text_match.h"
#include "tests/unit/libmail/imap_syntax.h"

using namespace postern::mail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Charsets charsets;
    const std::string_view text = fuzz_text(data, size);
    const Structure structure = parse_structure(text);
    for (const Part& part : structure.parts) {
        fuzz_require(part.header_begin <= part.body_begin && part.body_begin <= part.body_end && part.body_end <= size);
        if (part.parent != no_part) fuzz_require(part.body_end <= structure.parts[part.parent].body_end);
    }
    fuzz_require(postern::testing::is_one_list(bodystructure_text(structure)));
    fuzz_require(postern::testing::is_one_list(body_text(structure)));
    fuzz_require(postern::testing::is_one_list(envelope_text(text)));
    using What = Section::What;
    for (What what : {What::all, What::header, What::header_fields, What::header_fields_not, What::text, What::mime})
        for (const auto& part : {std::vector<std::uint32_t>{}, {1}, {2}, {1, 1}, {1, 1, 2}})
            (void)resolve_section(structure, Section{what, part, {"Subject", "X"}});
    (void)TextMatcher("x").in_message(structure, true, charsets);
    return 0;
}
