#include "libcommon/text.h"
#include "qmgr/journal/kept_file.h"
#include "qmgr/journal/segment_format.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::qmgr;

namespace {

Accepted sample_message() {
    Accepted message;
    message.arrived = 1234;
    message.envelope.reverse_path = "a@lab.test";
    message.envelope.recipients.push_back({"b@lab.test", 7, "b@lab.test", "tag"});
    message.body = "Subject: x\r\n\r\nbody\r\n";
    return message;
}

RecipientRecord sample_recipient(Outcome outcome) {
    RecipientRecord record;
    record.index = 3;
    record.state = ipc::RecipientState::deferred;
    record.outcome = outcome;
    record.attempts = 2;
    record.code = "4.2.2";
    record.error = "mailbox full";
    record.note = {"mx.example.test", true, "[192.0.2.1]:2525", ipc::EnvelopeRecipient{"x@lab.test", 3, "y@lab.test", ""}};
    return record;
}

std::vector<JournalRecord> samples() {
    Accepted child = sample_message();
    child.parent = Parent{{1, 2, 3}, {{sample_recipient(Outcome::delivered)}}, {}};
    child.large = LargeBody{9, 300000, 77};
    return {sample_message(), child, Changed{{1, 2, 3}, false, {{sample_recipient(Outcome::waiting)}}, {}},
            Finished{Outcome::delivered, {{{{1, 2, 3}, 1}, {{1, 2, 4}, 5}}}},
            Kept{{1, 2, 3}, sample_message(), {{sample_recipient(Outcome::bounced)}}, {}}};
}

SegmentHeader sample_header(std::uint64_t bytes) {
    SegmentHeader header;
    header.bytes = bytes;
    header.generation = 5;
    header.salt = 0x1122334455667788;
    header.id_salt = 42;
    header.oldest_live = 3;
    header.totals.accepted = 10;
    header.ends.push_back({4, 8192});
    return header;
}

// A segment with one batch per body, and where each began.
struct Written {
    SegmentHeader header = sample_header(256 * 1024);
    std::string bytes = encode_header(header);
    std::vector<std::uint64_t> offsets;

    void add(const std::vector<JournalRecord>& records) {
        BatchBuilder builder;
        for (const JournalRecord& record : records) REQUIRE(builder.add(record, 100000));
        offsets.push_back(bytes.size());
        bytes += builder.seal(header, bytes.size(), {});
    }
};

struct Scan {
    std::vector<std::string> bodies;
    std::vector<ByteRange> damaged;

    explicit Scan(const std::string& bytes, const SegmentHeader& header, std::optional<std::uint64_t> end = std::nullopt) {
        scan_segment(bytes, header, end,
                     {[this](std::uint64_t, const Frame& frame) {
                          auto record = decode_record(frame);
                          REQUIRE(record);
                          bodies.push_back(std::get<Accepted>(*record).body.value);
                      },
                      [this](ByteRange range) { damaged.push_back(range); },
                      {}});
    }
};

Accepted with_body(std::string body) {
    Accepted message = sample_message();
    message.body = std::move(body);
    return message;
}

} // namespace

TEST_CASE("every record comes back as it was written") {
    for (const JournalRecord& record : samples()) {
        std::string bytes;
        append_frame(bytes, record);
        const auto frame = read_frame(bytes);
        REQUIRE(frame);
        CHECK(frame->size == bytes.size());
        CHECK(*decode_record(*frame) == record);
        for (std::size_t i = 0; i < bytes.size(); i += 3) {
            std::string bent = bytes;
            bent[i] = static_cast<char>(bent[i] ^ 0x10);
            CHECK_FALSE(read_frame(bent));
        }
        for (std::size_t size = 0; size < bytes.size(); size += 5) CHECK_FALSE(read_frame(bytes.substr(0, size)));
    }
}

TEST_CASE("records add up in recipients") {
    Totals totals;
    for (const JournalRecord& record : samples()) totals += tally(record);
    CHECK(totals.accepted == 1);
    CHECK(totals.expanded == 1);
    CHECK(totals.delivered == 7);        // the parent's recipient, and six that finished
    Changed change{{1, 2, 3}, false, {{sample_recipient(Outcome::bounced)}}, {}};
    CHECK(tally(change).bounced == 1);
    change.copy = true;
    CHECK(tally(change) == Totals{});
}

