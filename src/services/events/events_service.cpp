// SPDX-License-Identifier: Apache-2.0
#include "services/events/events_service.hpp"

#include "services/events/event_messages.hpp"
#include "services/store_replies.hpp"
#include "store/event_log.hpp"
#include "store/open.hpp"

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
        : rules_{context.settings.rules.events} {
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
        if (!is_node(asked.from) && !includes(rules_.clients_read, wanted.topic)) {
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
