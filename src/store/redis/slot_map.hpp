// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/redis/command.hpp"
#include "store/redis/settings.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

// How a cluster divides its keys, and what its nodes say when somebody asks the wrong one. Pure:
// asking and waiting is the client's.
namespace msd::store::redis {

constexpr std::size_t slots_of_cluster = 16'384;

/// CRC-16/XMODEM of the key, or of what stands in its first {…} unless that is empty.
[[nodiscard]] std::uint16_t slot_of(std::string_view key);

// Which master has which slot, as far as it was heard.
class slot_map {
public:
    static constexpr std::size_t nodes_max = 1000; // as many as Redis recommends at most

    slot_map() { owners_.fill(nobody); }

    /// From the reply to CLUSTER SLOTS; nodes that the server cannot name are the one that was
    /// asked. errc::malformed.
    [[nodiscard]] static result<slot_map> read(const reply& said, const address& asked);

    /// Null when nobody is known to have it.
    [[nodiscard]] const address* owner(std::uint16_t slot) const;
    /// One slot has another owner now.
    void move(std::uint16_t slot, const address& to);
    /// All that have slots, or had some before move().
    [[nodiscard]] const std::vector<address>& masters() const { return masters_; }

private:
    static constexpr std::uint16_t nobody = 0xffff;

    [[nodiscard]] std::uint16_t index_of(const address& master);

    std::vector<address> masters_;
    std::array<std::uint16_t, slots_of_cluster> owners_;
};

// What an error reply of a node of a cluster asks its client to do.
struct redirection {
    enum class kind : std::uint8_t {
        none,
        moved, // the slot has another owner, from now on
        ask,   // this command only, and after ASKING
        wait,  // the cluster is not ready for it yet
    };

    kind what = kind::none;
    std::uint16_t slot = 0;
    address to;
};

/// `from` is the node that answered: it may leave out its own host.
[[nodiscard]] redirection redirection_of(const reply& answered, const address& from);

} // namespace msd::store::redis
