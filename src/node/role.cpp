// SPDX-License-Identifier: Apache-2.0
// What a role does that has no state to hand over and applies no configuration while it serves.
#include "node/worker.hpp"

namespace msd::node {

result<void> role::hand_over(const unique_fd& /*to*/, deadline /*until*/) {
    return fail(errc::invalid, "this role has nothing to hand over");
}

asio::awaitable<result<void>> role::configure(unique_fd /*file*/) {
    co_return fail(errc::invalid, "this role applies no configuration while it serves");
}

std::string role::answer_question(std::string_view /*question*/) {
    return R"({"error":"this worker has no answer to that"})";
}

asio::awaitable<bool> role::take_over(unique_fd /*from*/) {
    co_return false;
}

} // namespace msd::node
