#include "libtls/authorities.h"

#include "libcommon/owned.h"

#include <new>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace postern::tls {

std::shared_ptr<x509_store_st> read_authorities(std::string_view pem) {
    std::shared_ptr<X509_STORE> store(X509_STORE_new(), X509_STORE_free);
    const Owned<BIO, BIO_free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    if (!store || !bio) throw std::bad_alloc();
    while (X509* authority = PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr)) {
        X509_STORE_add_cert(store.get(), authority);
        X509_free(authority);
    }
    ERR_clear_error();                   // the end of the file, and what was in it twice, are reported as errors
    return store;
}

} // namespace postern::tls
