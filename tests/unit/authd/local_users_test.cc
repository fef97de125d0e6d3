#include "authd/local_users.h"
#include "libcommon/owned.h"

#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace postern;
using namespace postern::authd;

namespace {

constexpr std::string_view passwd = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/sh\nodd name@x:x:1001:1:::\n"
                                    "again:x:1000:1000:::\nbroken\n:x:7:7:::\nno number:x:y:0:::\n";

LocalUsers users(std::int64_t master = 1) {
    LocalUsers made(parse_passwd(passwd), master);
    made.configure("mx.example.org", {"1002", "nobody such", "ann"});
    return made;
}

std::pair<Fd, Fd> socket_pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    return {Fd(ends[0]), Fd(ends[1])};
}

} // namespace

TEST_CASE("a user of this host has an address here, by name where there is one") {
    CHECK(users().address(0) == "root@mx.example.org");
    CHECK(users().address(1000) == "ann@mx.example.org");
    CHECK(users().address(1001) == "uid1001@mx.example.org");
    CHECK(users().address(5555) == "uid5555@mx.example.org");
}

TEST_CASE("root and trusted users send as anybody, others as themselves") {
    const LocalUsers made = users();
    using enum ipc::Verdict;
    CHECK(made.may_send_as(0, "x@elsewhere.example") == allowed);
    CHECK(made.may_send_as(1000, "x@elsewhere.example") == allowed);
    CHECK(made.may_send_as(1002, "x@elsewhere.example") == allowed);
    CHECK(made.may_send_as(5555, "x@elsewhere.example") == denied);
    CHECK(made.may_send_as(5555, "UID5555@mx.example.org") == allowed);
    CHECK(made.may_send_as(5555, "ann@mx.example.org") == denied);
    CHECK(made.may_send_as(5555, "") == allowed);
}

TEST_CASE("whose connection it is says the kernel; what master made is nobody's") {
    const auto [one, other] = socket_pair();
    const auto owner = users().owner(one.get());
    REQUIRE(owner.ok());
    CHECK(*owner == ::getuid());
    CHECK_FALSE(users(::getpid()).owner(one.get()).ok());
    const Fd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));       // whose peer the kernel calls uid -1
    REQUIRE(tcp);
    CHECK_FALSE(users().owner(tcp.get()).ok());
    CHECK_FALSE(users().owner(-1).ok());
}
