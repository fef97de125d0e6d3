// One list of fields per resource: its JSON, reading it back, and its schema in the OpenAPI document come from it.
//
//   constexpr auto alias_fields = std::tuple(
//       field("address", &ipc::AliasRow::address, "the alias itself"),
//       field("active", &ipc::AliasRow::active, "inactive ones are as if they did not exist"));
#pragma once

#include "ipc/admin.h"
#include "ipc/queue_admin.h"
#include "libcommon/ids.h"
#include "libcommon/json.h"

#include <span>
#include <tuple>

namespace postern::api {

// Enumerators by name: overloaded for each enum that shows in the API.
std::span<const std::string_view> enum_names(ipc::DomainStatus);
std::span<const std::string_view> enum_names(ipc::AccountStatus);
std::span<const std::string_view> enum_names(ipc::AccountRole);
std::span<const std::string_view> enum_names(ipc::AppScope);
std::span<const std::string_view> enum_names(ipc::Posting);
std::span<const std::string_view> enum_names(ipc::QueueAction);
std::span<const std::string_view> enum_names(ipc::DestinationAction);

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) { enum_names(e); };

// --- how each type looks in JSON ------------------------------------------------------------------------------

template <std::integral T> json::Value to_json(T v) { return v; }
template <std::size_t N> json::Value to_json(const Text<N>& v) { return v.view(); }
template <NamedEnum E> json::Value to_json(E v) { return enum_names(v)[static_cast<std::size_t>(v)]; }
template <class T, std::size_t N> json::Value to_json(const List<T, N>& items) {
    json::Value array = json::Array{};
    for (const T& item : items) array.push(to_json(item));
    return array;
}
template <class T> json::Value to_json(const std::optional<T>& v) { return v ? to_json(*v) : json::Value(); }

// Types of the queue show as text; only ids are read.
inline json::Value to_json(const QueueId& id) { return id.text(); }
inline json::Value to_json(const TraceId& trace) { return trace.text(); }
inline json::Value to_json(ipc::RecipientState state) { return to_string(state); }

Error wrong_type(std::string_view expected);

inline Result<void> from_json(const json::Value& in, bool& out) {
    if (!in.flag()) return wrong_type("true or false");
    out = *in.flag();
    return {};
}
inline Result<void> from_json(const json::Value& in, std::uint64_t& out) {
    const auto number = in.number();
    if (!number) return wrong_type("a whole number");
    out = *number;
    return {};
}
inline Result<void> from_json(const json::Value& in, std::int64_t& out) {   // a time
    const auto number = in.number();
    if (!number || *number > INT64_MAX) return wrong_type("seconds since the epoch");
    out = static_cast<std::int64_t>(*number);
    return {};
}
template <std::size_t N> Result<void> from_json(const json::Value& in, Text<N>& out) {
    if (!in.text()) return wrong_type("a string");
    if (in.text()->size() > N) return Error(Errc::too_large, "at most " + std::to_string(N) + " bytes");
    out.value = *in.text();
    return {};
}
inline Result<void> from_json(const json::Value& in, QueueId& out) {
    if (!in.text()) return wrong_type("a queue id");
    const auto id = QueueId::parse(*in.text());
    if (!id) return wrong_type("a queue id");
    out = *id;
    return {};
}
template <NamedEnum E> Result<void> from_json(const json::Value& in, E& out) {
    const auto names = enum_names(out);
    std::string allowed;
    for (std::size_t i = 0; i < names.size(); ++i) {
        allowed += (i == 0 ? "" : ", ") + std::string(names[i]);
        if (!in.text() || *in.text() != names[i]) continue;
        out = static_cast<E>(i);
        return {};
    }
    return wrong_type("one of " + allowed);
}
template <class T, std::size_t N> Result<void> from_json(const json::Value& in, List<T, N>& out) {
    if (!in.array()) return wrong_type("an array");
    if (in.array()->size() > N) return Error(Errc::too_large, "at most " + std::to_string(N) + " items");
    out.items.clear();
    for (const json::Value& item : *in.array()) {
        T value{};
        if (auto read = from_json(item, value); !read) return read;
        out.push_back(std::move(value));
    }
    return {};
}
template <class T> Result<void> from_json(const json::Value& in, std::optional<T>& out) {
    return from_json(in, out.emplace());
}

