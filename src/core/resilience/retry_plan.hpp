// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/resilience/random_generator.hpp"
#include "core/resilience/retry_budget.hpp"
#include "core/resilience/try_result.hpp"

#include <cstdint>
#include <string_view>

namespace msd::core::resilience {

// Which try may be followed by another one, when, and how long a try may take. The caller chooses
// another endpoint (choice_request::tried), and has kept the body.

struct retry_settings {
    std::uint32_t tries = 2;      // retries of a request, besides its first try
    milliseconds pause_first{25}; // full jitter, see retry_pause()
    milliseconds pause_max{250};
    retry_budget_settings budget{};
};

/// Repeating a request with this method has the effect of sending it once (RFC 9110, 9.2.2).
/// Methods are case-sensitive; unknown ones are not idempotent.
[[nodiscard]] bool is_idempotent(std::string_view method);

// What the caller knows of a request before its first try.
struct request_traits {
    bool is_repeatable = false; // is_idempotent(), or the request has an Idempotency-Key that the
                                // service stores
    bool has_body_kept = true;  // the whole body can be sent again
    deadline until = deadline::never();
};

enum class retry_refusal : std::uint8_t {
    none,
    not_needed,     // a good reply, or one that another try would not change
    not_repeatable, // the request may have been executed
    body_not_kept,
    tries_used,
    no_time,
    no_budget
};

struct retry_decision {
    retry_refusal refusal = retry_refusal::none; // none: retry
    milliseconds pause{0};                       // before the retry
    [[nodiscard]] bool retries() const { return refusal == retry_refusal::none; }
};

// A failed try.
struct failed_try {
    try_result result = try_result::gateway_error;
    std::uint32_t tries = 1;     // made so far, including this one; ≥ 1
    bool is_outlier = false;     // other endpoints reply well: a 500 is retried, once
    bool is_reply_begun = false; // the client has received a part of the reply
};

// Decides about the retries of a service, for one worker.
struct retry_plan {
    const retry_settings& settings;
    retry_budget& budget; // of all workers
    random_generator& random;

    /// Certainly unexecuted requests are retried whatever their method; repeatable ones also on
    /// 502, 503, 504, reset and timeout of the try, and on 500 of an outlier. Takes a retry from
    /// the budget when it decides for one.
    [[nodiscard]] retry_decision
    decide(const request_traits& request, const failed_try& tried, time_point now) const;
};

/// The pause before retry number `retry` (≥ 1): at random below min(pause_max, (2^retry − 1) ·
/// pause_first), which is full jitter (Brooker, "Exponential backoff and jitter", 2015) with the
/// bounds of Envoy.
[[nodiscard]] milliseconds
retry_pause(const retry_settings& settings, std::uint32_t retry, random_generator& random);

} // namespace msd::core::resilience
