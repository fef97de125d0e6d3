// The conversation with smtpd over its submission socket: blocking, one message, one end.
#pragma once

#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace postern::sendmail {

// sysexits.h, as programs that call sendmail know them.
enum ExitCode : int { exit_ok = 0, exit_usage = 64, exit_data = 65, exit_no_user = 67, exit_unavailable = 69, exit_try_again = 75,
                      exit_no_permission = 77 };

struct Reply {
    int code = 0;                    // 0: the connection is gone
    std::string text;                // of all its lines, without codes
};

struct Submission {
    std::string reverse_path;
    std::vector<std::string> recipients;
    std::string mail_parameters, rcpt_parameters;    // with a blank in front
    std::string message;             // CRLF line ends, dots as they are
};
struct Outcome {
    ExitCode code = exit_ok;
    std::string reason;              // where it is not exit_ok
};

class Client {
  public:
    // Errc::unavailable: nobody is there; errors otherwise are the server's words.
    static Result<Client> connect(const std::string& socket);

    const std::string& hostname() const { return hostname_; }
    const std::string& address() const { return address_; }        // whom the server takes us for

    // All recipients or none: who calls sendmail has one exit code to look at.
    Outcome send(const Submission& submission);

    const Fd& socket() const { return socket_; }
    std::string& received() { return in_; }

  private:
    explicit Client(Fd socket) : socket_(std::move(socket)) {}
    Reply read_reply();
    Reply command(std::string_view line);
    bool write(std::string_view bytes);

    Fd socket_;
    std::string in_;
    std::string hostname_, address_;
};

// Whatever comes on `in` to the socket, and back to `out`, until either ends: for -bs.
Outcome relay(Client& client, int in, int out);

// RFC 5321 section 4.5.2.
std::string dot_stuffed(std::string_view message);
// What a refusal means to the caller.
ExitCode exit_code_of(const Reply& reply, ExitCode for_good);

} // namespace postern::sendmail
