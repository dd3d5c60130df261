// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/cluster_proof.hpp"
#include "core/node.hpp"
#include "net/one_shot.hpp"
#include "net/packet_connection.hpp"
#include "upstream/reply_stream.hpp"
#include "upstream/settings.hpp"
#include "wire/node_packets.hpp"
#include "wire/packet.hpp"

#include <asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace msd::upstream {

// Cancels a call, for example when the client of the request has closed its connection.
struct call_handle {
    std::function<void()> cancel; // empty while the call waits for nothing
};

/// A request with this method may be sent again when its outcome is unknown.
[[nodiscard]] inline bool is_idempotent(std::string_view method) {
    return method == "GET" || method == "HEAD";
}

// The limit of one try, after which the caller may go elsewhere. It may also wait on, and then the
// limit does not come again.
struct try_limit {
    deadline until = deadline::never();

    virtual ~try_limit() = default;
    /// The time is over: whether the caller leaves. Then call() returns errc::timeout, and the
    /// connection does not regard itself as hung before the deadline of the request.
    [[nodiscard]] virtual bool leaves() = 0;
};

// A request to a service. Views must live until the call returns.
struct outgoing {
    std::string_view method;
    std::string_view uri;
    std::string_view params = "{}"; // a JSON object
    std::string_view idem;          // Idempotency-Key; empty: none
    std::string_view trace;
    std::string_view id;
    std::string_view client;  // address of the HTTP client; empty: not sent
    std::string_view headers; // those that the route wants (wire/packet_headers.hpp), one object
    deadline until = deadline::never();
    call_handle* handle = nullptr; // optional; must outlive the call
    try_limit* limit = nullptr;    // optional; must outlive the call
};

// A reply as received. Views live until the receiver suspends, or as long as `owner` if it is set.
struct upstream_reply {
    wire::envelope envelope;
    std::string_view frame;
    std::shared_ptr<const void> owner; // large frames only: keeps the views alive
    // The body, when the reply is a stream; then that of the envelope has no meaning.
    std::unique_ptr<reply_stream> stream;
};

// The caller, as its hello packet describes it.
struct caller_identity {
    std::string name;
    int worker = 0;
    std::uint16_t port = 0; // on which the caller itself listens
    // When set, the hello asks msd peers to send changes, and this is called for each.
    std::function<void(const wire::change&)> on_change = {};
};

// One multiplexed connection to a node: many requests in flight, replies in any order, each waiter
// with its own deadline. Speaks section 4 of the protocol once the peer has answered a hello,
// section 2 before and otherwise. Detects a hung peer. upstreams and upstream_node choose the
// connection for a request.
class upstream_connection : public std::enable_shared_from_this<upstream_connection> {
public:
    enum class state : std::uint8_t {
        greeting, // the hello is not answered yet, or not sent yet
        ready,
        probing,    // one request at a time, until the first reply
        hung,       // no new requests until a ping is answered
        going_away, // the peer shuts down: new requests only while there is no other connection
        draining,   // no new requests; closes when the last reply has arrived
        closed,
    };

    static constexpr std::size_t in_flight_max = 4096;
    static constexpr std::size_t unsent_bytes_max = 16u << 20; // more: the peer does not read

    /// `on_change` is called whenever usable() may have changed. `memory`: of unfinished replies.
    upstream_connection(
        asio::ip::tcp::socket socket,
        net::watchdog& dog,
        const upstream_settings& settings,
        std::function<void()> on_change,
        core::input_budget* memory
    );
    ~upstream_connection();

    /// Reads and dispatches until the connection ends; calls in flight then get errc::closed.
    asio::awaitable<void> run();

    /// Sends hello to the msd node `whom`; true when it answered before `until`. With a cluster
    /// secret both prove it first; a late proof is still accepted. `self` must outlive this.
    asio::awaitable<bool> greet(const caller_identity* self, core::node_id whom, deadline until);
    /// Starts to serve with section 2 of the protocol.
    void serve_foreign();
    /// The same in state probing, for a peer that may be hung; the trial is due at `from`.
    void serve_on_trial(time_point from);

    /// errc::timeout, errc::closed (the request may have been executed), errc::refused (it was
    /// not sent), errc::cancelled. The deadline is that of the reply, or of the begin of a stream.
    asio::awaitable<result<upstream_reply>> call(outgoing request);
    /// Sends a request that is never answered.
    void post(const outgoing& request);

