// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/server_connection.hpp"
#include "http/stream_handler.hpp"
#include "net/task_group.hpp"
#include "node/worker.hpp"

#include <cstddef>
#include <list>
#include <string_view>

namespace msd::admin {

// The role of the admin worker: serves the metrics of its instance to Prometheus and says whether
// the instance lives and can serve. It reads the scoreboard only, so it neither disturbs other
// workers nor depends on them. For programs of the operator: it knows no users and is meant for
// loopback or a network of its own.
class admin_worker final : public node::role, private http::stream_handler {
public:
    explicit admin_worker(node::worker& surroundings);

    asio::awaitable<result<void>> start() override;
    void serve(int fd, net::accept_credit credit) override;
    asio::awaitable<void> drain(deadline until) override;
    [[nodiscard]] node::worker_load load() const override;

    static constexpr std::size_t connections_max = 64;

private:
    asio::awaitable<void> serve(http::server_stream* stream) override;
    void refuse_malformed(http::server_stream& stream, int status, std::string_view text) override;
    [[nodiscard]] bool is_draining() const override { return draining_; }
    void note_reply(std::size_t /*unsent*/) override {}

    asio::awaitable<void> run_connection(int fd, net::accept_credit credit);
    void answer(http::server_stream& to) const;

    node::worker& worker_;
    http::server_connection_settings settings_;
    net::task_group sessions_;
    std::list<http::server_connection*> connections_;
    std::uint64_t requests_ = 0;
    bool draining_ = false;
};

} // namespace msd::admin
