// SPDX-License-Identifier: Apache-2.0
// What a distributor sends, and the limits of what it holds for peers that do not read.
#include "base/json.hpp"
#include "base/log.hpp"
#include "net/connect.hpp"
#include "net/use_tuple.hpp"
#include "registry/distributor.hpp"
#include "registry/distributor_session.hpp"

#include <asio/post.hpp>

#include <algorithm>
#include <limits>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace msd::registry {

namespace {

// Smaller packets are copied when an msd node has not read earlier ones: they share pieces of the
// queue, so that a slow reader does not have thousands of pieces.
constexpr std::size_t copied_bytes_max = std::size_t{8} * 1024;
// limit_unsent() looks at all connections, so it does so only after that part of the limit.
constexpr std::size_t queued_part = 16;
constexpr milliseconds recently_queued{100};
constexpr std::size_t pinged_at_once_max = 256;
constexpr std::size_t contradictions_max = 100;

std::string_view text_of(core::node_list::event what) {
    using enum core::node_list::event;
    switch (what) {
    case joined:
        return "joined";
    case deregistered:
        return "left";
    case lost:
        return "is critical: its last connection ended";
    case returned:
        return "returned";
    case forgotten:
        return "is removed: it did not return";
    case contradicted:
        return "is described otherwise by another connection";
    }
    return "";
}

// A packet that several queues share. Every owner of a piece in a distributor's queue is a string.
std::size_t shared_bytes(const std::shared_ptr<const void>& owner) {
    return static_cast<const std::string*>(owner.get())->size();
}

} // namespace

void distributor::send(session& to, core::registry::frame&& what) {
    note_queued(to, what->size());
    const bool is_behind = to.connection.unsent_bytes() > 0;
    if (is_behind && registry_.is_msd(to.id) && what->size() <= copied_bytes_max) {
        to.connection.send(std::string_view{*what});
    } else {
        to.connection.send(std::move(what));
    }
}

// Call before the bytes are queued.
void distributor::note_queued(session& to, std::size_t bytes) {
    queued_bytes_ += bytes;
    if (to.connection.unsent_bytes() == 0) {
        to.unsent_since = clock::now();
    }
}

// A peer with an empty queue can be sent any packet; otherwise the queue has a limit.
bool distributor::has_room(core::registry::peer_id id, std::size_t bytes) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) {
        return true;
    }
    const std::size_t unsent = found->second->connection.unsent_bytes();
    if (unsent == 0 || unsent + bytes <= settings_.queue_bytes_max) {
        return true;
    }
    worker_.tasks.spawn(await_room(found->second));
    return false;
}

asio::awaitable<void> distributor::await_room(std::shared_ptr<session> lagging) {
    const bool empty = co_await lagging->connection.flushed(deadline::never());
    if (empty && sessions_.contains(lagging->id)) {
        registry_.resume(lagging->id, clock::now());
        pump();
    }
}

// Keeps the unsent bytes of all connections within their limit. A packet that several queues share
// counts once. Closes the peers first that have not read everything for the longest time.
void distributor::limit_unsent() {
    if (queued_bytes_ < settings_.unsent_bytes_max / queued_part) {
        return;
    }
    queued_bytes_ = 0;
    std::size_t unsent = 0;
    std::unordered_map<const void*, std::size_t> queues_of;
    std::vector<session*> slow;
    for (const auto& [id, each] : sessions_) {
        if (each->connection.unsent_bytes() == 0) {
            continue;
        }
        slow.push_back(each.get());
        each->connection.for_each_unsent([&](const auto& owner, std::string_view bytes) {
            if (owner == nullptr) {
                unsent += bytes.size();
            } else if (++queues_of[owner.get()] == 1) {
                unsent += shared_bytes(owner);
            }
        });
    }
    if (unsent <= settings_.unsent_bytes_max) {
        return;
    }
    // Others may just not have had the time to read; of those, the ones with the longest queues.
    const time_point recent = clock::now() - recently_queued;
    const auto rank = [recent](const session* of) {
        const bool is_recent = of->unsent_since >= recent;
        return std::pair{
            is_recent ? time_point::max() : of->unsent_since,
            std::numeric_limits<std::size_t>::max() - of->connection.unsent_bytes()};
    };
    std::sort(slow.begin(), slow.end(), [&rank](const session* one, const session* other) {
        return rank(one) < rank(other);
    });
    for (session* const each : slow) {
        if (unsent <= settings_.unsent_bytes_max) {
            return;
        }
        each->connection.for_each_unsent([&](const auto& owner, std::string_view bytes) {
            if (owner == nullptr) {
                unsent -= bytes.size();
            } else if (--queues_of[owner.get()] == 0) {
                unsent -= shared_bytes(owner);
            }
        });
        peer_warnings_.log([each] {
            const std::string peer = each->connection.peer().text();
            const std::size_t bytes = each->connection.unsent_bytes();
            log::warning("closing {}: it reads too slowly, {} bytes are unsent", peer, bytes);
        });
        each->connection.close();
    }
}

