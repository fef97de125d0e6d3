#include "libcommon/json.h"

#include "libcommon/text.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace postern::json {
namespace {

constexpr std::size_t max_depth = 32;

// Builds the value as the library reads; returning false stops it.
class Builder {
  public:
    using number_integer_t = std::int64_t;
    using number_unsigned_t = std::uint64_t;
    using number_float_t = double;
    using string_t = std::string;
    using binary_t = std::vector<std::uint8_t>;

    bool null() { return add(nullptr); }
    bool boolean(bool v) { return add(v); }
    bool number_integer(std::int64_t v) { return add(v); }
    bool number_unsigned(std::uint64_t v) { return add(v); }
    bool number_float(double v, const std::string&) { return add(v); }
    bool string(std::string& v) { return add(std::move(v)); }
    bool binary(binary_t&) { return fail("binary"); }
    bool start_object(std::size_t) { return open(Object{}); }
    bool end_object() { return close(); }
    bool start_array(std::size_t) { return open(Array{}); }
    bool end_array() { return close(); }
    bool key(std::string& name) {
        if (open_.back().value.find(name)) return fail("member named twice: " + printable(name));
        open_.back().name = std::move(name);
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
        return fail(fmt::format("not JSON at byte {}", position));
    }

    Result<Value> take() {
        if (!error_.empty()) return Error(Errc::invalid, error_);
        return std::move(root_);
    }

  private:
    struct Open {
        std::string name;    // of the member being read
        Value value;
    };
    bool fail(std::string why) {
        error_ = std::move(why);
        return false;
    }
    bool open(Value value) {
        if (open_.size() >= max_depth) return fail("nested too deeply");
        open_.push_back({{}, std::move(value)});
        return true;
    }
    bool close() {
        Value value = std::move(open_.back().value);
        open_.pop_back();
        return add(std::move(value));
    }
    bool add(Value value) {
        if (open_.empty()) root_ = std::move(value);
        else if (open_.back().value.object()) open_.back().value.set(open_.back().name, std::move(value));
        else open_.back().value.push(std::move(value));
        return true;
    }

    Value root_;
    std::vector<Open> open_;
    std::string error_;
};

const Value null_value;

} // namespace

class Printer {
  public:
    Printer(std::string& out, bool indented) : out_(out), indented_(indented) {}

    void print(const Value& value) {
        std::visit([this](const auto& v) { put(v); }, value.value_);
    }

  private:
    void put(std::monostate) { out_ += "null"; }
    void put(bool v) { out_ += v ? "true" : "false"; }
    void put(std::int64_t v) { out_ += std::to_string(v); }
    void put(std::uint64_t v) { out_ += std::to_string(v); }
    void put(double v) { out_ += std::isfinite(v) ? fmt::format("{}", v) : "null"; }   // RFC 8259 section 6
    void put(const std::string& v) {
        out_ += '"';
        // What is not UTF-8 cannot be in JSON: shown with its bytes spelled out, never passed on.
        const std::string spelled = is_utf8(v) ? std::string() : printable(v, v.size());
        for (const char c : spelled.empty() ? v : spelled) put_char(c);
        out_ += '"';
    }
    void put_char(char c) {
        switch (c) {
        case '"': out_ += "\\\""; return;
        case '\\': out_ += "\\\\"; return;
        case '\n': out_ += "\\n"; return;
        case '\r': out_ += "\\r"; return;
        case '\t': out_ += "\\t"; return;
        default:
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) out_ += fmt::format("\\u{:04x}", static_cast<int>(c));
            else out_ += c;
        }
    }
    void put(const Array& items) {
        bracket('[', ']', items.empty(), items, [this](const Value& item) { print(item); });
    }
    void put(const Object& members) {
        bracket('{', '}', members.empty(), members, [this](const auto& member) {
            put(member.first);
            out_ += indented_ ? ": " : ":";
            print(member.second);
        });
    }
    template <class C, class F> void bracket(char begin, char end, bool empty, const C& items, F each) {
        out_ += begin;
        ++depth_;
        bool first = true;
        for (const auto& item : items) {
            if (!std::exchange(first, false)) out_ += ',';
            new_line();
            each(item);
        }
        --depth_;
        if (!empty) new_line();
        out_ += end;
    }
    void new_line() {
        if (indented_) out_.append("\n").append(2 * depth_, ' ');
    }

    std::string& out_;
    bool indented_;
    std::size_t depth_ = 0;
};

std::optional<std::uint64_t> Value::number() const {
    if (const auto* v = std::get_if<std::uint64_t>(&value_)) return *v;
    if (const auto* v = std::get_if<std::int64_t>(&value_); v && *v >= 0) return static_cast<std::uint64_t>(*v);
    return std::nullopt;
}

std::optional<std::int64_t> Value::integer() const {
    if (const auto* v = std::get_if<std::int64_t>(&value_)) return *v;
    if (const auto* v = std::get_if<std::uint64_t>(&value_); v && *v <= static_cast<std::uint64_t>(INT64_MAX))
        return static_cast<std::int64_t>(*v);
    return std::nullopt;
}

const Value* Value::find(std::string_view name) const {
    const Object* members = object();
    if (!members) return nullptr;
    const auto at = std::find_if(members->begin(), members->end(), [&](const auto& m) { return m.first == name; });
    return at == members->end() ? nullptr : &at->second;
}

const Value& Value::operator[](std::string_view name) const {
    const Value* found = find(name);
    return found ? *found : null_value;
}

Value& Value::set(std::string name, Value member) {
    if (is_null()) value_ = Object{};
    std::get<Object>(value_).emplace_back(std::move(name), std::move(member));
    return *this;
}

Value& Value::push(Value element) {
    if (is_null()) value_ = Array{};
    std::get<Array>(value_).push_back(std::move(element));
    return *this;
}

std::string Value::dump(bool indented) const {
    std::string out;
    Printer(out, indented).print(*this);
    return out;
}

Result<Value> parse(std::string_view text) {
    Builder builder;
    nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
    return builder.take();
}

} // namespace postern::json
