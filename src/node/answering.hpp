// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

#include <vector>

namespace msd::node {

class role;
struct worker;

/// Answers a question of the master (ASK, core/worker_question.hpp), whose memory is the only one
/// of `attached`: every worker knows the metrics of the instance, everything else is asked of the
/// role. False: there is no question.
[[nodiscard]] bool
answer_question(const worker& of, role& instance, std::vector<unique_fd> attached);

} // namespace msd::node