// Does what is due in the registry and sets the timer for what is due later.
void distributor::pump() {
    if (is_ending_) {
        return;
    }
    const time_point now = clock::now();
    if (registry_.due() <= now) {
        const auto check = [this](core::registry::peer_id id, std::size_t bytes) {
            return has_room(id, bytes);
        };
        for (auto& [to, what] : registry_.advance(now, check)) {
            if (const auto found = sessions_.find(to); found != sessions_.end()) {
                send(*found->second, std::move(what));
            }
        }
        limit_unsent();
    }
    report_notices();
    set_timer();
}

// The registry does much work in several steps; between them, the loop serves connections.
void distributor::set_timer() {
    const time_point next = registry_.due();
    if (next <= clock::now()) {
        if (!std::exchange(pump_posted_, true)) {
            asio::post(worker_.loop, [this] {
                pump_posted_ = false;
                pump();
            });
        }
        return;
    }
    if (next != due_.expiry() && next != time_point::max()) {
        due_.expires_at(next);
        due_.async_wait([this](const asio::error_code& superseded) {
            if (!superseded) {
                // Reads packets that have arrived first: they may add to the gathered changes.
                asio::post(worker_.loop, [this] { pump(); });
            }
        });
    }
}

void distributor::report_notices() {
    using event = core::node_list::event;
    for (const auto& [what, id, by] : registry_.take_notices()) {
        const net::peer_address address{id.host, id.port};
        const auto peer = sessions_.find(by);
        if (what == event::contradicted && peer != sessions_.end()) {
            peer_warnings_.log([&] {
                log::warning(
                    "{} describes {} at {} otherwise than the list; see msd nodes",
                    peer->second->connection.peer().text(),
                    id.name,
                    address.text()
                );
            });
            continue;
        }
        node_events_.log([&] { log::info("{} at {} {}", id.name, address.text(), text_of(what)); });
    }
}

// Any byte counts as an answer. All connections share one text.
asio::awaitable<void> distributor::ping_nodes() {
    auto packet = std::make_shared<std::string>();
    wire::request_fields fields;
    fields.method = "GET";
    fields.uri = "/ping";
    wire::append_request(*packet, fields, 1);
    asio::steady_timer timer{worker_.loop};
    for (;;) {
        timer.expires_after(settings_.ping_every);
        const auto [stopped] = co_await timer.async_wait(net::use_tuple);
        if (stopped) {
            co_return;
        }
        const std::vector<core::registry::peer_id> ids = registry_.peer_ids();
        for (std::size_t place = 0; place < ids.size(); ++place) {
            const auto node = sessions_.find(ids[place]);
            if (node != sessions_.end() && registry_.is_msd(ids[place])) {
                ping(*node->second, packet);
            }
            if (place % pinged_at_once_max == pinged_at_once_max - 1) {
                co_await asio::post(worker_.loop, asio::use_awaitable);
            }
        }
    }
}

void distributor::ping(session& node, const std::shared_ptr<const std::string>& packet) {
    if (++node.unanswered_pings > settings_.ping_missed_max) {
        peer_warnings_.log([&node] {
            log::warning("closing {}: it does not answer pings", node.connection.peer().text());
        });
        node.connection.close();
        return;
    }
    note_queued(node, packet->size());
    node.connection.send(packet);
}

// Nodes that connections describe in different ways, for `msd nodes`.
distributor::verdict distributor::list_contradictions(session& from, const wire::packet& request) {
    from.changes.take(1, clock::now());
    std::string members;
    json::writer out{members};
    out.begin_object().key("contradictions").begin_array();
    for (const auto& each : registry_.nodes().contradictions(contradictions_max)) {
        out.begin_object().key("name").string(each.id.name).key("host").string(each.id.host);
        out.key("port").unsigned_integer(each.id.port).key("by").begin_array();
        for (const auto& [by, routes] : each.others) {
            const auto peer = sessions_.find(by);
            if (peer != sessions_.end()) {
                out.begin_object().key("peer").string(peer->second->connection.peer().text());
                out.key("routes").unsigned_integer(routes).end_object();
            }
        }
        out.end_array().end_object();
    }
    out.end_array().end_object();
    wire::reply_fields fields;
    fields.members = std::string_view{members}.substr(1, members.size() - 2);
    return reply(from, request.key(), fields);
}

} // namespace msd::registry