    /// Takes new requests now.
    [[nodiscard]] bool usable() const;
    /// usable(), and it can carry this request and has the capacity for it.
    [[nodiscard]] bool can_take(const outgoing& request) const;
    /// usable(), but at its limit of requests or unsent bytes.
    [[nodiscard]] bool is_full() const { return usable() && !has_capacity(); }
    /// An msd node that has not answered the hello yet: the kernel has accepted the connection, but
    /// possibly no process has.
    [[nodiscard]] bool awaits_greeting() const {
        return state_ == state::greeting ||
               (state_ == state::probing && hello_sent_ && !msd_ && !answered_);
    }
    /// A foreign peer owes a reply and has sent nothing for a second, or since the client of a
    /// request closed its connection: other instances are preferred.
    [[nodiscard]] bool is_doubtful() const;
    [[nodiscard]] bool has_sent_goaway() const { return state_ == state::going_away; }
    [[nodiscard]] bool is_probing() const { return state_ == state::probing; }
    [[nodiscard]] bool is_trial_due() const { return clock::now() >= probe_from_; }
    /// A foreign peer in state probing owes the reply to its one request.
    [[nodiscard]] bool is_on_trial() const {
        return state_ == state::probing && !hello_sent_ && !owes_nothing();
    }
    /// The same for half of the time that callers wait for a connection.
    [[nodiscard]] bool is_trial_late() const {
        return is_on_trial() && clock::now() >= trial_late_at();
    }
    /// The peer has to prove the cluster secret and has not done so: it is sent nothing else.
    [[nodiscard]] bool is_unproven() const { return proof_ && !proof_->is_proven(); }
    /// Why the proof failed; empty: it did not.
    [[nodiscard]] const std::string& proof_failure() const { return proof_failure_; }
    [[nodiscard]] bool was_answered() const { return answered_; }
    /// True once after the connection was closed because a request timed out.
    [[nodiscard]] bool take_timeout() { return std::exchange(timed_out_, false); }
    /// True once after the connection ended: many calls that failed with it are one failure.
    [[nodiscard]] bool take_end() {
        return state_ == state::closed && !std::exchange(end_taken_, true);
    }
    [[nodiscard]] state now() const { return state_; }
    [[nodiscard]] bool is_msd() const { return msd_; }
    [[nodiscard]] int slot() const { return slot_; }       // of the peer's worker; -1: not known
    [[nodiscard]] int workers() const { return workers_; } // of the peer

    /// Takes no new requests; closes when the last reply has arrived and the last stream has ended.
    void drain();
    void close();

private:
    friend class reply_stream; // takes itself from the table, sends credit and cancel

    // One call in flight; the destructor removes it from the table.
    struct pending {
        pending(upstream_connection& owner, std::uint64_t key, const outgoing& request);
        ~pending();
        pending(const pending&) = delete;
        pending& operator=(const pending&) = delete;

        upstream_connection& owner;
        std::uint64_t key;
        deadline until;
        try_limit* limit; // null: none, or it is over
        bool has_left = false;
        net::one_shot<upstream_reply> outcome;
    };

    // A peer that owes a reply is pinged sooner than an idle peer.
    static constexpr milliseconds ping_when_busy{250};
    // A foreign peer does not answer pings, so silence alone makes it doubtful.
    static constexpr milliseconds doubtful_after{1000};

    [[nodiscard]] bool has_capacity() const;
    [[nodiscard]] bool owes_nothing() const { return pending_.empty() && abandoned_.empty(); }
    [[nodiscard]] time_point trial_late_at() const {
        return owed_since_ + settings_.connect_timeout / 2;
    }
    void dispatch(std::string_view frame);
    [[nodiscard]] bool deliver(std::string_view frame);
    [[nodiscard]] bool deliver_part(std::uint64_t key);
    void note_answer();
    void abandon(std::uint64_t key, deadline until);
    void send_hello();
    void handle_unproven(std::string_view frame);
    void note_refusal(const json::value& auth);
    void refused(const std::string& why);
    void fail_proof(std::string why);
    void greeted(const json::value& hello);
    void note_change(const json::value& changed);
    void answer_request();
    void handle_goaway();
    void close_when_flushed();
    void close_if_drained();
    void malformed(const error& what);
    void become(state next);
    void guard_call(const outgoing& request);
    void on_guard();
    void expire(time_point at);
    void expire_tries(time_point at);
    void watch_liveness(time_point at);
    void send_ping(time_point at);
    void note_timeout();
    void fail_all(errc code, const std::string& text);
    void write(const outgoing& request, std::uint64_t key);

    net::packet_connection connection_;
    net::watchdog& dog_;
    const upstream_settings& settings_;
    std::function<void()> on_change_;
    net::watchdog::guard guard_;
    net::one_shot<bool> greeting_;
    const caller_identity* self_ = nullptr; // once the hello is sent
    std::optional<core::proof_initiator> proof_;
    std::string proof_failure_;
    wire::packet packet_; // reused for every frame
    std::unordered_map<std::uint64_t, pending*> pending_;
    std::unordered_map<std::uint64_t, reply_stream*> streams_; // open ones
    // Requests to a foreign peer whose clients closed their connections before the reply, with
    // their deadlines. A request without a reply at its deadline counts as timed out.
    std::unordered_map<std::uint64_t, deadline> abandoned_;
    state state_ = state::greeting;
    std::uint64_t last_key_ = 0;
    std::optional<std::uint64_t> ping_key_; // not answered yet
    time_point ping_sent_;
    time_point last_received_;
    time_point owed_since_;     // when the first request after an idle period was sent
    time_point abandoned_last_; // when a client last closed before its reply
    time_point probe_from_ = time_point::min();
    time_point flush_until_ = time_point::max(); // deadline of the last bytes, after all calls
    int malformed_ = 0;
    int slot_ = -1;
    int workers_ = 1;
    bool hello_sent_ = false;
    bool answered_ = false;
    bool msd_ = false;
    bool timed_out_ = false;
    bool end_taken_ = false;
};

} // namespace msd::upstream
