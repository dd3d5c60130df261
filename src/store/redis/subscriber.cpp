// SPDX-License-Identifier: Apache-2.0
#include "store/redis/subscriber.hpp"

#include <utility>

namespace msd::store::redis {

subscriber::subscriber(const surroundings& around, link::purpose what, subscription to)
    : around_{around},
      to_{std::move(to)},
      link_{std::make_shared<link>(around, completed(std::move(what)))} {}

link::purpose subscriber::completed(link::purpose what) {
    what.prepare = [this](std::shared_ptr<connection> on) {
        return listen(std::move(on));
    };
    what.on_change = to_.on_change;
    return what;
}

asio::awaitable<result<void>> subscriber::listen(std::shared_ptr<connection> on) {
    on->on_message(to_.on_message);
    const deadline until = deadline::in(around_.chosen.connect_timeout);
    for (const std::string& channel : to_.channels) {
        const auto subscribe = command::keyless("SUBSCRIBE", channel);
        auto answered = co_await on->execute(subscribe.bytes(), until);
        if (!answered) {
            co_return tl::unexpected{std::move(answered.error())};
        }
        const auto accepted = checked(std::move(*answered), on->stream().peer().text());
        if (!accepted) {
            co_return tl::unexpected{accepted.error()};
        }
    }
    co_return result<void>{};
}

} // namespace msd::store::redis
