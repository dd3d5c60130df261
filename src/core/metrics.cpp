// SPDX-License-Identifier: Apache-2.0
#include "core/metrics.hpp"

#include "base/printable.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <functional>

namespace msd::core {

namespace {

// FNV-1a; never 0, which means an entry that is not complete.
std::uint32_t hash_of(std::string_view text) {
    constexpr std::uint32_t offset = 2'166'136'261U;
    constexpr std::uint32_t prime = 16'777'619U;
    std::uint32_t hash = offset;
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * prime;
    }
    return std::max(hash, 1U);
}

std::string text_of(const metric_family& of, std::span<const std::string_view> labels) {
    std::string text{of.name};
    for (const std::string_view value : labels) {
        text += metric_names::unit_separator;
        for (const char c : cut_text(value, metric_names::label_bytes_max)) {
            text += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
        }
    }
    return text;
}

// The next of `most` numbers that are given away; `most` when there is none. The counter may have
// any value.
std::uint32_t reserve(std::atomic<std::uint32_t>& from, std::uint32_t count, std::uint32_t most) {
    std::uint32_t taken = from.load(std::memory_order_relaxed);
    do {
        if (taken > most || most - taken < count) {
            return most;
        }
    } while (!from.compare_exchange_weak(taken, taken + count, std::memory_order_relaxed));
    return taken;
}

void raise_to(std::atomic<std::uint32_t>& value, std::uint32_t least) {
    std::uint32_t now = value.load(std::memory_order_relaxed);
    while (now < least && !value.compare_exchange_weak(now, least, std::memory_order_relaxed)) {
    }
}

template <class T>
T* place(std::span<std::byte> memory) {
    static_assert(std::is_trivially_destructible_v<T>);
    // Zeroed memory is a valid T; it was made so by the process that created the scoreboard.
    return reinterpret_cast<T*>(memory.data());
}

} // namespace

void shared_gauges::note(metric_cell cell, std::uint64_t value) {
    if (cell.at_ != nullptr) {
        now_.emplace_back(cell.at_, value);
    }
}

void shared_gauges::publish() {
    const auto by_cell = [](const auto& one, const auto& other) {
        return std::less<>{}(one.first, other.first) ||
               (one.first == other.first && one.second > other.second);
    };
    std::sort(now_.begin(), now_.end(), by_cell); // the largest value of a cell first
    const auto same_cell = [](const auto& one, const auto& other) {
        return one.first == other.first;
    };
    now_.erase(std::unique(now_.begin(), now_.end(), same_cell), now_.end());
    auto next = now_.begin();
    for (const auto& [cell, value] : before_) {
        while (next != now_.end() && std::less<>{}(next->first, cell)) {
            ++next;
        }
        if (next == now_.end() || next->first != cell) {
            metric_cell{cell}.set(0);
        }
    }
    for (const auto& [cell, value] : now_) {
        metric_cell{cell}.set(value);
    }
    before_.swap(now_);
    now_.clear();
}

void duration_cells::note(std::chrono::nanoseconds took) const {
    if (first_ == nullptr) {
        return;
    }
    const auto positive = std::max(took, std::chrono::nanoseconds{0});
    std::size_t bucket = 0;
    while (bucket < ends.size() && positive > ends.at(bucket)) {
        ++bucket;
    }
    const std::span<metric_value> all{first_, cells};
    metric_cell{&all[bucket]}.add();
    metric_cell{&all[buckets]}.add(static_cast<std::uint64_t>(positive.count()));
}

std::string_view
metric_names::read(std::size_t index, std::array<char, sizeof(entry::text)>& into) const {
    if (hashes.at(index).load(std::memory_order_acquire) == 0) {
        return {};
    }
    const entry& from = entries.at(index);
    const std::size_t length = from.length.load(std::memory_order_relaxed);
    if (length == 0 || length > into.size()) {
        return {};
    }
    std::memcpy(into.data(), from.text.data(), length);
    return {into.data(), length};
}

metric_block& block_of(const scoreboard& board, std::size_t line) {
    return *place<metric_block>(board.metrics(line));
}

metric_names& names_of(const scoreboard& board) {
    return *place<metric_names>(board.metric_names());
}

metrics::metrics(const scoreboard& board, std::size_t line)
    : names_{&names_of(board)},
      block_{&block_of(board, line)} {
    if (line < scoreboard::lines_max) {
        raise_to(names_->lines_used, static_cast<std::uint32_t>(line) + 1);
    }
    clear_gauges();
}

