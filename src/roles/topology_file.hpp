// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/node.hpp"
#include "core/topology.hpp"

#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

namespace msd::roles {

// The topology in a file that the workers of one pool share. When a worker starts while the
// registry cannot be reached, or has just been restarted and does not know all nodes yet, the
// worker uses the list that the other workers saved.
class topology_file {
public:
    /// With an empty path nothing is saved.
    explicit topology_file(std::filesystem::path path) : path_{std::move(path)} {}

    /// Empty when there is no file; logs when the file cannot be read.
    [[nodiscard]] std::optional<core::topology> load();
    /// True when the list that was loaded or saved last has a node that `known` lacks.
    [[nodiscard]] bool knows_more_than(const core::topology& known) const;
    /// Replaces the file (mode 0600) atomically. Logs once when it cannot be written.
    void save(const core::topology& known);

private:
    void remember(const core::topology& kept);

    std::filesystem::path path_;
    std::vector<core::node_id> ids_; // of the nodes kept, sorted
    bool complained_ = false;
};

} // namespace msd::roles
