// SPDX-License-Identifier: Apache-2.0
#include "upstream/programs.hpp"

#include "net/connect.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <system_error>
#include <utility>

namespace msd::upstream {

namespace {

http::client_pool::limits pool_limits(const core::upstream_program_settings& settings) {
    http::client_pool::limits out;
    out.idle_timeout = settings.idle_timeout;
    out.connections_max = settings.idle_connections_max;
    return out;
}

tl::unexpected<error> not_an_address(std::string_view address) {
    return fail(
        errc::invalid,
        "'" + std::string{address} + "' is not an address: write HOST:PORT or [IPv6]:PORT"
    );
}

bool is_among(const program_cluster::endpoints& all, const program_endpoint::place& at) {
    return std::ranges::any_of(all, [&at](const auto& each) { return each->where() == at; });
}

} // namespace

core::resilience::service_policies
policies_of(const std::vector<core::upstream_program_settings>& configured) {
    core::resilience::service_policies made;
    for (const core::upstream_program_settings& each : configured) {
        if (each.name == programs::defaults_name) {
            made.defaults = each.policies;
        } else {
            made.named.emplace(each.name, each.policies);
        }
    }
    return made;
}

result<program_endpoint::place> program_place_of(std::string_view address) {
    constexpr std::string_view scheme = "http://";
    std::string_view rest = address;
    if (rest.starts_with(scheme)) {
        rest.remove_prefix(scheme.size());
        rest = rest.ends_with('/') ? rest.substr(0, rest.size() - 1) : rest;
    }
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos) {
        return not_an_address(address);
    }
    std::string_view host = rest.substr(0, colon);
    const std::string_view digits = rest.substr(colon + 1);
    const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    host = is_bracketed ? host.substr(1, host.size() - 2) : host;
    const bool has_colon = host.find(':') != std::string_view::npos;
    program_endpoint::place out;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    if (host.empty() || has_colon != is_bracketed || out.port == 0 || read.ec != std::errc{} ||
        read.ptr != digits.data() + digits.size() ||
        host.find_first_of("/?#@[] \t") != std::string_view::npos) {
        return not_an_address(address);
    }
    out.host = host;
    return out;
}

program_endpoint::program_endpoint(
    asio::any_io_executor executor,
    net::watchdog& dog,
    place where,
    http::client_pool::limits limits
)
    : executor_{std::move(executor)},
      dog_{dog},
      where_{std::move(where)},
      text_{net::peer_address{where_.host, where_.port}.text()},
      pool_{limits} {}

asio::awaitable<result<std::unique_ptr<http::client_connection>>>
program_endpoint::connect(deadline until) {
    result<asio::ip::tcp::socket> made = fail(errc::internal, "not connected");
    if (where_.is_node) {
        made = co_await net::connect_to_node(executor_, where_.host, where_.port, until);
    } else {
        made = co_await net::connect(executor_, where_.host, where_.port, until);
    }
    if (!made) {
        co_return tl::unexpected{std::move(made.error())};
    }
    co_return std::make_unique<http::client_connection>(std::move(*made), dog_);
}

program_cluster::program_cluster(
    core::upstream_program_settings settings,
    endpoints all,
    std::shared_ptr<service_guard> guard,
    std::uint32_t own_zone
)
    : settings_{std::move(settings)},
      endpoints_{std::move(all)},
      guard_{std::move(guard)},
      group_{settings_.name, settings_.policies, guard_->claim(), guard_->meters(), own_zone} {
    std::vector<endpoint_group::endpoint> made;
    made.reserve(endpoints_.size());
    for (const auto& each : endpoints_) {
        made.push_back({each->claim, each->text(), each->weight, each->zone});
    }
    group_.assign(std::move(made), settings_.policies, clock::now());
    guard_->apply(settings_.policies, endpoints_.size());
}

programs::programs(
    asio::any_io_executor executor,
    net::watchdog& dog,
    host_cells& cells,
    std::uint32_t own_zone
)
    : executor_{std::move(executor)},
      dog_{dog},
      cells_{cells},
      own_zone_{own_zone} {}

programs::~programs() = default;

