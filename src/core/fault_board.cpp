// SPDX-License-Identifier: Apache-2.0
#include "core/fault_board.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace msd::core {

namespace {

constexpr std::size_t word_bytes = 8;

bool is_usable(const fault& read) {
    return read.id != 0 && !read.service.empty() && read.delay <= fault::delay_max &&
           (read.error == 0 || (read.error >= 400 && read.error <= 599)) && read.percent >= 1 &&
           read.percent <= fault::percent_max &&
           read.lose_after.value_or(0) <= fault::lose_after_max;
}

} // namespace

template <std::size_t Most>
std::string fault_board::text_cell<Most>::read() const {
    std::array<char, sizeof words> text{};
    for (std::size_t n = 0; n < words.size(); ++n) {
        const std::uint64_t word = words[n].load(std::memory_order_relaxed);
        std::memcpy(text.data() + n * word_bytes, &word, word_bytes);
    }
    return {text.data(), std::min<std::size_t>(bytes.load(std::memory_order_relaxed), Most)};
}

template <std::size_t Most>
void fault_board::text_cell<Most>::write(const std::string& text) {
    std::array<char, sizeof words> padded{};
    const std::size_t size = std::min(text.size(), Most);
    std::memcpy(padded.data(), text.data(), size);
    for (std::size_t n = 0; n < words.size(); ++n) {
        std::uint64_t word = 0;
        std::memcpy(&word, padded.data() + n * word_bytes, word_bytes);
        words[n].store(word, std::memory_order_relaxed);
    }
    bytes.store(static_cast<std::uint32_t>(size), std::memory_order_relaxed);
}

fault fault_board::read(const cell& from) {
    const auto value = [](const auto& of) {
        return of.load(std::memory_order_relaxed);
    };
    fault made;
    made.until = time_point{clock::duration{value(from.until_ns)}};
    made.id = value(from.id);
    made.delay = milliseconds{value(from.delay_ms)};
    made.error = static_cast<int>(std::min<std::uint32_t>(value(from.error), 1000));
    made.aborts = value(from.aborts) != 0;
    made.percent = value(from.percent);
    if (const std::uint64_t lost = value(from.lose_after); lost != 0) {
        made.lose_after = lost - 1;
    }
    made.service = from.service.read();
    made.endpoint = from.endpoint.read();
    return made;
}

void fault_board::write(cell& to, const fault& what) {
    const auto set = [](auto& cell, auto value) {
        cell.store(value, std::memory_order_relaxed);
    };
    to.service.write(what.service);
    to.endpoint.write(what.endpoint);
    set(to.lose_after, what.lose_after ? *what.lose_after + 1 : std::uint64_t{0});
    set(to.id, what.id);
    set(to.delay_ms, static_cast<std::uint32_t>(what.delay.count()));
    set(to.error, static_cast<std::uint32_t>(what.error));
    set(to.aborts, std::uint32_t{what.aborts});
    set(to.percent, std::uint32_t{what.percent});
    set(to.until_ns, std::int64_t{what.until.time_since_epoch().count()});
}

std::vector<fault> fault_board::read(time_point now, bool& is_whole) const {
    const std::uint64_t before = version();
    std::vector<fault> all;
    for (const cell& each : cells_) {
        if (each.until_ns.load(std::memory_order_relaxed) <= now.time_since_epoch().count()) {
            continue;
        }
        if (fault one = read(each); is_usable(one)) {
            all.push_back(std::move(one));
        }
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    is_whole = before % 2 == 0 && version_.load(std::memory_order_relaxed) == before;
    if (!is_whole) {
        all.clear();
    }
    return all;
}

void fault_board::write(const std::vector<fault>& all) {
    const std::uint64_t even = version_.load(std::memory_order_relaxed) & ~std::uint64_t{1};
    version_.store(even + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    for (std::size_t n = 0; n < faults_max; ++n) {
        if (n < all.size()) {
            write(cells_[n], all[n]);
        } else {
            cells_[n].until_ns.store(0, std::memory_order_relaxed);
        }
    }
    version_.store(even + 2, std::memory_order_release);
}

std::string fault_text(const fault& of) {
    std::string text;
    const auto add = [&text](const std::string& what) {
        text += (text.empty() ? "" : ", ") + what;
    };
    if (of.delay > milliseconds{0}) {
        add("delay " + std::to_string(of.delay.count()) + " ms");
    }
    if (of.error != 0) {
        add("error " + std::to_string(of.error));
    }
    if (of.aborts) {
        add("abort");
    }
    if (of.lose_after) {
        add("lose all after " + std::to_string(*of.lose_after) + " bytes");
    }
    if (of.percent != fault::percent_max) {
        add(std::to_string(of.percent) + " %");
    }
    return text;
}

} // namespace msd::core
