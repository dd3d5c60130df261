// SPDX-License-Identifier: Apache-2.0
#include "roles/upstream_connection.hpp"

#include "base/log.hpp"
#include "wire/node_packets.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace msd::roles {

namespace {

// A peer that owes a reply is asked for a sign of life sooner than an idle one.
constexpr milliseconds ping_when_busy{250};
// Larger replies are passed on from the buffer they came in; smaller ones are cheaper to copy.
constexpr std::size_t shared_reply_bytes_min = std::size_t{64} * 1024;

net::packet_connection_settings reading(const packet_settings& packets) {
    return {packets.reply_bytes_max, packets.frame_timeout};
}

} // namespace

upstream_connection::pending::pending(
    upstream_connection& connection,
    std::uint64_t own_key,
    deadline latest
)
    : owner{connection},
      key{own_key},
      until{latest} {
    owner.pending_.emplace(key, this);
}

upstream_connection::pending::~pending() {
    owner.pending_.erase(key);
    if (owner.state_ == state::leaving && owner.pending_.empty()) {
        owner.close();
    } else if (owner.state_ == state::probing) {
        owner.on_change_();
    }
}

upstream_connection::upstream_connection(
    asio::ip::tcp::socket socket,
    net::watchdog& dog,
    const upstream_settings& settings,
    std::function<void()> on_change
)
    : connection_{std::move(socket), dog, reading(settings.packets)},
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
            dispatch(next.packet);
            next = connection_.next();
        }
        if (next.state == wire::frame_reader::status::too_large) {
            log::warning("{} sent a packet over the limit", connection_.peer().text());
            break;
        }
    }
    close();
}

asio::awaitable<bool> upstream_connection::greet(caller_identity self, deadline until) {
    connection_.compose([&self](std::string& out) {
        wire::append_hello(out, self.name, self.worker);
    });
    hello_sent_ = true;
    guard_.set(until);
    const auto answered = co_await greeting_.wait();
    co_return answered.has_value() && *answered;
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
    // Section 2 of the protocol cannot say that a request may be a repetition.
    const bool unsayable = hello_sent_ && !msd_ && !request.idem.empty();
    if (!usable() || unsayable || !takes_more() || pending_.size() >= in_flight_max) {
        co_return fail(errc::refused, "the connection takes no more requests");
    }
    pending waiting{*this, ++last_key_, request.until};
    write(request, waiting.key);
    const auto soon = msd_ ? request.until.sooner(deadline::in(ping_when_busy)) : request.until;
    guard_.set(soon.sooner(deadline{guard_.until()}));
    if (request.handle != nullptr) {
        request.handle->cancel = [&waiting] {
            waiting.outcome.set(fail(errc::cancelled, "the client left"));
        };
    }
    auto outcome = co_await waiting.outcome.wait();
    if (request.handle != nullptr) {
        request.handle->cancel = nullptr;
    }
    const bool given_up = !outcome && (outcome.error().code == errc::timeout ||
                                       outcome.error().code == errc::cancelled);
    if (given_up && msd_) {
        connection_.compose([&waiting](std::string& out) { wire::append_cancel(out, waiting.key); }
        );
    }
    co_return outcome;
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
    return state_ == state::ready || (state_ == state::probing && pending_.empty());
}

void upstream_connection::leave() {
    if (state_ == state::closed) {
        return;
    }
    become(state::leaving);
    if (pending_.empty()) {
        close();
    }
}

void upstream_connection::close() {
    if (state_ == state::closed) {
        return;
    }
    const auto self = weak_from_this().lock(); // waiters may drop the last other reference
    connection_.close();
    guard_.clear();
    become(state::closed);
    greeting_.set(false);
    fail_all(errc::closed, "the connection with " + connection_.peer().text() + " ended");
}

void upstream_connection::fail_all(errc code, const std::string& text) {
    while (!pending_.empty()) {
        pending& waiting = *pending_.begin()->second;
        pending_.erase(pending_.begin());
        waiting.outcome.set(fail(code, text));
    }
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
        malformed(parsed.error());
        return;
    }
    switch (packet_.kind()) {
    case wire::packet_kind::reply:
        deliver(frame);
        break;
    case wire::packet_kind::hello:
        greeted(*packet_.fields().find("hello"));
        break;
    case wire::packet_kind::goaway:
        peer_leaves();
        break;
    case wire::packet_kind::request:
        answer_request();
        break;
    case wire::packet_kind::cancel:
    case wire::packet_kind::other:
        log::debug("{}: a packet that is no reply is dropped", connection_.peer().text());
        break;
    }
}

