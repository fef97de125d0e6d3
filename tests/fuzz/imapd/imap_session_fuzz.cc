// Two clients of one account, logged in, against a real store in memory. Each line of the input is said by the client its
// first character names, whatever it is. A message number neither was told of is never spoken.
#include "imapd/session/session.h"
#include "libcommon/log.h"
#include "libcommon/text.h"
#include "tests/fuzz/libmail/fuzz.h"

#include <cstdlib>
#include <filesystem>
#include <optional>

using namespace postern;
using namespace postern::imapd;

namespace {

constexpr std::int64_t noon = 1'782'000'000;

// One store for all inputs; each has an account of its own, which goes with it.
class Room {
  public:
    Room() {
        std::string name = std::filesystem::exists("/dev/shm") ? "/dev/shm/postern-fuzz-XXXXXX" : "/tmp/postern-fuzz-XXXXXX";
        fuzz_require(::mkdtemp(name.data()) != nullptr);
        root_ = name;
        store::Options options;
        options.root = name;
        options.now = [] { return noon; };
        options.open_accounts = 1;
        auto opened = store::open_store(std::move(options));
        fuzz_require(opened.ok());
        store_ = std::move(*opened);
    }
    ~Room() {
        store_.reset();
        std::filesystem::remove_all(root_);
    }

    std::shared_ptr<store::Account> fresh_account() {
        auto account = store_->account(++last_);
        fuzz_require(account.ok());
        for (std::uint32_t n = 1; n <= 3; ++n) {
            const std::string body = "Subject: " + std::to_string(n) + "\r\nFrom: a@b.example\r\n\r\nbody\r\n";
            store::Delivery delivery;
            delivery.key = {{1, 1, n}, 0};
            delivery.mailbox = "INBOX";
            delivery.internal_date = noon;
            delivery.body = body;
            fuzz_require((*account)->deliver(delivery).ok());
        }
        return std::move(*account);
    }
    // What the last input left: all but the store's own account of it.
    void clear() {
        (void)store_->maintain();
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root_))
            if (entry.is_directory() && entry.path().filename() == std::to_string(last_ - 1)) {
                std::filesystem::remove_all(entry.path());
                return;
            }
    }

  private:
    std::filesystem::path root_;
    std::unique_ptr<store::Store> store_;
    AccountId last_ = 0;
};

// What a client knows from what it was told: how many messages there are.
class Told {
  public:
    void hear(std::string_view out) {
        while (!out.empty()) {
            const auto end = out.find("\r\n");
            fuzz_require(end != std::string_view::npos);
            line(out.substr(0, end));
            out.remove_prefix(end + 2);
            skip_literals(out);
        }
    }

  private:
    // A line that ends in {n} goes on behind n bytes.
    void skip_literals(std::string_view& out) {
        while (last_.ends_with('}')) {
            const auto open = last_.rfind('{');
            const auto length = open == std::string_view::npos
                                    ? std::nullopt
                                    : parse_number(last_.substr(open + 1, last_.size() - open - 2), UINT32_MAX);
            if (!length || !last_.starts_with("* ")) return;
            fuzz_require(*length <= out.size());
            out.remove_prefix(*length);
            const auto end = out.find("\r\n");
            fuzz_require(end != std::string_view::npos);
            last_ = "* " + std::string(out.substr(0, end));
            out.remove_prefix(end + 2);
        }
    }

    void line(std::string_view text) {
        last_ = text;
        const auto words = split(text, ' ');
        if (words.size() > 2 && words[0] == "*" && words[1] == "OK" && words[2] == "[CLOSED]") exists_ = 0;
        if (words.size() < 3 || words[0] != "*") return;
        const auto number = parse_number(words[1], UINT32_MAX);
        if (!number) return;
        if (words[2] == "EXISTS") exists_ = *number;
        if (words[2] != "EXPUNGE" && words[2] != "FETCH") return;
        fuzz_require(*number >= 1 && *number <= exists_);
        if (words[2] == "EXPUNGE") --exists_;
    }

    std::uint64_t exists_ = 0;
    std::string last_;
};

class Client {
  public:
    Client(std::shared_ptr<store::Account> account, const Environment& environment) :
        session_(std::move(account), environment, [] {}), input_(environment.command_limit + 4096) {}

    void say(std::string_view bytes) {
        while (!bytes.empty() && !closed_) {
            bytes.remove_prefix(input_.append(bytes));
            listen();
        }
    }
    void listen() {
        for (auto wants = Session::Wants::turn; !closed_;) {
            wants = session_.run(input_);
            told_.hear(std::exchange(session_.output(), {}));
            closed_ = wants == Session::Wants::close;
            if (wants != Session::Wants::turn && wants != Session::Wants::drained) return;
        }
    }

  private:
    Session session_;
    Input input_;
    Told told_;
    bool closed_ = false;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Room room;
    static mail::Charsets charsets;
    Environment environment{charsets, [] { return noon; }};
    environment.command_limit = 4096;
    environment.message_limit = 65'536;
    {
        auto account = room.fresh_account();
        Client first(account, environment), second(account, environment);
        for (std::string_view text = fuzz_text(data, size); !text.empty();) {
            const auto line = text.substr(0, text.find('\n'));
            text.remove_prefix(std::min(text.size(), line.size() + 1));
            if (line.empty()) continue;
            (line[0] == '2' ? second : first).say(std::string(line.substr(1)) + "\r\n");
            (line[0] == '2' ? first : second).listen();
        }
    }
    room.clear();
    return 0;
}
