// SPDX-License-Identifier: Apache-2.0
// The choice of an instance for a request, and the retry.
#include "base/enlisted.hpp"
#include "net/use_tuple.hpp"
#include "upstream/upstreams.hpp"

#include <algorithm>
#include <utility>

namespace msd::upstream {

namespace {

constexpr int tries_max = 2;

bool any(
    const std::vector<std::shared_ptr<upstream_node>>& nodes,
    bool (upstream_node::*holds)() const
) {
    return std::any_of(nodes.begin(), nodes.end(), [holds](const auto& node) {
        return ((*node).*holds)();
    });
}

tl::unexpected<error> why_none(bool full, bool greeting) {
    if (full) {
        return fail(errc::refused, "all instances are full");
    }
    return greeting ? fail(errc::timeout, "no instance answered the hello in time")
                    : fail(errc::unavailable, "no instance can be reached");
}

} // namespace

// Round robin over the instances, then over their connections. `avoid`, the instance that has just
// failed, comes last.
upstreams::pick_result
upstreams::pick(service_nodes& from, const outgoing& request, const upstream_node* avoid) {
    pick_result best;
    fitness best_how = fitness::none;
    const std::size_t first = from.next;
    for (std::size_t i = 0; i < from.nodes.size(); ++i) {
        const std::size_t at = (first + i) % from.nodes.size();
        const auto& node = from.nodes[at];
        const bool is_avoided = node.get() == avoid;
        if (is_avoided && best.connection) {
            continue;
        }
        const auto [connection, how] = node->pick(request);
        const bool better = how < best_how || (best.was_avoided && how != fitness::none);
        if (better) {
            best = {node, connection, is_avoided};
            best_how = how;
            from.next = at + 1;
        }
        if (best_how == fitness::good && !best.was_avoided) {
            break;
        }
    }
    return best;
}

// False when the client closed its connection during the wait.
asio::awaitable<bool> upstreams::wait_for_change(const outgoing* request, deadline until) {
    bool has_client_closed = false;
    asio::steady_timer timer{around_.executor, until.at()};
    const enlisted<asio::steady_timer*> waits{waiting_, &timer};
    if (request->handle != nullptr) {
        request->handle->cancel = [&has_client_closed, &timer] {
            has_client_closed = true;
            timer.cancel();
        };
    }
    const auto [woken] = co_await timer.async_wait(net::use_tuple);
    (void)woken;
    if (request->handle != nullptr) {
        request->handle->cancel = nullptr;
    }
    co_return !has_client_closed;
}

// Waits only when no connection takes the request: at most connect_timeout while an instance is
// being connected for the first time, and until the request's deadline while an instance that
// accepted a connection has not sent its hello yet.
asio::awaitable<result<upstreams::pick_result>> upstreams::pick_or_wait(
    std::string_view name,
    const outgoing* request,
    const upstream_node* avoid
) {
    const auto connected_by = request->until.sooner(deadline::in(around_.settings.connect_timeout));
    for (;;) {
        const auto found = services_.find(name);
        if (closed_ || found == services_.end()) {
            co_return fail(errc::unavailable, "no instance is known");
        }
        service_nodes& of = found->second;
        auto picked = pick(of, *request, avoid);
        const auto is_other_connecting = [avoid](const auto& node) {
            return node.get() != avoid && (node->is_connecting() || node->awaits_greeting());
        };
        const bool other_comes = picked.was_avoided && !connected_by.passed() &&
                                 std::ranges::any_of(of.nodes, is_other_connecting);
        if (picked.connection && !other_comes) {
            co_return picked;
        }
        start_all(of);
        const bool full = any(of.nodes, &upstream_node::is_full);
        const bool greeting =
            !picked.connection && !full && any(of.nodes, &upstream_node::awaits_greeting);
        const bool comes = other_comes || any(of.nodes, &upstream_node::is_connecting);
        const deadline until = greeting ? request->until : connected_by;
        if (until.passed() || !(greeting || comes)) {
            co_return why_none(full, greeting);
        }
        const bool wanted = co_await wait_for_change(request, until);
        if (!wanted) {
            co_return fail(errc::cancelled, "the client closed the connection");
        }
    }
}

asio::awaitable<upstreams::attempt> upstreams::call(std::string_view name, outgoing request) {
    attempt made;
    std::shared_ptr<upstream_node> failed; // the instance of the first try
    while (made.tries < tries_max) {
        auto picked = co_await pick_or_wait(name, &request, failed.get());
        if (!picked) {
            if (made.tries == 0) {
                made.outcome = tl::unexpected{picked.error()};
            }
            break;
        }
        const auto connection = picked->connection;
        made.outcome = co_await connection->call(request);
        made.msd = connection->is_msd(); // the hello may have arrived with the reply
        if (!made.outcome && made.outcome.error().code == errc::refused) {
            break; // not sent
        }
        ++made.tries;
        // A foreign node stores no Idempotency-Key, so a request with a key is not sent to it
        // twice.
        const bool keeps_no_key = !request.idem.empty() && !made.msd;
        const bool again = !made.outcome && made.outcome.error().code == errc::closed &&
                           is_idempotent(request.method) && !keeps_no_key;
        if (!again) {
            break;
        }
        failed = picked->node;
    }
    co_return made;
}

result<void> upstreams::post(std::string_view name, const outgoing& request) {
    const auto found = services_.find(name);
    if (found != services_.end()) {
        start_all(found->second);
        const auto picked = pick(found->second, request, nullptr);
        if (picked.connection) {
            picked.connection->post(request);
            return {};
        }
    }
    return fail(errc::unavailable, "no instance can be reached");
}

} // namespace msd::upstream
