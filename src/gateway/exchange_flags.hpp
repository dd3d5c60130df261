// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

// Why a request did not go as it should, in the words of the access log. Steps of the exchange,
// policies and backends set them when they know the reason.
namespace msd::gateway {

enum class exchange_flag : std::uint8_t {
    no_route,            // NR
    rate_limited,        // RL
    no_instance,         // UH: none is known, or none may take requests
    connect_failed,      // UF: no connection to any instance
    overflow,            // UO: every instance is busy, or a bulkhead is full
    upstream_timeout,    // UT
    retries_used_up,     // URX
    client_disconnected, // DC: before the reply was complete
};

class exchange_flags {
public:
    void set(exchange_flag which) {
        bits_ = static_cast<std::uint16_t>(bits_ | 1U << static_cast<unsigned>(which));
    }
    [[nodiscard]] bool has(exchange_flag which) const {
        return (bits_ >> static_cast<unsigned>(which) & 1U) != 0;
    }
    [[nodiscard]] bool empty() const { return bits_ == 0; }

    /// "UF,URX"; empty: none.
    [[nodiscard]] std::string text() const {
        constexpr std::array<std::string_view, 8>
            names{"NR", "RL", "UH", "UF", "UO", "UT", "URX", "DC"};
        std::string out;
        for (std::size_t index = 0; index < names.size(); ++index) {
            if (has(static_cast<exchange_flag>(index))) {
                out.append(out.empty() ? "" : ",").append(names.at(index));
            }
        }
        return out;
    }

private:
    std::uint16_t bits_ = 0;
};

} // namespace msd::gateway
