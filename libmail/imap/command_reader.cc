#include "libmail/imap/command_reader.h"

#include "libcommon/text.h"
#include "libmail/imap/cursor.h"

#include <algorithm>
#include <utility>

namespace postern::imap {
namespace {

bool is_append(std::string_view text) {
    const auto space = text.find(' ');
    return space != std::string_view::npos && istarts_with(text.substr(space + 1), "APPEND ");
}

} // namespace

CommandReader::Event CommandReader::next(Input& input) {
    if (given_) finish_command();
    input.consume(std::exchange(lent_, 0));
    for (;;)
        if (auto event = step(input)) return std::move(*event);
}

CommandReader::Step CommandReader::step(Input& input) {
    switch (mode_) {
    case Mode::line:
    case Mode::raw_line: return take_line(input);
    case Mode::literal: return take_literal(input);
    case Mode::append_waits: return NeedMore{};
    case Mode::message: return take_message(input);
    case Mode::message_line: return take_message_line(input);
    case Mode::skip: return skip_literal(input);
    case Mode::skip_line: return skip_line(input);
    }
    return NeedMore{};
}

void CommandReader::finish_command() {
    given_ = false;
    text_ = std::string();            // an idle session holds nothing
}

CommandReader::Step CommandReader::take_line(Input& input) {
    const auto line = input.take_line(limits_.command - std::min(limits_.command, text_.size()));
    if (line.state == Input::LineState::incomplete) return NeedMore{};
    if (line.state == Input::LineState::too_long) {
        bad_tag_ = tag_of(text_.empty() ? input.peek() : text_);
        bad_text_ = "command too long";
        mode_ = Mode::skip_line;
        return std::nullopt;
    }
    text_.append(line.text);
    const auto literal = mode_ == Mode::raw_line ? std::nullopt : literal_at_end(line.text);
    if (!literal) {
        mode_ = Mode::line;
        given_ = true;
        return Complete{text_};
    }
    if (!literal->size) return refuse(UINT64_MAX, literal->synchronizing, "literal too large");
    text_.append("\r\n");
    if (limits_.appends && is_append(text_)) return append_begins();
    return literal_begins(*literal->size, literal->synchronizing);
}

CommandReader::Step CommandReader::literal_begins(std::uint64_t size, bool synchronizing) {
    if (size > limits_.command - std::min(limits_.command, text_.size()))
        return refuse(size, synchronizing, "literal too large");
    left_ = size;
    mode_ = Mode::literal;
    if (synchronizing) return Continuation{};
    return std::nullopt;
}

CommandReader::Step CommandReader::take_literal(Input& input) {
    const std::size_t taken = std::min<std::uint64_t>(left_, input.size());
    text_.append(input.peek().substr(0, taken));
    input.consume(taken);
    left_ -= taken;
    if (left_ > 0) return NeedMore{};
    mode_ = Mode::line;
    return std::nullopt;
}

// A client that waits for "+" never sends the literal: the command is over. One that does not wait has sent it.
CommandReader::Step CommandReader::refuse(std::uint64_t size, bool synchronizing, std::string why) {
    bad_tag_ = tag_of(text_);
    bad_text_ = std::move(why);
    finish_command();
    mode_ = Mode::line;
    if (synchronizing) return Bad{bad_tag_, bad_text_};
    if (size > max_skipped) return Fatal{bad_text_};
    left_ = size;
    mode_ = Mode::skip;
    return std::nullopt;
}

CommandReader::Step CommandReader::append_begins() {
    AppendHead head = parse_append_head(text_, dialect_);
    const auto literal = literal_at_end(std::string_view(text_).substr(0, text_.size() - 2));
    if (head.state == AppendHead::State::name_follows) return literal_begins(*literal->size, literal->synchronizing);
    if (head.state == AppendHead::State::bad) return refuse(*literal->size, literal->synchronizing, head.error);
    mode_ = Mode::append_waits;
    left_ = head.append.size;
    waits_ = head.append.synchronizing;
    finish_command();
    return AppendBegins{std::move(head)};
}

void CommandReader::accept_message() {
    mode_ = Mode::message;
    dropping_ = false;
}

void CommandReader::refuse_message() {
    mode_ = waits_ ? Mode::line : Mode::message;
    dropping_ = !waits_;
}

CommandReader::Step CommandReader::take_message(Input& input) {
    if (left_ == 0) {
        mode_ = Mode::message_line;
        return std::nullopt;
    }
    if (input.empty()) return NeedMore{};
    lent_ = std::min<std::uint64_t>(left_, input.size());
    left_ -= lent_;
    if (!dropping_) return MessageBytes{input.peek().substr(0, lent_)};
    input.consume(std::exchange(lent_, 0));
    return std::nullopt;
}

// The rest of the line behind the message: nothing (MULTIAPPEND would begin here).
CommandReader::Step CommandReader::take_message_line(Input& input) {
    const auto line = input.take_line(limits_.command);
    if (line.state == Input::LineState::incomplete) return NeedMore{};
    if (line.state == Input::LineState::too_long || literal_at_end(line.text))
        return Fatal{"unexpected text after the message"};
    mode_ = Mode::line;
    if (dropping_) return std::nullopt;
    if (!line.text.empty()) return Bad{"", "unexpected text after the message"};   // the caller knows the tag
    return MessageEnds{};
}

CommandReader::Step CommandReader::skip_literal(Input& input) {
    const std::size_t dropped = std::min<std::uint64_t>(left_, input.size());
    input.consume(dropped);
    left_ -= dropped;
    if (left_ > 0) return NeedMore{};
    mode_ = Mode::skip_line;
    return std::nullopt;
}

CommandReader::Step CommandReader::skip_line(Input& input) {
    const auto line = input.take_line(limits_.command);
    if (line.state == Input::LineState::incomplete) return NeedMore{};
    if (line.state == Input::LineState::too_long) return drop_long_line(input);
    if (const auto literal = literal_at_end(line.text); literal && !literal->synchronizing) {
        if (!literal->size || *literal->size > max_skipped) return Fatal{bad_text_};
        left_ = *literal->size;
        mode_ = Mode::skip;
        return std::nullopt;
    }
    mode_ = Mode::line;
    finish_command();
    return Bad{bad_tag_, bad_text_};
}

// All but the end of it, which may be a literal's header.
CommandReader::Step CommandReader::drop_long_line(Input& input) {
    constexpr std::size_t kept = 64;
    const auto newline = input.peek().find('\n');
    const std::size_t end = newline == std::string_view::npos ? input.size() : newline;
    if (end > kept) input.consume(end - kept);
    if (newline == std::string_view::npos) return NeedMore{};
    return std::nullopt;
}

} // namespace postern::imap
