// SPDX-License-Identifier: Apache-2.0
#include "upstream/upstreams.hpp"

#include "base/log.hpp"
#include "core/advertised_host.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace msd::upstream {

namespace {

constexpr std::size_t services_max = 4096;
// Absent nodes with more routes than this are removed in several turns of the loop.
constexpr std::size_t routes_dropped_max = 2000;
constexpr std::size_t hosts_reported_max = 100; // in the log of one worker

// The node of an entry shares the entry's memory.
std::shared_ptr<const core::node_info> info_of(const core::listed_node_ptr& listed) {
    return {listed, &listed->info};
}

// A node has queues and limits of its own, which are fair to its clients. A limit here would let
// one client that sends slow requests take the places of all others.
core::resilience::bulkhead_settings no_limits() {
    core::resilience::bulkhead_settings made;
    made.requests = made.per_endpoint = 1'000'000;
    return made;
}

std::size_t routes_of(const core::node_info& node) {
    return node.urls.size() + node.routes.size();
}

} // namespace

upstreams::upstreams(upstream_surroundings around, connecting when)
    : around_{std::move(around)},
      when_{when},
      absent_guard_{
          around_.dog,
          [this] {
              drop_absent(clock::now());
          }},
      check_guard_{around_.dog, [this] {
                       look_at_checks();
                   }} {
    if (around_.cells == nullptr) {
        own_cells_ = std::make_unique<host_cells>(nullptr, 0);
        around_.cells = own_cells_.get();
    }
    check_guard_.set(deadline{clock::now()});
}

upstreams::~upstreams() {
    assert(waiting_.empty());
}

void upstreams::update(const topology_news& news) {
    if (closed_) {
        return;
    }
    registry_since_ = news.connected_since;
    registry_connected_ = registry_since_ != time_point::min();
    // Nodes that left are removed before new ones are added, because the number is limited.
    std::vector<core::listed_node_ptr> fresh;
    for (const core::node_change& change : news.changes) {
        const core::node_id& id = (change.after ? change.after : change.before)->info.id;
        refused_.erase(id);
        const auto known = nodes_.find(id);
        const bool is_callable = change.after && can_call(change.after->info);
        if (is_callable && known != nodes_.end()) {
            renew(known->second, change.after);
        } else if (is_callable) {
            fresh.push_back(change.after);
        } else if (known != nodes_.end()) {
            note_absent(id, news.is_first);
        }
    }
    drop_absent(clock::now());
    for (const core::listed_node_ptr& each : fresh) {
        admit(each);
    }
    admit_refused();
    changed();
}

void upstreams::registry_lost() {
    registry_connected_ = false;
    absent_guard_.clear();
}

// It has routes for packets, and an address that may be called.
bool upstreams::can_call(const core::node_info& listed) {
    if (listed.is_http() || routes_of(listed) == 0) {
        return false;
    }
    const auto checked = core::check_advertised_host(listed.id.host);
    if (!checked && hosts_reported_ < hosts_reported_max) {
        ++hosts_reported_;
        log::warning("{} is never called: {}", listed.id.name, checked.error().text);
    }
    return checked.has_value();
}

// Removes the oldest service that has no instance, with its routes.
bool upstreams::make_room() {
    if (empty_services_.empty()) {
        return false;
    }
    const auto oldest = services_.find(empty_services_.front());
    remove_ghost(oldest->second);
    services_.erase(oldest);
    empty_services_.pop_front();
    return true;
}

void upstreams::remove_ghost(service_nodes& of) {
    if (of.ghost) {
        routes_.remove(*of.ghost, core::route_table::presence::gone);
        ghost_routes_ -= routes_of(*of.ghost);
        of.ghost.reset();
    }
}

void upstreams::renew(const node_ptr& known, const core::listed_node_ptr& listed) {
    routes_.replace(known->info(), listed->info);
    const core::node_info& before = known->info();
    if (before.weight != listed->info.weight || before.zone != listed->info.zone) {
        services_.find(before.id.name)->second.is_grouped = false;
    }
    known->update(info_of(listed));
    if (known->absent_since != time_point::max()) {
        known->absent_since = time_point::max();
        absent_.erase(listed->info.id);
    }
}

