// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: all that happens on a connection of a node, from its accept to its end.
#include "registry/distributor.hpp"

#include "base/json.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "core/registration.hpp"
#include "net/connect.hpp"
#include "net/use_tuple.hpp"
#include "node/input_bounds.hpp"
#include "registry/distributor_session.hpp"
#include "registry/run_distributor.hpp"
#include "wire/request_size.hpp"

#include <asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace msd::registry {

namespace {

constexpr milliseconds ended_session_limit{5000}; // for the pending replies before closing
constexpr milliseconds drain_flush_limit{500};
constexpr int asked_behind_queue_max = 16;
// A large registration counts as several changes: it is sent to all nodes.
constexpr double bytes_per_change = 16.0 * 1024;
constexpr double changes_of_packet_max = 10;
constexpr int bad_request = 1;
constexpr int not_found = 404;

// Different each time that a distributor starts at one address.
std::uint64_t new_epoch() {
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count()
    );
}

double changes_of(const wire::packet& registration) {
    const json::value* const params = registration.raw_params();
    const std::size_t bytes = params == nullptr ? 0 : params->text.size();
    return std::min(1 + static_cast<double>(bytes) / bytes_per_change, changes_of_packet_max);
}

} // namespace

// Removes the session from the registry, however its coroutine ends.
class distributor::presence {
public:
    presence(distributor& within, session& of) : within_{within}, session_{of} {}
    presence(const presence&) = delete;
    presence& operator=(const presence&) = delete;

    ~presence() {
        session_.connection.close();
        if (session_.bad_frames > 1) {
            within_.peer_warnings_.log([this] {
                const std::string peer = session_.connection.peer().text();
                log::warning("{} sent {} malformed frames", peer, session_.bad_frames);
            });
        }
        within_.forget(session_.id);
        within_.pump();
    }

private:
    distributor& within_;
    session& session_;
};

distributor::distributor(node::worker& surroundings, const distributor_settings& settings)
    : worker_{surroundings},
      settings_{settings},
      registry_{new_epoch(), registry_settings()},
      hosts_{settings.allowed_hosts, settings.advertise_host},
      unproven_{surroundings.dog},
      due_{surroundings.loop} {
    node::bound_input(surroundings, settings.packets, settings.packets.request_bytes_max);
}

core::registry_settings distributor::registry_settings() const {
    const registry_limit_settings& limits = settings_.limits;
    core::room_limits room;
    room.total.routes = limits.routes_max;
    const auto share = [&limits](std::size_t of) {
        return of / 100 * limits.share_per_address_percent;
    };
    room.per_address = {
        limits.entries_per_address_max,
        share(room.total.foreign_bytes),
        share(room.total.msd_bytes),
        limits.routes_per_address_max,
        share(room.total.extra_bytes),
    };
    room.reserved_percent = limits.reserved_percent;
    room.known_for = limits.known_for;
    core::registry_settings chosen;
    chosen.gather_first = settings_.gather_first;
    chosen.gather_quiet = settings_.gather_quiet;
    chosen.gather_longest = settings_.gather_longest;
    chosen.critical_for = settings_.critical_for;
    chosen.list_at_accept_bytes_max = settings_.list_at_accept_bytes_max;
    chosen.limits = room;
    return chosen;
}

asio::awaitable<result<void>> distributor::start() {
    worker_.tasks.spawn(ping_nodes());
    co_return result<void>{};
}

