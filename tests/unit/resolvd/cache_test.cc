#include "resolvd/cache.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::dns;
using namespace std::chrono_literals;
using ipc::DnsType;

namespace {

constexpr std::size_t plenty = 1 << 20;

Question asked(std::string name, DnsType type = DnsType::a) { return {std::move(name), type}; }

ipc::DnsAnswer lasting(std::uint32_t ttl, std::size_t data = 4) {
    ipc::DnsAnswer answer;
    answer.status = ipc::DnsStatus::found;
    answer.ttl = ttl;
    answer.records.push_back({});
    answer.records.items.back().data = std::string(data, 'x');
    return answer;
}

Cache cache_of(std::size_t entries, std::size_t bytes = plenty) {
    Cache cache;
    cache.resize(entries, bytes);
    return cache;
}

} // namespace

TEST_CASE("an answer is known until its TTL is over, and says what is left of it") {
    Cache cache = cache_of(10);
    const Cache::Time start{1h};
    cache.keep(asked("a"), lasting(10), start);
    CHECK(cache.find(asked("a"), start)->ttl == 10);
    CHECK(cache.find(asked("a"), start + 3500ms)->ttl == 7);
    CHECK(cache.find(asked("a"), start + 9999ms)->ttl == 1);
    CHECK_FALSE(cache.find(asked("a"), start + 10s));
    CHECK(cache.size() == 0);
    CHECK(cache.bytes() == 0);
    cache.keep(asked("a"), lasting(0), start);
    CHECK(cache.size() == 0);
}

TEST_CASE("name and type make a question, and the last answer counts") {
    Cache cache = cache_of(10);
    const Cache::Time now{1h};
    cache.keep(asked("a"), lasting(10), now);
    CHECK_FALSE(cache.find(asked("a", DnsType::mx), now));
    CHECK_FALSE(cache.find(asked("b"), now));
    cache.keep(asked("a"), lasting(99), now);
    CHECK(cache.size() == 1);
    CHECK(cache.find(asked("a"), now)->ttl == 99);
    cache.keep(asked("a"), lasting(0), now);
    CHECK_FALSE(cache.find(asked("a"), now));
}

TEST_CASE("the least recently used goes, by entries") {
    Cache cache = cache_of(3);
    const Cache::Time now{1h};
    for (const char* name : {"a", "b", "c"}) cache.keep(asked(name), lasting(10), now);
    CHECK(cache.find(asked("a"), now));
    cache.keep(asked("d"), lasting(10), now);
    CHECK(cache.size() == 3);
    CHECK(cache.evicted() == 1);
    CHECK_FALSE(cache.find(asked("b"), now));
    CHECK(cache.find(asked("a"), now));
    cache.resize(1, plenty);
    CHECK(cache.size() == 1);
    CHECK(cache.find(asked("a"), now));
    cache.resize(0, plenty);
    CHECK(cache.bytes() == 0);
    cache.keep(asked("a"), lasting(10), now);
    CHECK(cache.size() == 0);
}

TEST_CASE("and by bytes") {
    Cache cache = cache_of(100000, 64 * 1024);
    const Cache::Time now{1h};
    for (int i = 0; i < 1000; ++i) {
        cache.keep(asked("name" + std::to_string(i)), lasting(10, 1000), now);
        CHECK(cache.bytes() <= 64 * 1024);
    }
    CHECK(cache.size() > 20);
    CHECK(cache.size() < 64);
    CHECK(cache.find(asked("name999"), now));
    cache.keep(asked("huge"), lasting(10, 4000), now);
    CHECK(cache.find(asked("huge"), now));
}

TEST_CASE("answers are forgotten by name, or all") {
    Cache cache = cache_of(10);
    const Cache::Time now{1h};
    cache.keep(asked("a"), lasting(10), now);
    cache.keep(asked("b", DnsType::a), lasting(10), now);
    cache.keep(asked("b", DnsType::cname), lasting(10), now);
    cache.keep(asked("bb"), lasting(10), now);
    CHECK(cache.forget("b") == 2);
    CHECK(cache.forget("b") == 0);
    CHECK(cache.size() == 2);
    CHECK(cache.clear() == 2);
    CHECK(cache.bytes() == 0);
}