result<void> programs::apply(const std::vector<core::upstream_program_settings>& configured) {
    std::map<std::string, core::upstream_program_settings, std::less<>> checked;
    for (const auto& each : configured) {
        for (const std::string& address : each.addresses) {
            if (const auto place = program_place_of(address); !place) {
                const std::string where = each.source.empty() ? each.name : each.source;
                return fail(errc::invalid, where + ": " + place.error().text);
            }
        }
        checked.insert_or_assign(each.name, each);
    }
    configured_.swap(checked);
    std::set<std::string> names;
    for (const auto& [name, settings] : checked) {
        names.insert(name); // before
    }
    for (const auto& [name, settings] : configured_) {
        names.insert(name);
    }
    for (const auto& [name, nodes] : nodes_) {
        names.insert(name); // the defaults may have changed
    }
    for (const std::string& name : names) {
        rebuild(name);
    }
    return {};
}

void programs::add_node(const core::node_info& node) {
    const share said{node.weight, endpoint_group::zone_of(node.zone)};
    const auto [known, is_new] = nodes_[node.id.name].emplace(node.id, said);
    if (is_new || std::exchange(known->second, said) != said) {
        rebuild(node.id.name);
    }
}

void programs::remove_node(const core::node_id& node) {
    const auto found = nodes_.find(node.name);
    if (found == nodes_.end() || found->second.erase(node) == 0) {
        return;
    }
    if (found->second.empty()) {
        nodes_.erase(found);
    }
    rebuild(node.name);
}

// Those of its own entry, or of the defaults.
core::upstream_program_settings programs::settings_of(const std::string& service) const {
    auto found = configured_.find(service);
    found = found == configured_.end() ? configured_.find(defaults_name) : found;
    if (found == configured_.end()) {
        return {};
    }
    auto out = found->second;
    if (found->first != service) {
        out.name = service;
        out.addresses.clear();
    }
    return out;
}

std::vector<programs::shared_place>
programs::places_of(const std::string& service, const std::vector<std::string>& addresses) const {
    std::vector<shared_place> out;
    for (const std::string& address : addresses) {
        if (auto place = program_place_of(address)) {
            out.emplace_back(std::move(*place), share{});
        }
    }
    if (const auto nodes = nodes_.find(service); nodes != nodes_.end()) {
        for (const auto& [node, said] : nodes->second) {
            out.emplace_back(program_endpoint::place{node.host, node.port, true}, said);
        }
    }
    return out;
}

void programs::rebuild(const std::string& service) {
    const auto before = find(service);
    const bool is_known =
        nodes_.contains(service) || (configured_.contains(service) && service != defaults_name &&
                                     !configured_.find(service)->second.addresses.empty());
    auto settings = settings_of(service);
    const auto limits = pool_limits(settings);
    const time_point now = clock::now();
    program_cluster::endpoints all;
    for (auto& [place, said] : places_of(service, settings.addresses)) {
        if (!is_known || is_among(all, place)) {
            continue;
        }
        std::shared_ptr<program_endpoint> endpoint = before ? before->at(place) : nullptr;
        if (!endpoint) {
            endpoint =
                std::make_shared<program_endpoint>(executor_, dog_, std::move(place), limits);
        }
        endpoint->claim = cells_.endpoint(service, endpoint->text(), now);
        endpoint->weight = said.weight;
        endpoint->zone = said.zone;
        endpoint->pool().apply(limits);
        all.push_back(std::move(endpoint));
    }
    if (before) {
        for (const auto& each : before->all()) {
            if (!is_among(all, each->where())) {
                each->pool().close();
            }
        }
    }
    if (!is_known) {
        clusters_.erase(service);
        return;
    }
    settings.name = service;
    settings.policies = settings.policies.with_limits({});
    auto guard =
        before ? before->guard()
               : std::make_shared<service_guard>(executor_, cells_, service, settings.policies);
    clusters_.insert_or_assign(
        service,
        std::make_shared<program_cluster>(
            std::move(settings),
            std::move(all),
            std::move(guard),
            own_zone_
        )
    );
}

std::shared_ptr<program_endpoint> program_cluster::at(const program_endpoint::place& place) const {
    const auto found = std::ranges::find_if(endpoints_, [&place](const auto& each) {
        return each->where() == place;
    });
    return found == endpoints_.end() ? nullptr : *found;
}

std::shared_ptr<program_cluster> programs::find(std::string_view service) const {
    const auto found = clusters_.find(service);
    return found == clusters_.end() ? nullptr : found->second;
}

void programs::note_states(time_point now) {
    for (const auto& [name, cluster] : clusters_) {
        cluster->group().refresh(now);
        cluster->group().note_states();
        cluster->guard()->note_states(now);
    }
}

void programs::close_idle() {
    for (const auto& [name, cluster] : clusters_) {
        for (const auto& endpoint : cluster->all()) {
            endpoint->pool().close();
        }
    }
}

} // namespace msd::upstream
