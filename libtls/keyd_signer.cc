#include "libtls/keyd_signer.h"

#include "ipc/frame.h"

#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

namespace postern::tls {
namespace {

constexpr std::chrono::milliseconds signature_deadline(1000);
using Clock = std::chrono::steady_clock;

// One request, one answer, in order, on a channel nobody else uses.
class KeydChannel {
  public:
    explicit KeydChannel(ipc::Daemon& daemon) : daemon_(daemon) {}

    Result<std::string> sign(const ipc::KeyName& key, ipc::SignatureScheme scheme, std::string_view input) {
        if (input.size() > decltype(ipc::Sign::input)::limit) return Error(Errc::too_large, "too much to sign");
        const auto end = Clock::now() + signature_deadline;
        // keyd may have been restarted since the last signature: once more, on a new channel.
        for (int attempt = 0;; ++attempt) {
            auto answer = round_trip({key, scheme, std::string(input)}, end);
            if (answer) {
                if (answer->status == ipc::SignStatus::ok) return std::move(answer->bytes.value);
                return Error(Errc::denied, answer->status == ipc::SignStatus::unknown_key ? "keyd does not have this key"
                                                                                          : "keyd refused to sign");
            }
            socket_.reset();
            if (attempt == 1 || answer.error().code() == Errc::timeout) return answer.error();
        }
    }

  private:
    Result<ipc::Signature> round_trip(const ipc::Sign& question, Clock::time_point end) {
        if (!socket_) {
            auto opened = daemon_.blocking_channel(ipc::ServiceId::keyd, left(end));
            if (!opened) return opened.error();
            socket_ = std::move(*opened);
        }
        const std::string body = encode(question);
        const ipc::FrameHeader header{static_cast<std::uint32_t>(body.size()), static_cast<std::uint16_t>(ipc::Sign::type),
                                      0, ipc::frame_version, ++request_};
        const std::string frame = encode(header) + body;
        if (::send(socket_.get(), frame.data(), frame.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(frame.size()))
            return Error(Errc::closed, "keyd is gone");
        auto answer_header = receive(ipc::frame_header_size, end);
        if (!answer_header) return answer_header.error();
        auto parsed = decode<ipc::FrameHeader>(*answer_header);
        if (!parsed || parsed->request != request_ || parsed->length > MaxEncoded<ipc::Signature>::value)
            return Error(Errc::bad_message, "keyd answered something else");
        auto answer = receive(parsed->length, end);
        if (!answer) return answer.error();
        return decode<ipc::Signature>(*answer);
    }

    Result<std::string> receive(std::size_t size, Clock::time_point end) {
        std::string bytes(size, '\0');
        for (std::size_t have = 0; have < size;) {
            pollfd ready{socket_.get(), POLLIN, 0};
            const auto wait = left(end);
            if (wait.count() <= 0 || ::poll(&ready, 1, static_cast<int>(wait.count())) == 0)
                return Error(Errc::timeout, "keyd did not answer in time");
            const ssize_t got = ::recv(socket_.get(), bytes.data() + have, size - have, MSG_DONTWAIT);
            if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            if (got <= 0) return Error(Errc::closed, "keyd is gone");
            have += static_cast<std::size_t>(got);
        }
        return bytes;
    }

    static std::chrono::milliseconds left(Clock::time_point end) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    }

    ipc::Daemon& daemon_;
    Fd socket_;
    std::uint32_t request_ = 0;
};

} // namespace

Signer keyd_signer(ipc::Daemon& daemon) {
    return [channel = std::make_shared<KeydChannel>(daemon)](const ipc::KeyName& key, ipc::SignatureScheme scheme,
                                                            std::string_view input) {
        return channel->sign(key, scheme, input);
    };
}

} // namespace postern::tls
