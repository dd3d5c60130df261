// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/retry_plan.hpp"

#include <algorithm>
#include <array>

namespace msd::core::resilience {

namespace {

constexpr std::array<std::string_view, 6>
    idempotent_methods{"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
constexpr std::uint32_t doublings_max = 16;

// A 500 alone is no reason: the endpoint works, and another one would most likely reply the same.
bool is_worth_retrying(const failed_try& tried) {
    return is_unexecuted(tried.result) || is_gateway_failure(tried.result) ||
           (tried.result == try_result::server_error && tried.is_outlier && tried.tries == 1);
}

} // namespace

bool is_idempotent(std::string_view method) {
    return std::find(idempotent_methods.begin(), idempotent_methods.end(), method) !=
           idempotent_methods.end();
}

milliseconds
retry_pause(const retry_settings& settings, std::uint32_t retry, random_generator& random) {
    const std::int64_t factor = (std::int64_t{1} << std::min(retry, doublings_max)) - 1;
    const milliseconds most = std::min(settings.pause_max, settings.pause_first * factor);
    return milliseconds{
        static_cast<milliseconds::rep>(random.unit() * static_cast<double>(most.count()))};
}

retry_decision
retry_plan::decide(const request_traits& request, const failed_try& tried, time_point now) const {
    using enum retry_refusal;
    if (tried.is_reply_begun || !is_worth_retrying(tried)) {
        return {not_needed, {}};
    }
    if (!request.is_repeatable && !is_unexecuted(tried.result)) {
        return {not_repeatable, {}};
    }
    if (!request.has_body_kept) {
        return {body_not_kept, {}};
    }
    if (tried.tries > settings.tries) {
        return {tries_used, {}};
    }
    // Nothing is overloaded that was not reached or refuses all requests alike.
    const milliseconds pause = is_unexecuted(tried.result) && tried.tries == 1
                                   ? milliseconds{0}
                                   : retry_pause(settings, tried.tries, random);
    if (request.until.left(now) <= pause) {
        return {no_time, {}};
    }
    if (!budget.take(settings.budget, now)) {
        return {no_budget, {}};
    }
    return {none, pause};
}

} // namespace msd::core::resilience