TEST_CASE("a header says what it said, or that it does not") {
    const SegmentHeader header = sample_header(1 << 20);
    std::string block = encode_header(header);
    CHECK(block.size() == block_bytes);
    CHECK(*decode_header(block) == header);
    CHECK(decode_header(std::string(block_bytes, '\0')).error().code() == Errc::not_found);
    block[20] ^= 1;
    CHECK(decode_header(block).error().code() == Errc::corrupt);
    CHECK(decode_header("POSTERNJ").error().code() == Errc::corrupt);
}

TEST_CASE("a bad last batch is dropped") {
    Written segment;
    for (const char* body : {"one", "two", "three"}) segment.add({with_body(body)});
    segment.bytes[segment.offsets[2] + 100] ^= 1;
    const Scan scan(segment.bytes, segment.header);
    CHECK(scan.bodies == std::vector<std::string>{"one", "two"});
    CHECK(scan.damaged.empty());
}

TEST_CASE("a bad batch with a valid successor is damage, and the scan goes on") {
    Written segment;
    for (const char* body : {"one", "two", "three"}) segment.add({with_body(body)});
    segment.bytes[segment.offsets[1] + 100] ^= 1;
    const Scan scan(segment.bytes, segment.header);
    CHECK(scan.bodies == std::vector<std::string>{"one", "three"});
    REQUIRE(scan.damaged.size() == 1);
    CHECK(scan.damaged[0].from == segment.offsets[1]);
    CHECK(scan.damaged[0].to == segment.offsets[2]);
}

TEST_CASE("an abandoned range is not read") {
    Written segment;
    for (const char* body : {"one", "two"}) segment.add({with_body(body)});
    CHECK(Scan(segment.bytes, segment.header, segment.offsets[1]).bodies == std::vector<std::string>{"one"});
}

TEST_CASE("before a known end a bad batch is damage, even the last") {
    Written segment;
    for (const char* body : {"one", "two"}) segment.add({with_body(body)});
    segment.bytes[segment.offsets[1] + 100] ^= 1;
    const Scan scan(segment.bytes, segment.header, segment.bytes.size());
    CHECK(scan.bodies == std::vector<std::string>{"one"});
    REQUIRE(scan.damaged.size() == 1);
    CHECK(scan.damaged[0].from == segment.offsets[1]);
}

TEST_CASE("neither an older life of the file nor a body that looks like a batch is taken for one") {
    Written segment;
    segment.add({with_body("live")});
    Written older;
    older.header.generation = 4;
    older.add({with_body("one")});
    older.add({with_body("stale")});
    // Behind the live batch lies what the file held before.
    segment.bytes += older.bytes.substr(older.offsets[1]);
    // And a body that brings a whole batch, block aligned, of this generation; the salt it cannot know.
    Written forged;
    forged.header.salt = 1;
    for (int i = 0; i < 5; ++i) forged.add({with_body("forged")});
    const std::uint64_t at = segment.bytes.size();
    segment.bytes += forged.bytes.substr(at, block_bytes);
    CHECK(Scan(segment.bytes, segment.header).bodies == std::vector<std::string>{"live"});
}

TEST_CASE("a batch takes what fits and no more") {
    BatchBuilder builder;
    CHECK(builder.add(with_body(std::string(3000, 'x')), 4096));
    CHECK_FALSE(builder.add(with_body(std::string(3000, 'x')), 4096));
    CHECK(builder.bytes() == 4096);
    CHECK(builder.add(with_body("small"), 4096));
    CHECK(builder.seal(sample_header(65536), 4096, {}).size() == 4096);
}

TEST_CASE("a kept file is whole or nothing") {
    const Kept kept{{1, 2, 3}, sample_message(), {{sample_recipient(Outcome::waiting)}}, {}};
    const std::string bytes = encode_kept(kept);
    CHECK(*decode_kept(bytes) == kept);
    CHECK_FALSE(decode_kept(bytes + "x"));
    CHECK_FALSE(decode_kept(bytes.substr(0, bytes.size() - 1)));
    CHECK_FALSE(decode_kept(""));
}

