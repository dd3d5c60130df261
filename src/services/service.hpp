// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "services/arguments.hpp"
#include "services/parameter.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace msd::services {

// What a handler answers; the host turns it into a reply packet. Members are raw JSON without
// braces: `"id":7`.
struct reply {
    int status = 200; // HTTP status the service asks for
    int errorcode = 0;
    std::string errormessage = "success";
    std::string members;
};

[[nodiscard]] reply success(std::string members = {}, int status = 200);
/// errorcode 1.
[[nodiscard]] reply failure(int status, std::string errormessage, std::string members = {});
/// 422 `Invalid Parameters` with `errors:[{field,problem}]`.
[[nodiscard]] reply invalid_parameters(std::span<const arguments::problem> problems);

// One request as a handler sees it: checked against its route's parameters.
struct call {
    arguments args;
    deadline until = deadline::never();
    std::string idempotency_key; // empty: none
    std::string request_id;      // for the log; may be empty
    std::string trace;           // traceparent to hand on; may be empty
};

// Asks another service over the topology; implemented by the service host.
class peer_caller {
public:
    virtual ~peer_caller() = default;

    struct answer {
        int errorcode = 0;
        int status = 0;   // 0: not said (foreign services)
        std::string body; // the whole reply as JSON object text
    };

    /// Errors: unavailable (no node, or none reachable), timeout, closed.
    virtual asio::awaitable<result<answer>>
    ask(std::string method, std::string uri, std::string params, deadline until) = 0;
};

struct service_settings {
    std::filesystem::path data_dir;
    int slot = 0;      // of this worker
    std::string store; // --store; empty: the embedded one under data_dir
};

struct service_context {
    asio::any_io_executor executor;
    service_settings settings;
    peer_caller& peers;
};

using handler = std::function<asio::awaitable<reply>(call)>;

// One row of a service's table.
struct route {
    std::string_view method;
    std::string_view path; // exact or with variables: "/goods/{id}"; a variable is a parameter too
    std::span<const parameter> parameters;
    handler handle;
    bool one_way = false;    // never answered on the wire
    bool any_params = false; // takes params of any kind unchecked (logs): arguments::raw()
};

// One running instance of a service in one worker.
class service {
public:
    virtual ~service() = default;

    /// The table; lives as long as the service.
    [[nodiscard]] virtual std::span<const route> routes() const = 0;

    /// Opens the store. A failure ends the worker before READY with the error's text.
    virtual asio::awaitable<result<void>> start() = 0;

    /// Ends what it holds; called once, after the last handler returned.
    virtual asio::awaitable<void> stop() = 0;

    /// Files are reopened (log rotation); nothing by default.
    virtual void reopen() {}
};

// A row in the table of services: what `msd service NAME` can start.
struct definition {
    std::string_view name;
    std::uint16_t default_port;
    std::string_view summary;
    bool ships_logs = true; // the logs service ships nothing
    std::unique_ptr<service> (*create)(const service_context&);
};

/// All services of this build, in the order `msd up` starts them.
[[nodiscard]] std::span<const definition> all();
/// Null when there is none of that name.
[[nodiscard]] const definition* find(std::string_view name);

} // namespace msd::services
