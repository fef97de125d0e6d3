#include "logd/history.h"
#include "tests/unit/logd/temporary.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

using namespace postern;
using namespace postern::logd;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t second = 1'000'000;

struct Lab {
    Temporary directory{"history"};
    std::uint64_t max_bytes = 64 << 20;
    std::int64_t max_age_us = 1000 * second;
    std::vector<std::string> problems;

    fs::path path(const std::string& name) const { return directory.path / "h" / name; }
    History open(std::int64_t now_us = 0) {
        History history({directory.path / "h", max_bytes, max_age_us}, [this](std::string what) { problems.push_back(std::move(what)); });
        REQUIRE(history.open(now_us).ok());
        return history;
    }
    std::vector<fs::path> segments() const {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(directory.path / "h"))
            if (entry.path().extension() == ".seg" && entry.path().stem() != "damaged") found.push_back(entry.path());
        std::sort(found.begin(), found.end());
        return found;
    }
};

// Events "n.<number>" about session s<number>, with a text that does not compress well: a block holds some hundred.
void fill(History& history, int from, int to, std::int64_t time_us) {
    std::uint64_t noise = 88172645463325252ULL + static_cast<std::uint64_t>(from);
    for (int i = from; i < to; ++i) {
        std::string text;
        for (int k = 0; k < 200; ++k) {
            noise ^= noise << 13, noise ^= noise >> 7, noise ^= noise << 17;
            text += static_cast<char>('!' + noise % 90);
        }
        Batch batch;
        add(batch, event_of(time_us + i, "n", {{"session", "s" + std::to_string(i)}, {"text", text}}));
        REQUIRE(history.append(batch, time_us + i).ok());
    }
}

std::vector<std::string> sessions_of(History& history, const std::string& key, std::int64_t since_us = 0) {
    std::vector<std::string> found;
    const KeyHash hash = hash_of(normal_key(key));
    history.search({&hash, 1}, since_us, [&](const Kept& kept) {
        if (mentions(kept.record, normal_key(key))) found.emplace_back(kept.field("session"));
        return true;
    });
    return found;
}
bool holds(History& history, int number) { return sessions_of(history, "s" + std::to_string(number)).size() == 1; }

void flip_byte(const fs::path& path, std::int64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char byte = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 0x55));
}

} // namespace

TEST_CASE("what was kept is found again, from blocks and from the tail, before and after a restart") {
    Lab lab;
    {
        History history = lab.open();
        fill(history, 0, 3000, second);
        for (const int n : {0, 1, 1500, 2999}) CHECK(holds(history, n));
        CHECK_FALSE(holds(history, 3000));
        CHECK(history.oldest_us() == second);
        CHECK(history.events() == 3000);
    }
    History history = lab.open();
    for (const int n : {0, 1, 1500, 2999}) CHECK(holds(history, n));
    CHECK(history.events() == 3000);
    fill(history, 3000, 6000, second);
    for (const int n : {0, 2999, 3000, 5999}) CHECK(holds(history, n));
    CHECK(lab.problems.empty());
}

TEST_CASE("events come the youngest first, and no older than asked for") {
    Lab lab;
    History history = lab.open();
    for (int i = 0; i < 4; ++i) {
        Batch batch;
        add(batch, event_of(i * second, "n", {{"session", std::to_string(i)}, {"rcpt", "<Ann@Example.org>"}}));
        REQUIRE(history.append(batch, i).ok());
    }
    CHECK(sessions_of(history, "ann@example.org") == std::vector<std::string>{"3", "2", "1", "0"});
    CHECK(sessions_of(history, "ann@example.org", 2 * second) == std::vector<std::string>{"3", "2"});
}

TEST_CASE("a kill between the block and the empty tail keeps one of each event") {
    Lab lab;
    fs::path before = lab.directory.path / "tail-before";
    {
        History history = lab.open();
        int n = 0;
        while (lab.segments().empty()) {                       // the tail as it was before the event that sealed it
            fs::copy_file(lab.path("tail"), before, fs::copy_options::overwrite_existing);
            fill(history, n, n + 1, second), ++n;
        }
    }
    fs::copy_file(before, lab.path("tail"), fs::copy_options::overwrite_existing);
    History history = lab.open();
    CHECK(holds(history, 0));
    CHECK(lab.problems.empty());
}

