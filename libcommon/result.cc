#include "libcommon/result.h"

#include <cerrno>
#include <cstring>

namespace postern {

std::string_view to_string(Errc code) {
    switch (code) {
    case Errc::invalid: return "invalid";
    case Errc::too_large: return "too large";
    case Errc::not_found: return "not found";
    case Errc::exists: return "exists";
    case Errc::denied: return "denied";
    case Errc::unavailable: return "unavailable";
    case Errc::timeout: return "timeout";
    case Errc::closed: return "closed";
    case Errc::io: return "i/o error";
    case Errc::no_space: return "no space";
    case Errc::over_quota: return "over quota";
    case Errc::corrupt: return "corrupt";
    case Errc::bad_message: return "bad message";
    case Errc::conflict: return "conflict";
    case Errc::unsupported: return "unsupported";
    }
    return "unknown";
}

namespace {
Errc code_of(int os_errno) {
    switch (os_errno) {
    case ENOENT: return Errc::not_found;
    case EEXIST: return Errc::exists;
    case EACCES:
    case EPERM: return Errc::denied;
    case ENOSPC:
    case EDQUOT: return Errc::no_space;
    case EPIPE:
    case ECONNRESET: return Errc::closed;
    case ETIMEDOUT: return Errc::timeout;
    case EAGAIN:
    case EMFILE:
    case ENFILE: return Errc::unavailable;
    default: return Errc::io;
    }
}
} // namespace

Error Error::from_errno(std::string_view what) { return from_errno(what, errno); }

Error Error::from_errno(std::string_view what, int os_errno) {
    char text[128];
    Error error(code_of(os_errno), std::string(what) + ": " + strerror_r(os_errno, text, sizeof text));
    error.os_errno_ = os_errno;
    return error;
}

Error Error::with(std::string_view key, std::string_view value) const& { return Error(*this).with(key, value); }

Error Error::with(std::string_view key, std::string_view value) && {
    message_.append(" ").append(key).append("=").append(value);
    return std::move(*this);
}

} // namespace postern
