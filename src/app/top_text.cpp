// SPDX-License-Identifier: Apache-2.0
#include "app/top_text.hpp"

#include "app/text_table.hpp"
#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace msd::app {

namespace {

constexpr std::string_view bold = "\x1b[1m";
constexpr std::string_view plain = "\x1b[0m";

// In a sentence.
std::string summary_rate(double per_s) {
    constexpr double whole_from = 100;
    return fmt::format("{:.{}f}", per_s, per_s >= whole_from || per_s == 0 ? 0 : 1);
}

// In a table, which is easier to read without zeros.
std::string rate_text(double per_s) {
    return per_s == 0 ? "-" : summary_rate(per_s);
}

std::string time_text(std::chrono::microseconds time) {
    constexpr double us_per_ms = 1000;
    constexpr double ms_per_s = 1000;
    const double ms = static_cast<double>(time.count()) / us_per_ms;
    if (time.count() == 0) {
        return "-";
    }
    return ms >= ms_per_s ? fmt::format("{:g} s", ms / ms_per_s) : fmt::format("{:g} ms", ms);
}

std::string count_text(std::uint64_t count) {
    return count == 0 ? "-" : std::to_string(count);
}

std::string state_of(const traffic& instance) {
    if (instance.ejected != 0) {
        return "ejected";
    }
    return instance.ejections != 0 ? "was ejected" : "-";
}

// One string for each line.
std::vector<std::string> lines_of(const text_table& table, bool has_colours) {
    std::vector<std::string> made;
    const std::string text = table.text(has_colours);
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\n', begin);
        made.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return made;
}

text_table routes_table(const std::vector<traffic>& rows, std::size_t count) {
    text_table table{{"ROUTE", "REQ/S", "ERR/S", "P50", "P99"}};
    for (std::size_t index = 0; index < count; ++index) {
        const traffic& each = rows[index];
        table.add(
            {each.name,
             rate_text(each.requests_per_s),
             rate_text(each.errors_per_s),
             time_text(each.p50),
             time_text(each.p99)}
        );
    }
    return table;
}

text_table services_table(const std::vector<traffic>& rows, std::size_t count) {
    text_table table{
        {"SERVICE",
         "REQ/S",
         "ERR/S",
         "P50",
         "P99",
         "IN FLIGHT",
         "RETRIES/S",
         "EJECTED",
         "BREAKER"}};
    for (std::size_t index = 0; index < count; ++index) {
        const traffic& each = rows[index];
        table.add(
            {each.name,
             rate_text(each.requests_per_s),
             rate_text(each.errors_per_s),
             time_text(each.p50),
             time_text(each.p99),
             count_text(each.in_flight),
             rate_text(each.retries_per_s),
             each.ejected == 0 ? "-" : fmt::format("{} of {}", each.ejected, each.instances),
             each.breaker.empty() ? "-" : each.breaker}
        );
    }
    return table;
}

text_table instances_table(const std::vector<traffic>& rows, std::size_t count) {
    text_table table{{"INSTANCE", "SERVICE", "REQ/S", "ERR/S", "P50", "P99", "IN FLIGHT", "STATE"}};
    for (std::size_t index = 0; index < count; ++index) {
        const traffic& each = rows[index];
        table.add(
            {each.instance,
             each.name,
             rate_text(each.requests_per_s),
             rate_text(each.errors_per_s),
             time_text(each.p50),
             time_text(each.p99),
             count_text(each.in_flight),
             state_of(each)}
        );
    }
    return table;
}

// Cut to the width; a header keeps its colours.
std::string cut_line(std::string line, std::size_t columns) {
    if (columns == 0) {
        return line;
    }
    const bool is_bold = line.starts_with(bold);
    std::string_view text = line;
    if (is_bold) {
        text.remove_prefix(bold.size());
        text.remove_suffix(std::min(plain.size(), text.size()));
    }
    std::string_view kept = text;
    while (display_columns(kept) > columns) {
        kept = cut_text(kept, kept.size() - 1);
    }
    return is_bold ? fmt::format("{}{}{}", bold, kept, plain) : std::string{kept};
}

} // namespace

std::vector<std::size_t> divide_rows(const std::vector<std::size_t>& wanted, std::size_t all) {
    std::vector<std::size_t> given(wanted.size());
    bool has_given = true;
    while (all > 0 && has_given) {
        has_given = false;
        for (std::size_t index = 0; index < wanted.size() && all > 0; ++index) {
            if (given[index] < wanted[index]) {
                ++given[index];
                --all;
                has_given = true;
            }
        }
    }
    return given;
}

std::vector<std::string>
top_lines(const top_figures& figures, std::string_view about, const text_space& space) {
    constexpr std::size_t fixed_lines = 2 + 3 * 2; // summary; an empty line and a header for each
    const std::vector<std::size_t> wanted{
        figures.routes.size(),
        figures.services.size(),
        figures.instances.size()};
    const std::size_t all = space.rows == 0 ? wanted[0] + wanted[1] + wanted[2]
                                            : space.rows - std::min(space.rows, fixed_lines);
    const auto counts = divide_rows(wanted, all);
    std::vector<std::string> made{std::string{about}};
    made.push_back(fmt::format(
        "{} requests/s, {} errors/s, {} retries/s, {} limited/s, {} in flight, {} connections",
        summary_rate(figures.requests_per_s),
        summary_rate(figures.errors_per_s),
        summary_rate(figures.retries_per_s),
        summary_rate(figures.limited_per_s),
        figures.in_flight,
        figures.connections
    ));
    for (const text_table& table :
         {routes_table(figures.routes, counts[0]),
          services_table(figures.services, counts[1]),
          instances_table(figures.instances, counts[2])}) {
        made.emplace_back();
        std::ranges::move(lines_of(table, space.has_colours), std::back_inserter(made));
    }
    if (space.rows != 0 && made.size() > space.rows) {
        made.resize(space.rows);
    }
    for (std::string& each : made) {
        each = cut_line(std::move(each), space.columns);
    }
    return made;
}

} // namespace msd::app
