// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <cstddef>

namespace msd {

// Anonymous memory that processes share by passing its descriptor. It exists as long as one process
// has it mapped or open.
class shared_memory {
public:
    /// Zeroed; only pages that are written to cost memory. The size is sealed: no process that
    /// shares the memory can truncate it, which would raise SIGBUS in others. errc::unavailable.
    [[nodiscard]] static result<shared_memory> create(const char* name, std::size_t bytes);
    /// Takes ownership of a descriptor of such memory. errc::invalid: smaller than `bytes`.
    [[nodiscard]] static result<shared_memory> adopt(unique_fd descriptor, std::size_t bytes);

    shared_memory(shared_memory&& from) noexcept;
    shared_memory& operator=(shared_memory&&) = delete;
    shared_memory(const shared_memory&) = delete;
    shared_memory& operator=(const shared_memory&) = delete;
    ~shared_memory();

    [[nodiscard]] void* data() const { return data_; }
    [[nodiscard]] int descriptor() const { return descriptor_.get(); }

private:
    shared_memory(unique_fd descriptor, void* data, std::size_t bytes);

    unique_fd descriptor_;
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
};

} // namespace msd