void distributor::serve(int fd, net::accept_credit credit) {
    if (is_ending_ || sessions_.size() >= connections_max) {
        peer_warnings_.log([this] {
            log::warning("refused a connection: {} are open", sessions_.size());
        });
        const unique_fd closed{fd};
        return;
    }
    const auto executor = worker_.loop.get_executor();
    auto socket = net::adopt_socket(executor, fd);
    const std::string host = net::address_of(socket).host;
    if (connections_of_[host] >= settings_.limits.connections_per_address_max) {
        peer_warnings_.log([&] {
            log::warning("refused a connection: {} are open from {}", connections_of_[host], host);
        });
        return;
    }
    net::detect_vanished_peer(socket, settings_.ping_every * settings_.ping_missed_max);
    auto made = std::make_shared<session>(std::move(socket), worker_, settings_);
    if (has_to_prove(*made)) {
        made->id = registry_.connect_unproven(made->connection.peer().host);
        await_proof(*made);
    } else {
        made->id = registry_.connect(made->connection.peer().host, clock::now());
    }
    add(made);
    worker_.tasks.spawn(converse(std::move(made)));
    pump();
    // Runs after the first read has started: an event loop that hangs returns no credit.
    asio::post(executor, [held = std::make_shared<net::accept_credit>(std::move(credit))] {});
}

asio::awaitable<void> distributor::converse(std::shared_ptr<session> with) {
    const presence here{*this, *with};
    // An earlier worker may have received packets that it had not handled yet.
    verdict next = with->is_ended() ? verdict::go_on : handle_frames(*with);
    pump();
    while ((next == verdict::go_on || next == verdict::pause) && !with->is_ended()) {
        if (next == verdict::pause) {
            co_await await_changes(with);
            if (!with->connection.is_open()) {
                co_return;
            }
            next = handle_frames(*with);
            pump();
            continue;
        }
        const auto received = co_await with->connection.receive();
        if (!received) {
            if (received.error().code == errc::timeout) {
                peer_warnings_.log([&received] { log::warning("{}", received.error().text); });
            }
            co_return;
        }
        with->unanswered_pings = 0;
        next = handle_frames(*with);
        pump();
    }
    if (next == verdict::drop) {
        co_return;
    }
    if (!with->is_ended()) {
        with->ended_until = deadline::in(ended_session_limit);
    }
    const bool sent = co_await with->connection.flushed(with->ended_until);
    if (sent) {
        co_await with->connection.linger();
    }
}

// Reads no more packets of a peer that causes many changes. The kernel delays its further packets;
// other peers are not delayed.
asio::awaitable<void> distributor::await_changes(std::shared_ptr<session> paused) {
    if (!std::exchange(paused->was_delayed, true)) {
        peer_warnings_.log([&paused] {
            const std::string peer = paused->connection.peer().text();
            log::warning("{} registers too often: its packets are delayed", peer);
        });
    }
    asio::steady_timer timer{worker_.loop, paused->changes.next()};
    [[maybe_unused]] const auto [woken] = co_await timer.async_wait(net::use_tuple);
}

distributor::verdict distributor::handle_frames(session& from) {
    for (;;) {
        if (from.changes.next() > clock::now()) {
            return verdict::pause;
        }
        const auto [state, frame] = from.connection.next();
        const bool is_whole = state != wire::frame_reader::status::incomplete;
        const std::size_t bytes = is_whole ? frame.size() : from.connection.unread().size();
        if (from.waiting && bytes > node::unproven_peers::bytes_max) {
            return deny(from, "too many bytes before the proof of the cluster secret");
        }
        if (!is_whole) {
            return verdict::go_on;
        }
        if (state == wire::frame_reader::status::foreign) {
            log::debug("{} does not send packets: closing it", from.connection.peer().text());
            ++other_protocols_;
            return verdict::drop;
        }
        if (state == wire::frame_reader::status::too_large) {
            static_cast<void>(packet_.parse(frame, wire::request_bounds)); // for its key
            static_cast<void>(complain(from, packet_.key(), "a packet is too large"));
            return verdict::close;
        }
        if (const verdict next = handle_frame(from, frame); next != verdict::go_on) {
            return next;
        }
    }
}

