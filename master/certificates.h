// The certificates and private keys that the configuration names, as they were at the start or the last reload: what children
// get until the next one, whatever becomes of the files. master opens the files and reads none of them.
#pragma once

#include "libcommon/config.h"
#include "libcommon/owned.h"
#include "libcommon/result.h"

namespace postern::master {

struct CertificateFiles {
    Fd chains, keys;                     // bundles (ipc/bundle.h), named by option or path
};
Result<CertificateFiles> open_certificates(const Config& config);

} // namespace postern::master
