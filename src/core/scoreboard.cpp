// SPDX-License-Identifier: Apache-2.0
#include "core/scoreboard.hpp"

#include <sys/random.h>

#include <array>
#include <utility>

namespace msd::core {

result<scoreboard> scoreboard::create() {
    auto memory = shared_memory::create("msd-scoreboard", sizeof(sections));
    if (!memory) {
        return tl::unexpected{std::move(memory.error())};
    }
    scoreboard made{std::move(*memory)};
    std::array<std::uint64_t, 2> random{};
    if (::getrandom(random.data(), sizeof random, 0) != sizeof random) {
        return fail(errc::unavailable, "no random numbers for the scoreboard");
    }
    auto& key = made.shared().key;
    key[0].store(random[0], std::memory_order_relaxed);
    key[1].store(random[1], std::memory_order_relaxed);
    return made;
}

result<scoreboard> scoreboard::adopt(unique_fd descriptor) {
    auto memory = shared_memory::adopt(std::move(descriptor), sizeof(sections));
    if (!memory) {
        return tl::unexpected{std::move(memory.error())};
    }
    return scoreboard{std::move(*memory)};
}

} // namespace msd::core
