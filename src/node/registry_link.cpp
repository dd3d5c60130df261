// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: the whole life of the connections with the registry.
#include "node/registry_link.hpp"

#include "base/backoff.hpp"
#include "base/log.hpp"
#include "core/registration.hpp"
#include "net/connect.hpp"
#include "net/packet_connection.hpp"
#include "net/use_tuple.hpp"
#include "net/watchdog.hpp"
#include "node/topology_feed.hpp"
#include "node/topology_file.hpp"
#include "wire/packet.hpp"

#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>
#include <variant>

namespace msd::node {

namespace {

constexpr std::size_t list_bytes_max = 16u << 20;
constexpr milliseconds frame_timeout{30'000};
constexpr double reconnect_jitter = 0.2;
// A connection that ends sooner counts as a failed attempt: the next one waits for the interval.
constexpr milliseconds lasting{1000};
constexpr milliseconds ping_idle{2500}; // longer than the ping interval of msd's distributor
constexpr int pings_unanswered_max = 3;
constexpr milliseconds hold_limit{200};
constexpr milliseconds keep_every{100};
constexpr std::size_t save_bytes = std::size_t{256} * 1024; // of the topology file, in a turn
// Larger packets are read in several turns of the loop. Only a list or changes can be so large.
constexpr std::size_t parse_bytes_max = std::size_t{64} * 1024;
// A registration is accepted when the registry has not refused it within this time.
constexpr milliseconds refused_within{1000};
constexpr double refused_jitter = 0.2;
constexpr milliseconds vanished_after{30'000};
constexpr milliseconds watchdog_end_limit{1000};
constexpr milliseconds proof_limit{5000};

} // namespace

class registry_link::state {
public:
    state(
        const asio::any_io_executor& executor,
        registry_link_settings settings,
        change_handler on_change,
        std::function<void()> on_lost
    )
        : executor_{executor},
          settings_{std::move(settings)},
          on_change_{std::move(on_change)},
          on_lost_{std::move(on_lost)},
          dog_{executor},
          inner_(executor, net::log_failures("registry")),
          retry_{executor},
          deregistered_{executor},
          first_{executor},
          free_{executor},
          silence_(dog_, [this] { on_silence(); }),
          hold_(dog_, [this] { inner_.spawn(handle_held_list()); }),
          feed_{executor},
          kept_{settings_.kept_in},
          keep_(dog_, [this] { keep(); }),
          refusal_(dog_, [this] { on_refusal_time(); }) {}

    // Runs until the link ends. Shares ownership of the state, because the link may be destroyed
    // before.
    static asio::awaitable<void> run(std::shared_ptr<state> self);
    static asio::awaitable<void> deregister(std::shared_ptr<state> self, deadline until);
    static asio::awaitable<void> deregister_and_close(std::shared_ptr<state> self, deadline until);
    static asio::awaitable<void> first_list(std::shared_ptr<state> self, deadline until);

    // The owner is being destroyed: its handlers must not be called any more.
    void abandon() {
        on_change_ = {};
        on_lost_ = {};
        end();
    }

    void report_callers_gone(bool none_left);
    void end();

    [[nodiscard]] const core::topology& known() const { return feed_.known(); }
    [[nodiscard]] bool connected() const { return connection_ && connection_->is_open(); }
    [[nodiscard]] time_point since() const { return connected() ? since_ : time_point::min(); }

private:
    class busy_mark;

    asio::awaitable<void> use_connection(asio::ip::tcp::socket socket);
    asio::awaitable<void> pause(time_point began);

    void complain_once(const std::string& why);
    asio::awaitable<void> recall();
    void keep();
    asio::awaitable<void> save();
    [[nodiscard]] bool may_save() const;
    asio::awaitable<void> until_free();
    asio::awaitable<bool> handle_frames();
    asio::awaitable<void> handle_frame(std::string_view frame);
    asio::awaitable<void> handle_large_frame(std::string_view frame);
    asio::awaitable<void> handle_held_list();
    asio::awaitable<void> handle_topology(std::string_view frame, core::topology_packet packet);
    asio::awaitable<void> report();
    void handle_reply();
    void open_conversation();
    void send_first_registration();
    void handle_auth();
    void handle_unproven(std::string_view frame);
    void fail_proof(const std::string& why);
    void log_refusal(const std::string& why);
    [[nodiscard]] bool is_unproven() const { return proof_ && !proof_->is_proven(); }
    void note_refusal(std::string_view why);
    [[nodiscard]] core::revision revision_to_name() const;
    void on_refusal_time();
    void note_ignored_routes();
    void ask_for_snapshot();
    void on_silence();

    asio::any_io_executor executor_;
    registry_link_settings settings_;
    change_handler on_change_;
    std::function<void()> on_lost_;
    net::watchdog dog_;
    net::task_group inner_; // the watchdog
    asio::steady_timer retry_;
    asio::steady_timer deregistered_; // cancelled when DELETE /distributes was answered
    asio::steady_timer first_;        // cancelled with the first list, or when none can arrive
    asio::steady_timer free_;         // cancelled when is_busy_ ends
    net::watchdog::guard silence_;
    net::watchdog::guard hold_;
    std::string held_list_; // the list sent at accept, until the registration is answered with one
    topology_feed feed_;
    topology_file kept_;
    net::watchdog::guard keep_;
    time_point keep_from_ = time_point::min(); // not to be saved earlier
    bool is_busy_ = false;                     // a packet or a save is being worked on
    wire::packet packet_;
    std::optional<core::proof_initiator> proof_; // of the current connection
    bool proof_failed_ = false;
    std::string last_refusal_; // of the registry, or why it is not used; logged once

    net::watchdog::guard refusal_;
    std::string refused_because_; // the reason that is in the log
    int refusals_ = 0;            // of the registration, until it is accepted
    bool is_refused_ = false;     // then refusal_ is the time to try again, otherwise the time when
                                  // the registration counts as accepted

    std::shared_ptr<net::packet_connection> connection_;
    time_point since_ = time_point::min();
    std::uint64_t last_key_ = 0;
    std::uint64_t deregister_key_ = 0;
    int pings_unanswered_ = 0;
    bool ending_ = false;
    bool has_reported_any_ = false; // the owner has received a list
    bool tried_once_ = false;       // an attempt to get a list has failed
    // State of the current connection.
    bool is_msd_ = false;     // the distributor sent `proto`
    bool is_foreign_ = false; // the distributor did not send `proto` in time
    bool has_received_list_ = false;
    bool has_reported_ = false; // the owner has received the list of this registry
    bool resyncing_ = false;
    bool has_news_ = false;       // the owner must be called
    bool out_of_reach_ = false;   // an outage that is already logged
    bool ignores_routes_ = false; // that is already logged
};

asio::awaitable<void> registry_link::state::run(std::shared_ptr<state> self) {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    co_await asio::this_coro::throw_if_cancelled(false);
    self->inner_.spawn(self->dog_.run());
    co_await self->recall();
    bool is_cancelled = false;
    while (!self->ending_ && !is_cancelled) {
        const time_point began = clock::now();
        const std::string host = self->settings_.distributor_host;
        const deadline until{began + self->settings_.reconnect_interval};
        auto socket =
            co_await net::connect(self->executor_, host, self->settings_.distributor_port, until);
        if (socket && !self->ending_) {
            co_await self->use_connection(std::move(*socket));
        } else if (!socket) {
            self->complain_once(socket.error().text);
        }
        self->tried_once_ = true;
        self->first_.cancel();
        auto seen = co_await asio::this_coro::cancellation_state;
        is_cancelled = seen.cancelled() != asio::cancellation_type::none;
        if (!is_cancelled) {
            co_await self->pause(began);
            seen = co_await asio::this_coro::cancellation_state;
            is_cancelled = seen.cancelled() != asio::cancellation_type::none;
        }
    }
    self->inner_.terminate();
    [[maybe_unused]] const bool ended = co_await self->inner_.drained(watchdog_end_limit);
}

// Serves one connection until it ends.
asio::awaitable<void> registry_link::state::use_connection(asio::ip::tcp::socket socket) {
    net::detect_vanished_peer(socket, vanished_after);
    const net::packet_connection_settings limits{list_bytes_max, frame_timeout};
    connection_ = std::make_shared<net::packet_connection>(std::move(socket), dog_, limits);
    since_ = clock::now();
    out_of_reach_ = false;
    is_msd_ = is_foreign_ = has_received_list_ = has_reported_ = resyncing_ = has_news_ = false;
    pings_unanswered_ = 0;
    is_refused_ = false;
    proof_.reset();
    proof_failed_ = false;
    if (last_refusal_.empty() && refusals_ == 0) {
        log::info("connected to the registry at {}", connection_->peer().text());
    }
    open_conversation();
    for (;;) {
        const auto received = co_await connection_->receive();
        if (!received) {
            break;
        }
        const bool goes_on = co_await handle_frames();
        if (!goes_on) {
            break;
        }
        pings_unanswered_ = 0;
        if (is_msd_) {
            silence_.set(deadline::in(ping_idle));
        }
    }
    silence_.clear();
    hold_.clear();
    refusal_.clear();
    co_await until_free();
    const bool saves = keep_.until() != time_point::max() && may_save();
    keep_.clear();
    connection_->close();
    deregistered_.cancel();
    if (!ending_ && last_refusal_.empty() && refusals_ == 0) {
        log::warning("the connection to the registry at {} ended", connection_->peer().text());
    }
    connection_.reset();
    if (on_lost_) {
        on_lost_();
    }
    if (saves) {
        co_await save();
    }
}

// After a connection that lasted, the next attempt is made at once; otherwise it waits until the
// interval has passed.
asio::awaitable<void> registry_link::state::pause(time_point began) {
    const bool lasted = since_ >= began && clock::now() - since_ >= lasting;
    if (ending_ || lasted) {
        co_return;
    }
    retry_.expires_at(began + spread(settings_.reconnect_interval, reconnect_jitter));
    [[maybe_unused]] const auto [woken] = co_await retry_.async_wait(net::use_tuple);
}

asio::awaitable<void>
registry_link::state::deregister(std::shared_ptr<state> self, deadline until) {
    self->ending_ = true;
    self->refusal_.clear();
    const auto connection = self->connection_;
    if (connection && !self->is_unproven()) {
        self->deregister_key_ = ++self->last_key_;
        connection->send(core::deregistration(self->deregister_key_));
        [[maybe_unused]] const bool sent = co_await connection->flushed(until);
        if (self->is_msd_ && self->deregister_key_ != 0 && connection->is_open()) {
            self->deregistered_.expires_at(until.at());
            [[maybe_unused]] const auto [answered] =
                co_await self->deregistered_.async_wait(net::use_tuple);
        }
    }
    self->retry_.cancel();
    self->first_.cancel();
}

asio::awaitable<void>
registry_link::state::deregister_and_close(std::shared_ptr<state> self, deadline until) {
    co_await deregister(self, until);
    self->end();
}

void registry_link::state::report_callers_gone(bool none_left) {
    if (!connection_ || !connection_->is_open()) {
        return;
    }
    if (is_msd_) {
        connection_->send(core::deregistration(++last_key_, &settings_.self.id));
    } else if (none_left) {
        end();
    }
}

asio::awaitable<void>
registry_link::state::first_list(std::shared_ptr<state> self, deadline until) {
    if (!self->has_reported_any_ && !self->tried_once_ && !self->ending_) {
        self->first_.expires_at(until.at());
        [[maybe_unused]] const auto [woken] = co_await self->first_.async_wait(net::use_tuple);
    }
}

void registry_link::state::end() {
    ending_ = true;
    if (connection_) {
        connection_->close();
    }
    retry_.cancel();
    first_.cancel();
}

// Logs one line per outage, however many attempts fail.
void registry_link::state::complain_once(const std::string& why) {
    if (!std::exchange(out_of_reach_, true)) {
        const auto every = settings_.reconnect_interval.count();
        log::warning("the registry cannot be reached: {}; trying again every {} ms", why, every);
    }
}

// With a secret, nothing is sent or accepted before both sides have proven it.
void registry_link::state::open_conversation() {
    if (!settings_.secrets) {
        send_first_registration();
        return;
    }
    wire::auth_opening opening;
    opening.challenge = random_bytes();
    opening.from = {settings_.self.id.name, settings_.self.id.host, settings_.self.id.port};
    opening.to_registry = true;
    proof_.emplace(settings_.secrets, std::move(opening));
    connection_->send(proof_->opening_frame());
    silence_.set(deadline::in(proof_limit));
}

void registry_link::state::handle_unproven(std::string_view frame) {
    if (proof_failed_) {
        return; // the reason is still being sent
    }
    // A registry sends the list at accept to addresses from which it allows nodes of protocol 1.
    // It is not believed.
    if (frame.size() > wire::auth_bytes_max || !packet_.parse(frame) ||
        packet_.kind() != wire::packet_kind::auth) {
        return;
    }
    const auto confirmation = proof_->receive(*packet_.fields().find("auth"));
    if (!confirmation && confirmation.error().code == errc::refused) {
        log_refusal(confirmation.error().text);
        connection_->close();
        return;
    }
    if (!confirmation) {
        fail_proof(confirmation.error().text);
        return;
    }
    silence_.clear();
    connection_->send(*confirmation);
    send_first_registration();
}

void registry_link::state::send_first_registration() {
    refusal_.set(deadline::in(refused_within));
    connection_->send(core::first_registration(settings_.self));
}

// A registry that requires the secret refuses a node without one.
void registry_link::state::handle_auth() {
    const auto read = wire::read_auth(*packet_.fields().find("auth"));
    const auto* const refusal = read ? std::get_if<wire::auth_refusal>(&*read) : nullptr;
    if (refusal != nullptr) {
        log_refusal(refusal->why);
    }
}

// Sends the registry the reason, so that both logs have it.
void registry_link::state::fail_proof(const std::string& why) {
    if (last_refusal_ != why) {
        last_refusal_ = why;
        log::error("the registry at {} is not used: {}", connection_->peer().text(), why);
    }
    connection_->compose([&why](std::string& out) {
        wire::append_auth(out, wire::auth_refusal{why});
    });
    connection_->finish_sending();
    proof_failed_ = true;
    silence_.set(deadline::in(hold_limit));
}

// Logs one line, however often the node connects again.
void registry_link::state::log_refusal(const std::string& why) {
    if (last_refusal_ != why) {
        last_refusal_ = why;
        log::error("the registry refuses this node: {}", why);
    }
}

// Works on one thing at a time: packets, the held list, a save of the topology file.
class registry_link::state::busy_mark {
public:
    explicit busy_mark(state& owner) : owner_{owner} { owner_.is_busy_ = true; }
    ~busy_mark() {
        owner_.is_busy_ = false;
        owner_.free_.cancel();
    }
    busy_mark(const busy_mark&) = delete;
    busy_mark& operator=(const busy_mark&) = delete;

private:
    state& owner_;
};

asio::awaitable<void> registry_link::state::until_free() {
    while (is_busy_) {
        free_.expires_at(time_point::max());
        [[maybe_unused]] const auto [woken] = co_await free_.async_wait(net::use_tuple);
    }
}

// The owner is called once for all packets that have arrived, except for the first list of a
// connection. Nothing more is read meanwhile.
asio::awaitable<bool> registry_link::state::handle_frames() {
    co_await until_free();
    const busy_mark mark{*this};
    while (connected()) {
        const auto next = connection_->next();
        if (next.state == wire::frame_reader::status::incomplete) {
            break;
        }
        if (next.state == wire::frame_reader::status::too_large) {
            log::error("the registry sends more than {} bytes in one packet", list_bytes_max);
            co_return false;
        }
        co_await handle_frame(next.packet);
        co_await feed_.spend(next.packet.size());
    }
    co_await report();
    co_return true;
}

asio::awaitable<void> registry_link::state::handle_frame(std::string_view frame) {
    if (is_unproven()) {
        handle_unproven(frame);
        co_return;
    }
    if (frame.size() > parse_bytes_max) {
        co_await handle_large_frame(frame);
        co_return;
    }
    if (const auto parsed = packet_.parse(frame); !parsed) {
        log::warning("malformed packet from the registry: {}", parsed.error().text);
        co_return;
    }
    if (packet_.kind() == wire::packet_kind::auth) {
        handle_auth();
    } else if (packet_.kind() == wire::packet_kind::reply) {
        handle_reply();
    } else if (packet_.uri() == "/ping" && !packet_.key().empty()) {
        connection_->compose([&](std::string& out) { wire::append_reply(out, packet_.key(), {}); });
    } else if (packet_.uri() == core::registry_uri) {
        co_await handle_large_frame(frame);
    }
}

asio::awaitable<void> registry_link::state::handle_large_frame(std::string_view frame) {
    auto packet = co_await feed_.read(frame);
    if (!packet) {
        log::warning("malformed packet from the registry: {}", packet.error().text);
        co_return;
    }
    co_await handle_topology(frame, std::move(*packet));
}

// No list with `proto` followed: the distributor is a foreign one, and the held list is used.
asio::awaitable<void> registry_link::state::handle_held_list() {
    co_await until_free();
    const busy_mark mark{*this};
    if (!connected() || held_list_.empty()) {
        co_return;
    }
    is_foreign_ = true;
    const std::string list = std::exchange(held_list_, {});
    co_await handle_large_frame(list);
    co_await report();
}

void registry_link::state::handle_reply() {
    const json::value* const code = packet_.fields().find("errorcode");
    const bool refused = code != nullptr && code->as_int64().value_or(0) != 0;
    if (deregister_key_ != 0 && packet_.key() == std::to_string(deregister_key_)) {
        deregister_key_ = 0;
        deregistered_.cancel();
    } else if (refused) {
        const json::value* const why = packet_.fields().find("errormessage");
        note_refusal(why == nullptr ? "" : why->text);
    }
}

// Each reason is logged once, however many attempts are refused.
void registry_link::state::note_refusal(std::string_view why) {
    ++refusals_;
    is_refused_ = true;
    const milliseconds pause = backoff_delay(
        refusals_,
        settings_.refused_first,
        settings_.refused_longest,
        refused_jitter
    );
    refusal_.set(deadline::in(pause));
    if (refusals_ == 1 || refused_because_ != why) {
        refused_because_ = why;
        log::error(
            "the registry refuses this node: {}; trying again, at least every {} s",
            why,
            settings_.refused_longest.count() / 1000
        );
    }
}

void registry_link::state::on_refusal_time() {
    if (!connected() || ending_) {
        return;
    }
    if (is_refused_) {
        is_refused_ = false;
        refusal_.set(deadline::in(refused_within));
        connection_->send(
            is_msd_ ? core::second_registration(settings_.self, revision_to_name())
                    : core::first_registration(settings_.self)
        );
    } else if (refusals_ > 0) {
        log::info("registered again: the registry had refused this node {} times", refusals_);
        refusals_ = 0;
    }
}

// The list in the topology file may be older than the state that this registry assumes.
core::revision registry_link::state::revision_to_name() const {
    return has_reported_any_ ? known().now() : core::revision{};
}

asio::awaitable<void>
registry_link::state::handle_topology(std::string_view frame, core::topology_packet packet) {
    if (!packet.is_topology) {
        co_return;
    }
    const bool from_msd = packet.has_proto;
    const bool is_first = !std::exchange(has_received_list_, true);
    if (from_msd) {
        last_refusal_.clear();
    }
    // A distributor sends the list at accept, and any list before the registration, in the form of
    // section 2, without the fields of msd nodes. The list that follows the registration has them;
    // the held list is used only when none follows.
    if (!from_msd && !is_foreign_ && (is_first || known().from_msd())) {
        if (!is_first || known().epoch() == 0 || !has_reported_any_) {
            held_list_ = frame;
            hold_.set(deadline{std::min(hold_.until(), clock::now() + hold_limit)});
        }
        co_return;
    }
    hold_.clear();
    held_list_.clear();
    const bool is_list = packet.params != core::topology_packet::member::absent;
    const core::revision said{packet.epoch.value_or(0), packet.rev.value_or(0)};
    const auto applied = co_await feed_.apply(std::move(packet));
    if (!applied) {
        log::warning("malformed packet from the registry: {}", applied.error().text);
        co_return;
    }
    using enum core::topology::outcome;
    if (from_msd && !std::exchange(is_msd_, true) && !ending_ && connected()) {
        connection_->send(core::second_registration(settings_.self, revision_to_name()));
    }
    if (*applied == gap) {
        ask_for_snapshot();
        co_return;
    }
    if (is_list && *applied != incomplete) {
        resyncing_ = false;
    }
    // After a reconnect without changes, the owner must still be notified that it is connected.
    const bool is_all_there_is =
        is_list || (has_reported_any_ && from_msd && said == known().now());
    has_news_ = has_news_ || *applied == changed ||
                (*applied == unchanged && is_all_there_is && !has_reported_);
    if (!has_reported_) {
        co_await report();
    }
}

// Calls the owner, in several turns when much has changed.
asio::awaitable<void> registry_link::state::report() {
    if (!std::exchange(has_news_, false)) {
        co_return;
    }
    upstream::topology_news news;
    news.is_first = !has_reported_;
    news.connected_since = since();
    has_reported_any_ = has_reported_ = true;
    co_await feed_.report(news, &on_change_);
    first_.cancel();
    note_ignored_routes();
    const time_point soon = std::min(keep_.until(), clock::now() + keep_every);
    keep_.set(deadline{std::max(soon, keep_from_)});
}

void registry_link::state::note_ignored_routes() {
    const std::size_t nodes = known().nodes_without_routes();
    if (nodes > 0 && !ignores_routes_) {
        log::warning(
            "the registry lists more than {} routes: those of {} nodes are ignored until others "
            "have left",
            core::routes_listed_max,
            nodes
        );
    }
    ignores_routes_ = nodes > 0;
}

// Uses the list in the topology file of the pool until the registry sends a list.
asio::awaitable<void> registry_link::state::recall() {
    const auto text = kept_.read();
    if (!text || !on_change_) {
        co_return;
    }
    bool is_usable = false;
    auto packet = co_await feed_.read(*text);
    if (packet) {
        const auto applied = co_await feed_.apply(std::move(*packet));
        is_usable = applied && *applied == core::topology::outcome::changed;
    }
    if (!kept_.note_loaded(is_usable, known())) {
        feed_.clear();
        co_return;
    }
    upstream::topology_news news;
    news.is_first = true;
    co_await feed_.report(news, &on_change_);
}

// A registry that was restarted may not know all nodes yet.
bool registry_link::state::may_save() const {
    const bool is_settled = clock::now() >= since_ + settings_.settled_after;
    return is_settled || !kept_.knows_more_than(known());
}

void registry_link::state::keep() {
    if (is_busy_) {
        keep_.set(deadline::in(keep_every));
    } else if (!may_save()) {
        keep_.set(deadline{since_ + settings_.settled_after});
    } else {
        inner_.spawn(save());
    }
}

asio::awaitable<void> registry_link::state::save() {
    co_await until_free();
    const busy_mark mark{*this};
    kept_.begin_save(known());
    while (kept_.save_step(save_bytes)) {
        co_await feed_.next_turn();
    }
    keep_from_ = clock::now() + kept_.pause();
}

void registry_link::state::ask_for_snapshot() {
    // After the goodbye a registration would list the node again.
    if (!ending_ && !std::exchange(resyncing_, true)) {
        connection_->send(core::second_registration(settings_.self, {}));
    }
}

// The registry has been silent for a while. Only an msd distributor answers pings.
void registry_link::state::on_silence() {
    if (!connected()) {
        return;
    }
    if (is_unproven()) {
        if (proof_failed_) {
            connection_->close();
        } else {
            fail_proof("it does not prove the cluster secret: set registry.secret_file there");
        }
        return;
    }
    if (is_busy_) { // a reply may have arrived and not been read yet
        silence_.set(deadline::in(ping_idle));
        return;
    }
    if (++pings_unanswered_ > pings_unanswered_max) {
        log::warning(
            "the registry at {} does not answer pings: reconnecting",
            connection_->peer().text()
        );
        connection_->close();
        return;
    }
    wire::request_fields ping;
    ping.method = "GET";
    ping.uri = "/ping";
    const std::uint64_t key = ++last_key_;
    connection_->compose([&](std::string& out) { wire::append_request(out, ping, key); });
    silence_.set(deadline::in(ping_idle));
}

registry_link::registry_link(
    const asio::any_io_executor& executor,
    registry_link_settings settings,
    change_handler on_change,
    std::function<void()> on_lost
)
    : state_{std::make_shared<state>(
          executor,
          std::move(settings),
          std::move(on_change),
          std::move(on_lost)
      )} {}

registry_link::~registry_link() {
    state_->abandon();
}

void registry_link::start(net::task_group& tasks) {
    tasks.spawn(state::run(state_));
}

asio::awaitable<void> registry_link::first_list(milliseconds limit) {
    return state::first_list(state_, deadline::in(limit));
}

asio::awaitable<void> registry_link::deregister_and_close(milliseconds limit) {
    return state::deregister_and_close(state_, deadline::in(limit));
}

asio::awaitable<void> registry_link::deregister(milliseconds limit) {
    return state::deregister(state_, deadline::in(limit));
}

void registry_link::report_callers_gone(bool none_left) {
    state_->report_callers_gone(none_left);
}

void registry_link::close() {
    state_->end();
}

const core::topology& registry_link::known() const {
    return state_->known();
}

bool registry_link::connected() const {
    return state_->connected();
}

time_point registry_link::connected_since() const {
    return state_->since();
}

} // namespace msd::node
