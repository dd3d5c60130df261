// SPDX-License-Identifier: Apache-2.0
// The state that a master hands to the program that replaces it. Any bytes are either refused with
// a reason, or are a consistent state that is equal after writing and reading it again.
#include "fuzz_target.hpp"
#include "process/master_state.hpp"

#include <algorithm>

namespace {

using msd::fuzz::require;
using msd::process::decode_master_state;
using msd::process::master_state;

void check(const master_state& state) {
    require(state.plan < state.plans.size(), "new slots have a plan");
    for (const auto& pool : state.pools) {
        require(pool.policy.slots.size() == pool.slots.size(), "each slot has its history");
        for (const auto& worker : pool.workers) {
            require(worker.plan < state.plans.size(), "each worker has a plan");
            require(worker.pid > 1, "only workers are killed");
        }
    }
    std::vector<int> all = state.descriptors();
    require(
        std::all_of(all.begin(), all.end(), [](int each) { return each > 2; }),
        "the standard ones are not ours"
    );
    std::sort(all.begin(), all.end());
    require(std::adjacent_find(all.begin(), all.end()) == all.end(), "each has one owner");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto read = decode_master_state(msd::fuzz::text_of(data, size));
    if (!read) {
        require(!read.error().text.empty(), "a refusal has a reason");
        return 0;
    }
    check(*read);
    const auto again = decode_master_state(encode(*read));
    require(again.has_value() && *again == *read, "the state is equal after writing and reading");
    return 0;
}
