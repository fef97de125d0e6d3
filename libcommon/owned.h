// Every resource has one owner whose destructor releases it. Descriptors are Fd; what a C library hands out
// is Owned<T, its release function>.
#pragma once

#include <memory>
#include <utility>

namespace postern {

template <auto Release> struct ReleaseWith {
    template <class T> void operator()(T* p) const noexcept { (void)Release(p); }
};
template <class T, auto Release> using Owned = std::unique_ptr<T, ReleaseWith<Release>>;

// A file descriptor; empty is -1. The only place that calls close(2).
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) reset(std::exchange(other.fd_, -1));
        return *this;
    }
    ~Fd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1);
    Fd duplicate() const;   // close-on-exec; empty when the process has no descriptor left

  private:
    int fd_ = -1;
};

} // namespace postern
