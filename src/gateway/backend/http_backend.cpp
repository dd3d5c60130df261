// SPDX-License-Identifier: Apache-2.0
#include "gateway/backend/http_backend.hpp"

#include "gateway/backend/http_call.hpp"

#include <utility>

namespace msd::gateway {

asio::awaitable<std::optional<refusal>> http_backend::run(const backend_request* request) {
    auto cluster = services_.find(request->service);
    if (!cluster) {
        refusal unknown;
        unknown.status = 502;
        unknown.detail = "no program of the service is known";
        unknown.service = request->service;
        co_return unknown;
    }
    http_call call{std::move(cluster), *request, faults_, sticky_secret_};
    auto outcome = co_await call.run();
    co_return outcome;
}

} // namespace msd::gateway
