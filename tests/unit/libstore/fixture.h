// A mail root in a temporary directory, and the few things every store test does with one.
#pragma once

#include "libstore/file_name.h"
#include "libstore/store.h"

#include <catch2/catch.hpp>
#include <condition_variable>
#include <deque>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::store {

namespace fs = std::filesystem;

class TempRoot {
  public:
    TempRoot() {
        // In memory where there is some: these tests flush thousands of times, and nothing here cuts the power.
        const fs::path base = fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
        std::string pattern = (base / "postern-store-XXXXXX").string();
        if (!::mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp");
        path_ = pattern;
    }
    ~TempRoot() { std::error_code ignored; fs::remove_all(path_, ignored); }
    TempRoot(const TempRoot&) = delete;

    const fs::path& path() const { return path_; }
    fs::path account(AccountId id) const { return path_ / fmt::format("{:02x}", id & 0xFF) / std::to_string(id); }

  private:
    fs::path path_;
};

inline std::int64_t test_clock = 1'700'000'000;

inline std::unique_ptr<Store> open_test_store(const TempRoot& root, std::size_t open_accounts = 256, std::int64_t boot = 1) {
    Options options;
    options.root = root.path().string();
    options.host = "test";
    options.open_accounts = open_accounts;
    options.boot = boot;
    options.now = [] { return test_clock; };
    auto store = open_store(std::move(options));
    if (!store) FAIL(store.error().message());
    return std::move(*store);
}

template <class T> T must(Result<T> result) {
    if (!result) FAIL(result.error().message());
    return std::move(*result);
}
inline void must(Result<void> result) {
    if (!result) FAIL(result.error().message());
}

inline DeliveryKey key(std::uint32_t n, std::uint16_t action = 0) { return {{1, 1, n}, action}; }
inline std::string body(std::uint32_t n) { return fmt::format("Subject: message {}\r\n\r\nbody of {}\r\n", n, n); }

inline Delivered deliver(Account& account, std::uint32_t n, std::string_view mailbox = "INBOX", std::uint16_t action = 0) {
    const std::string text = body(n);
    Delivery d;
    d.key = key(n, action);
    d.mailbox = mailbox;
    d.internal_date = test_clock + n;
    d.header = "Delivered-To: a@example.org\r\n";
    d.body = text;
    return must(account.deliver(d));
}

inline std::shared_ptr<Mailbox> select(Account& account, std::string_view name) {
    const auto info = account.find(name);
    REQUIRE(info);
    return must(account.open(info->id));
}

inline std::vector<Uid> uids(const Mailbox& mailbox) {
    std::vector<Uid> all;
    for (const Message& m : mailbox.messages()) all.push_back(m.uid);
    return all;
}

inline std::string read_body(Mailbox& mailbox, Uid uid) {
    const Body body = must(mailbox.open_body(uid));
    std::string text(static_cast<std::size_t>(body.size), '\0');
    REQUIRE(::pread(body.file.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    return text;
}

// Uid -> body of every message: what a client could know.
inline std::map<Uid, std::string> contents(Mailbox& mailbox) {
    std::map<Uid, std::string> all;
    for (const Uid uid : uids(mailbox)) all[uid] = read_body(mailbox, uid);
    return all;
}

inline Uid append(Account& account, std::string_view mailbox, std::string_view text, Flags flags = 0,
                  std::vector<std::string> keywords = {}) {
    auto appending = must(account.append(account.find(mailbox)->id, text.size()));
    must(appending->write(text));
    std::optional<Result<Appended>> result;
    appending->commit(flags, keywords, test_clock, [&](Result<Appended> done) { result = std::move(done); });
    REQUIRE(result);
    return must(std::move(*result)).uid;
}

inline Copied copy(Mailbox& from, std::vector<Uid> which, MailboxId target) {
    std::optional<Result<Copied>> result;
    from.copy(which, target, [&](Result<Copied> done) { result = std::move(done); });
    REQUIRE(result);
    return must(std::move(*result));
}

inline void checkpoint(Store& store) {
    bool durable = false;
    store.checkpoint([&](Result<void> done) { durable = done.ok(); });
    REQUIRE(durable);
}

inline void maintain_all(Store& store) {
    for (int i = 0; i < 10000 && store.maintain(); ++i) {}
    test_clock += 60;       // side files are due after a while
    for (int i = 0; i < 10000 && store.maintain(); ++i) {}
    for (int i = 0; i < 10000 && store.maintain(); ++i) {}
}

inline std::vector<std::string> names_in(const fs::path& directory) {
    std::vector<std::string> names;
    if (fs::exists(directory))
        for (const auto& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename().string());
    return names;
}

inline void write_file(const fs::path& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

struct Watcher final : Observer {
    int changes = 0;
    bool gone = false;
    void mailbox_changed(Mailbox&) override { ++changes; }
    void mailbox_gone(Mailbox&) override { gone = true; }
};

// A loop as the store knows one: tasks come from any thread, and run here.
class Tasks {
  public:
    void post(std::function<void()> task) {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
        wake_.notify_one();
    }
    void run_one() {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return !tasks_.empty(); });
        auto task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        task();
    }
    void run_until(const std::function<bool()>& done) {
        while (!done()) run_one();
    }

  private:
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> tasks_;
};

} // namespace postern::store
