// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace load {

// Clients that do the same. `target` and `body` may hold {c}, the client's number within the group,
// and {n}, the number of its request: both from 0 on, so that every request can be told apart.
struct group {
    // fresh: a connection per request; kept: one request after the other; pipelined: `depth` at
    // once; held: opens a connection, `every_us` after the one before, and never says a word.
    enum class kind : std::uint8_t { fresh, kept, pipelined, held };

    std::string name;
    kind mode = kind::kept;
    int clients = 1;
    int pause_ms = 0; // between requests: a random time up to that
    int depth = 1;
    int every_us = 0;
    std::string method = "GET";
    std::string target = "/";
    std::string body;
    int status = 200;     // any other is a failure
    std::string expect;   // the whole body of the reply, byte for byte; empty: not compared
    std::string contains; // a part of it
};

struct plan {
    sockaddr_in address{}; // 127.0.0.1:port
    int timeout_ms = 30'000;
    std::vector<group> groups;
};

/// Reads `port=N [timeout_ms=N] group=NAME key=value… group=NAME …`; nothing when it is not that,
/// after having said why.
std::optional<plan> read_plan(int count, char** words);

/// The bytes of request `n` of client `c`. A fresh one says that its connection ends.
std::string request_text(const group& of, int c, std::uint64_t n);

} // namespace load
