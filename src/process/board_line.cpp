// SPDX-License-Identifier: Apache-2.0
#include "process/board_line.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace msd::process {

result<board_line> board_line::take(std::shared_ptr<board_owner> from) {
    std::vector<bool>& taken = from->taken;
    const auto free = std::find(taken.begin(), taken.end(), false);
    if (free == taken.end()) {
        return fail(errc::unavailable, "too many workers for the scoreboard");
    }
    const auto index = static_cast<std::size_t>(std::distance(taken.begin(), free));
    from->board.line(index).clear();
    from->board.stats(index).clear();
    return board_line{std::move(from), index};
}

result<board_line> board_line::take(std::shared_ptr<board_owner> from, std::size_t index) {
    if (index >= from->taken.size() || from->taken[index]) {
        return fail(errc::invalid, "no such free line in the scoreboard");
    }
    return board_line{std::move(from), index};
}

board_line::board_line(std::shared_ptr<board_owner> owner, std::size_t index)
    : owner_{std::move(owner)},
      index_{index} {
    owner_->taken[index_] = true;
}

board_line::board_line(board_line&& from) noexcept
    : owner_{std::move(from.owner_)},
      index_{from.index_} {}

board_line& board_line::operator=(board_line&& from) noexcept {
    give_back();
    owner_ = std::move(from.owner_);
    index_ = from.index_;
    return *this;
}

board_line::~board_line() {
    give_back();
}

void board_line::give_back() {
    if (owner_) {
        // Its siblings must not wait for a worker that is gone: see core/accept_share.hpp.
        const core::scoreboard& board = owner_->board;
        board.line(index_).clear();
        board.shared().reclaim(board.parts(index_));
        owner_->taken[index_] = false;
        owner_.reset();
    }
}

} // namespace msd::process
