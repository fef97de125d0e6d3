// An IMAP conversation without a socket, against a real store in a folder of its own.
#pragma once

#include "imapd/session/session.h"
#include "libstore/store.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <regex>

namespace postern::imapd::testing {

constexpr std::int64_t noon = 1'782'000'000;   // 2026-06-21 00:00:00 +0000

class Mailroom {
  public:
    Mailroom() {
        std::string name = (std::filesystem::temp_directory_path() / "postern-imapd-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        root_ = name;
        store::Options options;
        options.root = name;
        options.now = [] { return noon; };
        auto opened = store::open_store(options);
        REQUIRE(opened);
        store_ = std::move(*opened);
        auto account = store_->account(7);
        REQUIRE(account);
        account_ = *account;
    }
    ~Mailroom() {
        account_.reset();
        store_.reset();
        std::filesystem::remove_all(root_);
    }

    std::shared_ptr<store::Account> account() { return account_; }
    mail::Charsets& charsets() {
        static mail::Charsets all;
        return all;
    }
    Environment environment{charsets(), [] { return noon; }};

  private:
    std::filesystem::path root_;
    std::unique_ptr<store::Store> store_;
    std::shared_ptr<store::Account> account_;
};

class Client {
  public:
    explicit Client(Mailroom& room) : session_(room.account(), room.environment, [this] { ++wakes; }), input_(200'000) {}

    // What the server says to these bytes, once it waits for more.
    std::string say(std::string_view bytes) {
        std::string out;
        do {
            bytes.remove_prefix(input_.append(bytes));
            out += listen();
        } while (!bytes.empty() && !closed);
        return out;
    }

    // What it says without being asked.
    std::string listen() {
        std::string out;
        for (;;) {
            const auto wants = session_.run(input_);
            out += std::exchange(session_.output(), {});
            if (wants == Session::Wants::close) closed = true;
            if (wants != Session::Wants::turn && wants != Session::Wants::drained) break;
        }
        return normalise(std::move(out));
    }

    // One turn of the loop only: what it says in it, and whether it wants more of them.
    std::pair<std::string, bool> turn(std::string_view bytes) {
        input_.append(bytes);
        const auto wants = session_.run(input_);
        return {std::exchange(session_.output(), {}), wants == Session::Wants::turn || wants == Session::Wants::drained};
    }

    // A message through APPEND, the way clients do it.
    std::string append(std::string_view mailbox, std::string_view message, std::string_view arguments = "") {
        return say("app APPEND " + std::string(mailbox) + " " + std::string(arguments) + "{" + std::to_string(message.size()) + "+}\r\n" + std::string(message) + "\r\n");
    }

    Session& session() { return session_; }
    int wakes = 0;
    bool closed = false;

  private:
    // UIDVALIDITY is not ours to predict.
    static std::string normalise(std::string text) {
        static const std::regex validity("(UIDVALIDITY|APPENDUID|COPYUID) [0-9]+");
        return text.size() < 4096 ? std::regex_replace(text, validity, "$1 V") : text;
    }

    Session session_;
    Input input_;
};

constexpr std::string_view small = "From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: Hello\r\n"
                                   "Date: Mon, 1 Jun 2026 10:00:00 +0200\r\nMessage-ID: <1@example.org>\r\n\r\nHi Bob\r\n";

} // namespace postern::imapd::testing