TEST_CASE("half an event at the end of the tail is cut off, the rest stays") {
    Lab lab;
    {
        History history = lab.open();
        fill(history, 0, 10, second);
    }
    fs::resize_file(lab.path("tail"), fs::file_size(lab.path("tail")) - 7);
    History history = lab.open();
    CHECK(holds(history, 8));
    CHECK_FALSE(holds(history, 9));
    CHECK(lab.problems.size() == 1);
    fill(history, 20, 30, second);
    CHECK(holds(history, 29));
}

TEST_CASE("half a block at the end of the youngest segment is cut off") {
    Lab lab;
    {
        History history = lab.open();
        fill(history, 0, 3000, second);
    }
    const auto segment = lab.segments().back();
    fs::resize_file(segment, fs::file_size(segment) - 100);
    History history = lab.open();
    CHECK(holds(history, 0));
    CHECK(lab.problems.empty());
    fill(history, 3000, 6000, second);
    CHECK(holds(history, 5999));
}

TEST_CASE("a damaged segment is set aside and reported, the others serve") {
    Lab lab;
    lab.max_bytes = 16 << 20;                                  // segments of a mebibyte
    {
        History history = lab.open();
        fill(history, 0, 12000, second);
    }
    const auto segments = lab.segments();
    REQUIRE(segments.size() >= 2);
    SECTION("in a header: at the start") {
        flip_byte(segments.front(), 9);
        History history = lab.open();
        CHECK(lab.problems.size() == 1);
        CHECK_FALSE(holds(history, 0));
        CHECK(holds(history, 11999));
    }
    SECTION("in a body: when it is read") {
        flip_byte(segments.front(), BlockHeader::bytes + 4000);
        History history = lab.open();
        CHECK(lab.problems.empty());
        CHECK_FALSE(holds(history, 0));
        CHECK(lab.problems.size() == 1);
        CHECK(holds(history, 11999));
    }
    CHECK(fs::exists(lab.path("damaged.seg")));
    CHECK_FALSE(fs::exists(segments.front()));
}

TEST_CASE("the history stays within its size, the oldest goes first") {
    Lab lab;
    lab.max_bytes = 1 << 20;
    History history = lab.open();
    fill(history, 0, 12000, second);
    CHECK(history.bytes() <= lab.max_bytes + block_events_bytes + max_block_events_bytes / 8);
    CHECK_FALSE(holds(history, 0));
    CHECK(holds(history, 11999));
    std::uint64_t on_disk = 0;
    for (const auto& path : lab.segments()) on_disk += fs::file_size(path);
    CHECK(on_disk <= lab.max_bytes);
}

TEST_CASE("the history stays within its age") {
    Lab lab;
    {
        History history = lab.open();
        fill(history, 0, 2000, 0);
        fill(history, 2000, 5000, lab.max_age_us / 2);
        fill(history, 5000, 8000, lab.max_age_us + lab.max_age_us / 4);
        CHECK_FALSE(holds(history, 0));
        CHECK(holds(history, 3000));
    }
    History history = lab.open(10 * lab.max_age_us);
    CHECK_FALSE(holds(history, 3000));
    CHECK(lab.segments().empty());
}

TEST_CASE("a block that was changed anywhere is not believed") {
    Batch batch;
    for (int i = 0; i < 20; ++i) add(batch, event_of(i, "n", {{"session", "s" + std::to_string(i)}}));
    const std::string block = pack_block(7, batch);
    const auto reads = [](std::string_view bytes) {
        const auto header = parse_block_header(bytes);
        return header && header->block_size() == bytes.size() && unpack_block(*header, bytes.substr(BlockHeader::bytes)).ok();
    };
    CHECK(reads(block));
    for (std::size_t at = 0; at < block.size(); ++at) {
        std::string changed = block;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        INFO(at);
        CHECK_FALSE(reads(changed));
    }
}
