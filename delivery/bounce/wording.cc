#include "delivery/bounce/wording.h"

#include "libmail/date.h"
#include "libmail/field_writer.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::bounce {
namespace {

using ipc::ReportAction;

constexpr std::size_t max_listed = 50;                  // recipients a person reads about; a program reads of all
constexpr std::size_t width = 72;

// What a failure means to its sender, by the subject and detail of its status (RFC 3463), whatever its class.
struct Advice {
    std::string_view status;                            // "1.1" for 5.1.1; "7" for all of 7.x
    std::string_view text;
};
constexpr Advice advices[] = {
    {"1.1", "There is no such address. Please check its spelling."},
    {"1.2", "There is no such domain. Please check the part behind the @."},
    {"1.3", "The address is not a valid one. Please check its spelling."},
    {"1.6", "The recipient has moved and left no new address."},
    {"1.10", "This domain takes no mail at all. Please check the part behind the @."},
    {"2.1", "The mailbox is closed. Please reach the recipient in another way."},
    {"2.2", "The mailbox is full. Please send it again later, or reach the recipient in another way."},
    {"2.3", "The message is too large for this recipient. Please send a smaller one."},
    {"3.4", "The message is too large for the other server. Please send a smaller one."},
    {"4.1", "The other server did not answer. Please check the part behind the @, or send it again later."},
    {"4.4", "The way to the other server was not found. Please check the part behind the @."},
    {"4.6", "The message went in circles. Only the administrators can mend that: please tell yours."},
    {"4.7", "It was tried for as long as this server tries. Please check the address, or send it again later."},
    {"6.7", "The other server knows no internationalized addresses. Please ask for another address."},
    {"7", "The other server does not want this message. Please ask the recipient in another way, or your administrator."},
};
constexpr std::string_view other_advice = "If the words above do not help, please show this report to your administrator.";

std::string_view advice(std::string_view status) {
    const std::string_view detail = status.substr(std::min<std::size_t>(2, status.size()));
    for (const Advice& a : advices)
        if (detail == a.status || (a.status == "7" && detail.starts_with("7."))) return a.text;
    return other_advice;
}

struct Section {
    ReportAction action;
    std::string_view heading;                           // of which the message is the subject
};
constexpr Section sections[] = {
    {ReportAction::failed, "could not be delivered to the following addresses, and is not tried again:"},
    {ReportAction::delayed, "has not been delivered to the following addresses yet. You need not do anything, and need not send "
                            "it again: it is still tried."},
    {ReportAction::delivered, "has been delivered to:"},
    {ReportAction::relayed, "has been passed on for the following addresses to servers that send no reports like this one. "
                            "Most likely it arrives, but you will not be told:"},
    {ReportAction::expanded, "has been delivered to the following addresses, which sent it on to others. Of those you will "
                             "not be told:"},
};

std::string date(std::int64_t seconds) { return mail::format_date({seconds, 0}); }

class Writer {
  public:
    Writer(const ipc::ComposeReport& request, const Circumstances& c) : request_(request), c_(c) {}

    std::string all() {
        paragraph(0, fmt::format("This is the mail server {}.", c_.hostname));
        if (is_for_postmaster(request_))
            paragraph(0, "The message that this is about had no sender to tell, as reports and automatic answers have none. So it is "
                         "the postmaster who is told, and nobody else.");
        for (const Section& section : sections) write(section);
        if (left_out_ > 0) paragraph(0, fmt::format("And {} more, who are in the second part of this report.", left_out_));
        if (c_.unlisted > 0) paragraph(0, fmt::format("{} of them are not in this report: it would be too long.", c_.unlisted));
        line(0, fmt::format("The second part of this report is for programs, the third is {}. To ask about it, tell your administrator "
                            "the number {}.", c_.returned, request_.id.text()));
        return std::move(out_);
    }

  private:
    std::string message() const {
        const std::string_view whose = is_for_postmaster(request_) ? "A message" : "Your message";
        return request_.arrived == 0 ? std::string(whose) : fmt::format("{} of {}", whose, date(request_.arrived));
    }
    void write(const Section& section) {
        bool begun = false;
        for (const ipc::ReportRecipient& r : request_.recipients) {
            if (r.action != section.action) continue;
            if (listed_ == max_listed) {
                ++left_out_;
                continue;
            }
            if (!begun) paragraph(0, fmt::format("{} {}", message(), section.heading));
            begun = true;
            ++listed_;
            write(r);
        }
    }
    void write(const ipc::ReportRecipient& r) {
        line(2, r.address == r.forward_path || r.address.empty()
                    ? one_line(r.forward_path.view())
                    : fmt::format("{} (sent on to {})", one_line(r.forward_path.view()), one_line(r.address.view())));
        if (!r.diagnostic.empty() && (r.action == ReportAction::failed || r.action == ReportAction::delayed)) {
            const std::string who = r.remote_mta.empty() ? "The reason" : fmt::format("The server {} said", one_line(r.remote_mta.view()));
            line(4, fmt::format("{}: {}", who, one_line(r.diagnostic.view())));
        }
        if (r.action == ReportAction::failed) line(4, advice(r.status.view()));
        if (r.action == ReportAction::delayed && r.retry_until != 0) line(4, fmt::format("It is tried until {}.", date(r.retry_until)));
        out_ += "\r\n";
    }
    std::string one_line(std::string_view text) const { return mail::one_line(text, mail::Wording::utf8); }

    void paragraph(std::size_t indent, std::string_view text) {
        line(indent, text);
        out_ += "\r\n";
    }
    // Broken at blanks; a word longer than a line stays whole, unless it is longer than a line of mail may be.
    void line(std::size_t indent, std::string_view text) {
        const std::string margin(indent, ' ');
        while (!text.empty()) {
            std::size_t end = text.size();
            if (end + indent > width) {
                end = text.rfind(' ', width - indent);
                if (end == std::string_view::npos || end == 0) end = std::min(text.find(' ', 1), text.size());
            }
            out_ += margin;
            out_ += text.substr(0, end);
            out_ += "\r\n";
            text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ', end)));
        }
    }

    const ipc::ComposeReport& request_;
    const Circumstances& c_;
    std::string out_;
    std::size_t listed_ = 0, left_out_ = 0;
};

} // namespace

std::string_view to_string(Kind kind) {
    constexpr std::string_view names[] = {"failed", "delayed", "delivered"};
    return names[static_cast<std::size_t>(kind)];
}

Kind kind_of(const ipc::ComposeReport& request) {
    Kind kind = Kind::delivered;
    for (const ipc::ReportRecipient& r : request.recipients) {
        if (r.action == ReportAction::failed) return Kind::failed;
        if (r.action == ReportAction::delayed) kind = Kind::delayed;
    }
    return kind;
}

std::string subject(const ipc::ComposeReport& request) {
    constexpr std::string_view to_sender[] = {"Your message could not be delivered", "Your message is delayed",
                                              "Your message was delivered"};
    constexpr std::string_view to_postmaster[] = {"For the postmaster: a report could not be delivered",
                                                  "For the postmaster: a report is delayed",
                                                  "For the postmaster: a report was delivered"};
    const auto kind = static_cast<std::size_t>(kind_of(request));
    return std::string(is_for_postmaster(request) ? to_postmaster[kind] : to_sender[kind]);
}

std::string explanation(const ipc::ComposeReport& request, const Circumstances& circumstances) {
    return Writer(request, circumstances).all();
}

} // namespace postern::bounce
