// SPDX-License-Identifier: Apache-2.0
#include "upstream/host_cells.hpp"

#include "core/scoreboard.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace msd::upstream {

namespace {

// Breakers have no part of a worker.
struct no_parts {
    no_part part;
    no_part& operator[](std::uint32_t) { return part; }
};

template <class Claim, class Table, class Parts>
void point_at(Claim& made, Table& table, Parts& parts, std::uint32_t place) {
    made.place = place;
    made.cell = &table.cells[place];
    made.part = &parts[place];
    made.own.reset();
}

template <class Claim>
void point_at_own(Claim& made) {
    made.own = std::make_unique<typename Claim::own_cell>();
    made.cell = &made.own->cell;
    made.part = &made.own->part;
}

// What a worker with this line had in flight before was subtracted by the master.
no_parts& parts_of_breakers() {
    static no_parts none;
    return none;
}

} // namespace

host_cells::host_cells(const core::scoreboard* board, std::size_t line, core::metrics* within)
    : meters_{within} {
    if (board != nullptr) {
        shared_ = &board->shared();
        parts_ = &board->parts(line);
        key_ = shared_->hashing_key();
    }
}

std::uint64_t host_cells::key_of(std::string_view kind, std::string_view name) const {
    std::string text{kind};
    text.append(name);
    return std::max<std::uint64_t>(1, core::resilience::keyed_hash(key_, text));
}

template <class Claim, class Table, class Parts>
std::shared_ptr<Claim> host_cells::claim(
    claims<Claim>& kept,
    Table* table,
    Parts* parts,
    std::uint64_t key,
    time_point now
) {
    std::weak_ptr<Claim>& entry = kept[key];
    if (auto known = entry.lock()) {
        return known;
    }
    auto made = std::make_shared<Claim>();
    made->key = key;
    const auto place = table == nullptr ? std::nullopt : table->find_or_take(key, now);
    if (place) {
        point_at(*made, *table, *parts, *place);
    } else {
        point_at_own(*made);
    }
    entry = made;
    return made;
}

template <class Claim, class Table, class Parts>
void host_cells::keep_all(claims<Claim>& kept, Table* table, Parts* parts, time_point now) {
    std::erase_if(kept, [](const auto& each) { return each.second.expired(); });
    for (const auto& [key, each] : kept) {
        const auto claimed = each.lock();
        if (!claimed || claimed->own) {
            continue;
        }
        const auto place = claimed->is_settled ? table->keep(claimed->place, claimed->key, now)
                                               : table->find_or_take(claimed->key, now);
        claimed->is_settled = true;
        if (place != claimed->place) {
            place ? point_at(*claimed, *table, *parts, *place) : point_at_own(*claimed);
        }
    }
}

std::shared_ptr<service_claim> host_cells::service(std::string_view name, time_point now) {
    auto* const table = shared_ == nullptr ? nullptr : &shared_->services;
    auto* const parts = parts_ == nullptr ? nullptr : &parts_->services;
    return claim(services_, table, parts, key_of("service ", name), now);
}

std::shared_ptr<endpoint_claim>
host_cells::endpoint(std::string_view service, std::string_view address, time_point now) {
    std::string name{service};
    name.append(" ").append(address);
    auto* const table = shared_ == nullptr ? nullptr : &shared_->endpoints;
    auto* const parts = parts_ == nullptr ? nullptr : &parts_->endpoints;
    return claim(endpoints_, table, parts, key_of("endpoint ", name), now);
}

std::shared_ptr<breaker_claim>
host_cells::breaker(std::string_view service, std::string_view route, time_point now) {
    std::string name{service};
    name.append(" ").append(route);
    auto* const table = shared_ == nullptr ? nullptr : &shared_->breakers;
    return claim(breakers_, table, &parts_of_breakers(), key_of("breaker ", name), now);
}

const core::resilience::breaker*
host_cells::look_at_breaker(std::string_view service, std::string_view route) const {
    if (shared_ == nullptr) {
        return nullptr;
    }
    std::string name{service};
    name.append(" ").append(route);
    const auto place = shared_->breakers.find(key_of("breaker ", name));
    return place ? &shared_->breakers.cells[*place] : nullptr;
}

void host_cells::keep(time_point now) {
    if (shared_ == nullptr) {
        return;
    }
    keep_all(services_, &shared_->services, &parts_->services, now);
    keep_all(endpoints_, &shared_->endpoints, &parts_->endpoints, now);
    keep_all(breakers_, &shared_->breakers, &parts_of_breakers(), now);
}

} // namespace msd::upstream