namespace {
// A message with everything that the extensions of SMTP can say.
Accepted extended_message() {
    Accepted message = sample_message();
    message.envelope.body = ipc::BodyKind::binary;
    message.envelope.extensions = {true, true, ipc::DsnReturn::headers, "QQ314159", 1'700'000'000,
                                   {{{0, ipc::notify::success | ipc::notify::delay, "rfc822;b@lab.test"}}}};
    message.envelope.forwarded.push_back({0, "SRS0=AAAAAA=AA=far.example=a@lab.test"});
    return message;
}

std::string from_hex_lines(std::string_view text) {
    std::string digits;
    for (const char c : text)
        if (c != ' ' && c != '\n') digits.push_back(c);
    return from_hex(digits).value();
}
} // namespace

TEST_CASE("a journal of the version without extensions is read") {
    // As that version wrote them: an accepted message for two, BODY=8BITMIME, and a kept one.
    constexpr std::string_view accepted = R"(
        62000000 a8174c8a 01 0100000000000000 0000000000000000 03000000 614062
        01000000 03000000 634064 0700000000000000 03000000 634064 01000000 78
        00000000 0000000000000000 00 00000000 00000000 00 00
        11000000 5375626a6563743a20780d0a0d0a790d0a)";
    const std::string bytes = from_hex_lines(accepted);
    const auto frame = read_frame(bytes);
    REQUIRE(frame);
    const auto record = decode_record(*frame);
    REQUIRE(record);
    const auto& message = std::get<Accepted>(*record);
    CHECK(message.envelope.reverse_path.view() == "a@b");
    CHECK(message.envelope.recipients.items.at(0).address.view() == "c@d");
    CHECK(message.envelope.body == ipc::BodyKind::seven_bit);
    CHECK(message.envelope.extensions == ipc::Extensions{});
    CHECK(message.body.view() == "Subject: x\r\n\r\ny\r\n");
    std::string again;
    append_frame(again, *record);
    CHECK(again == bytes);                // and the version before reads what is written for such a message now

    constexpr std::string_view kept_file = R"(
        504f535445524e4b 9a000000 c2cca12b 04 01000000 0200000000000000 03000000
        0100000000000000 0000000000000000 03000000 614062
        01000000 03000000 634064 0700000000000000 03000000 634064 01000000 78
        00000000 0000000000000000 00 00000000 00000000 00 00
        11000000 5375626a6563743a20780d0a0d0a790d0a
        01000000 01000000 00 00 00000000 0000000000000000 00 05000000 342e322e32 04000000 66756c6c)";
    const auto kept = decode_kept(from_hex_lines(kept_file));
    REQUIRE(kept);
    CHECK(kept->message == message);
    CHECK(kept->recipients.items.at(0).error.view() == "full");
    CHECK(encode_kept(*kept) == from_hex_lines(kept_file));
}

TEST_CASE("BODY=8BITMIME of the version before is the same byte now") {
    Accepted message = sample_message();
    message.envelope.body = ipc::BodyKind::seven_bit;
    const std::string plain = encode(message);
    message.envelope.body = ipc::BodyKind::eight_bit;
    const std::string eight = encode(message);
    REQUIRE(plain.size() == eight.size());
    const auto at = static_cast<std::size_t>(std::mismatch(plain.begin(), plain.end(), eight.begin()).first - plain.begin());
    CHECK(plain[at] == 0);                // was a bool: false
    CHECK(eight[at] == 1);                // and true
    CHECK(plain.substr(at + 1) == eight.substr(at + 1));
}

TEST_CASE("what extensions say is in the journal and in kept files") {
    const Accepted message = extended_message();
    std::string bytes;
    append_frame(bytes, message);
    CHECK(std::get<Accepted>(*decode_record(*read_frame(bytes))) == message);
    const Kept kept{{1, 2, 3}, message, {{sample_recipient(Outcome::waiting)}}, {}};
    CHECK(*decode_kept(encode_kept(kept)) == kept);
}
