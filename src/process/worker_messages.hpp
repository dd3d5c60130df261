// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/worker_message.hpp"
#include "process/worker_limits.hpp"
#include "process/worker_process.hpp"
#include "process/worker_set.hpp"

namespace msd::process {

// Handles the messages of the workers of a pool. It trusts none of them: a message that does not
// fit the phase of its worker has no effect, and a worker that sends too many is replaced.
class worker_messages {
public:
    /// `of` and `limits` outlive this object.
    worker_messages(worker_set& of, const worker_limits& limits) : set_{of}, limits_{limits} {}

    /// Reads the control channel of `worker`.
    void receive(worker_process& worker, time_point now);
    /// The same for a worker that has ended: handles what it sent before.
    void receive_last(worker_process& dead, time_point now);

private:
    void apply(worker_process& worker, const core::worker_message& message, time_point now);
    void note_configured(worker_process& worker, const core::worker_message& message) const;
    void limit(worker_process& worker, time_point now) const;

    worker_set& set_;
    const worker_limits& limits_;
};

} // namespace msd::process
