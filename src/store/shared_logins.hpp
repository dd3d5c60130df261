// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/shared_memory.hpp"
#include "core/login_throttle.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>

namespace msd::store {

// What the workers of the members service on this machine know about earlier logins, in a file that
// all of them map: an attacker who uses all workers is slowed as much as with one, and a restart
// forgets nothing. The file contains hashes of names and addresses under its own random key.
class shared_logins {
public:
    using hash_key = std::array<std::uint64_t, 2>;

    /// Creates the file and its directory if they are missing, and reserves its space on the disk,
    /// about 2 MB. errc::invalid, errc::unavailable: as prepare_data_directory(), or the disk is
    /// full.
    [[nodiscard]] static result<shared_logins> open(const std::filesystem::path& file);
    /// The same in memory of this process only. errc::unavailable.
    [[nodiscard]] static result<shared_logins> open_own();

    [[nodiscard]] core::login_records& records() const { return contents().records; }
    /// The key for hashes of names and clients, the same for all processes.
    [[nodiscard]] hash_key key() const;

private:
    // A file of zeros has no records, so a mapping needs no constructor. A change of the layout
    // changes the name of the file.
    struct image {
        std::array<std::atomic<std::uint64_t>, 2> key; // 0: not chosen yet
        core::login_records records;
    };

    explicit shared_logins(shared_memory memory);

    [[nodiscard]] image& contents() const { return *static_cast<image*>(memory_.data()); }

    shared_memory memory_;
};

} // namespace msd::store
