// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: one role; its sessions, requests and timers share its state.
#include "roles/distributor.hpp"

#include "base/json.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "core/registration.hpp"
#include "net/connect.hpp"
#include "net/use_tuple.hpp"
#include "roles/distributor_session.hpp"
#include "roles/input_bounds.hpp"
#include "roles/roles.hpp"
#include "wire/request_size.hpp"

#include <asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace msd::roles {

namespace {

constexpr milliseconds ended_session_limit{5000}; // for the pending replies before closing
constexpr milliseconds drain_flush_limit{500};
constexpr int asked_behind_queue_max = 16;
constexpr int bad_request = 1;
constexpr int not_found = 404;

// Different each time that a distributor starts at one address.
std::uint64_t new_epoch() {
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count()
    );
}

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
    }
    return "";
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
            log::warning(
                "{} sent {} malformed frames",
                session_.connection.peer().text(),
                session_.bad_frames
            );
        }
        within_.forget(session_.id);
        within_.pump();
    }

private:
    distributor& within_;
    session& session_;
};

distributor::distributor(worker& surroundings, const distributor_settings& settings)
    : worker_{surroundings},
      settings_{settings},
      registry_{new_epoch(), registry_settings()},
      due_{surroundings.loop} {
    bound_input(surroundings, settings.packets, settings.packets.request_bytes_max);
}

core::registry_settings distributor::registry_settings() const {
    return {
        settings_.gather_first,
        settings_.gather_quiet,
        settings_.gather_longest,
        settings_.critical_for,
    };
}

asio::awaitable<result<void>> distributor::start() {
    worker_.tasks.spawn(ping_nodes());
    co_return result<void>{};
}

void distributor::serve(int fd, net::accept_credit credit) {
    if (is_ending_ || sessions_.size() >= connections_max) {
        log::warning("refused a connection: {} are open", sessions_.size());
        const unique_fd closed{fd};
        return;
    }
    const auto executor = worker_.loop.get_executor();
    auto socket = net::adopt_socket(executor, fd);
    net::detect_vanished_peer(socket, settings_.ping_every * settings_.ping_missed_max);
    auto made = std::make_shared<session>(std::move(socket), worker_, settings_.packets);
    made->id = registry_.connect(made->connection.peer().host, clock::now());
    sessions_.emplace(made->id, made);
    worker_.tasks.spawn(converse(std::move(made)));
    pump();
    // Runs after the first read has started: an event loop that hangs returns no credit.
    asio::post(executor, [held = std::make_shared<net::accept_credit>(std::move(credit))] {});
}

asio::awaitable<void> distributor::converse(std::shared_ptr<session> with) {
    const presence here{*this, *with};
    verdict next = verdict::go_on;
    while (next == verdict::go_on && !with->is_ended()) {
        const auto received = co_await with->connection.receive();
        if (!received) {
            if (received.error().code == errc::timeout) {
                log::warning("{}", received.error().text);
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

distributor::verdict distributor::handle_frames(session& from) {
    for (;;) {
        const auto [state, frame] = from.connection.next();
        if (state == wire::frame_reader::status::incomplete) {
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
        log::warning(
            "closing {}: it sends requests but does not read the replies",
            from.connection.peer().text()
        );
        return verdict::drop;
    }
    if (request.uri() == core::registry_uri && request.method() == "POST") {
        return enroll(from, request);
    }
    if (request.uri() == core::registry_uri && request.method() == "DELETE") {
        registry_
            .deregister(from.id, request.key(), clock::now(), core::read_deregistration(request));
        return verdict::go_on;
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
    const auto registration = core::read_registration(request);
    if (!registration) {
        return refuse(from, request.key(), registration.error().text);
    }
    const auto enrolled = registry_.enroll(from.id, *registration, clock::now());
    if (!enrolled) {
        return refuse(from, request.key(), enrolled.error().text);
    }
    return verdict::go_on;
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
        log::warning("malformed input from {}: {}", from.connection.peer().text(), text);
    }
    const bool is_last = from.bad_frames >= settings_.packets.malformed_max;
    return is_last ? verdict::close : verdict::go_on;
}

// A peer that sends requests and does not read the replies is disconnected before its queue gets
// large.
distributor::verdict
distributor::reply(session& to, std::string_view key, const wire::reply_fields& fields) {
    to.connection.compose([&](std::string& out) { wire::append_reply(out, key, fields); });
    const bool takes_none = to.connection.unsent_bytes() > settings_.queue_bytes_max;
    return takes_none ? verdict::drop : verdict::go_on;
}

bool distributor::has_room(core::registry::peer_id id) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) {
        return true;
    }
    if (found->second->connection.unsent_bytes() <= settings_.queue_bytes_max) {
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

void distributor::forget(core::registry::peer_id id) {
    if (sessions_.erase(id) > 0) {
        registry_.disconnect(id, clock::now());
    }
}

// Does what is due in the registry and sets the timer for what is due later.
void distributor::pump() {
    if (is_ending_) {
        return;
    }
    const time_point now = clock::now();
    if (registry_.due() <= now) {
        const auto check = [this](core::registry::peer_id id) {
            return has_room(id);
        };
        for (auto& [to, what] : registry_.advance(now, check)) {
            if (const auto found = sessions_.find(to); found != sessions_.end()) {
                found->second->connection.send(std::move(what));
            }
        }
    }
    report_notices();
    const time_point next = registry_.due();
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
    for (const auto& [what, id] : registry_.take_notices()) {
        const net::peer_address address{id.host, id.port};
        log::info("{} at {} {}", id.name, address.text(), text_of(what));
    }
}

// Any byte counts as an answer. All connections share one text.
asio::awaitable<void> distributor::ping_nodes() {
    auto ping = std::make_shared<std::string>();
    wire::request_fields fields;
    fields.method = "GET";
    fields.uri = "/ping";
    wire::append_request(*ping, fields, 1);
    asio::steady_timer timer{worker_.loop};
    for (;;) {
        timer.expires_after(settings_.ping_every);
        const auto [stopped] = co_await timer.async_wait(net::use_tuple);
        if (stopped) {
            co_return;
        }
        for (const auto& [id, node] : sessions_) {
            if (!registry_.is_msd(id)) {
                continue;
            }
            if (++node->unanswered_pings > settings_.ping_missed_max) {
                log::warning(
                    "closing {}: it does not answer pings",
                    node->connection.peer().text()
                );
                node->connection.close();
            } else {
                node->connection.send(ping);
            }
        }
    }
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

worker_load distributor::load() const {
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
    writer.key("other_protocols").unsigned_integer(other_protocols_).end_object();
    return text;
}

int run_distributor(worker_environment environment, const distributor_settings& settings) {
    worker surroundings{std::move(environment)};
    distributor instance{surroundings, settings};
    return run(surroundings, instance);
}

} // namespace msd::roles
