// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstdint>
#include <string_view>

// How one try of a request at one endpoint ended, in the terms in which balancers, ejection,
// breakers and retries decide. Transports (packets, HTTP) translate their errors into it.
namespace msd::core::resilience {

enum class try_result : std::uint8_t {
    succeeded,          // a complete reply, status below 400
    client_error,       // 4xx
    server_error,       // 500 and other 5xx that are no gateway error
    gateway_error,      // 502, 503, 504
    connection_refused, // nothing listens at the address
    connect_failed,     // unreachable, or not connected in time
    goaway,             // the endpoint drains; the request was not executed
    not_executed,       // the endpoint has refused to execute the request
    reset,              // the connection broke before the reply was complete
    timed_out,          // no complete reply in time
    cancelled,          // the client no longer waits
    rejected,           // by a limit of the caller: bulkhead, breaker, rate
};

// A try that has ended.
struct observed_try {
    try_result result = try_result::succeeded;
    time_point began{};
    time_point ended{};
};

/// `status`: of HTTP, 200 to 599.
[[nodiscard]] constexpr try_result result_of_status(int status) {
    if (status < 400) {
        return try_result::succeeded;
    }
    if (status < 500) {
        return try_result::client_error;
    }
    return status >= 502 && status <= 504 ? try_result::gateway_error : try_result::server_error;
}

/// The result of a try after which a request is tried again, as a label of a metric; a literal.
[[nodiscard]] constexpr std::string_view reason_of_retry(try_result after) {
    using enum try_result;
    switch (after) {
    case server_error:
        return "server_error";
    case gateway_error:
        return "gateway_error";
    case connection_refused:
        return "connection_refused";
    case connect_failed:
        return "connect_failed";
    case goaway:
        return "goaway";
    case not_executed:
        return "not_executed";
    case reset:
        return "reset";
    case timed_out:
        return "timeout";
    case succeeded:
    case client_error:
    case cancelled:
    case rejected:
        break; // none is tried again
    }
    return "none";
}

/// The endpoint has executed the request and replied as it should. 4xx is a good reply: the
/// endpoint works, the request was wrong.
[[nodiscard]] constexpr bool is_good(try_result result) {
    return result == try_result::succeeded || result == try_result::client_error;
}

/// What one endpoint does when it is broken, overloaded or unreachable.
[[nodiscard]] constexpr bool is_gateway_failure(try_result result) {
    using enum try_result;
    return result == gateway_error || result == connection_refused || result == connect_failed ||
           result == reset || result == timed_out;
}

[[nodiscard]] constexpr bool is_failure(try_result result) {
    return is_gateway_failure(result) || result == try_result::server_error;
}

/// The request was certainly not executed, so any method can be retried.
[[nodiscard]] constexpr bool is_unexecuted(try_result result) {
    using enum try_result;
    return result == connection_refused || result == connect_failed || result == goaway ||
           result == not_executed;
}

} // namespace msd::core::resilience
