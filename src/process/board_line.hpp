// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "core/scoreboard.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace msd::process {

// The master's side of the scoreboard: which lines are in use.
struct board_owner {
    explicit board_owner(core::scoreboard made)
        : board{std::move(made)},
          taken(core::scoreboard::lines_max) {}

    core::scoreboard board;
    std::vector<bool> taken;
};

// One line of the scoreboard, held for the lifetime of its worker.
class board_line {
public:
    /// Takes a free line and clears it. errc::unavailable: every line is in use.
    [[nodiscard]] static result<board_line> take(std::shared_ptr<board_owner> from);
    /// Takes the line that a running worker uses already. errc::invalid: no such line, or in use.
    [[nodiscard]] static result<board_line>
    take(std::shared_ptr<board_owner> from, std::size_t index);

    board_line() = default;
    board_line(board_line&& from) noexcept;
    board_line& operator=(board_line&& from) noexcept;
    board_line(const board_line&) = delete;
    board_line& operator=(const board_line&) = delete;
    ~board_line();

    [[nodiscard]] std::size_t index() const { return index_; }
    [[nodiscard]] int descriptor() const { return owner_->board.descriptor(); }
    [[nodiscard]] const core::worker_figures& figures() const { return owner_->board.line(index_); }
    /// See core::scoreboard::stats().
    [[nodiscard]] std::optional<std::string> stats() const {
        return owner_->board.stats(index_).read();
    }

private:
    board_line(std::shared_ptr<board_owner> owner, std::size_t index);
    void give_back();

    std::shared_ptr<board_owner> owner_;
    std::size_t index_ = 0;
};

} // namespace msd::process
