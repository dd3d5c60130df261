// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the kernel lets this process and its workers, which inherit it, use.
namespace msd::process {

/// As many open descriptors as the hard limit allows.
void raise_descriptor_limit();

/// Whether a process that crashes, or that is sent ABRT because it hangs, leaves a core; where,
/// says core(5). A core holds whatever was in memory, passwords too, so it is not allowed unless it
/// was asked for. Call it after the change of user, which forbids cores by itself. What does not
/// work is logged.
void allow_core_dumps(bool allowed);

} // namespace msd::process
