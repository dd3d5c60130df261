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

// How a cluster distributes keys to nodes, and the redirections that its nodes reply with. Pure:
// sending and waiting is done by cluster_client.
namespace msd::store::redis {

constexpr std::size_t slots_of_cluster = 16'384;

/// From the CRC-16/XMODEM of the key, or of the text in its first {…} unless that is empty.
[[nodiscard]] std::uint16_t slot_of(std::string_view key);

// Which master owns which slot, as far as known.
class slot_map {
public:
    static constexpr std::size_t nodes_max = 1000; // the limit that Redis recommends

    slot_map() { owners_.fill(no_owner); }

    /// Reads the reply to CLUSTER SLOTS; a node without an address is the one that was asked.
    /// errc::malformed.
    [[nodiscard]] static result<slot_map> read(const reply& said, const address& asked);

    /// Null when no owner is known.
    [[nodiscard]] const address* owner(std::uint16_t slot) const;
    /// Changes the owner of one slot.
    void move(std::uint16_t slot, const address& to);
    /// All masters that own slots or owned some before move().
    [[nodiscard]] const std::vector<address>& masters() const { return masters_; }

private:
    static constexpr std::uint16_t no_owner = 0xffff;

    [[nodiscard]] std::uint16_t index_of(const address& master);

    std::vector<address> masters_;
    std::array<std::uint16_t, slots_of_cluster> owners_;
};

// How a client must react to an error reply of a cluster node.
struct redirection {
    enum class kind : std::uint8_t {
        none,
        moved, // the slot has another owner from now on
        ask,   // send this command to another node once, after ASKING
        wait,  // the cluster is not ready for the command
    };

    kind what = kind::none;
    std::uint16_t slot = 0;
    address to;
};

/// `from` is the node that answered: it may leave out its own host.
[[nodiscard]] redirection redirection_of(const reply& answered, const address& from);

} // namespace msd::store::redis
