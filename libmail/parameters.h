// Structured MIME field bodies: "text/plain; charset=utf-8" (RFC 2045 section 5.1), with comments and folding
// skipped, and RFC 2231's continued parameters put together. Bounded: at most max_parameters are read.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::mail {

struct Parameter {
    std::string name;    // as written; "filename*" when the value is in RFC 2231's extended form
    std::string value;   // quotes removed
};
using Parameters = std::vector<Parameter>;
constexpr std::size_t max_parameters = 100;   // TESTCARD lesson 19

// A value and its parameters: Content-Type's "text/plain", Content-Disposition's "attachment".
class FieldValue {
  public:
    explicit FieldValue(std::string_view body) : text_(body) {}

    // The next token; empty if there is none here. Views the body.
    std::string_view token();
    bool accept(char c);

    // One parameter as it stands; nothing at the end. Garbage between parameters is skipped.
    std::optional<Parameter> parameter();

    // All that follow, continuations joined.
    Parameters parameters();

  private:
    void skip();
    std::string value();
    std::string_view text_;
    std::size_t at_ = 0;
};

struct ContentType {
    std::string_view type, subtype;   // empty when the field is missing or malformed
    std::string boundary;             // empty when there is none
    std::string charset;
};
ContentType parse_content_type(std::string_view body);

const Parameter* find_parameter(const Parameters& parameters, std::string_view name);

} // namespace postern::mail
