// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "core/node.hpp"
#include "core/topology.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace msd::node {

// The topology in a file that the workers of one pool share. When a worker starts while the
// registry cannot be reached, or has just been restarted and does not know all nodes yet, the
// worker uses the list that the other workers saved. A long list is written in steps, so that the
// event loop does not stand still, and the longer it is, the more rarely.
class topology_file {
public:
    /// With an empty path nothing is saved.
    explicit topology_file(std::filesystem::path path) : path_{std::move(path)} {}
    ~topology_file();
    topology_file(const topology_file&) = delete;
    topology_file& operator=(const topology_file&) = delete;

    /// The packet to apply to an empty topology; empty when there is no file; logs when the file
    /// cannot be read.
    [[nodiscard]] std::optional<std::string> read();
    /// Call with the topology to which the packet was applied. When it is not usable, logs and
    /// returns false.
    bool note_loaded(bool is_usable, const core::topology& loaded);

    /// True when the list that was loaded or saved last has a node that `known` lacks.
    [[nodiscard]] bool knows_more_than(const core::topology& known) const;

    /// Begins to write the list as it is now; ends a save that is not finished.
    void begin_save(const core::topology& known);
    /// Writes about `bytes` more; false when all is written. The last step replaces the file (mode
    /// 0600) atomically. Logs once when it cannot be written.
    [[nodiscard]] bool save_step(std::size_t bytes);
    /// How long to wait after a save before the next one.
    [[nodiscard]] milliseconds pause() const;

private:
    // A save in progress.
    struct draft {
        std::string path;
        unique_fd file;
        std::vector<core::listed_node_ptr> nodes;
        std::size_t next = 0;
        std::string text; // to be written
        bool failed = false;
        int reason = 0; // errno
    };

    void fail(int reason);
    void flush();
    void finish();
    void remember(const core::topology& kept);

    std::filesystem::path path_;
    std::vector<core::node_id> kept_; // the nodes in the file
    std::unique_ptr<draft> draft_;
    std::size_t bytes_saved_ = 0; // by the last save
    bool complained_ = false;
};

} // namespace msd::node
