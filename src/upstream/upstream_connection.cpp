// SPDX-License-Identifier: Apache-2.0
#include "upstream/upstream_connection.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <utility>

namespace msd::upstream {

namespace {

// Larger replies are forwarded from the receive buffer; copying is cheaper for smaller replies.
constexpr std::size_t shared_reply_bytes_min = std::size_t{64} * 1024;
constexpr std::size_t shared_reply_part = 4; // of the buffer, at least

net::packet_connection_settings reading(const packet_settings& of, core::input_budget* memory) {
    return {of.reply_bytes_max, of.frame_timeout, memory};
}

} // namespace

upstream_connection::pending::pending(
    upstream_connection& connection,
    std::uint64_t own_key,
    const outgoing& request
)
    : owner{connection},
      key{own_key},
      until{request.until},
      limit{request.limit} {
    owner.pending_.emplace(key, this);
}

upstream_connection::pending::~pending() {
    owner.pending_.erase(key);
    if (owner.state_ == state::probing) {
        owner.on_change_();
    }
    owner.close_if_drained();
}

upstream_connection::upstream_connection(
    asio::ip::tcp::socket socket,
    net::watchdog& dog,
    const upstream_settings& settings,
    std::function<void()> on_change,
    core::input_budget* memory
)
    : connection_{std::move(socket), dog, reading(settings.packets, memory)},
      dog_{dog},
      settings_{settings},
      on_change_{std::move(on_change)},
      guard_{
          dog,
          [this] {
              on_guard();
          }},
      last_received_{clock::now()} {}

upstream_connection::~upstream_connection() = default;

asio::awaitable<void> upstream_connection::run() {
    const auto self = shared_from_this();
    for (;;) {
        const auto received = co_await connection_.receive();
        if (!received) {
            break;
        }
        last_received_ = clock::now();
        auto next = connection_.next();
        while (next.state == wire::frame_reader::status::complete) {
            if (is_unproven()) {
                handle_unproven(next.packet);
            } else {
                dispatch(next.packet);
            }
            next = connection_.next();
        }
        if (is_unproven() && connection_.unread().size() > wire::auth_bytes_max) {
            break;
        }
        if (next.state == wire::frame_reader::status::too_large) {
            log::warning("{} sent more than packets.reply_bytes_max", connection_.peer().text());
            break;
        }
    }
    close();
}

void upstream_connection::serve_foreign() {
    if (state_ == state::greeting) {
        connection_.send_pieces_apart();
        become(state::ready);
    }
}

void upstream_connection::serve_on_trial(time_point from) {
    if (state_ == state::greeting) {
        connection_.send_pieces_apart();
        probe_from_ = from;
        become(state::probing);
    }
}

asio::awaitable<result<upstream_reply>> upstream_connection::call(outgoing request) {
    const auto self = shared_from_this();
    if (!can_take(request)) {
        co_return fail(errc::refused, "the connection takes no more requests");
    }
    if (owes_nothing()) {
        owed_since_ = clock::now();
    }
    pending waiting{*this, ++last_key_, request};
    write(request, waiting.key);
    guard_call(request);
    if (request.handle != nullptr) {
        request.handle->cancel = [&waiting] {
            waiting.outcome.set(fail(errc::cancelled, "the client closed the connection"));
        };
    }
    auto outcome = co_await waiting.outcome.wait();
    if (request.handle != nullptr) {
        request.handle->cancel = nullptr;
    }
    const bool cancelled = !outcome && outcome.error().code == errc::cancelled;
    const bool given_up = cancelled || (!outcome && outcome.error().code == errc::timeout);
    if (given_up && msd_) {
        connection_.compose([&waiting](std::string& out) { wire::append_cancel(out, waiting.key); }
        );
    } else if ((cancelled || waiting.has_left) && pending_.contains(waiting.key)) {
        abandon(waiting.key, request.until);
    }
    co_return outcome;
}

// Its reply is still expected: a missing reply is the only sign that a foreign peer is hung.
void upstream_connection::abandon(std::uint64_t key, deadline until) {
    if (state_ != state::closed && state_ != state::draining) {
        abandoned_.emplace(key, until);
        abandoned_last_ = clock::now();
        on_change_();
    }
}

void upstream_connection::post(const outgoing& request) {
    write(request, 0);
}

void upstream_connection::write(const outgoing& request, std::uint64_t key) {
    wire::request_fields fields;
    fields.method = request.method;
    fields.uri = request.uri;
    fields.params = request.params;
    fields.idem = request.idem;
    fields.trace = request.trace;
    fields.id = request.id;
    fields.client = request.client;
    fields.headers = request.headers;
    if (request.until.at() != time_point::max()) {
        fields.deadline_ms = request.until.left().count();
    }
    connection_.compose([&](std::string& out) {
        if (msd_) {
            wire::append_request(out, fields, key);
        } else {
            wire::append_foreign_request(out, fields, key);
        }
    });
}

bool upstream_connection::usable() const {
    return state_ == state::ready || state_ == state::going_away ||
           (state_ == state::probing && owes_nothing());
}

bool upstream_connection::has_capacity() const {
    return connection_.unsent_bytes() <= unsent_bytes_max &&
           pending_.size() + abandoned_.size() + streams_.size() < in_flight_max;
}

bool upstream_connection::can_take(const outgoing& request) const {
    // A packet of section 2 of the protocol cannot carry an Idempotency-Key.
    const bool unsayable = hello_sent_ && !msd_ && !request.idem.empty();
    // A request may wait in the kernel's buffer until a process accepts, long after its deadline.
    const bool unsafe = awaits_greeting() && !is_idempotent(request.method);
    return usable() && !unsayable && !unsafe && has_capacity();
}

bool upstream_connection::is_doubtful() const {
    if (msd_ || owes_nothing()) {
        return false;
    }
    const bool silent_since_abandoned = !abandoned_.empty() && last_received_ <= abandoned_last_;
    return silent_since_abandoned ||
           clock::now() - std::max(owed_since_, last_received_) >= doubtful_after;
}

void upstream_connection::become(state next) {
    if (state_ != next) {
        state_ = next;
        on_change_();
    }
}

void upstream_connection::dispatch(std::string_view frame) {
    const auto parsed = packet_.parse(frame);
    if (!parsed) {
        return malformed(parsed.error());
    }
    // Foreign replies may have `uri` and `method`, so a key that is waited for decides first.
    if (deliver(frame)) {
        return;
    }
    switch (packet_.kind()) {
    case wire::packet_kind::reply:
        log::debug(
            "{}: no request waits for the reply with key {}",
            connection_.peer().text(),
            packet_.key()
        );
        break;
    case wire::packet_kind::hello:
        greeted(*packet_.fields().find("hello"));
        break;
    case wire::packet_kind::goaway:
        handle_goaway();
        break;
    case wire::packet_kind::changed:
        note_change(*packet_.fields().find("changed"));
        break;
    case wire::packet_kind::request:
        answer_request();
        break;
    case wire::packet_kind::auth:
        note_refusal(*packet_.fields().find("auth"));
        break;
    case wire::packet_kind::cancel:
    case wire::packet_kind::credit:
    case wire::packet_kind::other:
        log::debug("{}: a packet that is not a reply is dropped", connection_.peer().text());
        break;
    }
}

// False when the packet has no key, or when no call waits for its key.
bool upstream_connection::deliver(std::string_view frame) {
    const json::value* const token = packet_.fields().find("key");
    const auto key = token == nullptr ? std::nullopt : wire::correlation_key(*token);
    if (!key) {
        return false;
    }
    if (ping_key_ == *key) {
        ping_key_.reset();
        if (state_ == state::hung) {
            log::info("{} answers again: using it for requests", connection_.peer().text());
            become(state::ready);
        }
        return true;
    }
    if (abandoned_.erase(*key) > 0) {
        note_answer();
        on_change_();
        return true;
    }
    const auto found = pending_.find(*key);
    if (found == pending_.end()) {
        return deliver_part(*key);
    }
    auto opened = wire::open_envelope(
        packet_,
        msd_ ? wire::reply_dialect::msd : wire::reply_dialect::foreign
    );
    if (!opened) {
        return false;
    }
    pending& waiting = *found->second;
    pending_.erase(found);
    note_answer();
    upstream_reply reply;
    reply.envelope = std::move(*opened);
    reply.frame = frame;
    // Sharing keeps the whole buffer alive, so only a reply that fills most of it is shared: the
    // memory held must not be many times the bytes counted.
    const bool fills_buffer = frame.size() >= connection_.buffer_bytes() / shared_reply_part;
    if (frame.size() > shared_reply_bytes_min && fills_buffer) {
        reply.owner = connection_.share();
    }
    if (reply.envelope.is_stream) {
        reply.stream = std::make_unique<reply_stream>(shared_from_this(), *key);
    }
    waiting.outcome.set(std::move(reply));
    return true;
}

// The same for the packets of an open stream.
bool upstream_connection::deliver_part(std::uint64_t key) {
    const auto found = streams_.find(key);
    if (found == streams_.end()) {
        return false;
    }
    found->second->receive(packet_);
    return true;
}

void upstream_connection::note_answer() {
    answered_ = true;
    if (state_ == state::probing) {
        become(state::ready);
    }
}

void upstream_connection::greeted(const json::value& hello) {
    const auto said = wire::read_hello_reply(hello);
    if (!said) {
        return malformed(said.error());
    }
    // A reply that a busy peer sends late still counts.
    if (!hello_sent_ || state_ == state::draining) {
        return;
    }
    workers_ = said->workers;
    if (msd_) { // sent again when the number of workers of its pool has changed
        on_change_();
        return;
    }
    slot_ = said->slot;
    msd_ = true;
    guard_.set(deadline::in(settings_.ping_idle));
    become(state::ready);
    greeting_.set(true);
}

void upstream_connection::note_change(const json::value& changed) {
    const auto read = wire::read_changed(changed);
    if (!read) {
        malformed(read.error());
    } else if (hello_sent_ && self_->on_change) {
        self_->on_change(*read);
    }
}

// A service sends no request but a ping to its callers. Other requests are dropped without an
// answer: they may be late replies of a foreign service that have `uri` and `method`.
void upstream_connection::answer_request() {
    const std::string_view key = packet_.key();
    if (packet_.uri() != "/ping" || key.empty()) {
        log::debug("{}: an unexpected request is dropped", connection_.peer().text());
        return;
    }
    connection_.compose([&](std::string& out) { wire::append_reply(out, key, {}); });
}

void upstream_connection::malformed(const error& what) {
    if (malformed_++ == 0) {
        log::warning("{} sent a malformed packet: {}", connection_.peer().text(), what.text);
    }
    if (malformed_ >= settings_.packets.malformed_max) {
        connection_.close();
    }
}

} // namespace msd::upstream
