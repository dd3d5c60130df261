// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/task_group.hpp"
#include "store/redis/client.hpp"
#include "store/redis/link.hpp"
#include "store/redis/sentinels.hpp"
#include "store/redis/subscriber.hpp"

#include <list>
#include <memory>
#include <optional>
#include <string>

namespace msd::store::redis {

// The client of one server, which has a fixed address or is named by sentinels.
class single_client final : public client {
public:
    single_client(
        const asio::any_io_executor& executor,
        client_settings chosen,
        std::optional<net::tls_trust> trust
    );

    asio::awaitable<result<reply>> execute(command what, deadline until) override;
    [[nodiscard]] bool usable() const override { return link_->usable(); }
    asio::awaitable<bool> became_usable(deadline until) override;
    [[nodiscard]] std::string trouble() const override { return link_->why_lost(); }
    void subscribe(subscription to) override;
    [[nodiscard]] figures counted() const override { return link_->counted(); }
    asio::awaitable<void> stop() override;

private:
    [[nodiscard]] link::purpose purpose_of(const std::string& name);
    void renew(const std::string& why);

    client_settings chosen_;
    std::optional<net::tls_trust> trust_;
    net::task_group tasks_;
    surroundings around_;
    std::optional<sentinels> sentinels_;
    std::shared_ptr<link> link_;
    std::list<subscriber> subscribers_;
};

} // namespace msd::store::redis
