// SPDX-License-Identifier: Apache-2.0
// Masked JSON is JSON, no member with a secret name keeps its value, and text without anything
// suspicious stays as it is.
#include "base/json.hpp"
#include "base/masking.hpp"
#include "base/secret_names.hpp"
#include "fuzz_target.hpp"

#include <string>
#include <string_view>

using msd::fuzz::require;

namespace {

// Whether a member with a secret name has another value than the mask.
bool shows_secret(std::string_view text) {
    msd::json::object members;
    if (!members.parse(text)) {
        return false;
    }
    for (const auto& each : members) {
        const bool hidden = each.val.text == "\"***\"";
        if (msd::is_secret_name(each.name) ? !hidden : shows_secret(each.val.text)) {
            return true;
        }
    }
    return false;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = msd::fuzz::text_of(data, size);
    const std::string shown = msd::masked(input);
    require(msd::may_hold_secret(input) || shown == input, "nothing else is masked");
    if (msd::json::parse(input)) {
        require(msd::json::parse(shown).has_value(), "masked JSON is JSON");
        require(!shows_secret(shown), "no member with a secret name is shown");
    }
    return 0;
}
