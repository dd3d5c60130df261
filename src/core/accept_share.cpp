// SPDX-License-Identifier: Apache-2.0
#include "core/accept_share.hpp"

namespace msd::core {

namespace {

// A worker with fewer additional connections than this does not pause: small differences even out.
std::uint32_t margin_at(std::uint32_t held) {
    return 8 + held / 16;
}

// Lines are used from the first on, so after this many unused lines the search ends.
constexpr std::size_t unused_lines_max = 64;

// FNV-1a: workers of different builds must get the same number. Never 0.
std::uint32_t number_of(std::string_view pool) {
    std::uint32_t number = 2166136261U;
    for (const char each : pool) {
        number = (number ^ static_cast<unsigned char>(each)) * 16777619U;
    }
    return number | 1U;
}

bool is_unused(const worker_figures& line) {
    return line.accepts_for.load(std::memory_order_relaxed) == 0 &&
           line.heartbeat_ns.load(std::memory_order_relaxed) == 0;
}

} // namespace

accept_share::accept_share(const scoreboard& board, std::size_t own, std::string_view pool)
    : board_{board},
      own_{own},
      pool_{number_of(pool)} {
    // A master with an older program does not clear these fields.
    worker_figures& line = board_.line(own_);
    line.accepts_for = 0;
    line.accepted = 0;
    line.held = 0;
}

void accept_share::begin() {
    board_.line(own_).accepts_for = pool_;
}

void accept_share::end() {
    board_.line(own_).accepts_for = 0;
}

void accept_share::accepted() {
    worker_figures& line = board_.line(own_);
    line.accepted.fetch_add(1, std::memory_order_relaxed);
    line.held.fetch_add(1, std::memory_order_relaxed);
    has_accepted_ = true;
}

void accept_share::closed() {
    board_.line(own_).held.fetch_sub(1, std::memory_order_relaxed);
}

accept_share::siblings accept_share::with_less() const {
    siblings found;
    const std::uint32_t mine = board_.line(own_).held.load(std::memory_order_relaxed);
    const std::uint32_t margin = margin_at(mine);
    std::size_t unused = 0;
    for (std::size_t index = 0; index < scoreboard::lines_max; ++index) {
        const worker_figures& line = board_.line(index);
        unused = is_unused(line) ? unused + 1 : 0;
        if (unused == unused_lines_max) {
            break;
        }
        const bool is_sibling =
            index != own_ && line.accepts_for.load(std::memory_order_relaxed) == pool_;
        if (is_sibling && line.held.load(std::memory_order_relaxed) + margin < mine) {
            found.any = true;
            found.accepted += line.accepted.load(std::memory_order_relaxed);
        }
    }
    return found;
}

bool accept_share::leaves_to_siblings(time_point now, const std::function<bool()>& is_waiting) {
    if (!since_ && (!has_accepted_ || now < alone_until_)) {
        return false;
    }
    const siblings less = with_less();
    if (!less.any) {
        since_.reset();
        return false;
    }
    if (!since_) {
        since_ = now;
        accepted_before_ = less.accepted;
        has_accepted_ = false;
        return true;
    }
    if (now - *since_ < pause_max) {
        return true;
    }
    since_.reset();
    if (less.accepted == accepted_before_ && is_waiting()) {
        alone_until_ = now + alone_time;
    }
    return false;
}

} // namespace msd::core
