// A network as somebody wrote it: what is taken is written as it is read, contains its first address and nothing outside.
#include "libcommon/network.h"

#include <cstdlib>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto network = Network::parse({reinterpret_cast<const char*>(data), size});
    if (!network) return 0;
    const auto require = [](bool holds) {
        if (!holds) std::abort();
    };
    require(Network::parse(network->text()) == network);
    require(network->bits() <= 128 && network->contains(network->first()));
    require(Network(network->first(), network->bits()) == *network);
    require(client_network(network->first()).contains(network->first()));
    return 0;
}
