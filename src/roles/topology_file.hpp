// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/node.hpp"
#include "core/topology.hpp"

#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

namespace msd::roles {

// What a node knows of all others, as a file that the workers of its pool share. The registry may
// be away, or may have begun anew and not know everybody yet, when a worker starts: it goes on with
// what the others knew, rather than with nothing.
class topology_file {
public:
    /// Without a path it keeps nothing.
    explicit topology_file(std::filesystem::path path) : path_{std::move(path)} {}

    /// Nothing when there is none; one that cannot be read is a line in the log.
    [[nodiscard]] std::optional<core::topology> load();
    /// What was loaded or saved last names a node that `known` does not.
    [[nodiscard]] bool knows_more_than(const core::topology& known) const;
    /// Takes the place of what was kept before (0600), whole or not at all. That it cannot is said
    /// in the log, once.
    void save(const core::topology& known);

private:
    void remember(const core::topology& kept);

    std::filesystem::path path_;
    std::vector<core::node_id> ids_; // of the nodes kept, sorted
    bool complained_ = false;
};

} // namespace msd::roles
