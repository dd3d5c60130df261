// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msd::core {

// The web pages of other origins that may use the gateway (gateway.cors), as a list with commas:
// `https://shop.example` for all routes, `POST/goods=https://partner.example` for one, and `*`
// instead of an origin for every page. A route is written as in the list of nodes.
class allowed_origins {
public:
    enum class answer : std::uint8_t {
        no,
        yes,
        any, // by `*`
    };

    static constexpr std::size_t rules_max = 256;

    /// errc::invalid names the part of the text that is neither an origin nor `*`, or is not behind
    /// a route.
    [[nodiscard]] static result<allowed_origins> parse(std::string_view text);

    [[nodiscard]] bool empty() const { return rules_.empty(); }
    /// Whether a reply can differ by the Origin of its request.
    [[nodiscard]] bool distinguishes() const;
    /// `method` and `pattern` are those of the route; empty for a request without one.
    [[nodiscard]] answer
    find(std::string_view origin, std::string_view method, std::string_view pattern) const;
    /// The text that was parsed.
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    struct rule {
        std::string route;  // "POST/goods"; empty: all routes
        std::string origin; // "*": any
    };

    std::string text_;
    std::vector<rule> rules_;
};

} // namespace msd::core
