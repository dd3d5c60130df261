// SPDX-License-Identifier: Apache-2.0
#pragma once

// Resource limits of this process, which its workers inherit.
namespace msd::process {

/// Raises the limit of open descriptors to the hard limit.
void raise_descriptor_limit();

/// Allows or forbids core dumps of a process that crashes, or that gets ABRT because it hangs; for
/// their place see core(5). A core dump contains the memory of the process, passwords included, so
/// the default is to forbid it. Call it after the change of user, which forbids core dumps.
/// Failures are logged.
void allow_core_dumps(bool allowed);

} // namespace msd::process
