#include <catch2/catch.hpp>

#include <argon2.h>
#include <cstdio>
#include <event2/event.h>
#include <idn2.h>
#include <ldns/ldns.h>
#include <libpsl.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <zstd.h>

extern "C" {
#include <opendkim/dkim.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/nameser.h>
#include <spf2/spf.h>
}

TEST_CASE("ldns codes a query") {
    ldns_rdf* name = ldns_dname_new_frm_str("example.org.");
    ldns_pkt* query = ldns_pkt_query_new(name, LDNS_RR_TYPE_MX, LDNS_RR_CLASS_IN, LDNS_RD);
    std::uint8_t* wire = nullptr;
    std::size_t size = 0;
    REQUIRE(ldns_pkt2wire(&wire, query, &size) == LDNS_STATUS_OK);
    CHECK(size == 29);
    LDNS_FREE(wire);
    ldns_pkt_free(query);
}

TEST_CASE("libopendkim opens") {
    DKIM_LIB* library = dkim_init(nullptr, nullptr);
    REQUIRE(library != nullptr);
    CHECK(dkim_libfeature(library, DKIM_FEATURE_SHA256));
    dkim_close(library);
}

TEST_CASE("libspf2 opens with no resolver of its own") {
    SPF_server_t* server = SPF_server_new(SPF_DNS_ZONE, 0);
    REQUIRE(server != nullptr);
    SPF_server_free(server);
}

TEST_CASE("the others are those Debian 12 ships, or newer") {
    CHECK(ARGON2_VERSION_NUMBER == 0x13);
    CHECK(sqlite3_libversion_number() >= 3040000);
    CHECK(sqlite3_compileoption_used("ENABLE_FTS5") == 1);
    CHECK(OPENSSL_version_major() >= 3);
    CHECK(event_get_version_number() >= 0x02010C00U);
    CHECK(idn2_check_version("2.3.0") != nullptr);
    CHECK(psl_builtin() != nullptr);
    CHECK(ZSTD_versionNumber() >= 10500);
}