void upstreams::note_absent(const core::node_id& id, bool is_first) {
    const node_ptr& node = nodes_.at(id);
    if (node->absent_since == time_point::max()) {
        node->absent_since = clock::now();
        node->removed_under = is_first ? std::nullopt : std::optional{registry_since_};
        absent_.emplace(id, node);
    }
}

// The service, which may be new, or the end when there is no room for it.
upstreams::service_map::iterator upstreams::add_service(const std::string& name) {
    const auto found = services_.find(name);
    if (found != services_.end()) {
        return found;
    }
    if (services_.size() >= services_max && !make_room()) {
        return services_.end();
    }
    const auto made = services_.emplace(name, service_nodes{}).first;
    const auto settings = policies_.of(name).with_limits(no_limits());
    auto guard = std::make_shared<service_guard>(around_.executor, *around_.cells, name, settings);
    made->second.group = std::make_shared<endpoint_group>(
        name,
        settings,
        guard->claim(),
        around_.cells->meters(),
        endpoint_group::zone_of(around_.settings.zone)
    );
    made->second.guard = std::move(guard);
    made->second.empty_place = empty_services_.insert(empty_services_.end(), name);
    return made;
}

void upstreams::admit(const core::listed_node_ptr& listed) {
    const core::node_id& id = listed->info.id;
    const auto place = add_service(id.name);
    if (place == services_.end()) {
        if (refused_.empty()) {
            log::warning(
                "there are more than {} services: {}, and further ones until others have left, "
                "are ignored",
                services_max,
                id.name
            );
        }
        refused_.emplace(id, listed);
        return;
    }
    service_nodes& of = place->second;
    remove_ghost(of);
    of.is_deregistered = false;
    if (of.nodes.empty()) {
        empty_services_.erase(of.empty_place);
    }
    auto node = std::make_shared<upstream_node>(around_, info_of(listed), [this] { changed(); });
    const net::peer_address address{id.host, id.port};
    node->claim = around_.cells->endpoint(id.name, address.text(), clock::now());
    of.nodes.push_back(node);
    of.is_grouped = false;
    nodes_.emplace(id, node);
    routes_.add(listed->info);
    if (when_ == connecting::eagerly || of.is_called) {
        node->start();
    }
}

// Done at the first call after a change, so that a list of many nodes is grouped once.
void upstreams::group(const std::string& name, service_nodes& of) {
    if (of.is_grouped) {
        return;
    }
    of.is_grouped = true;
    const auto settings = policies_.of(name).with_limits(no_limits());
    std::vector<endpoint_group::endpoint> all;
    all.reserve(of.nodes.size());
    for (const node_ptr& node : of.nodes) {
        const core::node_info& info = node->info();
        all.push_back(
            {node->claim,
             net::peer_address{info.id.host, info.id.port}.text(),
             info.weight,
             endpoint_group::zone_of(info.zone)}
        );
    }
    of.group->assign(std::move(all), settings, clock::now());
    of.guard->apply(settings, of.nodes.size());
}

void upstreams::apply(core::resilience::service_policies policies) {
    policies_ = std::move(policies);
    for (auto& [name, of] : services_) {
        of.is_grouped = false;
    }
}

void upstreams::admit_refused() {
    while (!refused_.empty() && (services_.size() < services_max || !empty_services_.empty())) {
        const auto next = refused_.extract(refused_.begin());
        admit(next.mapped());
    }
}

void upstreams::drop_absent(time_point now) {
    const bool settled =
        registry_connected_ && now - registry_since_ >= around_.settings.forget_absent;
    std::size_t routes = 0;
    bool dropped = false;
    auto next = absent_.begin();
    while (next != absent_.end() && routes < routes_dropped_max) {
        const node_ptr node = next->second;
        if (!settled && !node->is_lost()) {
            ++next;
            continue;
        }
        next = absent_.erase(next);
        routes += routes_of(node->info()) + 1;
        drop(node);
        dropped = true;
    }
    if (next != absent_.end()) {
        absent_guard_.set(deadline{now}); // the rest in a later turn
    } else if (!settled && registry_connected_ && !absent_.empty()) {
        absent_guard_.set(deadline{registry_since_ + around_.settings.forget_absent});
    }
    if (dropped) {
        admit_refused();
        changed();
    }
}

