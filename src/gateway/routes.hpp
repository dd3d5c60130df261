// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/configured_routes.hpp"
#include "core/program_routes.hpp"
#include "core/request_path.hpp"
#include "core/route_table.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace msd::gateway {

// A request as routes see it.
struct routed_request {
    std::string_view method;
    std::string_view host; // the Host field, or the authority of an absolute target; may be empty
    std::string_view path; // of the request target, as received, without query
};

// Where a request goes. It keeps what it refers to: the exchange may use it after the tables have
// changed.
struct route_match {
    enum class outcome : std::uint8_t {
        configured,   // `configured` says what to do
        packets,      // a packet service of the registry: `packets`
        program,      // a web program of the registry: `program`
        wrong_method, // 405 with `allow`
        unknown,      // 404, or 503 without a list of nodes
        malformed,    // 400 with `problem`: the path is none that a route may see
    };

    outcome what = outcome::unknown;
    std::shared_ptr<const core::compiled_route> configured;
    core::program_routes::route_ptr program;
    core::route_table::match packets; // target and variables
    std::string allow;
    std::string problem;
    // Configured and program: the path as the service receives it is `path` from `skip` on, where
    // `path` is empty when it is the one that was received. Without a prefix to strip `skip` is 0.
    std::string path;
    std::size_t skip = 0;
    std::string prefix; // the stripped prefix of the request when that of the route has variables

    /// The name of the route for logs.
    [[nodiscard]] std::string_view name() const;
    /// The prefix that was stripped, without its last "/"; empty: none.
    [[nodiscard]] std::string_view stripped() const;
    /// The path for the service; `received` as in the request.
    [[nodiscard]] std::string_view path_for_service(std::string_view received) const {
        return (path.empty() ? received : std::string_view{path}).substr(skip);
    }
    /// The same with the query. `target` is the origin-form of the request target whose path was
    /// routed; the result is a part of it, or of `storage`.
    [[nodiscard]] std::string_view
    target_for_service(std::string_view target, std::string& storage) const;
};

// All routes of a gateway worker: those of the configuration, which are replaced as a whole, and
// those of the registry. The most precise route that fits gets the request, wherever it comes from:
// a route for certain hosts, then an exact path, a pattern, the longest prefix. Of equal ones the
// route of the configuration comes first, then packet services, then web programs. Routes of packet
// services are compared with the path as it was received, all others as core/request_path.hpp says.
class routes {
public:
    using configured_ptr = std::shared_ptr<const core::configured_routes>;

    /// Both are used by reference and follow the registry.
    routes(const core::route_table& packets, const core::program_routes& programs)
        : packets_{packets},
          programs_{programs} {}

    /// From now on. Requests in flight keep the routes that they have found.
    void apply(configured_ptr fresh) { configured_ = std::move(fresh); }
    [[nodiscard]] const configured_ptr& configured() const { return configured_; }
    [[nodiscard]] const core::program_routes& programs() const { return programs_; }

    [[nodiscard]] route_match find(const routed_request& request) const;

    /// For a configured route to a packet service: the route of that service. `path` as from
    /// route_match::path_for_service(). HEAD finds GET routes.
    [[nodiscard]] core::route_table::match
    find_of(std::string_view service, std::string_view method, std::string_view path) const {
        return packets_.find_of(service, method, path);
    }

    /// All routes are for packets: nothing but the registry's packet services has any.
    [[nodiscard]] bool has_only_packets() const {
        return configured_->empty() && programs_.empty();
    }

private:
    const core::route_table& packets_;
    const core::program_routes& programs_;
    configured_ptr configured_ = *core::configured_routes::compile({});
};

} // namespace msd::gateway
