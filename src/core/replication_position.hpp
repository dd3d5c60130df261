// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace msd::core {

// The position of a database server: for each replication domain the number of its last
// transaction, as MariaDB writes it ("0-1-100,7-2-5": domain, server, number). Comparing two
// positions shows whether one server has all transactions of another, without comparing clocks.
class replication_position {
public:
    static constexpr std::size_t domains_max = 64;

    /// Before the first transaction.
    replication_position() = default;
    /// One domain only: the number of a cluster's transaction.
    explicit replication_position(std::uint64_t number) : domains_{{0, number}} {}

    /// nullopt: not a text of this form, or more than `domains_max` domains.
    [[nodiscard]] static std::optional<replication_position> parse(std::string_view text);

    /// Whether this position includes all transactions of `other`.
    [[nodiscard]] bool covers(const replication_position& other) const;

    bool operator==(const replication_position&) const = default;

private:
    struct domain {
        std::uint32_t id = 0;
        std::uint64_t number = 0;
        bool operator==(const domain&) const = default;
    };

    [[nodiscard]] static std::optional<domain> parse_one(std::string_view text);

    std::vector<domain> domains_; // in the order of ids
};

} // namespace msd::core