void upstreams::drop(const node_ptr& node) {
    const core::node_id& id = node->info().id;
    service_nodes& of = services_.find(id.name)->second;
    std::erase(of.nodes, node);
    of.is_grouped = false;
    routes_.remove(node->info());
    record_removal(of, *node);
    nodes_.erase(id);
    node->drain();
}

// True when the registry that listed the node removed it without listing it as critical before. The
// absence from a registry's list means nothing when that registry never listed the node.
bool upstreams::has_deregistered(const upstream_node& node) const {
    return node.absent_since != time_point::max() && node.removed_under == registry_since_ &&
           !node.info().critical;
}

// Routes of a foreign service that left in order are removed. All others stay, so that clients get
// 502 or 503 instead of 404.
void upstreams::record_removal(service_nodes& from, const upstream_node& gone) {
    const core::node_info& info = gone.info();
    const bool failed = !has_deregistered(gone);
    log::info(
        "{} at {}:{} {}",
        info.id.name,
        info.id.host,
        info.id.port,
        failed ? "has failed" : "has left"
    );
    if (!from.nodes.empty()) {
        return;
    }
    from.empty_place = empty_services_.insert(empty_services_.end(), info.id.name);
    const bool is_msd = info.proto >= wire::protocol_version;
    from.is_deregistered = !failed && is_msd;
    if (failed || is_msd) {
        from.ghost = gone.shared_info();
        routes_.add(*from.ghost, core::route_table::presence::gone);
        ghost_routes_ += routes_of(*from.ghost);
    }
    while (ghost_routes_ > core::routes_listed_max && make_room()) {
    }
}

void upstreams::changed() {
    for (asio::steady_timer* const waiting : waiting_) {
        waiting->cancel();
    }
    if (on_change_) {
        on_change_();
    }
    // A node that is not listed and has lost its last connection is removed.
    const bool any_gone = std::any_of(absent_.begin(), absent_.end(), [](const auto& absent) {
        return absent.second->is_lost();
    });
    if (any_gone) {
        absent_guard_.set(deadline{clock::now()});
    }
}

void upstreams::start_all(service_nodes& of) {
    of.is_called = true;
    for (const node_ptr& node : of.nodes) {
        node->start();
    }
}

void upstreams::connect(std::string_view name) {
    const auto found = services_.find(name);
    if (found != services_.end()) {
        start_all(found->second);
    }
}

bool upstreams::have_all_deregistered(std::string_view name) const {
    const auto found = services_.find(name);
    if (found == services_.end()) {
        return false;
    }
    const auto& nodes = found->second.nodes;
    if (nodes.empty()) {
        return found->second.is_deregistered;
    }
    // The remaining nodes are finishing their last requests.
    return std::all_of(nodes.begin(), nodes.end(), [this](const auto& node) {
        return has_deregistered(*node) && node->info().proto >= wire::protocol_version;
    });
}

bool upstreams::knows(std::string_view name) const {
    const auto found = services_.find(name);
    return found != services_.end() && !found->second.nodes.empty();
}

bool upstreams::is_msd_only(std::string_view name) const {
    const auto found = services_.find(name);
    if (found == services_.end()) {
        return true;
    }
    const auto& nodes = found->second.nodes;
    return std::all_of(nodes.begin(), nodes.end(), [](const auto& node) {
        return node->info().proto >= wire::protocol_version;
    });
}

void upstreams::close() {
    closed_ = true;
    check_guard_.clear();
    for (const auto& [name, of] : services_) {
        for (const auto& node : of.nodes) {
            node->close();
        }
    }
    for (asio::steady_timer* const waiting : waiting_) {
        waiting->cancel();
    }
}

} // namespace msd::upstream
