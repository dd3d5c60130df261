// SPDX-License-Identifier: Apache-2.0
#include "base/shared_memory.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace msd {

namespace {

tl::unexpected<error> no_memory() {
    return fail(
        errc::unavailable,
        fmt::format("no shared memory: {}", std::generic_category().message(errno))
    );
}

} // namespace

result<shared_memory> shared_memory::create(const char* name, std::size_t bytes) {
    unique_fd made{memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    constexpr int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
    if (!made || ftruncate(made.get(), static_cast<off_t>(bytes)) != 0 ||
        fcntl(made.get(), F_ADD_SEALS, seals) != 0) {
        return no_memory();
    }
    return adopt(std::move(made), bytes);
}

result<shared_memory> shared_memory::adopt(unique_fd descriptor, std::size_t bytes) {
    // An access beyond the end of the file raises SIGBUS.
    struct stat facts {};
    if (fstat(descriptor.get(), &facts) != 0 || facts.st_size < static_cast<off_t>(bytes)) {
        return fail(errc::invalid, "the descriptor is not shared memory of the expected size");
    }
    void* const data =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.get(), 0);
    if (data == MAP_FAILED) {
        return no_memory();
    }
    return shared_memory{std::move(descriptor), data, bytes};
}

shared_memory::shared_memory(unique_fd descriptor, void* data, std::size_t bytes)
    : descriptor_{std::move(descriptor)},
      data_{data},
      bytes_{bytes} {}

shared_memory::shared_memory(shared_memory&& from) noexcept
    : descriptor_{std::move(from.descriptor_)},
      data_{std::exchange(from.data_, nullptr)},
      bytes_{from.bytes_} {}

shared_memory::~shared_memory() {
    if (data_ != nullptr) {
        munmap(data_, bytes_);
    }
}

} // namespace msd
