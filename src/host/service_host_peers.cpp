// SPDX-License-Identifier: Apache-2.0
// The calls of a service to other services.
#include "host/service_host.hpp"
#include "net/blocking_lane.hpp"

#include <memory>
#include <utility>

namespace msd::host {

asio::awaitable<result<void>> service_host::configure(unique_fd file) {
    if (!read_policies_) {
        co_return fail(errc::invalid, "this worker applies no configuration while it serves");
    }
    net::blocking_lane lane{worker_.loop.get_executor(), {}};
    const auto from = std::make_shared<const unique_fd>(std::move(file));
    auto call = [read = read_policies_, from] {
        return read(*from);
    };
    auto fresh = co_await lane.run(deadline::never(), std::move(call));
    if (!fresh) {
        co_return tl::unexpected{std::move(fresh.error())};
    }
    upstreams_.apply(std::move(*fresh));
    co_return result<void>{};
}

bool service_host::all_announce_changes(std::string_view method, std::string_view uri) {
    const auto match = upstreams_.routes().find(method, uri);
    if (match.what != core::route_table::outcome::found) {
        return true;
    }
    upstreams_.connect(match.target->service);
    return upstreams_.is_msd_only(match.target->service);
}

asio::awaitable<result<services::peer_caller::answer>>
service_host::ask(std::string method, std::string uri, std::string params, deadline until) {
    const auto match = upstreams_.routes().find(method, uri);
    if (match.what != core::route_table::outcome::found) {
        co_return fail(errc::unavailable, "no service offers " + method + " " + uri);
    }
    upstream::outgoing packet;
    packet.method = method;
    packet.uri = uri;
    packet.params = params;
    packet.until = until;
    const auto made = co_await upstreams_.call(match.target->service, packet);
    if (!made.outcome) {
        if (made.outcome.error().code == errc::timeout) {
            const char* const stage = made.tries == 0 ? "connect" : "whole";
            timeouts_.note(match.target->service, made.endpoint, stage, clock::now());
        }
        co_return tl::unexpected{made.outcome.error()};
    }
    if (made.outcome->stream) {
        co_return fail(errc::unavailable, method + " " + uri + " is answered by a stream");
    }
    const wire::envelope& envelope = made.outcome->envelope;
    answer out;
    out.errorcode = static_cast<int>(envelope.errorcode.value_or(0));
    out.status = envelope.status;
    out.msd = made.msd;
    for (const std::string_view piece : envelope.body()) {
        out.body.append(piece);
    }
    co_return out;
}

} // namespace msd::host
