// Expected failures are values. Result<T> holds a T or an Error; Result<void> just success or an Error.
// Exceptions are left for what a function cannot report: no memory, a constructor at start-up.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace postern {

// What kind of failure it was: what callers branch on. The text is for people.
enum class Errc : unsigned char {
    invalid,       // the input breaks its grammar or a rule
    too_large,     // over a limit that is stated somewhere
    not_found,
    exists,
    denied,
    unavailable,   // try again later: a peer is gone, a resource is busy
    timeout,
    closed,        // the other end is gone
    io,            // a system call failed; os_errno() says how
    no_space,      // the disk is full, or a table that cannot grow
    corrupt,       // our own data fails its check
    bad_message,   // a frame from another process that does not decode
    conflict,
    unsupported,
    over_quota,    // what the account may have, not the host
};
std::string_view to_string(Errc code);

class Error {
  public:
    Error(Errc code, std::string message) : code_(code), message_(std::move(message)) {}

    // The failure of a system call, from errno: "open spool: No such file or directory".
    static Error from_errno(std::string_view what);
    static Error from_errno(std::string_view what, int os_errno);

    Errc code() const { return code_; }
    int os_errno() const { return os_errno_; }
    const std::string& message() const { return message_; }

    // Adds context on the way up: "… queue=7K3QX".
    Error with(std::string_view key, std::string_view value) const&;
    Error with(std::string_view key, std::string_view value) &&;

  private:
    Errc code_;
    int os_errno_ = 0;
    std::string message_;
};

template <class T> class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    T& value() & { assert(ok()); return *std::get_if<0>(&state_); }
    const T& value() const& { assert(ok()); return *std::get_if<0>(&state_); }
    T&& value() && { assert(ok()); return std::move(*std::get_if<0>(&state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    const Error& error() const { assert(!ok()); return *std::get_if<1>(&state_); }

  private:
    std::variant<T, Error> state_;
};

template <> class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    bool ok() const { return !error_; }
    explicit operator bool() const { return ok(); }
    const Error& error() const { assert(error_); return *error_; }

  private:
    std::optional<Error> error_;
};

} // namespace postern
