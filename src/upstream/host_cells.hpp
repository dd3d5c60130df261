// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/resilience/host_state.hpp"
#include "upstream/policy_meters.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

namespace msd::core {
class scoreboard;
} // namespace msd::core

// The cells of a worker's services, endpoints and breakers in the memory that the workers of the
// host share. When there is no such memory, or all places are in use, a cell is the worker's own:
// its policies then know of its own requests only.
namespace msd::upstream {

// A cell that a worker uses. Whoever has a shared_ptr to the claim keeps its place. The pointers
// are never null. They can change in host_cells::keep(), which is rare; a request keeps those that
// it began with, and whoever copies them looks again every second.
template <class Cell, class Part>
struct cell_claim {
    std::uint64_t key = 0; // of the place
    Cell* cell = nullptr;  // of all workers
    Part* part = nullptr;  // this worker's part of it

    // For host_cells.
    struct own_cell {
        Cell cell{};
        Part part{};
    };
    std::unique_ptr<own_cell> own; // null: the cell is a place
    std::uint32_t place = 0;
    bool is_settled = false; // see host_table
};

struct no_part {};

using service_claim = cell_claim<core::resilience::service_cell, core::resilience::bulkhead_counts>;
using endpoint_claim = cell_claim<core::resilience::endpoint_cell, core::resilience::shared_count>;
using breaker_claim = cell_claim<core::resilience::breaker, no_part>;

class host_cells {
public:
    static constexpr std::chrono::seconds keep_every =
        decltype(core::resilience::host_state::services)::keep_every;

    /// `board` outlives this; null: every cell is the worker's own. `line`: of the worker.
    /// `within`: see policy_meters.
    host_cells(const core::scoreboard* board, std::size_t line, core::metrics* within = nullptr);

    [[nodiscard]] std::shared_ptr<service_claim> service(std::string_view name, time_point now);
    /// `address`: "host:port", the same text in every worker.
    [[nodiscard]] std::shared_ptr<endpoint_claim>
    endpoint(std::string_view service, std::string_view address, time_point now);
    [[nodiscard]] std::shared_ptr<breaker_claim>
    breaker(std::string_view service, std::string_view route, time_point now);

    /// What other workers know of a breaker, without taking a place; null: nothing.
    [[nodiscard]] const core::resilience::breaker*
    look_at_breaker(std::string_view service, std::string_view route) const;

    /// To be called at least every keep_every.
    void keep(time_point now);

    /// The metrics of the policies that use the cells.
    [[nodiscard]] policy_meters& meters() { return meters_; }

    /// Of keyed_hash(), the same in all workers of the host.
    [[nodiscard]] const core::resilience::hash_key& hashing_key() const { return key_; }

private:
    template <class Claim>
    using claims = std::unordered_map<std::uint64_t, std::weak_ptr<Claim>>; // by key

    template <class Claim, class Table, class Parts>
    std::shared_ptr<Claim>
    claim(claims<Claim>& kept, Table* table, Parts* parts, std::uint64_t key, time_point now);
    template <class Claim, class Table, class Parts>
    void keep_all(claims<Claim>& kept, Table* table, Parts* parts, time_point now);
    [[nodiscard]] std::uint64_t key_of(std::string_view kind, std::string_view name) const;

    core::resilience::host_state* shared_ = nullptr;
    core::resilience::host_state::worker_parts* parts_ = nullptr;
    core::resilience::hash_key key_{};
    policy_meters meters_;
    claims<service_claim> services_;
    claims<endpoint_claim> endpoints_;
    claims<breaker_claim> breakers_;
};

} // namespace msd::upstream
