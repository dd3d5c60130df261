// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "core/resilience/rate_limiter.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace msd::core {

// A limit of requests as it is written in the configuration: of a route, or of the gateway for the
// routes that have none. The gateway counts the requests of each key by core/resilience.
struct request_limit {
    // What is counted together: the requests of one client (its address; of IPv6 its /64 network),
    // of one value of a header field or of a claim (wire/bearer_claim.hpp), or all of them.
    enum class counting : std::uint8_t { client, header, claim, all };
    static constexpr std::uint32_t burst_max = 1'000'000;
    // The words for all requests.
    static constexpr std::string_view all_of_route = "route";
    static constexpr std::string_view all_of_gateway = "all";

    resilience::limit_settings settings{{0, std::chrono::seconds{1}}, 1};
    counting each = counting::client;
    std::string name; // of the header field, in lower case, or of the claim

    [[nodiscard]] bool is_on() const { return settings.allowed.requests != 0; }
};

/// Sets what is counted together: "client", "header:NAME", "claim:NAME", or `all`, the word for all
/// requests.
/// errc::invalid with a text for the user.
[[nodiscard]] result<void>
read_counting(request_limit& into, std::string_view text, std::string_view all);

/// The same text again.
[[nodiscard]] std::string counting_text(const request_limit& of, std::string_view all);

} // namespace msd::core
