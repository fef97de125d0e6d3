#include "qmgr/journal/writer.h"

#include "libcommon/ids.h"

#include <algorithm>

namespace postern::qmgr {
namespace {

constexpr std::size_t max_batch_bytes = 8 * 1024 * 1024;
constexpr int max_attempts = 4;                       // at opening a segment, before everybody is told
constexpr std::chrono::seconds retry_stuck{1};

std::uint64_t size_of(const JournalRecord& record) {
    const auto* message = std::get_if<Accepted>(&record);
    return 1024 + (message ? message->body.value.size() : 0);
}
std::uint64_t new_salt() {
    std::uint64_t salt = 0;
    random_bytes(&salt, sizeof salt);
    return salt;
}

} // namespace

Writer::Writer(Options options, Events events, Maker maker) :
    events_(std::move(events)), maker_(std::move(maker)),
    next_generation_(options.next_generation), id_salt_(options.id_salt), totals_(options.totals),
    ends_(std::move(options.ends)), oldest_live_(options.oldest_live) {}

void Writer::start() { thread_ = std::thread([this] { run(); }); }

void Writer::stop() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void Writer::submit(JournalRecord record, Completion done) {
    const std::uint64_t bytes = size_of(record);
    waiting_bytes_ += bytes;
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = inbox_.empty();
        inbox_.push_back({std::move(record), std::move(done), bytes});
    }
    if (first) wake_.notify_one();
}

void Writer::offer(std::shared_ptr<Segment> segment) {
    {
        const std::lock_guard lock(mutex_);
        spares_.push_back(std::move(segment));
    }
    wake_.notify_one();
}

void Writer::reopen() {
    {
        const std::lock_guard lock(mutex_);
        reopen_ = true;
    }
    wake_.notify_one();
}

void Writer::roll() {
    {
        const std::lock_guard lock(mutex_);
        roll_ = reopen_ = true;
    }
    wake_.notify_one();
}

std::size_t Writer::spares() {
    const std::lock_guard lock(mutex_);
    return spares_.size();
}

void Writer::run() {
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            const auto work = [this] { return stopping_ || reopen_ || !inbox_.empty(); };
            // Stuck, it tries again when a segment is offered, when something arrives, and each second.
            if (stuck_) wake_.wait_for(lock, retry_stuck);
            else if (pending_.empty()) wake_.wait(lock, work);
            if (stopping_ && inbox_.empty() && (pending_.empty() || stuck_)) return;
        }
        step();
    }
}

// Returns whether there is anything to do.
bool Writer::take_inbox() {
    const std::lock_guard lock(mutex_);
    std::move(inbox_.begin(), inbox_.end(), std::back_inserter(pending_));
    inbox_.clear();
    if (std::exchange(roll_, false) && segment_) end_segment(segment_->generation(), offset_);
    return std::exchange(reopen_, false) || !pending_.empty();
}

bool Writer::step() {
    if (!take_inbox()) return false;
    if (!segment_) {
        if (auto opened = open_segment(); !opened) {
            refuse_messages(opened.error());
            return false;
        }
    }
    if (pending_.empty()) return true;
    std::vector<Item> items = collect();
    if (!items.empty()) write_batch(std::move(items));
    return true;
}

std::shared_ptr<Segment> Writer::next_segment(Error& why) {
    {
        const std::lock_guard lock(mutex_);
        if (!spares_.empty()) {
            auto segment = std::move(spares_.front());
            spares_.pop_front();
            return segment;
        }
    }
    auto made = maker_();
    if (made) return std::move(*made);
    why = made.error();
    return nullptr;
}