void metrics::clear_gauges() {
    const std::size_t used =
        std::min<std::size_t>(names_->series_used.load(), metric_names::series_max);
    for (std::size_t index = 0; index < used; ++index) {
        const metric_names::entry& each = names_->entries.at(index);
        const bool is_complete = names_->hashes.at(index).load(std::memory_order_acquire) != 0;
        const std::size_t cell = each.cell.load();
        const std::uint8_t kind = each.kind.load();
        const bool is_state = kind == static_cast<std::uint8_t>(metric_kind::gauge) ||
                              kind == static_cast<std::uint8_t>(metric_kind::shared_gauge);
        if (is_complete && is_state && cell < metric_block::cells_max && block_->has(cell)) {
            block_->cells.at(cell).store(0);
        }
    }
}

// Null when it is outside of the block.
metric_value* metrics::take(std::size_t cell, metric_kind kind) const {
    const std::size_t width = cells_of(kind);
    if (cell >= metric_block::cells_max || metric_block::cells_max - cell < width) {
        return nullptr;
    }
    const std::uint64_t pages = metric_block::bit_of(cell) | metric_block::bit_of(cell + width - 1);
    block_->pages.store(block_->pages.load() | pages);
    return &block_->cells.at(cell);
}

metric_cell metrics::cell_of(metric which, std::initializer_list<std::string_view> labels) {
    assert(family_of(which).kind != metric_kind::durations);
    return metric_cell{find_or_add(which, {labels.begin(), labels.size()})};
}

duration_cells metrics::durations_of(metric which, std::initializer_list<std::string_view> labels) {
    assert(family_of(which).kind == metric_kind::durations);
    return duration_cells{find_or_add(which, {labels.begin(), labels.size()})};
}

metric_value* metrics::find_or_add(metric which, std::span<const std::string_view> labels) {
    const metric_family& family = family_of(which);
    assert(labels.size() == family.label_count());
    if (names_ == nullptr) {
        return nullptr;
    }
    const std::string text = text_of(family, labels);
    const std::uint32_t hash = hash_of(text);
    if (metric_value* const known = find(hash, text, family.kind)) {
        return known;
    }
    const auto number = static_cast<std::size_t>(which);
    if (!full_.test(number) && has_room(family)) {
        if (metric_value* const added = add(hash, text, family.kind)) {
            return added;
        }
    }
    full_.set(number);
    std::array<std::string_view, metric_family::labels_max> others;
    others.fill("other");
    const std::string rest = text_of(family, {others.data(), labels.size()});
    const std::uint32_t hash_of_rest = hash_of(rest);
    metric_value* const found = find(hash_of_rest, rest, family.kind);
    return found != nullptr ? found : add(hash_of_rest, rest, family.kind);
}

metric_value* metrics::find(std::uint32_t hash, std::string_view text, metric_kind kind) {
    const std::size_t used =
        std::min<std::size_t>(names_->series_used.load(), metric_names::series_max);
    std::array<char, sizeof(metric_names::entry::text)> copy{};
    for (std::size_t index = 0; index < used; ++index) {
        if (names_->hashes.at(index).load(std::memory_order_relaxed) != hash) {
            continue;
        }
        const metric_names::entry& each = names_->entries.at(index);
        if (names_->read(index, copy) == text &&
            each.kind.load(std::memory_order_relaxed) == static_cast<std::uint8_t>(kind)) {
            return take(each.cell.load(std::memory_order_relaxed), kind);
        }
    }
    return nullptr;
}

bool metrics::has_room(const metric_family& of) const {
    const std::size_t used =
        std::min<std::size_t>(names_->series_used.load(), metric_names::series_max);
    std::size_t count = 0;
    std::array<char, sizeof(metric_names::entry::text)> copy{};
    for (std::size_t index = 0; index < used; ++index) {
        const std::string_view text = names_->read(index, copy);
        count += text.substr(0, text.find(metric_names::unit_separator)) == of.name ? 1 : 0;
    }
    return count < of.series_max;
}

metric_value* metrics::add(std::uint32_t hash, std::string_view text, metric_kind kind) {
    constexpr auto series_max = static_cast<std::uint32_t>(metric_names::series_max);
    constexpr auto most_cells = static_cast<std::uint32_t>(metric_block::cells_max);
    if (text.size() > sizeof(metric_names::entry::text)) {
        return nullptr;
    }
    const std::uint32_t index = reserve(names_->series_used, 1, series_max);
    if (index == series_max) {
        return nullptr;
    }
    const auto width = static_cast<std::uint32_t>(cells_of(kind));
    const std::uint32_t cell = reserve(names_->cells_used, width, most_cells);
    if (cell == most_cells) {
        return nullptr;
    }
    metric_names::entry& mine = names_->entries.at(index);
    mine.cell.store(cell, std::memory_order_relaxed);
    mine.kind.store(static_cast<std::uint8_t>(kind), std::memory_order_relaxed);
    mine.length.store(static_cast<std::uint16_t>(text.size()), std::memory_order_relaxed);
    std::memcpy(mine.text.data(), text.data(), text.size());
    names_->hashes.at(index).store(hash, std::memory_order_release);
    return take(cell, kind);
}

} // namespace msd::core
