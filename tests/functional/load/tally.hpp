// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plan.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace load {

using micros = std::uint64_t;

/// CLOCK_MONOTONIC in microseconds.
micros now_us();

// The kinds of failure of a request. The end of a connection between two requests is not a failure.
enum class failure : std::uint8_t {
    refused,      // nothing listened
    unconnected,  // connect() failed with another errno
    reset,        // ECONNRESET or EPIPE while a reply was due
    unanswered,   // the connection ended before the first byte of the reply
    truncated,    // … in the middle of the reply
    malformed,    // not an HTTP reply, or bytes without a request
    wrong_status, //
    wrong_body,   //
    timeout,      // counted from the moment the request was due
};

constexpr std::size_t failure_kinds = 9;

struct failed_request {
    micros at = 0; // after the start
    std::size_t group = 0;
    int client = 0;
    std::uint64_t number = 0;
    failure kind = failure::refused;
    int detail = 0; // errno or the status
    int local_port = 0;
    micros after = 0; // since the request was due
};

// The results of the requests: counts by group and by phase, which the test begins, and a list of
// the failed requests, so that a test can find the cause of each. Writes all of it as JSON.
class tally {
public:
    explicit tally(const std::vector<group>& groups);

    void begin_phase(std::string_view name);
    void answered(std::size_t group, micros latency);
    void failed(failed_request what);
    /// After a reply with `Connection: close`, the server has not processed the later requests of
    /// the connection (RFC 9112, 9.6); the client sends them again on the next connection.
    void sent_again(std::size_t group, std::uint64_t requests) { counts_[group].again += requests; }
    void connected(std::size_t group) { ++counts_[group].connections; }

    /// One line of JSON. `requests`: for each group, the number of requests of each client.
    [[nodiscard]] std::string
    report(const std::vector<std::vector<std::uint64_t>>& requests, std::size_t open) const;

private:
    struct phase {
        std::string name;
        micros began = 0;
        std::uint64_t answered = 0;
        std::uint64_t failed = 0;
    };

    struct count {
        std::uint64_t answered = 0;
        std::uint64_t again = 0;
        std::uint64_t connections = 0;
        std::array<std::uint64_t, failure_kinds> failed{};
        std::vector<std::uint32_t> latencies;
    };

    void write_phases(std::string& out) const;
    void write_group(std::string& out, std::size_t index) const;
    void write_failures(std::string& out) const;

    const std::vector<group>& groups_;
    micros started_;
    std::vector<phase> phases_;
    std::vector<count> counts_;
    std::vector<failed_request> failures_;
};

} // namespace load
