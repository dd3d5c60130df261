// SPDX-License-Identifier: Apache-2.0
#include "services/digest.hpp"

#include <array>
#include <sodium.h>

namespace msd::services {

std::string digest_of(std::string_view text) {
    std::array<unsigned char, crypto_generichash_BYTES> digest{};
    crypto_generichash(
        digest.data(),
        digest.size(),
        reinterpret_cast<const unsigned char*>(text.data()),
        text.size(),
        nullptr,
        0
    );
    std::string hex(2 * digest.size() + 1, '\0'); // sodium ends it with a NUL
    sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
    hex.pop_back();
    return hex;
}

} // namespace msd::services
