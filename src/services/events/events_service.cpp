// SPDX-License-Identifier: Apache-2.0
#include "services/events/events_service.hpp"

#include "net/use_tuple.hpp"
#include "services/events/event_messages.hpp"
#include "services/store_replies.hpp"
#include "store/event_log.hpp"
#include "store/open.hpp"

#include <asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace msd::services {

namespace {

constexpr milliseconds open_timeout{10'000};

constexpr parameter topic{
    .name = "topic",
    .required = true,
    .length_max = event_topic_bytes_max,
    .length_min = 1,
    .about = "type of the events"};
constexpr parameter after{
    .name = "after",
    .type = parameter_type::integer,
    .minimum = 0,
    .about = "only events behind this position; `next` of the previous page"};
constexpr parameter limit{
    .name = "limit",
    .type = parameter_type::integer,
    .minimum = 1,
    .maximum = store::events_read_max,
    .about = "most events in one reply"};

constexpr std::array read_parameters{topic, after, limit};
constexpr std::array live_parameters{topic, after};
constexpr std::string_view last_event_id = "last-event-id";
constexpr std::array live_headers{last_event_id};

// How often a stream looks for events of other workers.
constexpr milliseconds look_every{250};
constexpr milliseconds read_timeout{5000};

reply refused(const arguments::problem& why) {
    return invalid_parameters({&why, 1});
}

reply not_allowed(std::string_view what) {
    return failure(403, std::string{what} + " is not allowed");
}

// A node that is believed to be one of msd, and no gateway: its requests are those of clients.
bool is_node(const sender& from) {
    return from.is_trusted && !from.is_gateway;
}

bool includes(const std::vector<std::string>& topics, std::string_view wanted) {
    return std::ranges::any_of(topics, [wanted](const std::string& each) {
        return each == wanted || each == "*";
    });
}

class events_service final : public service {
public:
    explicit events_service(const service_context& context)
        : executor_{context.executor},
          rules_{context.settings.rules.events} {
        settings_.store.executor = context.executor;
        settings_.store.data_dir = context.settings.data_dir;
        settings_.lease = rules_.lease;
        settings_.redelivery = rules_.redelivery;
        const handler publish = [this](call asked) {
            return publish_events(std::move(asked));
        };
        const handler read = [this](call asked) {
            return read_events_of(std::move(asked));
        };
        const handler pull = [this](call asked) {
            return hand_out(std::move(asked));
        };
        const handler settle = [this](call asked) {
            return settle_events(std::move(asked));
        };
        routes_ = {
            {"GET", "/events", read_parameters, read},
            {"POST", "/events", {}, publish},
            {"POST", "/events/pull", {}, pull},
            {"POST", "/events/ack", {}, settle},
        };
        route live{"GET", "/events/live", live_parameters, {}};
        live.wants_headers = live_headers;
        live.stream = [this](call asked, stream_writer& out) {
            return stream_events(std::move(asked), &out);
        };
        routes_.push_back(std::move(live));
        for (route& each : routes_) {
            each.wants_client = true;
            each.any_params = each.method == "POST"; // arrays and objects
        }
    }

    [[nodiscard]] std::span<const route> routes() const override { return routes_; }

    asio::awaitable<result<void>> start() override {
        auto settings = settings_;
        auto opened =
            co_await store::open_event_log(std::move(settings), deadline::in(open_timeout));
        if (!opened) {
            co_return tl::unexpected{std::move(opened.error())};
        }
        log_ = std::move(*opened);
        co_return result<void>{};
    }

    asio::awaitable<void> stop() override {
        log_.reset();
        co_return;
    }

    void write_figures(json::writer& out) const override {
        out.key("events_published").integer(published_);
        out.key("events_handed_out").integer(handed_out_);
    }

private:
    asio::awaitable<reply> publish_events(call asked) {
        auto events = read_events(asked.args.raw(), store::utc_now_ms());
        if (!events) {
            co_return refused(events.error());
        }
        if (!is_node(asked.from)) {
            const auto unfit = std::ranges::find_if(*events, [this](const auto& each) {
                return !includes(rules_.clients_publish, each.type);
            });
            if (unfit != events->end()) {
                co_return not_allowed("publishing " + unfit->type);
            }
        }
        const auto made = co_await log_->publish(std::move(*events), asked.until);
        if (!made) {
            co_return store_failure(made.error());
        }
        published_ += made->added;
        std::string members;
        json::writer out{members};
        out.key("added").integer(made->added);
        if (made->added > 0) {
            out.key("position").integer(made->position);
        }
        co_return success(std::move(members));
    }

    asio::awaitable<reply> read_events_of(call asked) {
        store::event_query wanted;
        wanted.topic = asked.args.text("topic");
        wanted.after = asked.args.integer_or("after", 0);
        wanted.limit = asked.args.integer_or("limit", store::events_read_max);
        if (!may_read(asked.from, wanted.topic)) {
            co_return not_allowed("reading " + wanted.topic);
        }
        const auto found = co_await log_->read(std::move(wanted), asked.until);
        if (!found) {
            co_return store_failure(found.error());
        }
        std::string members;
        json::writer out{members};
        out.key("results").begin_array();
        for (const store::event_row& each : *found) {
            out.begin_object().key("position").integer(each.position).key("event");
            write_cloud_event(out, each.fields);
            out.end_object();
        }
        out.end_array();
        if (!found->empty()) {
            out.key("next").integer(found->back().position);
        }
        co_return success(std::move(members));
    }

    [[nodiscard]] bool may_read(const sender& from, std::string_view wanted) const {
        return is_node(from) || includes(rules_.clients_read, wanted);
    }

    // Until the caller leaves or the worker drains; the client then comes back with the id of the
    // last event that it has.
    asio::awaitable<reply> stream_events(call asked, stream_writer* out) {
        store::event_query wanted;
        wanted.topic = asked.args.text("topic");
        if (!may_read(asked.from, wanted.topic)) {
            co_return not_allowed("reading " + wanted.topic);
        }
        const auto begin = co_await first_position(&asked, wanted.topic);
        if (!begin) {
            co_return begin.error();
        }
        wanted.after = *begin;
        reply head = success();
        head.headers.add("content-type", "text/event-stream");
        head.headers.add("cache-control", "no-store");
        out->open(head);
        asio::steady_timer pause{executor_};
        out->on_ending([&pause] { pause.cancel(); });
        reply end = success();
        while (out->must_end() == stream_writer::ending::none) {
            const auto found = co_await log_->read(wanted, deadline::in(read_timeout));
            if (!found) {
                end = store_failure(found.error());
                break;
            }
            bool is_sent = true;
            for (const store::event_row& each : *found) {
                wire::stream_part part = part_of(each);
                is_sent = co_await out->write_event(std::move(part));
                if (!is_sent) {
                    break;
                }
                wanted.after = each.position;
            }
            if (found->empty()) {
                pause.expires_after(look_every);
                [[maybe_unused]] const auto woken = co_await pause.async_wait(net::use_tuple);
            }
        }
        out->on_ending({});
        co_return end;
    }

    static wire::stream_part part_of(const store::event_row& row) {
        wire::stream_part made;
        made.id = std::to_string(row.position);
        json::writer out{made.text};
        write_cloud_event(out, row.fields);
        return made;
    }

    // Behind which a stream begins.
    asio::awaitable<tl::expected<std::int64_t, reply>>
    first_position(const call* asked, std::string wanted) {
        if (const auto* const last = asked->headers.find(last_event_id); last != nullptr) {
            const auto position = json::value{json::kind::number, *last}.as_int64();
            const bool is_number = json::parse(*last).has_value() && position && *position >= 0;
            if (!is_number) {
                co_return tl::unexpected{
                    refused({"last-event-id", "must be the id of an event of this stream"})};
            }
            co_return *position;
        }
        if (asked->args.has("after")) {
            co_return asked->args.integer("after");
        }
        store::event_query newest;
        newest.topic = std::move(wanted);
        newest.limit = 1;
        newest.newest = true;
        const auto found = co_await log_->read(std::move(newest), asked->until);
        if (!found) {
            co_return tl::unexpected{store_failure(found.error())};
        }
        co_return found->empty() ? 0 : found->back().position;
    }

    asio::awaitable<reply> hand_out(call asked) {
        if (!is_node(asked.from)) {
            co_return not_allowed("a consumer group");
        }
        auto wanted = read_pull(asked.args.raw());
        if (!wanted) {
            co_return refused(wanted.error());
        }
        const auto found = co_await log_->pull(std::move(*wanted), asked.until);
        if (!found) {
            co_return store_failure(found.error());
        }
        handed_out_ += static_cast<std::int64_t>(found->events.size());
        co_return success(pulled_members(*found));
    }

    asio::awaitable<reply> settle_events(call asked) {
        if (!is_node(asked.from)) {
            co_return not_allowed("a consumer group");
        }
        auto made = read_settlement(asked.args.raw());
        if (!made) {
            co_return refused(made.error());
        }
        const auto settled = co_await log_->settle(std::move(*made), asked.until);
        co_return settled ? success("\"settled\":" + std::to_string(*settled))
                          : store_failure(settled.error());
    }

    asio::any_io_executor executor_;
    store::event_log_settings settings_;
    event_settings rules_;
    std::unique_ptr<store::event_log> log_;
    std::vector<route> routes_;
    std::int64_t published_ = 0;
    std::int64_t handed_out_ = 0;
};

} // namespace

std::unique_ptr<service> make_events_service(const service_context& context) {
    return std::make_unique<events_service>(context);
}

} // namespace msd::services
