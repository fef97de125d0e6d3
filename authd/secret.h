// A password in clear: moved, never copied, wiped when it goes.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <openssl/crypto.h>

namespace postern::authd {

class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string&& text) : text_(std::move(text)) { wipe(text); }
    Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { wipe(other.text_); }
    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) {
            wipe(text_);
            text_ = std::move(other.text_);
            wipe(other.text_);
        }
        return *this;
    }
    ~Secret() { wipe(text_); }

    std::string_view view() const { return text_; }
    bool empty() const { return text_.empty(); }

  private:
    // The whole capacity: a short string lives inside the object and is copied, not moved.
    static void wipe(std::string& text) {
        text.resize(text.capacity());
        OPENSSL_cleanse(text.data(), text.size());
        text.clear();
    }
    std::string text_;
};

} // namespace postern::authd
