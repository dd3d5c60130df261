// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/node.hpp"
#include "core/route_settings.hpp"
#include "http/client_connection.hpp"
#include "http/client_pool.hpp"
#include "net/watchdog.hpp"
#include "upstream/endpoint_group.hpp"
#include "upstream/host_cells.hpp"
#include "upstream/service_guard.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Web programs: the endpoints of services that speak HTTP/1.1, from the configuration and from the
// registry. upstreams is the same for packets.
namespace msd::upstream {

// One address of a service, with the kept connections to it. Whoever uses one of its connections
// holds the endpoint; so an endpoint that left the configuration ends with its last request.
class program_endpoint {
public:
    struct place {
        std::string host;
        std::uint16_t port = 0;
        bool is_node = false; // of the registry: net::connect_to_node applies

        auto operator<=>(const place&) const = default;
    };

    program_endpoint(
        asio::any_io_executor executor,
        net::watchdog& dog,
        place where,
        http::client_pool::limits limits
    );
    program_endpoint(const program_endpoint&) = delete;
    program_endpoint& operator=(const program_endpoint&) = delete;

    /// "127.0.0.1:8081", as in messages and in Host.
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] const place& where() const { return where_; }
    [[nodiscard]] http::client_pool& pool() { return pool_; }

    /// A fresh connection. errc::timeout, unavailable or denied with a reason for people.
    asio::awaitable<result<std::unique_ptr<http::client_connection>>> connect(deadline until);

    // Set by programs.
    std::shared_ptr<endpoint_claim> claim; // never null afterwards
    std::uint32_t weight = 1;
    std::uint32_t zone = 0; // see endpoint_group::zone_of()

private:
    asio::any_io_executor executor_;
    net::watchdog& dog_;
    place where_;
    std::string text_;
    http::client_pool pool_;
};

// One service: its settings, endpoints and policies. The list never changes: a change of the
// configuration or the registry puts another cluster in its place, and requests that began keep
// theirs. What the policies have learned is in the claims and in the guard, which stay.
class program_cluster {
public:
    using endpoints = std::vector<std::shared_ptr<program_endpoint>>;

    program_cluster(
        core::upstream_program_settings settings,
        endpoints all,
        std::shared_ptr<service_guard> guard,
        std::uint32_t own_zone
    );

    [[nodiscard]] const core::upstream_program_settings& settings() const { return settings_; }
    [[nodiscard]] const endpoints& all() const { return endpoints_; }
    /// Null: there is none at this place.
    [[nodiscard]] std::shared_ptr<program_endpoint> at(const program_endpoint::place& place) const;
    /// Its indexes are those of all().
    [[nodiscard]] endpoint_group& group() { return group_; }
    [[nodiscard]] const std::shared_ptr<service_guard>& guard() const { return guard_; }

private:
    core::upstream_program_settings settings_;
    endpoints endpoints_;
    std::shared_ptr<service_guard> guard_;
    endpoint_group group_;
};

// All services of web programs that a worker can call.
class programs {
public:
    /// An entry of the configuration with this name has no addresses: its other settings are those
    /// of registry services without an entry of their own.
    static constexpr std::string_view defaults_name = "default";

    /// `cells` outlives this. `own_zone`: of the caller, see endpoint_group::zone_of().
    programs(
        asio::any_io_executor executor,
        net::watchdog& dog,
        host_cells& cells,
        std::uint32_t own_zone = 0
    );
    ~programs();
    programs(const programs&) = delete;
    programs& operator=(const programs&) = delete;

    /// Replaces what the configuration says. Endpoints that stay keep their connections, and
    /// connections in use go on. errc::invalid names the source and the address that cannot be
    /// read; then nothing is changed.
    result<void> apply(const std::vector<core::upstream_program_settings>& configured);

    /// HTTP nodes of the registry. An added node that is known, with this weight and zone, changes
    /// nothing.
    void add_node(const core::node_info& node);
    void remove_node(const core::node_id& node);

    [[nodiscard]] bool has(std::string_view service) const {
        return clusters_.find(service) != clusters_.end();
    }
    using clusters = std::map<std::string, std::shared_ptr<program_cluster>, std::less<>>;
    /// By service.
    [[nodiscard]] const clusters& all() const { return clusters_; }
    /// Null when no such service is known.
    [[nodiscard]] std::shared_ptr<program_cluster> find(std::string_view service) const;

    /// The state of the policies of all services, for metrics; with each heartbeat.
    void note_states(time_point now);

    /// Closes all idle connections and keeps none from now on, for a worker that drains.
    void close_idle();

private:
    void rebuild(const std::string& service);
    // An address, and what balancers have to know of it.
    struct share {
        std::uint32_t weight = 1;
        std::uint32_t zone = 0;

        bool operator==(const share&) const = default;
    };
    using shared_place = std::pair<program_endpoint::place, share>;

    [[nodiscard]] core::upstream_program_settings settings_of(const std::string& service) const;
    [[nodiscard]] std::vector<shared_place>
    places_of(const std::string& service, const std::vector<std::string>& addresses) const;

    asio::any_io_executor executor_;
    net::watchdog& dog_;
    host_cells& cells_;
    std::uint32_t own_zone_;
    std::map<std::string, core::upstream_program_settings, std::less<>> configured_;
    std::map<std::string, std::map<core::node_id, share>, std::less<>> nodes_;
    clusters clusters_;
};

/// The policies of what is configured, for packet services, too.
[[nodiscard]] core::resilience::service_policies
policies_of(const std::vector<core::upstream_program_settings>& configured);

/// Reads "127.0.0.1:8081", "[::1]:80" and "app.internal:80"; also with "http://" before it and "/"
/// behind it. errc::invalid.
[[nodiscard]] result<program_endpoint::place> program_place_of(std::string_view address);

} // namespace msd::upstream
