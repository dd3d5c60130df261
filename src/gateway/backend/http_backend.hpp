// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/backend.hpp"
#include "upstream/injected_faults.hpp"
#include "upstream/programs.hpp"

#include <asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace msd::gateway {

// Hands requests to web programs over HTTP/1.1 and their replies back: kept connections, bodies as
// streams in both directions, interim replies, upgrades (RFC 9110, 9112). It knows the two streams
// and the endpoints of a service; routes and policies are the exchange's.
class http_backend {
public:
    /// `services` and `faults` outlive the backend. `sticky_secret`: see
    /// core::resilience::sticky_cookie().
    http_backend(
        upstream::programs& services,
        upstream::injected_faults& faults,
        std::string sticky_secret
    )
        : services_{services},
          faults_{faults},
          sticky_secret_{std::move(sticky_secret)} {}

    /// Whether requests for this service go to web programs: it is in the configuration, or nodes
    /// of the registry that speak HTTP offer it.
    [[nodiscard]] bool serves(std::string_view service) const { return services_.has(service); }

    /// For explanations. Null: no such service is known.
    [[nodiscard]] std::shared_ptr<upstream::program_cluster> find(std::string_view service) const {
        return services_.find(service);
    }
    [[nodiscard]] const std::string& sticky_secret() const { return sticky_secret_; }

    /// Nothing: the reply was sent to its end, or the stream was reset, with record.cut then. A
    /// refusal: no byte of a final reply was sent, and the caller answers.
    ///
    /// `request` and everything that it names live until this has returned. The body may be read in
    /// part only; then stop_reading() was called and the rest is the stream's to drop. With 101
    /// this returns when the tunnel has ended. When the client's connection ends, this closes the
    /// connection to the program and returns soon.
    asio::awaitable<std::optional<refusal>> run(const backend_request* request);

private:
    upstream::programs& services_;
    upstream::injected_faults& faults_;
    std::string sticky_secret_;
};

} // namespace msd::gateway
