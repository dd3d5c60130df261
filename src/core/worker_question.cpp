// SPDX-License-Identifier: Apache-2.0
#include "core/worker_question.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace msd::core {

result<worker_question> worker_question::create(std::string_view question) {
    if (question.size() > question_bytes_max) {
        return fail(errc::too_large, "the question is too long");
    }
    auto memory = shared_memory::create("msd-question", sizeof(layout));
    if (!memory) {
        return tl::unexpected{std::move(memory.error())};
    }
    worker_question made{std::move(*memory)};
    std::memcpy(made.all().question.data(), question.data(), question.size());
    made.all().question_bytes.store(static_cast<std::uint32_t>(question.size()));
    return made;
}

result<worker_question> worker_question::adopt(unique_fd memory) {
    auto mapped = shared_memory::adopt(std::move(memory), sizeof(layout));
    if (!mapped) {
        return tl::unexpected{std::move(mapped.error())};
    }
    return worker_question{std::move(*mapped)};
}

std::string worker_question::question() const {
    const std::size_t bytes = all().question_bytes.load();
    return {all().question.data(), std::min(bytes, question_bytes_max)};
}

void worker_question::answer(std::string_view text) const {
    if (text.size() > answer_bytes_max) {
        text = R"({"error":"the answer is too long"})";
    }
    std::memcpy(all().answer.data(), text.data(), text.size());
    all().answer_bytes.store(static_cast<std::uint32_t>(text.size()), std::memory_order_release);
}

std::optional<std::string> worker_question::answer() const {
    const std::size_t bytes = all().answer_bytes.load(std::memory_order_acquire);
    if (bytes == 0 || bytes > answer_bytes_max) {
        return std::nullopt;
    }
    return std::string{all().answer.data(), bytes};
}

} // namespace msd::core
