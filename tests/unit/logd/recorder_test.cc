#include "libcommon/log.h"
#include "logd/recorder.h"
#include "tests/unit/logd/temporary.h"

#include <catch2/catch.hpp>
#include <fstream>

using namespace postern;
using namespace postern::logd;

namespace {

void keep(Recorder& recorder, const Kept& kept) { recorder.keep(kept.source, encode(kept.record), kept.record); }

std::size_t answered(Loop& loop, Recorder& recorder, const std::string& key) {
    std::size_t events = 0;
    REQUIRE(recorder.ask(key, 0, [&](const Recorder::Answer& answer) {
        events = answer.explanation.events.size();
        loop.stop();
    }));
    loop.run();
    return events;
}

constexpr std::int64_t long_ago = 1'700'000'000'000'000;

} // namespace

TEST_CASE("a question is about everything kept before it, also after the recorder is gone and back") {
    Temporary directory("recorder");
    Loop loop;
    const History::Options options{directory.path / "h", 1 << 20, INT64_MAX / 2};
    {
        Recorder recorder(loop, options);
        keep(recorder, event_of(long_ago, "smtpd.connect", {{"session", "s1"}}));
        CHECK(answered(loop, recorder, "s1") == 1);
        keep(recorder, event_of(long_ago, "smtpd.disconnect", {{"session", "s1"}}));
    }
    Recorder recorder(loop, options);
    CHECK(answered(loop, recorder, "s1") == 2);
}

TEST_CASE("a history that cannot be opened stops nobody and answers empty") {
    Temporary directory("recorder");
    std::ofstream(directory.path / "h") << "a file where the directory should be";
    Loop loop;
    Recorder recorder(loop, {directory.path / "h", 1 << 20, INT64_MAX / 2});
    keep(recorder, event_of(long_ago, "smtpd.connect", {{"session", "s1"}}));
    CHECK(answered(loop, recorder, "s1") == 0);
}

TEST_CASE("so many may ask at once, and nobody where nothing is kept") {
    Temporary directory("recorder");
    Loop loop;
    Recorder recorder(loop, {directory.path / "h", 1 << 20, INT64_MAX / 2});
    std::size_t answers = 0;
    for (std::size_t i = 0; i < Recorder::max_questions; ++i)
        REQUIRE(recorder.ask("x", 0, [&](const Recorder::Answer&) { if (++answers == Recorder::max_questions) loop.stop(); }));
    CHECK_FALSE(recorder.ask("x", 0, [](const Recorder::Answer&) {}));
    loop.run();
    CHECK(recorder.ask("x", 0, [&](const Recorder::Answer&) { loop.stop(); }));
    loop.run();
    Recorder off(loop, {directory.path / "off", 0, INT64_MAX / 2});
    CHECK_FALSE(off.ask("x", 0, [](const Recorder::Answer&) {}));
}
