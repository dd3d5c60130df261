// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/registration.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// The packets with which a distributor sends its list, each as a whole frame. Entries are given as
// text (core/registration.hpp), so that the text of a node is made once for all packets.
// core/topology.hpp reads these packets.
namespace msd::core {

constexpr std::size_t snapshot_part_bytes_max = std::size_t{256} * 1024;

/// The whole list for foreign nodes; `entries` are joined by commas.
[[nodiscard]] std::string list_frame(std::string_view entries);
/// The same for a list that is made in several steps: what is before and after the entries.
[[nodiscard]] std::string list_frame_begin();
void append_list_frame_end(std::string& frame);

/// Informs a node that the distributor is an msd distributor; contains no entries.
[[nodiscard]] std::string announcement_frame(revision now);

struct snapshot_part {
    std::string_view entries; // joined by commas
    std::size_t index = 0;    // from 0
    bool more = false;        // another part follows
};
[[nodiscard]] std::string snapshot_frame(revision now, const snapshot_part& part);

struct change_set {
    std::uint64_t since = 0;  // the rev before these changes; equal to the current rev when only
                              // the state of nodes changed, not the set of nodes
    std::string_view added;   // entries joined by commas: new ones, or replacements of known ones
    std::string_view removed; // identities joined by commas; removed before anything is added
};
[[nodiscard]] std::string changes_frame(revision now, const change_set& changes);

} // namespace msd::core
