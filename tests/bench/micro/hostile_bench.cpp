// SPDX-License-Identifier: Apache-2.0
// The cost of the most expensive inputs that a client or a peer can send. Each iteration stands for
// one message that the event loop handles at once: no time may exceed 10 ms.
#include "base/json.hpp"
#include "base/masking.hpp"
#include "core/registration.hpp"
#include "services/arguments.hpp"
#include "wire/frame_reader.hpp"
#include "wire/http_params.hpp"
#include "wire/http_request_parser.hpp"
#include "wire/packet.hpp"
#include "wire/request_size.hpp"
#include "wire/resp.hpp"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <span>
#include <string>
#include <string_view>

namespace msd::wire {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

// `part` as often as it fits, at most `most` times; a # in it stands for a number.
std::string repeated(
    std::string_view begin,
    std::string_view part,
    std::string_view end,
    std::size_t most = mib
) {
    std::string text{begin};
    const std::size_t hash = part.find('#');
    for (std::size_t n = 0; n < most && text.size() + part.size() + end.size() + 8 < mib; ++n) {
        text += n == 0 ? std::string_view{} : std::string_view{","};
        text += part.substr(0, hash);
        if (hash != std::string_view::npos) {
            text += std::to_string(n);
            text += part.substr(hash + 1);
        }
    }
    return text.append(end);
}

std::string filled(std::string_view begin, std::string_view part, std::string_view end) {
    std::string text{begin};
    while (text.size() + part.size() + end.size() <= mib) {
        text += part;
    }
    return text.append(end);
}

std::string ampersands(std::string text) {
    std::ranges::replace(text, ',', '&');
    return text;
}

// The most that body_bounds allows, and from 10 on what it refuses.
std::string json_input(std::int64_t which) {
    constexpr std::size_t members = body_bounds.members;
    constexpr std::size_t values = body_bounds.values - 2;
    switch (which) {
    case 0:
        return repeated("{", R"("#":0)", "}", members);
    case 1:
        return repeated("{", R"("a":0)", "}", members);
    case 2:
        return repeated("{", R"("\u0061#":0)", "}", members);
    case 3:
        return repeated(R"({"a":[)", "[]", "]}", values);
    case 4:
        return repeated(R"({"a":[)", "0", "]}", values);
    case 5:
        return filled(R"({"a":")", "\\u00b6", R"("})");
    case 6:
        return filled(R"({"a":")", "\\n", R"("})");
    case 7:
        return filled(R"({"a":)", "9", "}");
    case 8:
        return filled(R"({"a":")", "\xC2\xB6", R"("})");
    case 9:
        return repeated(R"({"a":{)", R"("\u0062#":0)", "}}", values);
    case 10:
        return repeated("{", R"("#":0)", "}");
    case 11:
        return repeated(R"({"a":[)", "0", "]}");
    case 12:
        return repeated(R"({"a":[)", std::string(62, '[') + std::string(62, ']'), "]}");
    default:
        return filled("{", " ", "}");
    }
}
constexpr std::int64_t json_inputs = 14;

void hostile_json_object(benchmark::State& state) {
    const std::string text = json_input(state.range(0));
    json::object object;
    for (auto _ : state) {
        benchmark::DoNotOptimize(object.parse(text, body_bounds));
    }
}
BENCHMARK(hostile_json_object)->DenseRange(0, json_inputs - 1)->Unit(benchmark::kMillisecond);

void hostile_json_body(benchmark::State& state) {
    const std::string text = json_input(state.range(0));
    for (auto _ : state) {
        const auto params = params_of({{}, {}, text, body_kind::json});
        benchmark::DoNotOptimize(params);
    }
}
BENCHMARK(hostile_json_body)->DenseRange(0, json_inputs - 1)->Unit(benchmark::kMillisecond);

// All that a gateway does with a body that is sent to a foreign service.
void hostile_foreign_request(benchmark::State& state) {
    const std::string text = json_input(state.range(0));
    for (auto _ : state) {
        const auto params = params_of({{}, {}, text, body_kind::json});
        if (params) {
            benchmark::DoNotOptimize(counted_bytes(*params));
            request_fields fields;
            fields.method = "POST";
            fields.uri = "/goods";
            fields.params = *params;
            std::string out;
            append_foreign_request(out, fields, 1);
            benchmark::DoNotOptimize(out);
        }
    }
}
BENCHMARK(hostile_foreign_request)->DenseRange(0, json_inputs - 1)->Unit(benchmark::kMillisecond);

void hostile_packet(benchmark::State& state) {
    const std::string params = json_input(state.range(0));
    const std::string frame = R"({"uri":"/goods","method":"POST","key":1,"params":)" + params + "}";
    packet request;
    for (auto _ : state) {
        benchmark::DoNotOptimize(request.parse(frame, request_bounds));
    }
}
BENCHMARK(hostile_packet)->DenseRange(0, json_inputs - 1)->Unit(benchmark::kMillisecond);

void hostile_packet_members(benchmark::State& state) {
    const std::string frame = json_input(state.range(0)) + std::string{};
    packet request;
    for (auto _ : state) {
        benchmark::DoNotOptimize(request.parse(frame, request_bounds));
        benchmark::DoNotOptimize(request.kind());
    }
}
BENCHMARK(hostile_packet_members)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

// A reply of 16 MiB with many members, and one that has to be cut in many places.
void hostile_reply(benchmark::State& state) {
    std::string frame = R"({"key":1)";
    for (int n = 0; n < 60'000; ++n) {
        frame += state.range(0) == 0 ? ",\"" + std::to_string(n) + "\":0" : R"(,"a":0,"key":1)";
    }
    frame += "}";
    packet reply;
    for (auto _ : state) {
        if (reply.parse(frame)) {
            benchmark::DoNotOptimize(open_envelope(reply));
        }
    }
}
BENCHMARK(hostile_reply)->DenseRange(0, 1)->Unit(benchmark::kMillisecond);

void hostile_registration(benchmark::State& state) {
    std::string params = json_input(state.range(0));
    params.insert(1, R"("port":1,"name":"a",)");
    const std::string frame =
        R"({"uri":"/distributes","method":"POST","key":1,"params":)" + params + "}";
    packet request;
    for (auto _ : state) {
        if (request.parse(frame, request_bounds)) {
            benchmark::DoNotOptimize(core::read_registration(request));
        }
    }
}
BENCHMARK(hostile_registration)->DenseRange(0, json_inputs - 1)->Unit(benchmark::kMillisecond);

// Texts that are longer than their parameter allows, in the longest packet that a service reads.
void hostile_argument(benchmark::State& state) {
    // Each escape counts as one byte.
    const std::size_t bytes = state.range(0) == 0 ? 6 * mib : state.range(0) == 1 ? 2 * mib : mib;
    std::string text = "\"";
    while (text.size() < bytes) {
        text += state.range(0) == 0 ? "\\u00b6" : state.range(0) == 1 ? "\\n" : "xxxxxxxx";
    }
    text += '"';
    services::parameter wanted;
    wanted.name = "name";
    wanted.type = services::parameter_type::text;
    wanted.length_max = 255;
    const std::string frame =
        R"({"uri":"/","method":"POST","key":1,"params":{"name":)" + text + "}}";
    packet request;
    for (auto _ : state) {
        benchmark::DoNotOptimize(request.parse(frame, request_bounds));
        services::arguments args;
        benchmark::DoNotOptimize(
            services::arguments::check(request.params(), std::span{&wanted, 1}, args)
        );
    }
}
BENCHMARK(hostile_argument)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

void hostile_form(benchmark::State& state) {
    std::string text;
    switch (state.range(0)) {
    case 0:
        text = ampersands(repeated("", "#=", ""));
        break;
    case 1:
        text = ampersands(repeated("", "a=#", ""));
        break;
    case 2:
        text = filled("a=", "%20", "");
        break;
    case 3:
        text = filled("", "&", "");
        break;
    case 4:
        text = filled("", "%41", "=");
        break;
    default:
        text = filled("a=", "\x01", "");
        break;
    }
    for (auto _ : state) {
        benchmark::DoNotOptimize(params_of({{}, {}, text, body_kind::form}));
    }
}
BENCHMARK(hostile_form)->DenseRange(0, 5)->Unit(benchmark::kMillisecond);

void hostile_query(benchmark::State& state) {
    const std::string whole = ampersands(repeated("", state.range(0) == 0 ? "#=" : "a=#", ""));
    const std::string_view query = std::string_view{whole}.substr(0, 8192);
    const std::string body = json_input(0);
    for (auto _ : state) {
        benchmark::DoNotOptimize(params_of({{}, query, body, body_kind::json}));
    }
}
BENCHMARK(hostile_query)->DenseRange(0, 1)->Unit(benchmark::kMillisecond);

void hostile_head(benchmark::State& state) {
    std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
    std::string line;
    switch (state.range(0)) {
    case 0:
        for (int n = 0; n < 98; ++n) {
            head += "h" + std::to_string(n) + ": v\r\n";
        }
        head += "Connection: ";
        while (head.size() < 16'000) {
            head += "a,";
        }
        head += "close\r\n";
        break;
    case 1:
        head += "Cookie: ";
        while (head.size() < 16'000) {
            head += "a=b; ";
        }
        head += "c=d\r\n";
        break;
    default:
        head += "Expect: ";
        while (head.size() < 16'000) {
            head += "\"a\",";
        }
        head += "b\r\n";
        break;
    }
    head += "\r\n";
    for (auto _ : state) {
        http_request_parser parser{{}};
        benchmark::DoNotOptimize(parser.feed(head));
    }
}
BENCHMARK(hostile_head)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

// One byte after the other: what a message costs in the smallest pieces, all of it together.
void hostile_head_bytewise(benchmark::State& state) {
    const std::string head =
        "GET / HTTP/1.1\r\nHost: a\r\nx: " + std::string(16'000, 'a') + "\r\n\r\n";
    for (auto _ : state) {
        http_request_parser parser{{}};
        for (const char byte : head) {
            benchmark::DoNotOptimize(parser.feed({&byte, 1}));
        }
    }
}
BENCHMARK(hostile_head_bytewise)->Unit(benchmark::kMillisecond);

void hostile_chunks(benchmark::State& state) {
    const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::string all = head;
    while (all.size() < 64 * 1024) {
        all += "1\r\na\r\n";
    }
    for (auto _ : state) {
        http_request_parser parser{{}};
        std::string_view rest = all;
        while (!rest.empty()) {
            rest.remove_prefix(parser.feed(rest).consumed);
        }
    }
}
BENCHMARK(hostile_chunks)->Unit(benchmark::kMillisecond);

void hostile_frames(benchmark::State& state) {
    const std::string part = state.range(0) == 0 ? "¶" : state.range(0) == 1 ? " " : "{}¶";
    std::string bytes;
    while (bytes.size() < 16 * 1024) {
        bytes += part;
    }
    packet parsed;
    for (auto _ : state) {
        frame_reader reader{mib};
        const auto room = reader.prepare(bytes.size());
        std::copy(bytes.begin(), bytes.end(), room.begin());
        reader.commit(bytes.size());
        for (auto next = reader.next(); next.state == frame_reader::status::complete;
             next = reader.next()) {
            benchmark::DoNotOptimize(parsed.parse(next.packet));
        }
    }
}
BENCHMARK(hostile_frames)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

void hostile_log_line(benchmark::State& state) {
    std::string text;
    if (state.range(0) < json_inputs) {
        text = json_input(state.range(0));
        text.insert(1, R"("token":1,)");
    } else {
        text = repeated(R"({"a":[)", R"({"token":1})", "]}", body_bounds.values / 2 - 1);
    }
    for (auto _ : state) {
        benchmark::DoNotOptimize(masked(text));
    }
}
BENCHMARK(hostile_log_line)->DenseRange(0, json_inputs)->Unit(benchmark::kMillisecond);

void hostile_resp(benchmark::State& state) {
    std::string text = "*65000\r\n";
    for (int n = 0; n < 65'000; ++n) {
        text += state.range(0) == 0 ? ":1\r\n" : "*0\r\n";
    }
    for (auto _ : state) {
        resp_reader reader{mib};
        reader.feed(text);
        benchmark::DoNotOptimize(reader.next());
    }
}
BENCHMARK(hostile_resp)->DenseRange(0, 1)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace msd::wire
