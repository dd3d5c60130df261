// SPDX-License-Identifier: Apache-2.0
// The choice of an instance and of a connection to it for a request.
#include "base/enlisted.hpp"
#include "net/use_tuple.hpp"
#include "upstream/upstreams.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace msd::upstream {

namespace {

bool any(
    const std::vector<std::shared_ptr<upstream_node>>& nodes,
    bool (upstream_node::*holds)() const
) {
    return std::any_of(nodes.begin(), nodes.end(), [holds](const auto& node) {
        return ((*node).*holds)();
    });
}

constexpr std::size_t choices_max = 8; // of the group, for one request

tl::unexpected<error> why_none(bool full, bool greeting) {
    if (full) {
        return fail(errc::refused, "all instances are full");
    }
    return greeting ? fail(errc::timeout, "no instance answered the hello in time")
                    : fail(errc::unavailable, "no instance can be reached");
}

} // namespace

// When the choices of the group have no connection, one pass over all instances finds one that has.
void upstreams::look_at_all(
    const service_nodes& from,
    const pick_wish& wish,
    pick_result& best,
    fitness& best_how
) {
    for (std::uint32_t index = 0; index < from.nodes.size() && best_how != fitness::good; ++index) {
        const node_ptr& node = from.nodes[index];
        if (std::ranges::find(wish.avoid, node) != wish.avoid.end()) {
            continue;
        }
        const auto [connection, how] = node->pick(*wish.request);
        if (how < best_how) {
            best = {node, connection, from.group, {index, false}, false};
            best_how = how;
        }
    }
}

// The group chooses an instance, the instance one of its connections. Instances without a
// connection that suits the request are passed over.
upstreams::pick_result upstreams::pick(service_nodes& from, const pick_wish& wish) {
    pick_result best;
    fitness best_how = fitness::none;
    std::vector<std::uint32_t> tried;
    const auto is_avoided = [&wish](const node_ptr& node) {
        return std::ranges::find(wish.avoid, node) != wish.avoid.end();
    };
    if (!wish.avoid.empty()) {
        for (std::uint32_t index = 0; index < from.nodes.size(); ++index) {
            if (is_avoided(from.nodes[index])) {
                tried.push_back(index);
            }
        }
    }
    endpoint_group::wish wanted;
    wanted.now = clock::now();
    wanted.may_probe = wish.may_probe;
    while (tried.size() < from.nodes.size()) {
        wanted.tried = tried;
        const auto chosen = from.group->choose(wanted);
        if (!chosen) {
            break;
        }
        const auto [connection, how] = from.nodes[chosen->index]->pick(*wish.request);
        if (how < best_how) {
            best = {from.nodes[chosen->index], connection, from.group, *chosen, false};
            best_how = how;
        }
        if (best_how == fitness::good) {
            return best;
        }
        tried.push_back(chosen->index);
        if (tried.size() >= wish.avoid.size() + choices_max) {
            look_at_all(from, wish, best, best_how);
            break;
        }
    }
    for (const node_ptr& node : wish.avoid) { // the one that failed first comes first
        const auto place = std::ranges::find(from.nodes, node);
        if (best.connection || place == from.nodes.end()) {
            continue;
        }
        const auto [connection, how] = node->pick(*wish.request);
        if (how < best_how) {
            const auto index = static_cast<std::uint32_t>(place - from.nodes.begin());
            best = {node, connection, from.group, {index, false}, true};
            best_how = how;
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
asio::awaitable<result<upstreams::pick_result>>
upstreams::pick_or_wait(std::string_view name, const pick_wish* wish) {
    const outgoing* const request = wish->request;
    const auto connected_by = request->until.sooner(deadline::in(around_.settings.connect_timeout));
    for (;;) {
        const auto found = services_.find(name);
        if (closed_ || found == services_.end()) {
            co_return fail(errc::unavailable, "no instance is known");
        }
        service_nodes& of = found->second;
        group(found->first, of);
        auto picked = pick(of, *wish);
        const auto is_other_connecting = [wish](const auto& node) {
            return std::ranges::find(wish->avoid, node) == wish->avoid.end() &&
                   (node->is_connecting() || node->awaits_greeting());
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

// A message without a reply is sent or not: no other fault can be seen in it.
bool upstreams::is_lost(const pick_result& picked, std::string_view name) const {
    if (around_.faults == nullptr) {
        return false;
    }
    const std::string& endpoint = picked.group->at(picked.chosen.index).address;
    const try_fault fault = around_.faults->draw(name, endpoint, clock::now());
    return fault.aborts || fault.error != 0;
}

result<void> upstreams::post(std::string_view name, const outgoing& request) {
    const auto found = services_.find(name);
    if (found != services_.end()) {
        start_all(found->second);
        group(found->first, found->second);
        const auto picked = pick(found->second, {&request, {}, false});
        if (picked.connection && !is_lost(picked, name)) {
            picked.connection->post(request);
            return {};
        }
    }
    return fail(errc::unavailable, "no instance can be reached");
}

} // namespace msd::upstream
