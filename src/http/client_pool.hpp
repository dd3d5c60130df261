// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "http/client_connection.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace msd::http {

// The idle connections of a worker to one endpoint. The one that was used last is used next: so the
// others get old and close, and a few connections are enough for a low load. A connection that the
// program closes, or on which it sends something that no request asked for, leaves the pool at
// once. Single-threaded.
class client_pool {
public:
    struct limits {
        milliseconds idle_timeout{60'000};
        std::size_t connections_max = 64; // idle; the oldest makes room
    };

    explicit client_pool(limits chosen) : limits_{chosen} {}
    ~client_pool();
    client_pool(const client_pool&) = delete;
    client_pool& operator=(const client_pool&) = delete;

    /// Connections that are idle already keep their idle time.
    void apply(limits chosen);

    /// Null: none is idle. Makes sure that the connection is open and that nothing has arrived on
    /// it; errors after that moment are the caller's to handle.
    [[nodiscard]] std::unique_ptr<client_connection> take();
    /// Keeps the connection when it can serve another request, otherwise closes it.
    void put(std::unique_ptr<client_connection> connection);
    /// Also: connections that are put back from now on are closed.
    void close();

    [[nodiscard]] std::size_t idle() const { return idle_.size(); }

private:
    void drop(const client_connection* ended);

    limits limits_;
    std::vector<std::unique_ptr<client_connection>> idle_; // the most recent one last
    bool open_ = true;
};

} // namespace msd::http
