// SPDX-License-Identifier: Apache-2.0
#include "wire/frame_reader.hpp"
#include "wire/http_message.hpp"
#include "wire/http_params.hpp"
#include "wire/http_request_parser.hpp"
#include "wire/http_response_parser.hpp"
#include "wire/packet.hpp"

#include <algorithm>
#include <array>
#include <benchmark/benchmark.h>
#include <string>

namespace msd::wire {
namespace {

constexpr std::string_view request_frame =
    R"({"uri":"/goods","method":"GET","key":123456,"deadline_ms":4998,)"
    R"("id":"0190163d-8694-739b-aea5-966c26f8ad91","params":{"id":"17","category":"tests"}})";

// A reply of `rows` goods, 26 bytes of envelope and about 90 bytes a row.
std::string reply_frame(std::int64_t rows) {
    std::string results;
    json::writer out{results};
    out.key("results").begin_array();
    for (std::int64_t row = 1; row <= rows; ++row) {
        out.begin_object().key("id").integer(row).key("name").string("연필 HB");
        out.key("category").string("tests").key("price").real(4.15);
        out.key("description").string("a pencil, medium hard").end_object();
    }
    out.end_array();
    std::string frame;
    append_reply(frame, "123456", {0, "success", results, 200});
    return frame;
}

std::string unframed(std::string frame) {
    frame.resize(frame.size() - terminator.size());
    return frame;
}

void count_bytes(benchmark::State& state, std::size_t bytes) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

void frame_scan(benchmark::State& state) {
    const std::string frame = reply_frame(state.range(0));
    frame_reader reader{16U << 20U};
    for (auto _ : state) {
        const auto room = reader.prepare(frame.size());
        std::copy(frame.begin(), frame.end(), room.begin());
        reader.commit(frame.size());
        benchmark::DoNotOptimize(reader.next());
    }
    count_bytes(state, frame.size());
}
BENCHMARK(frame_scan)->Arg(1)->Arg(10)->Arg(1000);

void packet_parse_request(benchmark::State& state) {
    packet request;
    for (auto _ : state) {
        benchmark::DoNotOptimize(request.parse(request_frame));
    }
    count_bytes(state, request_frame.size());
}
BENCHMARK(packet_parse_request);

void packet_parse_reply(benchmark::State& state) {
    const std::string frame = unframed(reply_frame(state.range(0)));
    packet reply;
    for (auto _ : state) {
        benchmark::DoNotOptimize(reply.parse(frame));
    }
    count_bytes(state, frame.size());
}
BENCHMARK(packet_parse_reply)->Arg(1)->Arg(10)->Arg(1000);

void packet_open_envelope(benchmark::State& state) {
    const std::string frame = unframed(reply_frame(10));
    packet reply;
    if (!reply.parse(frame)) {
        state.SkipWithError("the reply is malformed");
    }
    for (auto _ : state) {
        benchmark::DoNotOptimize(open_envelope(reply));
    }
}
BENCHMARK(packet_open_envelope);

void packet_write_request(benchmark::State& state) {
    request_fields request;
    request.method = "GET";
    request.uri = "/goods";
    request.params = R"({"id":"17","category":"tests"})";
    request.id = "0190163d-8694-739b-aea5-966c26f8ad91";
    request.deadline_ms = 4998;
    std::string out;
    for (auto _ : state) {
        out.clear();
        append_request(out, request, 123456);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(packet_write_request);

void packet_write_reply(benchmark::State& state) {
    const std::string results = R"("results":[{"id":1,"name":"pencil","price":4.15}])";
    std::string out;
    for (auto _ : state) {
        out.clear();
        append_reply(out, "123456", {0, "success", results, 200});
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(packet_write_reply);

void http_request_parse(benchmark::State& state) {
    constexpr std::string_view bytes =
        "GET /goods?id=17 HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: curl/7.88.1\r\n"
        "Accept: */*\r\n\r\n";
    http_request_parser parser{{}};
    for (auto _ : state) {
        benchmark::DoNotOptimize(parser.feed(bytes));
        benchmark::DoNotOptimize(parser.feed({}));
        parser.next_request();
    }
    count_bytes(state, bytes.size());
}
BENCHMARK(http_request_parse);

void http_params_of_query(benchmark::State& state) {
    http_input input;
    input.query = "id=17&category=tests";
    for (auto _ : state) {
        benchmark::DoNotOptimize(params_of(input));
    }
}
BENCHMARK(http_params_of_query);

void http_params_of_json(benchmark::State& state) {
    http_input input;
    input.body = R"({"name":"pencil","category":"tests","price":4.15,"description":"test"})";
    input.kind = body_kind::json;
    for (auto _ : state) {
        benchmark::DoNotOptimize(params_of(input));
    }
}
BENCHMARK(http_params_of_json);

constexpr std::string_view small_reply =
    "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 12\r\n"
    "ETag: \"5f3-abc\"\r\nConnection: keep-alive\r\n\r\nhello world\n";

void http_response_parse(benchmark::State& state) {
    http_response_parser parser;
    for (auto _ : state) {
        parser.expect({});
        std::string_view rest = small_reply;
        for (int event = 0; event < 3; ++event) { // head, body, complete
            rest.remove_prefix(parser.feed(rest).consumed);
        }
        benchmark::DoNotOptimize(parser.is_complete());
    }
    count_bytes(state, small_reply.size());
}
BENCHMARK(http_response_parse);

void http_reply_head_write(benchmark::State& state) {
    http_response_parser parser;
    parser.expect({});
    static_cast<void>(parser.feed(small_reply));
    http_reply_head head;
    head.fields = &parser.response().headers;
    head.body.content_length = parser.response().content_length;
    head.lines = "X-Request-Id: 0190163d-8694-739b-aea5-966c26f8ad91\r\n";
    std::string out;
    for (auto _ : state) {
        out.clear();
        append_reply_head(out, head);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(http_reply_head_write);

void http_request_head_write(benchmark::State& state) {
    http_request_parser parser{{}};
    static_cast<void>(parser.feed(
        "GET /goods?id=17 HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: curl/7.88.1\r\n"
        "Accept: */*\r\n\r\n"
    ));
    constexpr std::array<std::string_view, 5> replaced{
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Request-Id",
        "Traceparent"};
    http_request_head head;
    head.method = parser.request().method;
    head.target = parser.request().target;
    head.fields = &parser.request().headers;
    head.without = replaced;
    head.lines = "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"
                 "X-Request-Id: 0190163d-8694-739b-aea5-966c26f8ad91\r\n";
    std::string out;
    for (auto _ : state) {
        out.clear();
        append_request_head(out, head);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(http_request_head_write);

} // namespace
} // namespace msd::wire
