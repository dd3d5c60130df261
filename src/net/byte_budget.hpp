// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace msd::net {

// A bound on memory that many owners hold together, such as the request bodies of all connections
// of a worker. Each owner has a share and resizes it as it takes and frees memory; a share that
// would exceed the bound does not grow. Single-threaded.
class byte_budget {
public:
    explicit byte_budget(std::size_t bytes_max) : bytes_max_{bytes_max} {}
    byte_budget(const byte_budget&) = delete;
    byte_budget& operator=(const byte_budget&) = delete;

    [[nodiscard]] std::size_t used() const { return used_; }

    // What one owner holds. The budget must outlive it.
    class share {
    public:
        explicit share(byte_budget& budget) : budget_{budget} {}
        share(const share&) = delete;
        share& operator=(const share&) = delete;
        ~share() { budget_.used_ -= bytes_; }

        /// Changes the share to `bytes`. Returns false and changes nothing when that exceeds the
        /// bound; shrinking always works.
        [[nodiscard]] bool resize(std::size_t bytes) {
            const std::size_t others = budget_.used_ - bytes_;
            if (bytes > bytes_ && others + bytes > budget_.bytes_max_) {
                return false;
            }
            budget_.used_ = others + bytes;
            bytes_ = bytes;
            return true;
        }

        void release() {
            budget_.used_ -= bytes_;
            bytes_ = 0;
        }

    private:
        byte_budget& budget_;
        std::size_t bytes_ = 0;
    };

private:
    std::size_t bytes_max_;
    std::size_t used_ = 0;
};

} // namespace msd::net
