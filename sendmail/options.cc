#include "sendmail/options.h"

#include "libcommon/text.h"

#include <algorithm>

namespace postern::sendmail {
namespace {

Result<void> mode(Options& o, std::string_view value) {
    constexpr std::pair<char, Mode> modes[] = {{'m', Mode::deliver}, {'s', Mode::smtp}, {'p', Mode::queue}, {'i', Mode::nothing}};
    for (const auto& [letter, meaning] : modes)
        if (value.size() == 1 && value[0] == letter) return o.mode = meaning, Result<void>{};
    return Error(Errc::unsupported, "-b" + std::string(value) + " is not known here");
}

// -oi and -o i; the other options of -o are about how and when another program delivers.
Result<void> short_option(Options& o, std::string_view value) {
    if (value == "i") o.dots_are_text = true;
    return {};
}

Result<void> sender(Options& o, std::string_view value) {
    o.sender = value == "<>" ? "" : std::string(value);
    return {};
}

Result<void> full_name(Options& o, std::string_view value) { return o.full_name = std::string(value), Result<void>{}; }

Result<void> notify(Options& o, std::string_view value) {
    const std::string upper = ascii_upper(value);
    for (const std::string_view word : split(upper, ','))
        if (word != "NEVER" && word != "SUCCESS" && word != "FAILURE" && word != "DELAY")
            return Error(Errc::invalid, "-N takes never, or success, failure and delay");
    o.notify = upper;
    return {};
}

Result<void> ret(Options& o, std::string_view value) {
    const std::string upper = ascii_upper(value);
    if (upper != "FULL" && upper != "HDRS") return Error(Errc::invalid, "-R takes full or hdrs");
    o.ret = upper;
    return {};
}

Result<void> envelope_id(Options& o, std::string_view value) {
    if (value.empty() || value.size() > 100) return Error(Errc::invalid, "-V takes an identifier of up to 100 characters");
    o.envelope_id = std::string(value);
    return {};
}

Result<void> ignore(Options&, std::string_view) { return {}; }
Result<void> read_recipients(Options& o, std::string_view) { return o.read_recipients = true, Result<void>{}; }
Result<void> dots_are_text(Options& o, std::string_view) { return o.dots_are_text = true, Result<void>{}; }

enum class Takes { nothing, value, joined };      // joined: only what stands in the same word
struct Row {
    char letter;
    Takes takes;
    Result<void> (*apply)(Options&, std::string_view);
};
constexpr Row rows[] = {
    {'A', Takes::joined, ignore},      // -Ac, -Am: which configuration
    {'B', Takes::value, ignore},       // 7BIT, 8BITMIME: it is seen
    {'C', Takes::value, ignore},       // another configuration
    {'F', Takes::value, full_name},
    {'G', Takes::nothing, ignore},     // relayed by a gateway
    {'L', Takes::value, ignore},       // tag for syslog
    {'N', Takes::value, notify},
    {'O', Takes::value, ignore},       // -O name=value
    {'R', Takes::value, ret},
    {'U', Takes::nothing, ignore},     // first submission
    {'V', Takes::value, envelope_id},
    {'X', Takes::value, ignore},       // a log of the conversation
    {'b', Takes::value, mode},
    {'d', Takes::joined, ignore},      // debugging
    {'e', Takes::joined, ignore},      // how errors are told: exit code and standard error
    {'f', Takes::value, sender},
    {'h', Takes::value, ignore},       // hops
    {'i', Takes::nothing, dots_are_text},
    {'m', Takes::nothing, ignore},     // to me, too: nobody is left out
    {'n', Takes::nothing, ignore},     // no aliasing
    {'o', Takes::value, short_option},
    {'p', Takes::value, ignore},       // protocol, for Received
    {'q', Takes::joined, ignore},      // run the queue: it runs by itself
    {'r', Takes::value, sender},
    {'t', Takes::nothing, read_recipients},
    {'v', Takes::nothing, ignore},
};

const Row* find(char letter) {
    const auto row = std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return r.letter == letter; });
    return row == std::end(rows) ? nullptr : row;
}

class Parser {
  public:
    Parser(Options& options, const std::vector<std::string>& arguments) : o_(options), arguments_(arguments) {}

    Result<void> all() {
        for (; at_ < arguments_.size(); ++at_) {
            const std::string_view word = arguments_[at_];
            if (word == "--") {
                ++at_;
                break;
            }
            if (word.size() < 2 || word[0] != '-') break;
            if (auto done = letters(word.substr(1)); !done) return done;
        }
        o_.recipients.assign(arguments_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, arguments_.size())), arguments_.end());
        return {};
    }

  private:
    Result<void> letters(std::string_view word) {
        while (!word.empty()) {
            const Row* row = find(word[0]);
            if (!row) return Error(Errc::unsupported, std::string("unknown option -") + printable(word.substr(0, 1)));
            word.remove_prefix(1);
            if (row->takes == Takes::nothing) {
                if (auto done = row->apply(o_, {}); !done) return done;
                continue;
            }
            if (row->takes == Takes::value && word.empty()) {
                if (at_ + 1 == arguments_.size()) return Error(Errc::invalid, std::string("a value is missing behind -") + row->letter);
                word = arguments_[++at_];
            }
            return row->apply(o_, word);
        }
        return {};
    }

    Options& o_;
    const std::vector<std::string>& arguments_;
    std::size_t at_ = 0;
};

} // namespace

Result<Options> parse_options(std::string_view program, const std::vector<std::string>& arguments) {
    Options options;
    program = program.substr(program.rfind('/') + 1);            // npos + 1 is 0
    if (program == "mailq") options.mode = Mode::queue;
    if (program == "newaliases") options.mode = Mode::nothing;
    if (auto done = Parser(options, arguments).all(); !done) return done.error();
    return options;
}

} // namespace postern::sendmail