distributor::verdict distributor::handle_frame(session& from, std::string_view frame) {
    const auto parsed = packet_.parse(frame, wire::request_bounds);
    if (packet_.kind() == wire::packet_kind::auth) {
        return handle_auth(from, *packet_.fields().find("auth"));
    }
    if (from.waiting) {
        return refuse_unproven(from);
    }
    if (!parsed) {
        const verdict next = complain(from, packet_.key(), parsed.error().text);
        const bool is_too_deep = parsed.error().code == errc::too_large;
        return is_too_deep && next == verdict::go_on ? verdict::close : next;
    }
    using enum wire::packet_kind;
    switch (packet_.kind()) {
    case request:
        return answer(from, packet_);
    case reply:
        log::debug("{} replied", from.connection.peer().text());
        return verdict::go_on;
    case other:
        return complain(from, packet_.key(), "the packet has no uri and method");
    default:
        return verdict::go_on;
    }
}

// A slow reader may register while a long list is queued, but not repeatedly.
bool distributor::reads_nothing(session& from) const {
    if (from.connection.unsent_bytes() <= settings_.queue_bytes_max) {
        from.asked_behind_queue = 0;
        return false;
    }
    return ++from.asked_behind_queue > asked_behind_queue_max;
}

distributor::verdict distributor::answer(session& from, const wire::packet& request) {
    if (reads_nothing(from)) {
        peer_warnings_.log([&from] {
            log::warning(
                "closing {}: it sends requests but does not read the replies",
                from.connection.peer().text()
            );
        });
        return verdict::drop;
    }
    registry_.note_packet(from.id);
    if (request.uri() == core::registry_uri && request.method() == "POST") {
        return enroll(from, request);
    }
    if (request.uri() == core::registry_uri && request.method() == "DELETE") {
        deregister(from, request);
        return verdict::go_on;
    }
    if (request.uri() == core::contradictions_uri && request.method() == "GET") {
        return list_contradictions(from, request);
    }
    if (request.uri() == "/ping" && request.method() == "GET") {
        return reply(from, request.key(), {});
    }
    return reply(
        from,
        request.key(),
        {not_found, "the distributor does not know this request", {}, not_found}
    );
}

distributor::verdict distributor::enroll(session& from, const wire::packet& request) {
    from.changes.take(changes_of(request), clock::now());
    const auto enrolled = register_node(from, request);
    if (!enrolled) {
        meters_.refused.add();
        return refuse(from, request.key(), enrolled.error().text);
    }
    meters_.accepted.add();
    return verdict::go_on;
}

// The text of an error is for the peer.
result<void> distributor::register_node(const session& from, const wire::packet& request) {
    const auto registration = core::read_registration(request);
    if (!registration) {
        return tl::unexpected{registration.error()};
    }
    if (auto allowed = check_claim(from, *registration); !allowed) {
        return allowed;
    }
    return registry_.enroll(from.id, *registration, clock::now());
}

// Without a registration, it changes nothing.
void distributor::deregister(session& from, const wire::packet& request) {
    const time_point now = clock::now();
    if (registry_.nodes().holds(from.id)) {
        from.changes.take(1, now);
    }
    registry_.deregister(from.id, request.key(), now, core::read_deregistration(request));
}

// A packet that is malformed or not a request is answered only when it has a key.
distributor::verdict
distributor::complain(session& about, std::string_view key, const std::string& text) {
    if (key.empty()) {
        return note_bad_input(about, text);
    }
    return refuse(about, key, text);
}

// A request without a key is answered without a key.
distributor::verdict
distributor::refuse(session& from, std::string_view key, const std::string& text) {
    const verdict next = note_bad_input(from, text);
    wire::reply_fields fields;
    fields.errorcode = bad_request;
    fields.errormessage = text;
    return reply(from, key, fields) == verdict::drop ? verdict::drop : next;
}

// Malformed input is logged once for each connection, which is closed after too much of it.
distributor::verdict distributor::note_bad_input(session& from, const std::string& text) {
    ++bad_frames_;
    if (++from.bad_frames == 1) {
        peer_warnings_.log([&] {
            log::warning("malformed input from {}: {}", from.connection.peer().text(), text);
        });
    }
    const bool is_last = from.bad_frames >= settings_.packets.malformed_max;
    return is_last ? verdict::close : verdict::go_on;
}

