// SPDX-License-Identifier: Apache-2.0
#include "core/fair_queue.hpp"

#include <algorithm>
#include <iterator>

namespace msd::core {

namespace {

// A task is displaced only by a client that then has fewer tasks than the displaced one still has.
constexpr std::size_t displacing_lead = 2;

template <class Tasks>
std::size_t count_of(const Tasks& client, std::uint64_t name) {
    const auto& names = client.names;
    const auto found = std::ranges::find(names, name, [](const auto& each) { return each.name; });
    return found == names.end() ? 0 : found->ids.size();
}

template <class Lane>
auto find_client(Lane& in, std::uint64_t client) {
    return std::ranges::find(in, client, [](const auto& each) { return each.client; });
}

} // namespace

fair_queue::outcome fair_queue::add(const task& added) {
    if (const refusal why = check_own(added); why != refusal::none) {
        return {why, {}};
    }
    const outcome made = make_room(added);
    if (made.why == refusal::none) {
        insert(added);
    }
    return made;
}

// The limits that concern only tasks of this client.
fair_queue::refusal fair_queue::check_own(const task& added) const {
    const lane& in = lanes_.at(added.is_proven ? proven : others);
    const auto client = find_client(in, added.client);
    if (client == in.end()) {
        return added.same_max == 0 ? refusal::name : refusal::none;
    }
    if (count_of(*client, added.name) >= added.same_max) {
        return refusal::name;
    }
    return client->size >= limits_.client_max ? refusal::client : refusal::none;
}

// The limits that clients share. One displaced task is enough for both.
fair_queue::outcome fair_queue::make_room(const task& added) {
    const lane& own = lanes_.at(added.is_proven ? proven : others);
    const auto client = find_client(own, added.client);
    outcome made;
    if (!added.is_proven) {
        std::size_t of_name = 0;
        for (const client_tasks& each : own) {
            of_name += count_of(each, added.name);
        }
        if (of_name >= std::max(limits_.name_max, added.same_max)) {
            const std::size_t same = client == own.end() ? 0 : count_of(*client, added.name);
            made.displaced = displace_from_name(added.name, same + displacing_lead);
            made.why = made.displaced ? refusal::none : refusal::name;
            return made;
        }
    }
    if (size_ < limits_.total_max) {
        return made;
    }
    const std::size_t lead = (client == own.end() ? 0 : client->size) + displacing_lead;
    made.displaced = displace_from(lanes_.at(others), added.is_proven ? 1 : lead);
    if (!made.displaced && added.is_proven) {
        made.displaced = displace_from(lanes_.at(proven), lead);
    }
    made.why = made.displaced ? refusal::none : refusal::all;
    return made;
}

// Removes the newest task of that name from the client that has the most, if these are at least
// `count_min`.
std::optional<std::uint64_t>
fair_queue::displace_from_name(std::uint64_t name, std::size_t count_min) {
    lane& from = lanes_.at(others);
    const auto most = std::ranges::max_element(from, {}, [name](const client_tasks& each) {
        return count_of(each, name);
    });
    if (most == from.end() || count_of(*most, name) < std::max<std::size_t>(count_min, 1)) {
        return std::nullopt;
    }
    const auto tasks = std::ranges::find(most->names, name, &name_tasks::name);
    const std::uint64_t id = tasks->ids.back();
    erase_last(from, most, tasks);
    return id;
}

// The same for all names: the newest task of the longest name of the client with the most tasks.
std::optional<std::uint64_t> fair_queue::displace_from(lane& from, std::size_t count_min) {
    const auto most = std::ranges::max_element(from, {}, &client_tasks::size);
    if (most == from.end() || most->size < count_min) {
        return std::nullopt;
    }
    const auto longest =
        std::ranges::max_element(most->names, {}, [](const auto& each) { return each.ids.size(); });
    const std::uint64_t id = longest->ids.back();
    erase_last(from, most, longest);
    return id;
}

void fair_queue::insert(const task& added) {
    lane& in = lanes_.at(added.is_proven ? proven : others);
    auto client = find_client(in, added.client);
    if (client == in.end()) {
        client = in.insert(in.end(), client_tasks{added.client, {}, 0});
    }
    auto tasks = std::ranges::find(client->names, added.name, &name_tasks::name);
    if (tasks == client->names.end()) {
        tasks = client->names.insert(client->names.end(), name_tasks{added.name, {}});
    }
    tasks->ids.push_back(added.id);
    ++client->size;
    ++size_;
}

void fair_queue::erase_last(lane& from, lane::iterator of, std::list<name_tasks>::iterator tasks) {
    tasks->ids.pop_back();
    if (tasks->ids.empty()) {
        of->names.erase(tasks);
    }
    --of->size;
    --size_;
    if (of->size == 0) {
        from.erase(of);
    }
}

std::optional<std::uint64_t> fair_queue::take() {
    if (size_ == 0) {
        return std::nullopt;
    }
    if (lanes_.at(next_lane_).empty()) {
        next_lane_ = 1 - next_lane_;
    }
    lane& from = lanes_.at(next_lane_);
    next_lane_ = 1 - next_lane_;
    client_tasks& client = from.front();
    name_tasks& tasks = client.names.front();
    const std::uint64_t id = tasks.ids.front();
    tasks.ids.pop_front();
    --client.size;
    --size_;
    // Whoever was served goes to the end.
    if (tasks.ids.empty()) {
        client.names.pop_front();
    } else {
        client.names.splice(client.names.end(), client.names, client.names.begin());
    }
    if (client.size == 0) {
        from.pop_front();
    } else {
        from.splice(from.end(), from, from.begin());
    }
    return id;
}

void fair_queue::remove(std::uint64_t id) {
    for (lane& in : lanes_) {
        for (auto client = in.begin(); client != in.end(); ++client) {
            for (auto tasks = client->names.begin(); tasks != client->names.end(); ++tasks) {
                const auto found = std::ranges::find(tasks->ids, id);
                if (found != tasks->ids.end()) {
                    std::rotate(found, std::next(found), tasks->ids.end());
                    erase_last(in, client, tasks);
                    return;
                }
            }
        }
    }
}

} // namespace msd::core
