// The file `orders` in the root of the spool: written whole under a dot-name, flushed, renamed.
#pragma once

#include "qmgr/journal/folders.h"
#include "qmgr/orders.h"

namespace postern::qmgr {

std::string encode_orders(const Orders& orders);
Result<Orders> decode_orders(std::string_view bytes);

Result<void> write_orders(Sys& sys, int root, const Orders& orders);
// None when there is no file; Errc::corrupt when it does not check.
Result<Orders> read_orders(Sys& sys, int root);

} // namespace postern::qmgr
