#include "libcommon/counters.h"

#include "libcommon/owned.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <sys/stat.h>

namespace postern {
namespace {

constexpr std::uint32_t page_magic = 0x4D505332;   // "2SPM"

struct Entry {
    std::atomic<std::int64_t> value;
    std::uint8_t kind;
    char name[Metric::max_name + 1];
    char labels[Metric::max_labels + 1];
    char help[63];
};
static_assert(sizeof(Entry) == 256);

struct Page {
    std::uint32_t magic;
    std::atomic<std::uint32_t> count;
    std::uint8_t reserved[248];
    Entry entries[CounterPage::bytes / sizeof(Entry) - 1];
};
static_assert(sizeof(Page) <= CounterPage::bytes);
constexpr std::size_t max_entries = std::size(Page{}.entries);

Page* attached = nullptr;

std::vector<Metric*>& metrics() {
    static std::vector<Metric*> all;
    return all;
}

template <std::size_t N> void copy_text(char (&to)[N], std::string_view from) {
    const std::size_t size = std::min(from.size(), N - 1);
    std::memcpy(to, from.data(), size);
    to[size] = '\0';
}
template <std::size_t N> std::string text_of(const char (&from)[N]) { return std::string(from, ::strnlen(from, N)); }

bool sensible(const std::string& name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

} // namespace

Metric::Metric(MetricKind kind, std::string_view name, std::string_view labels, std::string_view help)
    : kind_(kind), name_(name), labels_(labels), help_(help) {
    // Cut, it would count under a name nobody wrote, or as one with another: our own mistake.
    if (name.size() > max_name || labels.size() > max_labels) std::abort();
    metrics().push_back(this);
    if (attached) CounterPage::join(*this);
}

void CounterPage::join(Metric& metric) {
    const std::uint32_t index = attached->count.load();
    if (index >= max_entries) return;              // a metric too many keeps counting privately
    Entry& entry = attached->entries[index];
    entry.kind = static_cast<std::uint8_t>(metric.kind_);
    copy_text(entry.name, metric.name_);
    copy_text(entry.labels, metric.labels_);
    copy_text(entry.help, metric.help_);
    entry.value.store(metric.own_.load());
    metric.cell_ = &entry.value;
    attached->count.store(index + 1, std::memory_order_release);
}

Result<void> CounterPage::attach(int fd) {
    void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) return Error::from_errno("map the counter page");
    attached = static_cast<Page*>(at);
    attached->magic = page_magic;
    for (Metric* metric : metrics()) join(*metric);
    return {};
}

Result<std::vector<CounterPage::Sample>> CounterPage::read(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return Error::from_errno("stat a counter page");
    if (status.st_size != static_cast<off_t>(bytes)) return Error(Errc::corrupt, "a counter page of the wrong size");
    void* at = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) return Error::from_errno("map a counter page");
    const auto* page = static_cast<const Page*>(at);
    std::vector<Sample> samples;
    if (page->magic == page_magic) {
        const auto count = std::min<std::size_t>(page->count.load(std::memory_order_acquire), max_entries);
        for (std::size_t i = 0; i < count; ++i) {
            const Entry& entry = page->entries[i];
            Sample sample{entry.kind == 0 ? MetricKind::counter : MetricKind::gauge, text_of(entry.name),
                          text_of(entry.labels), text_of(entry.help), entry.value.load(std::memory_order_relaxed)};
            if (sensible(sample.name)) samples.push_back(std::move(sample));
        }
    }
    ::munmap(at, bytes);
    return samples;
}

} // namespace postern
