// SPDX-License-Identifier: Apache-2.0
#include "roles/upstreams.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace msd::roles {

namespace {

constexpr std::size_t services_max = 4096;

} // namespace

upstreams::upstreams(upstream_surroundings around, connecting when)
    : around_{std::move(around)},
      when_{when},
      absent_guard_{around_.dog, [this] {
                        drop_absent(clock::now());
                    }} {}

upstreams::~upstreams() {
    assert(waiting_.empty());
}

void upstreams::update(const core::topology& known, time_point registry_connected_since) {
    if (closed_) {
        return;
    }
    const time_point now = clock::now();
    registry_since_ = registry_connected_since;
    registry_connected_ = registry_connected_since != time_point::min();
    for (auto& [name, of] : services_) {
        for (const auto& node : of.nodes) {
            node->absent_since = std::min(node->absent_since, now);
        }
    }
    // Nodes that left are removed before new ones are added, because the number is limited.
    std::vector<const core::node_info*> fresh;
    for (const core::node_info& listed : known.nodes()) {
        const bool serves = !listed.urls.empty() || !listed.routes.empty();
        if (serves && !renew(listed)) {
            fresh.push_back(&listed);
        }
    }
    drop_absent(now);
    for (const core::node_info* const each : fresh) {
        admit(*each);
    }
    rebuild_routes();
    changed();
}

void upstreams::registry_lost() {
    registry_connected_ = false;
    absent_guard_.clear();
}

// Removes the oldest service that has no instance, with its routes.
bool upstreams::make_room() {
    const auto is_empty = [this](const std::string& name) {
        return services_.find(name)->second.nodes.empty();
    };
    const auto first = std::find_if(order_.begin(), order_.end(), is_empty);
    if (first == order_.end()) {
        return false;
    }
    services_.erase(*first);
    order_.erase(first);
    return true;
}

// Updates a known node; false when the node is not known.
bool upstreams::renew(const core::node_info& listed) {
    const auto found = services_.find(listed.id.name);
    if (found == services_.end()) {
        return false;
    }
    auto& nodes = found->second.nodes;
    const auto same = [&listed](const auto& node) {
        return node->info().id == listed.id;
    };
    const auto present = std::find_if(nodes.begin(), nodes.end(), same);
    if (present == nodes.end()) {
        return false;
    }
    (*present)->update(listed);
    (*present)->absent_since = time_point::max();
    (*present)->listed_under = registry_since_;
    return true;
}

void upstreams::admit(const core::node_info& listed) {
    auto found = services_.find(listed.id.name);
    if (found == services_.end()) {
        if (services_.size() >= services_max && !make_room()) {
            log::warning(
                "there are more than {} services: {} is ignored",
                services_max,
                listed.id.name
            );
            return;
        }
        found = services_.emplace(listed.id.name, service_nodes{}).first;
        order_.push_back(listed.id.name);
    }
    service_nodes& of = found->second;
    of.ghost.reset();
    of.is_deregistered = false;
    auto node = std::make_shared<upstream_node>(around_, listed, [this] { changed(); });
    const bool in_use = std::any_of(of.nodes.begin(), of.nodes.end(), [](const auto& other) {
        return other->has_connections();
    });
    node->listed_under = registry_since_;
    of.nodes.push_back(node);
    if (when_ == connecting::eagerly || in_use) {
        node->start();
    }
}

void upstreams::drop_absent(time_point now) {
    const bool settled =
        registry_connected_ && now - registry_since_ >= around_.settings.forget_absent;
    bool dropped = false;
    for (auto& [name, of] : services_) {
        for (std::size_t i = 0; i < of.nodes.size();) {
            const auto node = of.nodes[i];
            const bool absent = node->absent_since != time_point::max();
            if (!absent || (!settled && !node->is_lost())) {
                ++i;
                continue;
            }
            of.nodes.erase(of.nodes.begin() + static_cast<std::ptrdiff_t>(i));
            record_removal(of, node->info(), !has_deregistered(*node));
            node->drain();
            dropped = true;
        }
    }
    if (!settled && registry_connected_) {
        absent_guard_.set(deadline{registry_since_ + around_.settings.forget_absent});
    }
    if (dropped) {
        rebuild_routes();
        changed();
    }
}

// True when the registry that listed the node removed it without listing it as critical before. The
// absence from a registry's list means nothing when that registry never listed the node.
bool upstreams::has_deregistered(const upstream_node& node) const {
    return node.absent_since != time_point::max() && node.listed_under == registry_since_ &&
           !node.info().critical;
}

// Routes of a foreign service that left in order are removed. All others stay, so that clients get
// 502 or 503 instead of 404.
void upstreams::record_removal(service_nodes& from, const core::node_info& gone, bool failed) {
    log::info(
        "{} at {}:{} {}",
        gone.id.name,
        gone.id.host,
        gone.id.port,
        failed ? "has failed" : "has left"
    );
    if (!from.nodes.empty()) {
        return;
    }
    const bool is_msd = gone.proto >= wire::protocol_version;
    from.is_deregistered = !failed && is_msd;
    if (failed || is_msd) {
        from.ghost = std::make_unique<core::node_info>(gone);
    }
}

void upstreams::rebuild_routes() {
    std::vector<core::node_info> nodes;
    std::vector<core::node_info> ghosts; // after all nodes, so that routes of nodes come first
    for (const std::string& name : order_) {
        const service_nodes& of = services_.find(name)->second;
        for (const auto& node : of.nodes) {
            nodes.push_back(node->info());
        }
        if (of.ghost) {
            ghosts.push_back(*of.ghost);
        }
    }
    routes_ = std::make_shared<core::route_table>(nodes, ghosts);
}

void upstreams::changed() {
    for (asio::steady_timer* const waiting : waiting_) {
        waiting->cancel();
    }
    if (on_change_) {
        on_change_();
    }
    // A node that is not listed and has lost its last connection is removed.
    const auto is_gone = [](const auto& node) {
        return node->absent_since != time_point::max() && node->is_lost();
    };
    for (const auto& [name, of] : services_) {
        if (std::any_of(of.nodes.begin(), of.nodes.end(), is_gone)) {
            absent_guard_.set(deadline{clock::now()});
            return;
        }
    }
}

void upstreams::connect(std::string_view name) {
    const auto found = services_.find(name);
    if (found != services_.end()) {
        for (const auto& node : found->second.nodes) {
            node->start();
        }
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
    for (const auto& [name, of] : services_) {
        for (const auto& node : of.nodes) {
            node->close();
        }
    }
    for (asio::steady_timer* const waiting : waiting_) {
        waiting->cancel();
    }
}

} // namespace msd::roles
