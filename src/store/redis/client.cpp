// SPDX-License-Identifier: Apache-2.0
#include "store/redis/client.hpp"

#include "net/tls_client.hpp"
#include "store/redis/cluster_client.hpp"
#include "store/redis/single_client.hpp"

#include <optional>
#include <utility>

namespace msd::store::redis {

result<std::unique_ptr<client>>
open(const asio::any_io_executor& executor, client_settings chosen) {
    std::optional<net::tls_trust> trust;
    if (chosen.where.tls) {
        auto loaded = net::tls_trust::load(chosen.ca_file);
        if (!loaded) {
            return tl::unexpected{std::move(loaded.error())};
        }
        trust = std::move(*loaded);
    }
    if (chosen.where.kind == arrangement::cluster) {
        return std::make_unique<cluster_client>(executor, std::move(chosen), std::move(trust));
    }
    return std::make_unique<single_client>(executor, std::move(chosen), std::move(trust));
}

} // namespace msd::store::redis
