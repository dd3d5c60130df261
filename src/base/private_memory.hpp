// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace msd {

/// Bytes of memory that only this process uses, as the kernel counts them (Private_Clean and
/// Private_Dirty of smaps_rollup). It takes the kernel some tenths of a millisecond. 0 when it
/// cannot be read.
[[nodiscard]] std::uint64_t private_memory_bytes();

} // namespace msd