Result<void> Writer::open_segment() {
    Error why(Errc::no_space, "no journal segment can be written");
    for (int attempt = 0; attempt < max_attempts; ++attempt) {
        auto segment = next_segment(why);
        if (!segment) break;
        std::erase_if(ends_, [this](const SegmentEnd& end) { return end.generation < oldest_live_; });
        if (ends_.size() > SegmentHeader::max_ends) {
            why = Error(Errc::no_space, "too many journal segments are live");
            break;
        }
        SegmentHeader header;
        header.generation = next_generation_++;   // one that failed is never used again
        header.salt = new_salt();
        header.id_salt = id_salt_;
        header.oldest_live = oldest_live_;
        header.totals = totals_;
        header.ends = List<SegmentEnd, SegmentHeader::max_ends>(ends_);
        if (auto begun = segment->begin(std::move(header)); !begun) {
            why = begun.error();
            end_segment(next_generation_ - 1, block_bytes);
            continue;                             // its file is left alone until the next start looks at it
        }
        segment_ = std::move(segment);
        offset_ = block_bytes;
        stuck_ = false;
        events_.post([this, opened = segment_] { events_.opened(opened); });
        if (spares() == 0) events_.post([this] { events_.wants_segment(); });
        return {};
    }
    return why;
}

// Takes from the front of what waits as much as one batch may hold.
std::vector<Writer::Item> Writer::collect() {
    std::vector<Item> items;
    builder_.clear();
    places_.clear();
    const std::size_t room = std::min<std::uint64_t>(max_batch_bytes, segment_->bytes() - offset_);
    while (!pending_.empty()) {
        const auto place = builder_.add(pending_.front().record, room);
        if (!place) break;
        places_.push_back(*place);
        items.push_back(std::move(pending_.front()));
        pending_.pop_front();
    }
    if (!items.empty()) return items;
    if (offset_ == block_bytes) {                 // not even an empty segment holds it
        std::vector<Answer> answers;
        answers.push_back({std::move(pending_.front()), Error(Errc::too_large, "larger than a journal segment")});
        pending_.pop_front();
        answer(std::move(answers));
    } else {
        end_segment(segment_->generation(), offset_);   // full: the next step opens another
    }
    return items;
}

void Writer::write_batch(std::vector<Item> items) {
    Totals totals = totals_;
    for (const Item& item : items) totals += tally(item.record);
    const std::string_view batch = builder_.seal(segment_->header(), offset_, totals);
    // 1. write, 2. flush, 3. answer.
    auto written = segment_->write(batch, offset_);
    if (written) written = segment_->flush();
    if (!written) {
        fail_segment(written.error(), std::move(items));
        return;
    }
    std::vector<Answer> answers;
    answers.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        Written place;
        place.generation = segment_->generation();
        place.id_salt = segment_->header().id_salt;
        place.offset = static_cast<std::uint32_t>(offset_ + places_[i].at);
        place.length = static_cast<std::uint32_t>(places_[i].size);
        answers.push_back({std::move(items[i]), place});
    }
    totals_ = totals;
    ++batches_;
    records_ += answers.size();
    offset_ += batch.size();
    answer(std::move(answers));
}

void Writer::end_segment(std::uint64_t generation, std::uint64_t at) {
    ends_.push_back({generation, at});
    segment_ = nullptr;
}

void Writer::fail_segment(const Error& error, std::vector<Item> items) {
    const std::uint64_t generation = segment_->generation();
    end_segment(generation, offset_);
    events_.post([this, generation, why = error.message()] { events_.failed(generation, why); });
    std::vector<Answer> answers;
    for (auto item = items.rbegin(); item != items.rend(); ++item) {
        if (std::holds_alternative<Accepted>(item->record)) answers.push_back({std::move(*item), error});
        else pending_.push_front(std::move(*item));
    }
    std::reverse(answers.begin(), answers.end());
    answer(std::move(answers));
}

void Writer::refuse_messages(const Error& error) {
    stuck_ = true;
    std::vector<Answer> answers;
    std::deque<Item> stay;
    for (Item& item : pending_) {
        if (std::holds_alternative<Accepted>(item.record)) answers.push_back({std::move(item), error});
        else stay.push_back(std::move(item));
    }
    pending_ = std::move(stay);
    events_.post([this, why = error.message()] { events_.refused(why); });
    answer(std::move(answers));
}

void Writer::answer(std::vector<Answer> answers) {
    if (answers.empty()) return;
    for (const Answer& a : answers) waiting_bytes_ -= a.item.bytes;
    // std::function copies what it holds: the answers travel by pointer.
    auto shared = std::make_shared<std::vector<Answer>>(std::move(answers));
    events_.post([shared] {
        for (Answer& a : *shared)
            if (a.item.done) a.item.done(std::move(a.result), std::move(a.item.record));
    });
}

} // namespace postern::qmgr
