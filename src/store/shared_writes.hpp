// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/shared_memory.hpp"
#include "core/recent_writes.hpp"

#include <filesystem>
#include <utility>

namespace msd::store {

// The recent writes of all worker processes of one service on this machine, in a small file that
// all of them map. So a worker reads back what another worker wrote.
class shared_writes {
public:
    /// Creates the file and its directory if they are missing. errc::invalid, errc::unavailable: as
    /// prepare_data_directory().
    [[nodiscard]] static result<shared_writes> open(const std::filesystem::path& file);

    [[nodiscard]] core::recent_writes& writes() const {
        return *static_cast<core::recent_writes*>(memory_.data());
    }

private:
    explicit shared_writes(shared_memory memory) : memory_{std::move(memory)} {}

    shared_memory memory_;
};

} // namespace msd::store
