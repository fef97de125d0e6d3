#include "ipc/bundle.h"

#include "ipc/birth.h"

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace postern;
using namespace postern::ipc;

namespace {

Fd file_with(std::string_view bytes) {
    auto made = memory_file("file", bytes);
    REQUIRE(made.ok());
    return std::move(*made);
}

} // namespace

TEST_CASE("files come out of a bundle as they went in, for each reader from the beginning") {
    const std::string large(300'000, 'x');
    BundleWriter writer;
    REQUIRE(writer.add("one", file_with("first").get()).ok());
    REQUIRE(writer.add("/a/two", file_with("").get()).ok());
    REQUIRE(writer.add("three", file_with(large).get()).ok());
    auto sealed = writer.seal();
    REQUIRE(sealed.ok());
    for (int reader = 0; reader < 2; ++reader) {
        const Fd own = reopened(*sealed);
        auto files = read_bundle(own.get());
        REQUIRE(files.ok());
        REQUIRE(files->size() == 3);
        CHECK((*files)[0].name == "one");
        CHECK((*files)[0].bytes == "first");
        CHECK((*files)[1].name == "/a/two");
        CHECK((*files)[1].bytes.empty());
        CHECK((*files)[2].bytes == large);
    }
    CHECK(::write(sealed->get(), "x", 1) < 0);           // nobody changes it any more
}

TEST_CASE("a bundle of nothing is empty; what is no file, too large or malformed is refused") {
    auto empty = BundleWriter().seal();
    REQUIRE(empty.ok());
    CHECK(read_bundle(reopened(*empty).get())->empty());
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const Fd out(ends[0]), in(ends[1]);
    CHECK_FALSE(BundleWriter().add("pipe", out.get()).ok());
    CHECK_FALSE(BundleWriter().add("large", file_with(std::string(max_bundled_file + 1, 'x')).get()).ok());
    CHECK_FALSE(read_bundle(file_with("\x05").get()).ok());
    CHECK_FALSE(read_bundle(file_with(std::string("\x01\0\0\0a\xff\xff\xff\xff", 9)).get()).ok());
}
