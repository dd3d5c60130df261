// SPDX-License-Identifier: Apache-2.0
// The claims of a bearer token that a client sends: the input is the field and its payload.
#include "fuzz_target.hpp"
#include "wire/bearer_claim.hpp"

#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto field = msd::fuzz::text_of(data, size);
    const auto claim = msd::wire::bearer_claim(field, "sub");
    msd::fuzz::require(!claim || claim->size() <= field.size(), "a claim is a part of its token");
    return 0;
}
