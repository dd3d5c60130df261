// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/worker_question.hpp"
#include "process/worker_pool.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msd::process {

// The questions that the master passes from its control socket to workers, and the answers back
// (core/worker_question.hpp). A worker has a second to answer; then another one is asked, at most
// workers_max. Nothing here waits.
class worker_questions {
public:
    static constexpr std::size_t questions_max = 16;
    static constexpr milliseconds worker_limit{1000};
    static constexpr std::size_t workers_max = 2;

    /// Gets the number of a question and its answer, one line of JSON: an object.
    using answer_to = std::function<void(std::uint64_t question, std::string answer)>;

    /// `pools` outlives this object.
    worker_questions(std::list<worker_pool>& pools, answer_to receiver);

    /// Asks a READY worker of that pool; with an empty name one of any pool, rather of one that
    /// serves no requests. Returns the number of the question. errc::unavailable: no worker can be
    /// asked; errc::refused: too many questions wait; errc::too_large. Texts are for people.
    [[nodiscard]] result<std::uint64_t>
    ask(std::string_view pool, std::string_view question, time_point now);

    /// Takes the answers that have arrived, and asks others in the place of workers that are late.
    void advance(time_point now);
    /// When advance() has something to do; time_point::max(): never.
    [[nodiscard]] time_point due() const;
    /// Answers all questions with this error; further ones are refused until advance().
    void give_up(std::string_view why);

private:
    struct open_question {
        std::uint64_t number = 0;
        std::string pool;
        std::string text;
        std::vector<pid_t> asked;
        std::optional<core::worker_question> memory; // that the last one of `asked` has
        time_point until{};
    };

    [[nodiscard]] result<void> ask_next(open_question& of, time_point now);
    [[nodiscard]] const worker_process* choose(const open_question& of, time_point now) const;
    [[nodiscard]] const worker_process* find(pid_t pid) const;
    [[nodiscard]] bool conclude(open_question& of, time_point now);

    std::list<worker_pool>& pools_;
    answer_to receiver_;
    std::list<open_question> open_;
    std::uint64_t last_ = 0;
    bool is_giving_up_ = false;
};

} // namespace msd::process
