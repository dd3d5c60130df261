// SPDX-License-Identifier: Apache-2.0
//
// Prints how balancers and policies compare under faults: see scripts/simulate.
#include "simulate/scenarios.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

using namespace msd::simulate;

struct arguments {
    std::uint64_t minutes = 5;
    std::uint64_t seed = 1;
    std::string_view scenario; // empty: all
    bool is_json = false;
    bool is_help = false;
    bool is_wrong = false;
};

std::uint64_t number_of(std::string_view text, bool& is_wrong) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, value);
    is_wrong = is_wrong || failure != std::errc{} || stop != end || value == 0;
    return value;
}

arguments read(int argc, char** argv) {
    arguments made;
    for (int place = 1; place < argc; ++place) {
        const std::string_view word = argv[place];
        const std::string_view value = place + 1 < argc ? argv[place + 1] : "";
        if (word == "--json") {
            made.is_json = true;
            continue;
        }
        if (word == "--help" || word == "-h") {
            made.is_help = true;
            continue;
        }
        ++place;
        if (word == "--minutes") {
            made.minutes = number_of(value, made.is_wrong);
        } else if (word == "--seed") {
            made.seed = number_of(value, made.is_wrong);
        } else if (word == "--scenario") {
            made.scenario = value;
        } else {
            made.is_wrong = true;
        }
    }
    constexpr std::uint64_t minutes_max = 1440;
    made.is_wrong = made.is_wrong || made.minutes > minutes_max;
    return made;
}

constexpr std::string_view usage =
    "usage: scripts/simulate [--minutes N] [--seed N] [--scenario NAME] [--json]\n\n"
    "Simulates N minutes (5) of traffic for each scenario and balancer.\n"
    "  failed    % of the requests whose client got an error, all the time\n"
    "  settled   the same from 2 s after the faults begin until they end\n"
    "  p99 set.  99th percentile of that time, ms\n"
    "  good/s    good replies per second\n"
    "  tries     per request\n"
    "  faulty    % of an even share that the faulty endpoints get\n"
    "  healed    the same, from 15 s after the faults end\n";

double part(std::uint64_t count, std::uint64_t of) {
    return of == 0 ? 0 : static_cast<double>(count) / static_cast<double>(of);
}

void print_row(const contender& by, const simulation_figures& got) {
    const auto share = [](double value) {
        return value < 0 ? std::string{"-"} : fmt::format("{:.0f}", 100 * value);
    };
    fmt::print(
        "  {:<20}{:>9.3f}{:>9.3f}{:>8.0f}{:>8.0f}{:>9.0f}{:>9.1f}{:>8.3f}{:>8}{:>8}{:>8}{:>6}\n",
        by.name,
        100 * part(got.failed, got.requests),
        100 * got.settled_failed,
        got.p50_ms,
        got.p99_ms,
        got.settled_p99_ms,
        got.good_per_s,
        part(got.tries, got.requests - got.rejected),
        share(got.faulty_share),
        share(got.healed_share),
        got.ejections,
        got.openings
    );
}

void print_json(
    const scenario& played,
    const contender& by,
    const simulation_figures& got,
    bool is_first
) {
    fmt::print(
        R"({}{{"scenario":"{}","balancer":"{}","policies":{},"requests":{},"failed":{},)"
        R"("rejected":{},"tries":{},"p50_ms":{},"p99_ms":{},"settled_p99_ms":{},)"
        R"("settled_failed":{:.6f},"good_per_s":{:.1f},"faulty_share":{:.4f},)"
        R"("healed_share":{:.4f},"ejections":{},"openings":{}}})",
        is_first ? "[" : ",\n ",
        played.name,
        by.name,
        by.has_policies,
        got.requests,
        got.failed,
        got.rejected,
        got.tries,
        got.p50_ms,
        got.p99_ms,
        got.settled_p99_ms,
        got.settled_failed,
        got.good_per_s,
        got.faulty_share,
        got.healed_share,
        got.ejections,
        got.openings
    );
}

} // namespace

int main(int argc, char** argv) {
    const arguments given = read(argc, argv);
    if (given.is_help || given.is_wrong) {
        fmt::print(given.is_help ? stdout : stderr, "{}", usage);
        return given.is_help ? 0 : 2;
    }
    bool is_first = true;
    for (const scenario& played : scenarios) {
        if (!given.scenario.empty() && given.scenario != played.name) {
            continue;
        }
        if (!given.is_json) {
            fmt::print(
                "{}{}: {} of 100 endpoints, load {:.1f}\n"
                "  {:<20}{:>9}{:>9}{:>8}{:>8}{:>9}{:>9}{:>8}{:>8}{:>8}{:>8}{:>6}\n",
                is_first ? "" : "\n",
                played.name,
                played.endpoints,
                played.load,
                "",
                "failed%",
                "settled%",
                "p50",
                "p99",
                "p99 set.",
                "good/s",
                "tries",
                "faulty",
                "healed",
                "ejected",
                "open"
            );
        }
        for (const contender& by : contenders) {
            const msd::milliseconds length{60'000 * static_cast<std::int64_t>(given.minutes)};
            const simulation_figures got = simulate(settings_for(played, by, length, given.seed));
            if (given.is_json) {
                print_json(played, by, got, is_first);
            } else {
                print_row(by, got);
            }
            is_first = false;
        }
        std::fflush(stdout);
    }
    if (is_first) {
        fmt::print(stderr, "there is no scenario {}\n", given.scenario);
        return 2;
    }
    if (given.is_json) {
        fmt::print("]\n");
    }
    return 0;
}
