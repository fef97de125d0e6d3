#include "fuzz.h"
#include "libmail/address_list.h"
#include "libmail/charset.h"
#include "libmail/date.h"
#include "libmail/encoded_word.h"
#include "libmail/headers.h"
#include "libmail/parameters.h"

using namespace postern::mail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Charsets charsets;
    const std::string_view text = fuzz_text(data, size);
    HeaderScanner scanner(text);
    std::size_t end = 0;
    while (const auto field = scanner.next()) {
        fuzz_require(field->begin == end && field->end > field->begin && field->end <= size);
        end = field->end;
        (void)decode_header(unfold(field->body), charsets);
        if (const auto date = parse_date(field->body)) (void)format_date(*date);
        FieldValue value(field->body);
        value.token();
        fuzz_require(value.parameters().size() <= max_parameters);
        AddressListParser addresses(field->body);
        HeaderAddress address;
        std::size_t count = 0;
        while (addresses.next(address)) fuzz_require(++count <= 2 * size + 2);
    }
    fuzz_require(scanner.body_begin() <= size);
    return 0;
}
