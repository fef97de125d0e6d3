// Numbers a process shows to the outside: counters and gauges in a shared page that master made and sealed in
// size. Writing one is an atomic add, no system call; api-front reads the pages and renders Prometheus text.
//
//   static Counter accepted{"mail_received_total", "result=\"accepted\"", "Messages received by SMTP"};
//   accepted.add();
#pragma once

#include "libcommon/result.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

enum class MetricKind : std::uint8_t { counter, gauge };

// One number. Objects live as long as the process (function statics or globals); before the page is mapped,
// and in tests, they count in private memory.
class Metric {
  public:
    // Bytes; more than that aborts. A label whose value is not ours to choose is cut by whoever makes it. Help is cut at 62.
    static constexpr std::size_t max_name = 54, max_labels = 128;

    Metric(MetricKind kind, std::string_view name, std::string_view labels, std::string_view help);

    void add(std::int64_t n = 1) { cell_->fetch_add(n, std::memory_order_relaxed); }
    void set(std::int64_t n) { cell_->store(n, std::memory_order_relaxed); }
    std::int64_t value() const { return cell_->load(std::memory_order_relaxed); }

  private:
    friend class CounterPage;
    std::atomic<std::int64_t> own_{0};
    std::atomic<std::int64_t>* cell_ = &own_;
    MetricKind kind_;
    std::string name_, labels_, help_;
};

struct Counter : Metric {
    Counter(std::string_view name, std::string_view labels, std::string_view help)
        : Metric(MetricKind::counter, name, labels, help) {}
};
struct Gauge : Metric {
    Gauge(std::string_view name, std::string_view labels, std::string_view help)
        : Metric(MetricKind::gauge, name, labels, help) {}
};

// The shared page. A process maps its own for writing, once; readers map others' read-only and trust nothing in
// them but their size.
class CounterPage {
  public:
    static constexpr std::size_t bytes = 64 * 1024;

    // Moves every Metric of this process into the page; later ones join as they are made.
    static Result<void> attach(int fd);

    struct Sample {
        MetricKind kind;
        std::string name, labels, help;
        std::int64_t value;
    };
    // A copy of what a page holds now; entries that do not make sense are left out.
    static Result<std::vector<Sample>> read(int fd);

  private:
    friend class Metric;
    static void join(Metric& metric);
};

} // namespace postern