// A peer that sends requests and does not read the replies is disconnected before its queue gets
// large.
distributor::verdict
distributor::reply(session& to, std::string_view key, const wire::reply_fields& fields) {
    note_queued(to, key.size() + fields.errormessage.size() + fields.members.size());
    to.connection.compose([&](std::string& out) { wire::append_reply(out, key, fields); });
    // A list may be longer than the queue.
    const std::size_t most = settings_.queue_bytes_max + registry_.last_list()->size();
    const bool takes_none = to.connection.unsent_bytes() > most;
    return takes_none ? verdict::drop : verdict::go_on;
}

void distributor::add(std::shared_ptr<session> made) {
    ++connections_of_[made->connection.peer().host];
    const auto id = made->id;
    sessions_.emplace(id, std::move(made));
}

void distributor::forget(core::registry::peer_id id) {
    const auto gone = sessions_.find(id);
    if (gone == sessions_.end()) {
        return;
    }
    const auto address = connections_of_.find(gone->second->connection.peer().host);
    if (--address->second == 0) {
        connections_of_.erase(address);
    }
    sessions_.erase(gone);
    registry_.disconnect(id, clock::now());
}

asio::awaitable<void> distributor::drain(deadline until) {
    pump();
    is_ending_ = true;
    due_.cancel();
    std::vector<std::shared_ptr<session>> open;
    open.reserve(sessions_.size());
    for (const auto& [id, each] : sessions_) {
        open.push_back(each);
    }
    const deadline flush_until = until.sooner(deadline::in(drain_flush_limit));
    for (const auto& each : open) {
        [[maybe_unused]] const bool sent = co_await each->connection.flushed(flush_until);
        each->connection.close();
    }
}

node::worker_load distributor::load() const {
    return {sessions_.size(), 0};
}

std::string distributor::stats() const {
    std::string text;
    json::writer writer{text};
    const auto [epoch, rev] = registry_.nodes().now();
    writer.begin_object().key("nodes").unsigned_integer(registry_.nodes().size());
    writer.key("connections").unsigned_integer(sessions_.size());
    writer.key("epoch").unsigned_integer(epoch).key("rev").unsigned_integer(rev);
    writer.key("bad_frames").unsigned_integer(bad_frames_);
    writer.key("input_bytes").unsigned_integer(worker_.input.used());
    writer.key("input_ended").unsigned_integer(worker_.input.ended());
    writer.key("other_protocols").unsigned_integer(other_protocols_);
    writer.key("unproven").unsigned_integer(unproven_.count());
    writer.key("refused_unproven").unsigned_integer(refusals_.count()).end_object();
    return text;
}

distributor::meters::meters(core::metrics& within)
    : nodes{within.cell_of(core::metric::registry_nodes)},
      epoch{within.cell_of(core::metric::registry_epoch)},
      revision{within.cell_of(core::metric::registry_revision)},
      routes{within.cell_of(core::metric::registry_routes)},
      accepted{within.cell_of(core::metric::registry_registrations, {"accepted"})},
      refused{within.cell_of(core::metric::registry_registrations, {"refused"})},
      bad_frames{within.cell_of(core::metric::worker_bad_input, {"distributor", "frame"})},
      other_protocols{within.cell_of(core::metric::worker_bad_input, {"distributor", "protocol"})},
      unproven_refused{within.cell_of(core::metric::worker_unproven_refused, {"distributor"})} {}

void distributor::update_metrics() {
    const auto [epoch, rev] = registry_.nodes().now();
    meters_.nodes.set(registry_.nodes().size());
    meters_.epoch.set(epoch);
    meters_.revision.set(rev);
    meters_.routes.set(registry_.nodes().routes());
    meters_.bad_frames.follow(bad_frames_);
    meters_.other_protocols.follow(other_protocols_);
    meters_.unproven_refused.follow(refusals_.count());
}

int run_distributor(node::worker_environment environment, const distributor_settings& settings) {
    node::worker surroundings{std::move(environment)};
    distributor instance{surroundings, settings};
    return run(surroundings, instance);
}

} // namespace msd::registry
