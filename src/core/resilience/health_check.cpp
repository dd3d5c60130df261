// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/health_check.hpp"

#include "core/resilience/cell_time.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace msd::core::resilience {

namespace {

constexpr double jitter = 0.1;
constexpr int status_least = 100;
constexpr int status_most = 599;
constexpr unsigned count_shift = 2;
constexpr std::uint32_t count_max = 1'000'000;

bool is_good(health what) {
    return what == health::healthy || what == health::unknown;
}

std::uint32_t pack_health(health what, std::uint32_t contradictions) {
    return static_cast<std::uint32_t>(what) | std::min(contradictions, count_max) << count_shift;
}

// 0: not a status.
int read_status(std::string_view text) {
    int status = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, status);
    const bool is_status = read.ec == std::errc{} && read.ptr == end && status >= status_least &&
                           status <= status_most;
    return is_status ? status : 0;
}

} // namespace

bool check_settings::accepts(int status) const {
    return std::any_of(statuses.begin(), statuses.end(), [status](const status_range& each) {
        return each.first <= status && status <= each.last;
    });
}

result<status_range> status_range_of(std::string_view text) {
    const std::size_t dash = text.find('-');
    status_range made;
    made.first = read_status(text.substr(0, dash));
    made.last = dash == std::string_view::npos ? made.first : read_status(text.substr(dash + 1));
    if (made.first == 0 || made.last < made.first) {
        return fail(
            errc::invalid,
            "\"" + std::string{text} +
                "\" is not a status of HTTP or a range of them: write \"200\" or \"200-399\""
        );
    }
    return made;
}

std::string text_of(const status_range& range) {
    std::string made = std::to_string(range.first);
    if (range.last != range.first) {
        made.append("-").append(std::to_string(range.last));
    }
    return made;
}

health health_cell::now() const {
    return static_cast<health>(combined.load(std::memory_order_relaxed) & 3);
}

time_point health_cell::due(const check_settings& settings, time_point now) const {
    const time_point at = time_of_ms(next_ms.load(std::memory_order_relaxed));
    return at - now > 2 * settings.every ? now : at;
}

bool health_cell::take(const check_settings& settings, time_point now, double chance) {
    std::uint64_t expected = next_ms.load(std::memory_order_relaxed);
    if (!settings.is_on() || due(settings, now) > now) {
        return false;
    }
    const double spread = 1 - jitter + 2 * jitter * chance;
    const auto pause = static_cast<std::uint64_t>(
        std::max(1.0, static_cast<double>(settings.every.count()) * spread)
    );
    return next_ms.compare_exchange_strong(expected, ms_of(now) + pause, std::memory_order_relaxed);
}

health_change health_cell::observe(health result, const check_settings& settings) {
    std::uint32_t cell = combined.load(std::memory_order_relaxed);
    std::uint32_t next = 0;
    health_change change = health_change::none;
    do {
        const auto known = static_cast<health>(cell & 3);
        const std::uint32_t contradictions = (cell >> count_shift) + 1;
        const std::uint32_t wanted = is_good(known) ? settings.fall : settings.rise;
        change = health_change::none;
        if (known == health::unknown || is_good(known) == is_good(result)) {
            change = is_good(result) == is_good(known) ? change : health_change::fell;
            next = pack_health(result, 0);
        } else if (contradictions < wanted) {
            next = pack_health(known, contradictions);
        } else {
            change = is_good(result) ? health_change::rose : health_change::fell;
            next = pack_health(result, 0);
        }
    } while (!combined.compare_exchange_weak(cell, next, std::memory_order_relaxed));
    return change;
}

} // namespace msd::core::resilience
