// SPDX-License-Identifier: Apache-2.0
#include "core/scoreboard.hpp"

#include <utility>

namespace msd::core {

result<scoreboard> scoreboard::create() {
    auto memory = shared_memory::create("msd-scoreboard", sizeof(table));
    if (!memory) {
        return tl::unexpected{std::move(memory.error())};
    }
    return scoreboard{std::move(*memory)};
}

result<scoreboard> scoreboard::adopt(unique_fd descriptor) {
    auto memory = shared_memory::adopt(std::move(descriptor), sizeof(table));
    if (!memory) {
        return tl::unexpected{std::move(memory.error())};
    }
    return scoreboard{std::move(*memory)};
}

} // namespace msd::core