void upstream_connection::deliver(std::string_view frame) {
    auto opened = wire::open_envelope(packet_);
    if (!opened || !opened->has_key) {
        log::debug("{}: a reply without a usable key is dropped", connection_.peer().text());
        return;
    }
    if (ping_key_ == opened->key) {
        ping_key_.reset();
        if (state_ == state::hung) {
            log::info("{} answers again", connection_.peer().text());
            become(state::ready);
        }
        return;
    }
    const auto found = pending_.find(opened->key);
    if (found == pending_.end()) {
        log::debug("{}: nobody waits for reply {}", connection_.peer().text(), opened->key);
        return;
    }
    pending& waiting = *found->second;
    pending_.erase(found);
    answered_ = true;
    if (state_ == state::probing) {
        become(state::ready);
    }
    upstream_reply reply;
    reply.envelope = std::move(*opened);
    reply.frame = frame;
    if (frame.size() > shared_reply_bytes_min) {
        reply.owner = connection_.share();
    }
    waiting.outcome.set(std::move(reply));
}

void upstream_connection::greeted(const json::value& hello) {
    json::object said;
    // An answer that comes late, from a busy peer, still counts.
    if (!hello_sent_ || msd_ || state_ == state::leaving || !said.parse(hello.text)) {
        return;
    }
    const auto number = [&said](std::string_view name, int otherwise) {
        const json::value* const found = said.find(name);
        const auto value = found == nullptr ? std::nullopt : found->as_int64();
        return value && *value >= 0 && *value <= 4096 ? static_cast<int>(*value) : otherwise;
    };
    slot_ = number("slot", -1);
    workers_ = std::max(1, number("workers", 1));
    msd_ = true;
    guard_.set(deadline::in(settings_.ping_idle));
    become(state::ready);
    greeting_.set(true);
}

// The only thing a service asks its callers is whether they are still there.
void upstream_connection::answer_request() {
    const std::string_view key = packet_.key();
    if (key.empty()) {
        return;
    }
    wire::reply_fields reply;
    if (packet_.uri() != "/ping") {
        reply.errorcode = 1;
        reply.errormessage = "not a service";
    }
    connection_.compose([&](std::string& out) { wire::append_reply(out, key, reply); });
}

void upstream_connection::peer_leaves() {
    log::debug("{} says goaway", connection_.peer().text());
    leave();
}

void upstream_connection::malformed(const error& what) {
    if (malformed_++ == 0) {
        log::warning("{} sent a malformed packet: {}", connection_.peer().text(), what.text);
    }
    if (malformed_ >= settings_.packets.malformed_max) {
        connection_.close();
    }
}

void upstream_connection::on_guard() {
    const auto self = weak_from_this().lock();
    const time_point at = clock::now();
    if (state_ == state::greeting) {
        greeting_.set(false);
    }
    expire(at);
    if (msd_ && state_ != state::closed) {
        watch_liveness(at);
    }
    if (state_ == state::closed) {
        return;
    }
    deadline next = deadline::never();
    for (const auto& [key, waiting] : pending_) {
        next = next.sooner(waiting->until);
    }
    if (msd_) {
        const auto silence = pending_.empty() ? settings_.ping_idle : ping_when_busy;
        next = next.sooner(
            ping_key_ ? deadline{ping_sent_ + settings_.ping_timeout}
                      : deadline{std::max(last_received_ + silence, at + ping_when_busy)}
        );
    }
    guard_.set(next);
}

void upstream_connection::expire(time_point at) {
    std::vector<std::uint64_t> overdue;
    for (const auto& [key, waiting] : pending_) {
        if (waiting->until.passed(at)) {
            overdue.push_back(key);
        }
    }
    for (const std::uint64_t key : overdue) {
        const auto found = pending_.find(key);
        if (found != pending_.end()) {
            pending& waiting = *found->second;
            pending_.erase(found);
            waiting.outcome.set(fail(errc::timeout, connection_.peer().text() + " did not answer"));
        }
    }
    if (!overdue.empty()) {
        note_timeout();
    }
}

// One timeout is enough to keep new requests away until the peer shows that it is alive.
void upstream_connection::note_timeout() {
    if (state_ != state::ready && state_ != state::probing) {
        return;
    }
    if (msd_) {
        if (clock::now() - last_received_ > ping_when_busy) {
            become(state::hung);
        }
        return;
    }
    log::warning("{} did not answer in time; trying anew", connection_.peer().text());
    timed_out_ = true;
    leave();
}

void upstream_connection::watch_liveness(time_point at) {
    if (!ping_key_) {
        const auto silence = pending_.empty() ? settings_.ping_idle : ping_when_busy;
        if (state_ == state::hung || at - last_received_ >= silence) {
            send_ping(at);
        }
        return;
    }
    if (at - ping_sent_ >= settings_.ping_timeout) {
        if (state_ == state::ready) {
            log::warning("{} does not answer a ping", connection_.peer().text());
            become(state::hung);
        }
        ping_sent_ = at; // the ping stands: its answer, however late, ends the silence
    }
}

void upstream_connection::send_ping(time_point at) {
    ping_key_ = ++last_key_;
    ping_sent_ = at;
    wire::request_fields ping;
    ping.method = "GET";
    ping.uri = "/ping";
    connection_.compose([&](std::string& out) { wire::append_request(out, ping, *ping_key_); });
}

} // namespace msd::roles
