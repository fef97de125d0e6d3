#include "qmgr/journal/segment_format.h"

#include "libcommon/crc32c.h"

namespace postern::qmgr {
namespace {

constexpr std::string_view header_magic = "POSTERNJ";
constexpr std::size_t header_prefix = 16;   // magic, length, CRC
static_assert(header_prefix + MaxEncoded<SegmentHeader>::value <= block_bytes);

struct BatchHeader {
    static constexpr std::uint32_t expected_magic = 0x48435442;   // "BTCH"
    std::uint32_t magic = expected_magic;
    std::uint32_t crc = 0;                                        // of all that follows it
    std::uint32_t length = 0, records = 0;
    std::uint64_t generation = 0, offset = 0, salt = 0;
    Totals totals;
    static auto fields(auto& m) {
        return std::tie(m.magic, m.crc, m.length, m.records, m.generation, m.offset, m.salt, m.totals);
    }
};
constexpr std::size_t batch_header = MaxEncoded<BatchHeader>::value;
constexpr std::size_t crc_covers_from = 8;

struct Batch {
    std::string_view payload;
    Totals totals;
};
// The batch at `offset`, if it checks.
std::optional<Batch> batch_at(std::string_view segment, const SegmentHeader& header, std::uint64_t offset) {
    const std::string_view here = segment.substr(offset);
    if (here.size() < batch_header) return std::nullopt;
    BatchHeader batch;
    Reader in(here.substr(0, batch_header));
    if (!in.get(batch)) return std::nullopt;
    if (batch.magic != BatchHeader::expected_magic || batch.generation != header.generation ||
        batch.salt != header.salt || batch.offset != offset)
        return std::nullopt;
    if (batch.length == 0 || batch.length > here.size() - batch_header) return std::nullopt;
    if (crc32c(here.substr(crc_covers_from, batch_header - crc_covers_from + batch.length)) != batch.crc)
        return std::nullopt;
    return Batch{here.substr(batch_header, batch.length), batch.totals};
}

// A batch that checks holds records that check: one that does not was written by a fault of ours.
void visit_records(std::string_view payload, std::uint64_t offset, const SegmentVisitor& visitor) {
    while (!payload.empty()) {
        const auto frame = read_frame(payload);
        if (!frame) {
            visitor.damaged({offset, offset + payload.size()});
            return;
        }
        visitor.record(offset, *frame);
        payload.remove_prefix(frame->size);
        offset += frame->size;
    }
}

} // namespace

std::string encode_header(const SegmentHeader& header) {
    const std::string body = encode(header);
    std::string block(header_magic);
    Writer out(block);
    out.put(static_cast<std::uint32_t>(body.size()));
    out.put(crc32c(body));
    block += body;
    block.resize(block_bytes, '\0');
    return block;
}

Result<SegmentHeader> decode_header(std::string_view block) {
    if (block.find_first_not_of('\0') == std::string_view::npos) return Error(Errc::not_found, "segment never used");
    const Error corrupt(Errc::corrupt, "segment header fails its check");
    if (block.size() < block_bytes || !block.starts_with(header_magic)) return corrupt;
    Reader in(block.substr(header_magic.size(), header_prefix - header_magic.size()));
    std::uint32_t length = 0, crc = 0;
    if (!in.get(length) || !in.get(crc) || length > block.size() - header_prefix) return corrupt;
    const std::string_view body = block.substr(header_prefix, length);
    if (crc32c(body) != crc) return corrupt;
    auto header = decode<SegmentHeader>(body);
    if (!header) return corrupt;
    return header;
}

void BatchBuilder::clear() {
    buffer_.assign(batch_header, '\0');
    records_ = 0;
}

std::optional<BatchBuilder::Place> BatchBuilder::add(const JournalRecord& record, std::size_t room) {
    const std::size_t at = buffer_.size();
    append_frame(buffer_, record);
    if (bytes() > room) {
        buffer_.resize(at);
        return std::nullopt;
    }
    ++records_;
    return Place{at, buffer_.size() - at};
}

std::string_view BatchBuilder::seal(const SegmentHeader& header, std::uint64_t offset, const Totals& totals) {
    BatchHeader batch;
    batch.length = static_cast<std::uint32_t>(buffer_.size() - batch_header);
    batch.records = records_;
    batch.generation = header.generation;
    batch.offset = offset;
    batch.salt = header.salt;
    batch.totals = totals;
    std::string encoded = encode(batch);
    std::memcpy(buffer_.data(), encoded.data(), batch_header);
    batch.crc = crc32c(std::string_view(buffer_).substr(crc_covers_from));
    encoded = encode(batch);
    std::memcpy(buffer_.data(), encoded.data(), batch_header);
    buffer_.resize(bytes(), '\0');
    return buffer_;
}

std::uint64_t scan_segment(std::string_view segment, const SegmentHeader& header, std::optional<std::uint64_t> end,
                           const SegmentVisitor& visitor) {
    if (end) segment = segment.substr(0, std::min<std::uint64_t>(segment.size(), *end));
    std::uint64_t expected = block_bytes;   // where the next batch must begin
    for (std::uint64_t at = expected; at < segment.size(); at += block_bytes) {
        const auto batch = batch_at(segment, header, at);
        if (!batch) continue;
        if (at != expected) visitor.damaged({expected, at});
        visit_records(batch->payload, at + batch_header, visitor);
        if (visitor.account) visitor.account(batch->totals);
        expected = at + round_to_block(batch_header + batch->payload.size());
        at = expected - block_bytes;
    }
    if (end && expected < segment.size()) visitor.damaged({expected, segment.size()});
    return expected;
}

} // namespace postern::qmgr
