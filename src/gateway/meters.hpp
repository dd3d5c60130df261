// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/metrics.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace msd::gateway {

struct exchange_record;

// An exchange that has ended, as metrics see it.
struct counted_exchange {
    const exchange_record& record;
    std::string_view method; // of method_label()
    std::string_view route;  // its name; empty: no route was found
    std::string_view service;
    time_point ended;
};

/// The method as a label: its name when it is one of the methods of HTTP, else "other". A literal.
[[nodiscard]] std::string_view method_label(std::string_view method);

/// What became of a request that was sent to a service, or was to be: success, client_error,
/// server_error, timeout, connect_failed, reset, no_instance, refused, client_left.
[[nodiscard]] std::string_view outcome_label(const exchange_record& record);

// The gateway's metrics of requests. It keeps the cells of each route and instance, so counting an
// exchange allocates nothing and looks at no shared table, except for the first of its kind.
class meters {
public:
    // The request is in flight as long as this object lives.
    class in_flight {
    public:
        explicit in_flight(const meters& of) : cell_{of.in_flight_} { cell_.add(); }
        ~in_flight() { cell_.subtract(); }
        in_flight(const in_flight&) = delete;
        in_flight& operator=(const in_flight&) = delete;

    private:
        core::metric_cell cell_;
    };

    /// `within` outlives this object.
    explicit meters(core::metrics& within);

    void count(const counted_exchange& ended);
    // What a limit of requests said.
    enum class limited : std::uint8_t { allowed, refused, store_failed };
    /// `limit`: the name of the route that has it, or "gateway".
    void count_limited(std::string_view limit, limited outcome);
    /// With each heartbeat.
    void update(std::size_t connections, std::size_t body_bytes, std::size_t kept_bytes);

    // Routes and pairs of service and instance that are kept; the others share one entry.
    static constexpr std::size_t kept_max = 4096;

private:
    struct reply_counter {
        std::string_view method;
        int status = 0;
        core::metric_cell cell;
    };
    struct route_meters {
        core::duration_cells durations;
        std::vector<reply_counter> replies;
    };
    struct outcome_counter {
        std::string_view outcome;
        core::metric_cell cell;
    };
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    template <class T>
    using by_name = std::unordered_map<std::string, T, text_hash, std::equal_to<>>;
    struct service_meters {
        by_name<std::vector<outcome_counter>> instances;
    };

    void count_request(const counted_exchange& ended);
    void count_upstream(const counted_exchange& ended);
    void find_instance(const counted_exchange& ended);

    core::metrics& within_;
    core::metric_cell in_flight_;
    core::metric_cell connections_;
    core::metric_cell body_bytes_;
    core::metric_cell kept_bytes_;
    by_name<route_meters> routes_;
    by_name<service_meters> services_;
    by_name<std::array<core::metric_cell, 3>> limits_; // by what they said
    std::size_t instances_kept_ = 0;                   // of all services
    // The entries of the last exchange; the next one is often for the same.
    const std::string* last_service_ = nullptr;
    by_name<std::vector<outcome_counter>>::value_type* last_instance_ = nullptr;
};

} // namespace msd::gateway