// --- schemas, JSON Schema 2020-12 as OpenAPI 3.1 takes them ---------------------------------------------------

json::Value type_schema(std::string_view type);
inline json::Value schema_of(const bool*) { return type_schema("boolean"); }
template <std::integral T> json::Value schema_of(const T*) { return type_schema("integer"); }
inline json::Value schema_of(const QueueId*) { return type_schema("string"); }
template <std::size_t N> json::Value schema_of(const Text<N>*) { return type_schema("string").set("maxLength", N); }
template <NamedEnum E> json::Value schema_of(const E*) {
    json::Value names = json::Array{};
    for (const auto name : enum_names(E{})) names.push(name);
    return type_schema("string").set("enum", std::move(names));
}
template <class T, std::size_t N> json::Value schema_of(const List<T, N>*) {
    return type_schema("array").set("maxItems", N).set("items", schema_of(static_cast<const T*>(nullptr)));
}
template <class T> json::Value schema_of(const std::optional<T>*) { return schema_of(static_cast<const T*>(nullptr)); }
inline json::Value schema_of(const TraceId*) { return type_schema("string"); }
inline json::Value schema_of(const ipc::RecipientState*) { return type_schema("string"); }

// --- fields ---------------------------------------------------------------------------------------------------

template <class C, class T> struct Field {
    std::string_view name;
    T C::*member;
    std::string_view help;

    json::Value write(const C& from) const { return to_json(from.*member); }
    Result<void> read(const json::Value& in, C& into) const { return from_json(in, into.*member); }
    json::Value schema() const { return schema_of(static_cast<const T*>(nullptr)); }
};
template <class C, class T> constexpr Field<C, T> field(std::string_view name, T C::*member, std::string_view help) {
    return {name, member, help};
}

// Absolute limits of an account: null in JSON means the domain's.
template <class C, class T> struct QuotaField : Field<C, T> {
    json::Value write(const C& from) const {
        if constexpr (std::same_as<T, std::uint64_t>)
            return from.*this->member == ipc::quota_of_domain ? json::Value() : json::Value(from.*this->member);
        else
            return to_json(from.*this->member);
    }
    Result<void> read(const json::Value& in, C& into) const {
        if (!in.is_null()) return from_json(in, into.*this->member);
        into.*this->member = ipc::quota_of_domain;
        return {};
    }
    json::Value schema() const {
        return json::Value().set("type", json::Array{"integer", "null"});
    }
};
template <class C, class T> constexpr QuotaField<C, T> quota_field(std::string_view name, T C::*member, std::string_view help) {
    return {{name, member, help}};
}

template <class C, class Fields> json::Value write_fields(const C& from, const Fields& fields) {
    json::Value object = json::Object{};
    std::apply([&](const auto&... f) { (object.set(std::string(f.name), f.write(from)), ...); }, fields);
    return object;
}

// Both objects' members in one.
json::Value merged(json::Value object, const json::Value& more);

// A member no field knows is an error: a misspelt setting must not look set.
template <class C, class Fields> Result<void> read_fields(const json::Value& in, C& into, const Fields& fields) {
    if (!in.object()) return Error(Errc::invalid, "the body must be a JSON object");
    for (const auto& item : *in.object()) {
        const auto& name = item.first;                     // clang 14 captures no structured binding
        const auto& value = item.second;
        bool known = false;
        Result<void> result;
        const auto offer = [&](const auto& f) {
            if (known || f.name != name) return;
            known = true;
            result = f.read(value, into);
        };
        std::apply([&](const auto&... f) { (offer(f), ...); }, fields);
        if (!known) return Error(Errc::invalid, "unknown member: " + name);
        if (!result) return Error(result.error().code(), name + ": " + result.error().message());
    }
    return {};
}

template <class Fields> json::Value object_schema(const Fields& fields) {
    json::Value properties = json::Object{};
    std::apply([&](const auto&... f) {
        (properties.set(std::string(f.name), f.schema().set("description", f.help)), ...);
    }, fields);
    return type_schema("object").set("properties", std::move(properties));
}

} // namespace postern::api
