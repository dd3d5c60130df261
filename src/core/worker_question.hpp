// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/shared_memory.hpp"
#include "base/unique_fd.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace msd::core {

// A question of the master to a worker (ASK) and its answer, each one line of JSON, in memory of
// their own that both processes map: an answer may be longer than a message on the control channel,
// and whoever is slow or hung holds up nobody. The master makes the memory and trusts nothing in
// it: its size is sealed, the worker can write any bytes at any time, and the master takes one copy
// of a bounded length.
class worker_question {
public:
    static constexpr std::size_t question_bytes_max = 4096;
    static constexpr std::size_t answer_bytes_max = std::size_t{1} << 20;

    /// Of the master. errc::too_large; errc::unavailable: no memory.
    [[nodiscard]] static result<worker_question> create(std::string_view question);
    /// Of the worker: the memory that came with ASK. errc::invalid.
    [[nodiscard]] static result<worker_question> adopt(unique_fd memory);

    [[nodiscard]] std::string question() const;
    /// An answer that is too long is replaced by an error.
    void answer(std::string_view text) const;
    /// A copy; nothing when there is none.
    [[nodiscard]] std::optional<std::string> answer() const;

    [[nodiscard]] int descriptor() const { return memory_.descriptor(); }

private:
    struct layout {
        std::atomic<std::uint32_t> question_bytes;
        std::atomic<std::uint32_t> answer_bytes; // 0: not answered
        std::array<char, question_bytes_max> question;
        std::array<char, answer_bytes_max> answer;
    };

    explicit worker_question(shared_memory memory) : memory_{std::move(memory)} {}
    [[nodiscard]] layout& all() const { return *static_cast<layout*>(memory_.data()); }

    shared_memory memory_;
};

} // namespace msd::core
