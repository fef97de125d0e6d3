// The authorities that may vouch for servers, parsed once and shared by every connection that asks them.
#pragma once

#include <memory>
#include <string_view>

struct x509_store_st;

namespace postern::tls {

// As one PEM file has them; what is no certificate in it is left out. Empty text: nobody is vouched for.
std::shared_ptr<x509_store_st> read_authorities(std::string_view pem);

} // namespace postern::tls
