// SPDX-License-Identifier: Apache-2.0
#include "functional/streaming/streaming_service.hpp"

#include "net/use_tuple.hpp"

#include <asio/steady_timer.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace msd::services {

namespace {

constexpr std::array number_of_lines{
    parameter{.name = "lines", .type = parameter_type::integer, .required = true}};
constexpr std::array<std::string_view, 2> validators{"if-none-match", "cookie"};
constexpr std::string_view etag = "\"v1\"";

reply text_head(std::string_view type) {
    reply out = success();
    out.headers.add("content-type", type);
    out.headers.add("cache-control", "no-store");
    return out;
}

class streaming_service final : public service {
public:
    explicit streaming_service(const service_context& context) : executor_{context.executor} {
        add("/s/redirect", &streaming_service::redirect);
        add("/s/state", &streaming_service::state);
        add("/s/page", &streaming_service::page);
        routes_.back().wants_headers = validators;
        add_stream("/s/lines", &streaming_service::lines);
        routes_.back().parameters = number_of_lines;
        add_stream("/s/events", &streaming_service::events);
        add_stream("/s/forever", &streaming_service::forever);
        add_stream("/s/endless", &streaming_service::endless);
        add_stream("/s/fails", &streaming_service::fails);
        add_stream("/s/throws", &streaming_service::throws);
        add_stream("/s/none", &streaming_service::none);
    }

    [[nodiscard]] std::span<const route> routes() const override { return routes_; }
    asio::awaitable<result<void>> start() override { co_return result<void>{}; }
    asio::awaitable<void> stop() override { co_return; }

private:
    using plain = asio::awaitable<reply> (streaming_service::*)(call);
    using streamed = asio::awaitable<reply> (streaming_service::*)(call, stream_writer*);

    void add(std::string_view path, plain handle) {
        routes_.push_back({"GET", path, {}, [this, handle](call asked) {
                               return (this->*handle)(std::move(asked));
                           }});
    }

    void add_stream(std::string_view path, streamed handle) {
        route row{"GET", path, {}, {}};
        row.stream = [this, handle](call asked, stream_writer& out) {
            return (this->*handle)(std::move(asked), &out);
        };
        routes_.push_back(std::move(row));
    }

    asio::awaitable<reply> redirect(call /*asked*/) {
        reply out = success({}, 303);
        out.headers.add("location", "/s/page");
        out.headers.add("set-cookie", "a=1; Path=/");
        out.headers.add("set-cookie", "b=2");
        out.headers.add("x-injected", "1\r\nset-cookie: c=3");
        out.headers.add("content-length", "5");
        co_return out;
    }

    asio::awaitable<reply> page(call asked) {
        const auto* const known = asked.headers.find("if-none-match");
        const auto* const cookie = asked.headers.find("cookie");
        reply out = success({}, known != nullptr && *known == etag ? 304 : 200);
        out.headers.add("etag", etag);
        out.headers.add("cache-control", "max-age=60");
        json::writer members{out.members};
        members.key("cookie").string(cookie == nullptr ? std::string_view{"none"} : *cookie);
        members.key("headers").unsigned_integer(asked.headers.size());
        co_return out;
    }

    asio::awaitable<reply> state(call /*asked*/) {
        reply out = success();
        json::writer members{out.members};
        members.key("open").integer(open_);
        members.key("cancelled").integer(cancelled_);
        members.key("drained").integer(drained_);
        members.key("written").unsigned_integer(written_);
        co_return out;
    }

    // `lines` lines of 1 KiB.
    asio::awaitable<reply> lines(call asked, stream_writer* out) {
        out->open(text_head("text/plain; charset=utf-8"));
        for (std::int64_t i = 1; i <= asked.args.integer("lines"); ++i) {
            std::string line = std::to_string(i) + " ";
            line.resize(1023, 'x');
            line += '\n';
            const bool is_sent = co_await out->write(line);
            if (!is_sent) {
                ++cancelled_;
                break;
            }
        }
        co_return success();
    }

    asio::awaitable<reply> events(call /*asked*/, stream_writer* out) {
        out->open(text_head("text/event-stream"));
        co_await out->write("plain");
        wire::stream_part event;
        event.text = "two\nlines";
        event.event = "goods";
        event.id = "7";
        co_await out->write_event(std::move(event));
        co_return success();
    }

    // One event, then nothing until the worker drains or the caller leaves.
    asio::awaitable<reply> forever(call /*asked*/, stream_writer* out) {
        out->open(text_head("text/event-stream"));
        co_await out->write("hello");
        ++open_;
        asio::steady_timer ended{executor_, time_point::max()};
        out->on_ending([&ended] { ended.cancel(); });
        if (out->must_end() == stream_writer::ending::none) {
            [[maybe_unused]] const auto [woken] = co_await ended.async_wait(net::use_tuple);
        }
        out->on_ending({});
        --open_;
        if (out->must_end() == stream_writer::ending::cancelled) {
            ++cancelled_;
        } else {
            ++drained_;
            co_await out->write("bye");
        }
        co_return success();
    }

    // Text without end, as fast as the caller takes it.
    asio::awaitable<reply> endless(call /*asked*/, stream_writer* out) {
        out->open(text_head("text/plain"));
        const std::string text(std::size_t{100} << 10, 'e');
        bool goes_on = true;
        while (goes_on) {
            goes_on = co_await out->write(text);
            written_ += goes_on ? text.size() : 0;
        }
        ++cancelled_;
        co_return success();
    }

    asio::awaitable<reply> fails(call /*asked*/, stream_writer* out) {
        out->open(text_head("text/plain"));
        co_await out->write("begun");
        co_return failure(500, "out of paper");
    }

    asio::awaitable<reply> throws(call /*asked*/, stream_writer* out) {
        out->open(text_head("text/plain"));
        co_await out->write("begun");
        throw std::runtime_error{"out of order"};
    }

    asio::awaitable<reply> none(call /*asked*/, stream_writer* /*out*/) {
        co_return failure(404, "no such stream");
    }

    asio::any_io_executor executor_;
    std::vector<route> routes_;
    int open_ = 0;      // streams without end
    int cancelled_ = 0; // streams whose callers left
    int drained_ = 0;   // streams that ended because the worker shuts down
    std::uint64_t written_ = 0;
};

} // namespace

std::unique_ptr<service> make_streaming_service(const service_context& context) {
    return std::make_unique<streaming_service>(context);
}

} // namespace msd::services
