// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "services/arguments.hpp"
#include "services/logs/log_settings.hpp"
#include "services/parameter.hpp"
#include "services/service_rules.hpp"
#include "services/stream_writer.hpp"
#include "store/memory_cache.hpp"
#include "store/redis/settings.hpp"
#include "store/server_settings.hpp"
#include "wire/http_fields.hpp"
#include "wire/node_packets.hpp"

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

// The reply of a handler; the service host makes a reply packet of it. `members` is raw JSON
// without braces: `"id":7`.
struct reply {
    int status = 200; // HTTP status
    int errorcode = 0;
    std::string errormessage = "success";
    std::string members;
    int retry_after_s = 0; // with 429 and 503: when to try again; 0: not said
    // For the HTTP client: location, etag, cache-control, set-cookie, … Those that
    // wire::is_packet_header() refuses are left out.
    wire::http_fields headers = {};
};

[[nodiscard]] reply success(std::string members = {}, int status = 200);
/// errorcode 1.
[[nodiscard]] reply failure(int status, std::string errormessage, std::string members = {});
/// 422 `Invalid Parameters` with `errors:[{field,problem}]`.
[[nodiscard]] reply invalid_parameters(std::span<const arguments::problem> problems);

// The sender of a request, for routes with wants_client. What is not known is empty.
struct sender {
    std::string client;      // address of the HTTP client, from a gateway that is believed
    std::string address;     // of the peer of the connection, without its port
    std::string name;        // of the peer, from its hello; an existing node sends none
    bool is_gateway = false; // the peer is a gateway of msd: its requests are those of clients
    bool is_proven = false;  // the peer has proved that it holds the cluster secret
    bool is_local = false;   // the peer is on this host
    // The peer is a node of msd as far as this can be known: it has proved the secret or, where
    // there is none, it has sent a hello and is on this host.
    bool is_trusted = false;
};

// One request for a handler, checked against the parameters of its route.
struct call {
    arguments args;
    deadline until = deadline::never();
    std::string idempotency_key; // empty: none
    std::string request_id;      // for logs; may be empty
    std::string trace;           // traceparent to pass on; may be empty
    sender from;
    wire::http_fields headers;    // those of the HTTP request that the route wants; untrusted
    const bool* wanted = nullptr; // see is_wanted(); lives until the handler has returned

    /// False: the client has left or gives up. Work that has not begun need not be done; the reply
    /// reaches nobody.
    [[nodiscard]] bool is_wanted() const { return wanted == nullptr || *wanted; }
};

// Sends requests to other services over the topology; implemented by the service host.
class peer_caller {
public:
    virtual ~peer_caller() = default;

    struct answer {
        int errorcode = 0;
        int status = 0;   // 0: the reply has none (foreign services)
        std::string body; // the whole reply as JSON object text
        bool msd = false; // from an msd node, which announces changes
    };

    /// Errors: unavailable (no node, or none reachable), timeout, closed.
    virtual asio::awaitable<result<answer>>
    ask(std::string method, std::string uri, std::string params, deadline until) = 0;

    /// Whether all nodes of this route are msd nodes, which announce changes; also true without any
    /// node. Connects to them, so that their announcements arrive.
    [[nodiscard]] virtual bool
    all_announce_changes(std::string_view method, std::string_view uri) = 0;
};

// Announces changes of this service's data to the connected callers that asked for announcements;
// implemented by the service host. Each announcement is sent once and can be lost.
class change_announcer {
public:
    virtual ~change_announcer() = default;
    virtual void announce_change(const wire::change& made) = 0;
};

struct service_options {
    std::filesystem::path data_dir;
    int slot = 0;                        // of this worker
    store::server_settings store;        // without a url: the embedded one under data_dir
    store::memory_cache_settings memory; // for data of other services
    store::redis::client_settings cache; // shared by all workers; without an address: none
    store::redis::shared_cache_settings shared;
    std::size_t requests_in_flight_max = 1024; // of this worker
    service_rules rules;
    log_settings logs;
};

struct service_context {
    asio::any_io_executor executor;
    service_options settings;
    peer_caller& peers;
    change_announcer& changes;
};

/// The reply of a handler that stops because its request is no longer wanted.
[[nodiscard]] inline reply no_longer_wanted() {
    return failure(503, "the client has left");
}

using handler = std::function<asio::awaitable<reply>(call)>;

/// The handler of a reply that is a stream. Before it has opened the stream it may return any
/// reply instead, for example a failure. Afterwards the returned errorcode counts: 0 completes the
/// stream; with another one, the client sees that the body is incomplete.
using stream_handler = std::function<asio::awaitable<reply>(call, stream_writer&)>;

// One row of a service's table.
struct route {
    std::string_view method;
    std::string_view path; // exact or with variables: "/goods/{id}"; a variable is a parameter too
    std::span<const parameter> parameters;
    handler handle;
    bool one_way = false;      // no reply is sent
    bool any_params = false;   // takes params of any kind unchecked (logs): arguments::raw()
    bool wants_client = false; // call::from is set; gateways add the client's address
    // Names of header fields in lower case, for call::headers (wire::is_packet_header()).
    std::span<const std::string_view> wants_headers = {};
    stream_handler stream = {}; // used instead of `handle` when it is set
};

// One running instance of a service in one worker.
class service {
public:
    virtual ~service() = default;

    /// Valid as long as the service lives.
    [[nodiscard]] virtual std::span<const route> routes() const = 0;

    /// Opens the store. A failure ends the worker before READY with the error's text.
    virtual asio::awaitable<result<void>> start() = 0;

    /// Releases its resources; called once, after the last handler has returned.
    virtual asio::awaitable<void> stop() = 0;

    /// Reopens files after log rotation; does nothing by default.
    virtual void reopen() {}

    /// Called when another service announces changes of its data; only for services whose
    /// definition sets receives_changes.
    virtual void changed(const wire::change& /*made*/) {}

    /// Members for the worker's statistics.
    virtual void write_figures(json::writer& /*out*/) const {}
};

// A row in the table of services. `msd service NAME` can start each of them.
struct definition {
    std::string_view name;
    std::uint16_t default_port;
    std::string_view summary;
    bool ships_logs = true;        // false for the logs service itself
    bool receives_changes = false; // it caches answers of other services
    std::unique_ptr<service> (*create)(const service_context&);
};

/// All services of this build, in the order `msd up` starts them.
[[nodiscard]] std::span<const definition> all();
/// Null when there is no service of that name.
[[nodiscard]] const definition* find(std::string_view name);

} // namespace msd::services
