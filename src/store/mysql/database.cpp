// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/database.hpp"

#include "base/log.hpp"

#include <fmt/format.h>

namespace msd::store::mysql {

database::database(settings chosen)
    : chosen_{std::move(chosen)},
      service_{chosen_.wanted.service},
      reading_{fmt::format("store of {} (reading)", service_)},
      writing_{fmt::format("store of {} (writing)", service_)},
      servers_{servers_settings()} {}

servers::settings database::servers_settings() {
    servers::settings made;
    made.executor = chosen_.executor;
    made.name = fmt::format("store of {}", service_);
    made.at = chosen_.at;
    made.replicas = chosen_.replicas;
    made.lag_max = chosen_.replica_lag_max;
    made.connections_max = chosen_.connections_max;
    made.prepare = [wanted = chosen_.wanted,
                    zone = chosen_.legacy_time_zone](auto& first, auto& at) {
        return migrate(first, at, wanted, zone);
    };
    made.upkeep = [service = service_, now_ms = chosen_.now_ms](auto& on) {
        const auto gone = prune(on, service, now_ms());
        return gone && *gone >= pruned_at_once;
    };
    if (chosen_.replicas > 0) {
        auto opened = shared_writes::open(chosen_.data_dir / (service_ + ".writes"));
        if (opened) {
            shared_writes_.emplace(std::move(*opened));
        } else {
            log::warning(
                "store of {}: recent writes of other workers may not be visible at once: {}",
                service_,
                opened.error().text
            );
        }
        made.writes = shared_writes_ ? &shared_writes_->writes() : &own_writes_;
    }
    return made;
}

asio::awaitable<result<std::unique_ptr<database>>> database::open(settings chosen, deadline until) {
    auto opened = std::make_unique<database>(std::move(chosen));
    auto ready = co_await opened->servers_.start(until);
    if (!ready) {
        co_return tl::unexpected{std::move(ready.error())};
    }
    co_return opened;
}

asio::awaitable<result<std::optional<std::int64_t>>>
database::recall(idempotency once, deadline until) {
    auto look = [this, once = std::move(once)](connection& on) {
        return mysql::recall(on, service_, once, chosen_.now_ms());
    };
    return read_latest(until, std::move(look));
}

// With a single server the pool logs its outages.
void database::update_outage_log(outage_log& about, const error* failed) const {
    if (failed == nullptr || failed->code == errc::conflict || failed->code == errc::not_found) {
        about.answered();
    } else if ((failed->code == errc::unavailable || failed->code == errc::internal) && !down()) {
        about.failed(*failed, clock::now());
    }
}

} // namespace msd::store::mysql
