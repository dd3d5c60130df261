// SPDX-License-Identifier: Apache-2.0
#include "core/login_throttle.hpp"

#include <algorithm>
#include <limits>
#include <span>

namespace msd::core {

namespace {

constexpr auto relaxed = std::memory_order_relaxed;

using cell = login_records::cell;

// A leaking counter is the time at which it will be empty: each count adds `leak` to it.
int level_of(const cell& counter, milliseconds leak, int level_max, std::int64_t now_ms) {
    const auto empty_at = static_cast<std::int64_t>(counter.load(relaxed));
    const std::int64_t left = empty_at - now_ms;
    // More than the maximum: the clock was set back.
    if (left <= 0 || left > (level_max + 1) * leak.count()) {
        return 0;
    }
    return static_cast<int>((left + leak.count() - 1) / leak.count());
}

void raise(cell& counter, milliseconds leak, int level_max, std::int64_t now_ms) {
    std::uint64_t before = counter.load(relaxed);
    std::uint64_t after = 0;
    do {
        auto empty_at = static_cast<std::int64_t>(before);
        const std::int64_t most = now_ms + level_max * leak.count();
        if (empty_at < now_ms || empty_at > most + leak.count()) {
            empty_at = now_ms;
        }
        after = static_cast<std::uint64_t>(std::min(empty_at + leak.count(), most));
    } while (!counter.compare_exchange_weak(before, after, relaxed));
}

// An entry of a set: 20 bits of the key, 4 bits of a count, and 40 bits of a time in milliseconds
// since the epoch below, which are enough for 34 years. 0 is no entry.
constexpr int time_bits = 40;
constexpr int count_bits = 4;
constexpr std::int64_t epoch_ms = 1'735'689'600'000; // 2025-01-01

struct entry {
    std::uint64_t tag = 0;
    unsigned count = 0;
    std::int64_t at_ms = 0;
};

constexpr std::uint64_t low_bits(int count) {
    return (std::uint64_t{1} << static_cast<unsigned>(count)) - 1;
}

std::uint64_t pack(const entry& from) {
    const auto since = static_cast<std::uint64_t>(std::max<std::int64_t>(from.at_ms - epoch_ms, 1));
    return from.tag << (time_bits + count_bits) | std::uint64_t{from.count} << time_bits |
           (since & low_bits(time_bits));
}

entry unpack(std::uint64_t packed) {
    return {
        packed >> (time_bits + count_bits),
        static_cast<unsigned>(packed >> time_bits & low_bits(count_bits)),
        static_cast<std::int64_t>(packed & low_bits(time_bits)) + epoch_ms};
}

std::uint64_t tag_of(std::uint64_t key) {
    return key >> (time_bits + count_bits);
}

// The entry of `key` no older than `kept`; null when there is none.
template <class Set>
auto find_entry(Set& in, std::uint64_t key, milliseconds kept, std::int64_t now_ms)
    -> decltype(in.data()) {
    for (auto& each : in) {
        const std::uint64_t packed = each.load(relaxed);
        const entry held = unpack(packed);
        if (packed != 0 && held.tag == tag_of(key) && held.at_ms <= now_ms &&
            held.at_ms + kept.count() > now_ms) {
            return &each;
        }
    }
    return nullptr;
}

// Writes the entry of `key` in place of its present one or of the oldest entry.
void put_entry(std::span<cell> in, std::uint64_t key, std::int64_t now_ms) {
    cell* place = nullptr;
    std::int64_t oldest = std::numeric_limits<std::int64_t>::max();
    for (cell& each : in) {
        const std::uint64_t packed = each.load(relaxed);
        const entry held = unpack(packed);
        if (packed != 0 && held.tag == tag_of(key)) {
            place = &each;
            break;
        }
        const std::int64_t at = packed == 0 || held.at_ms > now_ms ? 0 : held.at_ms;
        if (at < oldest) {
            oldest = at;
            place = &each;
        }
    }
    place->store(pack({tag_of(key), 0, now_ms}), relaxed);
}

template <class Sets>
auto& set_of(Sets& sets, std::uint64_t key) {
    return sets[key % login_records::sets];
}

// Different bits of the name for each row.
std::size_t name_cell(std::uint64_t name, std::size_t row) {
    static_assert(login_records::names <= 1U << 16U && login_records::name_rows <= 4);
    return static_cast<std::size_t>(name >> (16U * row)) % login_records::names;
}

} // namespace

login_throttle::verdict login_throttle::begin(const subject& who, std::int64_t now_ms) {
    verdict said = peek(who, now_ms);
    const milliseconds delay = delay_after(failures_of(who.name, now_ms));
    if (said.is_proven || delay == milliseconds{0}) {
        return said;
    }
    auto& waits = set_of(records_.waits, who.both);
    cell* const found = find_entry(waits, who.both, settings_.delay_max + wait_kept, now_ms);
    if (found == nullptr) {
        put_entry(waits, who.both, now_ms);
        return said;
    }
    if (said.wait == milliseconds{0}) {
        std::uint64_t before = found->load(relaxed);
        const std::uint64_t after = pack({tag_of(who.both), 0, now_ms});
        const bool is_over = now_ms - unpack(before).at_ms >= delay.count();
        if (!is_over || !found->compare_exchange_strong(before, after, relaxed)) {
            said.wait = delay; // another attempt of this client has just used up the wait
        }
    }
    return said;
}

login_throttle::verdict login_throttle::peek(const subject& who, std::int64_t now_ms) const {
    verdict said;
    said.is_proven = is_proven(who.both, now_ms);
    const milliseconds delay = delay_after(failures_of(who.name, now_ms));
    if (said.is_proven || delay == milliseconds{0}) {
        return said;
    }
    const milliseconds kept = settings_.delay_max + wait_kept;
    const auto* const found = find_entry(set_of(records_.waits, who.both), who.both, kept, now_ms);
    said.wait = delay;
    if (found != nullptr) {
        const milliseconds waited{now_ms - unpack(found->load(relaxed)).at_ms};
        said.wait = std::clamp(delay - waited, milliseconds{0}, delay);
    }
    return said;
}

void login_throttle::note_failure(const subject& who, bool is_guess, std::int64_t now_ms) {
    for (std::size_t row = 0; row < login_records::name_rows; ++row) {
        raise(
            records_.failures.at(row).at(name_cell(who.name, row)),
            forget_every,
            failures_max(),
            now_ms
        );
    }
    if (!is_guess) {
        return;
    }
    if (delay_after(failures_of(who.name, now_ms)) > milliseconds{0}) {
        put_entry(set_of(records_.waits, who.both), who.both, now_ms);
    }
    auto& proven = set_of(records_.successes, who.both);
    if (cell* const found = find_entry(proven, who.both, proven_for, now_ms)) {
        entry held = unpack(found->load(relaxed));
        ++held.count;
        found->store(held.count >= proven_failures_max ? 0 : pack(held), relaxed);
    }
}

void login_throttle::note_success(const subject& who, std::int64_t now_ms) {
    put_entry(set_of(records_.successes, who.both), who.both, now_ms);
}

void login_throttle::note_unsuccessful(std::uint64_t client, std::int64_t now_ms) {
    constexpr int level_max = unsuccessful_free + static_cast<int>(hold_max / hold_step);
    raise(
        records_.unsuccessful.at(client % login_records::clients),
        unsuccessful_forget_every,
        level_max,
        now_ms
    );
}

milliseconds login_throttle::hold(std::uint64_t client, std::int64_t now_ms) const {
    constexpr int level_max = unsuccessful_free + static_cast<int>(hold_max / hold_step);
    const int level = level_of(
        records_.unsuccessful.at(client % login_records::clients),
        unsuccessful_forget_every,
        level_max,
        now_ms
    );
    return level <= unsuccessful_free ? milliseconds{0} : hold_step * (level - unsuccessful_free);
}

int login_throttle::failures_of(std::uint64_t name, std::int64_t now_ms) const {
    int least = std::numeric_limits<int>::max();
    for (std::size_t row = 0; row < login_records::name_rows; ++row) {
        const cell& counter = records_.failures.at(row).at(name_cell(name, row));
        least = std::min(least, level_of(counter, forget_every, failures_max(), now_ms));
    }
    return least;
}

// The failures after which the delay does not grow any more.
int login_throttle::failures_max() const {
    int failures = settings_.failures_free + 1;
    for (auto delay = settings_.delay_first; delay < settings_.delay_max; delay *= 2) {
        ++failures;
    }
    return failures;
}

milliseconds login_throttle::delay_after(int failures) const {
    if (failures <= settings_.failures_free) {
        return milliseconds{0};
    }
    auto delay = settings_.delay_first;
    for (int each = settings_.failures_free + 1; each < failures; ++each) {
        if (delay >= settings_.delay_max) {
            break;
        }
        delay *= 2;
    }
    return std::min(delay, settings_.delay_max);
}

bool login_throttle::is_proven(std::uint64_t both, std::int64_t now_ms) const {
    return find_entry(set_of(records_.successes, both), both, proven_for, now_ms) != nullptr;
}

} // namespace msd::core
