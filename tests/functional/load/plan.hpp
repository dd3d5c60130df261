// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace load {

// Clients with equal requests. `target` and `body` may contain {c}, the number of the client within
// the group, and {n}, the number of its request; both start at 0 and identify the request.
struct group {
    // fresh: a connection per request; kept: one request after the other; pipelined: `depth`
    // requests at once; held: opens a connection `every_us` after the previous client, no requests.
    enum class kind : std::uint8_t { fresh, kept, pipelined, held };

    std::string name;
    kind mode = kind::kept;
    int clients = 1;
    int pause_ms = 0; // the longest pause between requests; random up to it
    int depth = 1;
    int every_us = 0;
    std::string method = "GET";
    std::string target = "/";
    std::string body;
    int status = 200;     // any other is a failure
    std::string expect;   // the whole body of the reply, byte for byte; empty: not compared
    std::string contains; // a part of the body
};

struct plan {
    sockaddr_in address{}; // 127.0.0.1:port
    int timeout_ms = 30'000;
    std::vector<group> groups;
};

/// Reads `port=N [timeout_ms=N] group=NAME key=value… group=NAME …`; nothing for other words, after
/// printing the reason.
std::optional<plan> read_plan(int count, char** words);

/// The bytes of request `n` of client `c`. Those of fresh clients have `Connection: close`.
std::string request_text(const group& of, int c, std::uint64_t n);

} // namespace load
