// JSON (RFC 8259) as a value: what the API and mailctl read and write. Objects keep the order of their members; a
// member named twice, more than 32 levels or bytes that are not UTF-8 are errors.
#pragma once

#include "libcommon/result.h"

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace postern::json {

class Value;
using Array = std::vector<Value>;
using Object = std::vector<std::pair<std::string, Value>>;

class Value {
  public:
    Value() = default;   // null
    Value(std::nullptr_t) {}
    template <std::same_as<bool> T> Value(T v) : value_(v) {}
    template <std::integral T> requires(!std::same_as<T, bool>) Value(T v) {
        if constexpr (std::is_signed_v<T>) value_ = static_cast<std::int64_t>(v);
        else value_ = static_cast<std::uint64_t>(v);
    }
    Value(double v) : value_(v) {}
    Value(std::string v) : value_(std::move(v)) {}
    Value(std::string_view v) : value_(std::string(v)) {}
    Value(const char* v) : value_(std::string(v)) {}
    Value(Array v) : value_(std::move(v)) {}
    Value(Object v) : value_(std::move(v)) {}

    bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
    const bool* flag() const { return std::get_if<bool>(&value_); }
    const std::string* text() const { return std::get_if<std::string>(&value_); }
    const Array* array() const { return std::get_if<Array>(&value_); }
    const Object* object() const { return std::get_if<Object>(&value_); }
    std::optional<std::uint64_t> number() const;   // a whole number that is not negative
    std::optional<std::int64_t> integer() const;

    // A member of an object; null when there is none, or this is no object.
    const Value* find(std::string_view name) const;
    const Value& operator[](std::string_view name) const;   // null value when there is none

    // Makes this an object when it is null.
    Value& set(std::string name, Value member);
    // Makes this an array when it is null.
    Value& push(Value element);

    std::string dump(bool indented = false) const;

  private:
    friend class Printer;
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> value_;
};

Result<Value> parse(std::string_view text);

} // namespace postern::json
