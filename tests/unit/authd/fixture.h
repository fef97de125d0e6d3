// An accounts database in memory, and workers whose results come back when the test says so.
#pragma once

#include "authd/accounts.h"
#include "authd/aliases.h"
#include "authd/domains.h"
#include "authd/hash_pool.h"
#include "authd/password.h"
#include "authd/schema.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#include <catch2/catch.hpp>

namespace postern::authd::test {

constexpr HashCost cheap{.memory_kib = 64, .passes = 1, .lanes = 1};

inline Database empty_database() {
    auto db = open_accounts(":memory:");
    REQUIRE(db.ok());
    return std::move(*db);
}

inline void add_domain(Database& db, const std::string& name, ipc::DomainSettings settings = {}) {
    ipc::CreateDomain request;
    request.name = name;
    request.settings = std::move(settings);
    const auto made = create_domain(db, request, 1000);
    INFO((made ? "" : made.error().message()));
    REQUIRE(made.ok());
}

inline AccountId add_account(Database& db, const std::string& address, const std::string& password = "",
                             ipc::AccountSettings settings = {}) {
    ipc::NewAccount account;
    account.address = address;
    account.settings = std::move(settings);
    const auto id = create_account(db, account, password.empty() ? StoredPassword{} : *derive(password, cheap), 1000);
    INFO((id ? "" : id.error().message()));
    REQUIRE(id.ok());
    return *id;
}

inline ipc::ChangeAccount change(const std::string& address, ipc::AccountSettings settings) {
    ipc::ChangeAccount request;
    request.address = address;
    request.settings = std::move(settings);
    return request;
}

inline ipc::ChangeAccount cram_md5(const std::string& address, bool wanted) {
    ipc::ChangeAccount request = change(address, {});
    request.cram_md5 = wanted;
    return request;
}

inline Result<std::uint64_t> add_alias(Database& db, const std::string& address, std::vector<std::string> targets,
                                       bool active = true) {
    ipc::SaveAlias request;
    request.alias.address = address;
    request.alias.active = active;
    for (auto& target : targets) request.alias.targets.push_back(std::move(target));
    return save_alias(db, request);
}

// What a loop is to the pool: tasks posted from workers, run on the test's thread.
class Mailbag {
  public:
    HashPool::Post post() {
        return [this](std::function<void()> task) {
            std::lock_guard lock(mutex_);
            tasks_.push_back(std::move(task));
            arrived_.notify_one();
        };
    }
    void run_one() {
        std::function<void()> task;
        {
            std::unique_lock lock(mutex_);
            arrived_.wait(lock, [this] { return !tasks_.empty(); });
            task = std::move(tasks_.front());
            tasks_.pop_front();
        }
        task();
    }
    void run_until(const std::function<bool()>& done) {
        while (!done()) run_one();
    }

  private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<std::function<void()>> tasks_;
};

} // namespace postern::authd::test
