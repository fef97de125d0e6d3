// Commands that touch no message: CAPABILITY, NOOP, LOGOUT, ID, ENABLE, NAMESPACE, CHECK, IDLE.
#include "imapd/session/session.h"

#include "imapd/capabilities.h"
#include "libcommon/text.h"

namespace postern::imapd {

void Session::handle(const imap::Capability&) {
    out_.append("* CAPABILITY ").append(capabilities_logged_in).append("\r\n");
    ok();
}

void Session::handle(const imap::Noop&) { ok(); }

void Session::handle(const imap::Check&) { ok(); }      // everything acknowledged is on its way to disk already

void Session::handle(const imap::Logout&) {
    out_.append("* BYE Logging out\r\n");
    append_tagged(out_, tag_, Condition::ok, {}, "Done");
    farewell_ = "logout";
    state_ = State::ended;
}

void Session::handle(const imap::Id&) {
    out_.append("* ID (\"name\" \"Postern\")\r\n");       // no version: RFC 2971 section 4
    ok();
}

// RFC 5161: unknown names are ignored, and there is none yet that can be enabled.
void Session::handle(const imap::Enable&) {
    out_.append("* ENABLED\r\n");
    ok();
}

void Session::handle(const imap::Namespace&) {          // RFC 2342: one personal namespace
    out_.append("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    ok();
}

void Session::handle(const imap::Idle&) {               // RFC 2177
    if (view_) view_->sync(out_, true, false);
    changed_ = false;
    out_.append("+ idling\r\n");
    reader_.expect_line();
    state_ = State::idling;
}

void Session::on_idle_line(std::string_view line) {
    state_ = State::reading;
    if (iequals(line, "DONE")) ok();
    else bad("Expected DONE");
}

} // namespace postern::imapd
