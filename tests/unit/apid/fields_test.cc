#include "apid/local/resources.h"
#include "apid/local/routes.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::api;

namespace {

std::string read(std::string_view text, ipc::AccountSettings& into) {
    const auto value = json::parse(text);
    REQUIRE(value.ok());
    const auto done = read_fields(*value, into, account_settings_fields);
    return done ? "ok" : done.error().message();
}

} // namespace

TEST_CASE("Settings are read by name, and only what is named is set") {
    ipc::AccountSettings settings;
    CHECK(read(R"({"status":"suspended","quota_bytes":5,"name":"Ann"})", settings) == "ok");
    CHECK(settings.status == ipc::AccountStatus::suspended);
    CHECK(settings.quota_bytes == std::uint64_t{5});
    CHECK(settings.name->view() == "Ann");
    CHECK_FALSE(settings.quota_messages);
    CHECK_FALSE(settings.role);
    CHECK(read(R"({"quota_bytes":null})", settings) == "ok");
    CHECK(settings.quota_bytes == ipc::quota_of_domain);
}

TEST_CASE("What settings may not be") {
    struct Case { std::string_view text, expect; };
    constexpr Case cases[] = {
        {R"([])", "the body must be a JSON object"},
        {R"({"statos":"active"})", "unknown member: statos"},
        {R"({"status":"asleep"})", "status: must be one of active, suspended, disabled"},
        {R"({"status":1})", "status: must be one of active, suspended, disabled"},
        {R"({"quota_bytes":-1})", "quota_bytes: must be a whole number"},
        {R"({"quota_bytes":1.5})", "quota_bytes: must be a whole number"},
        {R"({"quota_bytes":"5"})", "quota_bytes: must be a whole number"},
        {R"({"name":null})", "name: must be a string"},
    };
    for (const Case& c : cases) {
        INFO(c.text);
        ipc::AccountSettings settings;
        CHECK(read(c.text, settings) == c.expect);
    }
    ipc::AccountSettings settings;
    CHECK(read(R"({"name":")" + std::string(257, 'a') + R"("})", settings) == "name: at most 256 bytes");
}

TEST_CASE("A row shows every field, in order") {
    ipc::AliasRow alias;
    alias.address = "team@example.org";
    alias.targets.push_back("ann@example.org");
    CHECK(write_fields(alias, alias_fields).dump() ==
          R"({"address":"team@example.org","active":true,"targets":["ann@example.org"]})");
    ipc::AccountRow row;
    row.quota_messages = 3;
    const auto shown = write_fields(row, account_fields);
    CHECK(shown["quota_bytes"].is_null());
    CHECK(shown["quota_messages"].number() == std::uint64_t{3});
    CHECK(*shown["role"].text() == "user");
}

TEST_CASE("The OpenAPI document describes every route") {
    const auto document = openapi_document();
    CHECK(json::parse(document.dump())->dump() == document.dump());
    for (const Route& route : routes()) {
        INFO(route.method << " " << route.path);
        std::string method(route.method);
        for (char& c : method) c = static_cast<char>(c | 0x20);
        const auto& operation = document["paths"][route.path][method];
        REQUIRE(operation.object());
        CHECK(*operation["summary"].text() == route.summary);
        CHECK(operation["responses"][std::to_string(route.good)].object());
        CHECK((operation["requestBody"].object() != nullptr) == (route.body != nullptr));
    }
    const auto& body = document["paths"]["/api/v1/accounts"]["post"]["requestBody"]["content"]["application/json"];
    CHECK(body["schema"]["properties"]["address"]["maxLength"].number() == std::uint64_t{320});
    CHECK(body["schema"]["properties"]["role"]["enum"].array()->size() == 2);
}

TEST_CASE("A new app password is read by name; what is made shows nothing but the password") {
    ipc::AddAppPassword request;
    const auto read_request = [&](std::string_view text) {
        request = {};
        const auto value = json::parse(text);
        REQUIRE(value.ok());
        const auto done = read_fields(*value, request, new_app_password_fields);
        return done ? "ok" : done.error().message();
    };
    CHECK(read_request(R"({"name":"phone","scopes":["imap","smtp"],"expires":1795249200})") == "ok");
    CHECK(request.name.view() == "phone");
    CHECK(request.scopes == ipc::AppScopes{{ipc::AppScope::imap, ipc::AppScope::smtp}});
    CHECK(request.expires == 1795249200);
    CHECK(read_request(R"({"scopes":["pop3"]})") == "scopes: must be one of smtp, imap, api");
    CHECK(read_request(R"({"scopes":"imap"})") == "scopes: must be an array");
    CHECK(read_request(R"({"expires":-1})") == "expires: must be seconds since the epoch");
    CHECK(read_request(R"({"expires":18446744073709551615})") == "expires: must be seconds since the epoch");
    CHECK(read_request(R"({"password":"mine"})") == "unknown member: password");

    ipc::AppPasswordAdded added;
    added.password = "k3f9w-7hq2m-x4tzd-9c5vb-n8r6p";
    CHECK(write_fields(added, made_app_password_fields).dump() == R"({"password":"k3f9w-7hq2m-x4tzd-9c5vb-n8r6p"})");
}
