// SPDX-License-Identifier: Apache-2.0
#include "core/metrics_text.hpp"

#include "base/json.hpp"
#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

namespace msd::core {

namespace {

struct found_series {
    metric_series series;
    std::size_t cell = 0;
};

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(metric_names::unit_separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

// Nothing when it is no series that this program knows.
std::optional<metric_series> series_of(std::string_view text, std::uint8_t kind) {
    const std::vector<std::string_view> parts = split(text);
    const auto& families = metric_families();
    const auto* const family =
        std::find_if(families.begin(), families.end(), [&](const metric_family& each) {
            return each.name == parts.front() && static_cast<std::uint8_t>(each.kind) == kind &&
                   each.label_count() == parts.size() - 1;
        });
    if (family == families.end()) {
        return {};
    }
    metric_series made;
    made.family = family;
    std::transform(
        parts.begin() + 1,
        parts.end(),
        std::back_inserter(made.labels),
        [](std::string_view value) { return printable(value); }
    );
    return made;
}

std::vector<found_series> all_series(const metric_names& names) {
    std::vector<found_series> found;
    std::array<char, sizeof(metric_names::entry::text)> copy{};
    const std::size_t used =
        std::min<std::size_t>(names.series_used.load(), metric_names::series_max);
    for (std::size_t index = 0; index < used; ++index) {
        const std::string_view text = names.read(index, copy);
        const metric_names::entry& each = names.entries.at(index);
        auto series = text.empty() ? std::nullopt : series_of(text, each.kind.load());
        const std::size_t cell = each.cell.load();
        if (series && cell < metric_block::cells_max &&
            metric_block::cells_max - cell >= cells_of(series->family->kind)) {
            found.push_back({std::move(*series), cell});
        }
    }
    return found;
}

void add_block(std::vector<found_series>& to, const metric_block& block, bool is_alive) {
    for (found_series& each : to) {
        const metric_kind kind = each.series.family->kind;
        const bool is_shared = kind == metric_kind::shared_gauge;
        if ((kind == metric_kind::gauge || is_shared) && !is_alive) {
            continue;
        }
        for (std::size_t offset = 0; offset < cells_of(kind); ++offset) {
            const std::size_t cell = each.cell + offset;
            if (block.has(cell)) {
                std::uint64_t& value = each.series.values.at(offset);
                const std::uint64_t own = block.cells.at(cell).load(std::memory_order_relaxed);
                value = is_shared ? std::max(value, own) : value + own;
            }
        }
    }
}

// A label value or a text of HELP.
void append_escaped(std::string& out, std::string_view text, bool is_quoted) {
    for (const char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '"' && is_quoted) {
            out += "\\\"";
        } else {
            out += c;
        }
    }
}

std::string_view type_of(metric_kind kind) {
    switch (kind) {
    case metric_kind::counter:
        return "counter";
    case metric_kind::gauge:
    case metric_kind::shared_gauge:
        return "gauge";
    case metric_kind::durations:
        return "histogram";
    }
    return "untyped";
}

// {route="/goods",code="200"}; `end`: the label `le`, when it is not empty.
std::string labels_of(const metric_series& of, std::string_view end = {}) {
    std::string out;
    const auto append = [&out](std::string_view name, std::string_view value) {
        out += out.empty() ? '{' : ',';
        out.append(name).append("=\"");
        append_escaped(out, value, true);
        out += '"';
    };
    for (std::size_t index = 0; index < of.labels.size(); ++index) {
        append(of.family->labels.at(index), of.labels.at(index));
    }
    if (!end.empty()) {
        append("le", end);
    }
    if (!out.empty()) {
        out += '}';
    }
    return out;
}

// Of nanoseconds, without zeros at the end: "0.0005", "10".
std::string seconds(std::uint64_t nanoseconds) {
    constexpr std::uint64_t second = 1'000'000'000;
    std::string out = fmt::format("{}.{:09}", nanoseconds / second, nanoseconds % second);
    out.resize(out.find_last_not_of('0') + 1);
    if (out.ends_with('.')) {
        out.pop_back();
    }
    return out;
}

void append_durations(std::string& out, const metric_series& of) {
    const std::string_view name = of.family->name;
    std::uint64_t count = 0;
    for (std::size_t bucket = 0; bucket < duration_cells::buckets; ++bucket) {
        count += of.values.at(bucket);
        const bool is_last = bucket == duration_cells::ends.size();
        const auto end = is_last
                             ? std::string{"+Inf"}
                             : seconds(static_cast<std::uint64_t>(
                                   std::chrono::nanoseconds{duration_cells::ends.at(bucket)}.count()
                               ));
        fmt::format_to(
            std::back_inserter(out),
            "{}_bucket{} {}\n",
            name,
            labels_of(of, end),
            count
        );
    }
    const std::string labels = labels_of(of);
    fmt::format_to(
        std::back_inserter(out),
        "{0}_sum{1} {2}\n{0}_count{1} {3}\n",
        name,
        labels,
        seconds(of.values.at(duration_cells::buckets)),
        count
    );
}

} // namespace

std::vector<metric_series> read_metrics(const scoreboard& board, time_point now) {
    const metric_names& names = names_of(board);
    std::vector<found_series> found = all_series(names);
    const std::size_t lines = std::min<std::size_t>(names.lines_used.load(), scoreboard::lines_max);
    for (std::size_t line = 0; line < lines; ++line) {
        const bool is_alive = board.line(line).last_beat(now) != time_point{};
        add_block(found, block_of(board, line), is_alive);
    }
    add_block(found, block_of(board, scoreboard::master_line), true);
    std::map<std::pair<metric, std::vector<std::string>>, metric_series> merged;
    for (found_series& each : found) {
        const auto [same, is_new] =
            merged.try_emplace({each.series.family->which, each.series.labels}, each.series);
        const bool is_shared = each.series.family->kind == metric_kind::shared_gauge;
        for (std::size_t index = 0; !is_new && index < each.series.values.size(); ++index) {
            std::uint64_t& value = same->second.values.at(index);
            const std::uint64_t more = each.series.values.at(index);
            value = is_shared ? std::max(value, more) : value + more;
        }
    }
    std::vector<metric_series> all;
    all.reserve(merged.size());
    for (auto& [key, series] : merged) {
        all.push_back(std::move(series));
    }
    return all;
}

std::string metrics_text(const std::vector<metric_series>& all) {
    std::string out;
    const metric_family* last = nullptr;
    for (const metric_series& each : all) {
        const metric_family& family = *each.family;
        if (std::exchange(last, &family) != &family) {
            fmt::format_to(std::back_inserter(out), "# HELP {} ", family.name);
            append_escaped(out, family.help, false);
            fmt::format_to(
                std::back_inserter(out),
                "\n# TYPE {} {}\n",
                family.name,
                type_of(family.kind)
            );
        }
        const auto end = std::back_inserter(out);
        if (family.kind == metric_kind::durations) {
            append_durations(out, each);
        } else if (family.kind == metric_kind::gauge) {
            // Sums of gauges that grow and shrink in several processes can be below 0 for a moment.
            const auto value = static_cast<std::int64_t>(each.value());
            fmt::format_to(end, "{}{} {}\n", family.name, labels_of(each), value);
        } else {
            fmt::format_to(end, "{}{} {}\n", family.name, labels_of(each), each.value());
        }
    }
    return out;
}

std::string metrics_json(const std::vector<metric_series>& all, time_point now) {
    std::string text;
    json::writer out{text};
    out.begin_object().key("at_ns").integer(now.time_since_epoch().count());
    out.key("series").begin_array();
    for (const metric_series& each : all) {
        const metric_family& family = *each.family;
        out.begin_object().key("name").string(family.name).key("labels").begin_object();
        for (std::size_t index = 0; index < each.labels.size(); ++index) {
            out.key(family.labels.at(index)).string(each.labels[index]);
        }
        out.end_object();
        switch (family.kind) {
        case metric_kind::durations:
            out.key("buckets").begin_array();
            for (std::size_t bucket = 0; bucket < duration_cells::buckets; ++bucket) {
                out.unsigned_integer(each.values.at(bucket));
            }
            out.end_array().key("sum_ns").unsigned_integer(each.values.back());
            break;
        case metric_kind::counter:
            out.key("value").unsigned_integer(each.value());
            break;
        case metric_kind::gauge:
        case metric_kind::shared_gauge:
            out.key("value").integer(static_cast<std::int64_t>(each.value()));
            break;
        }
        out.end_object();
    }
    out.end_array().end_object();
    return text;
}

} // namespace msd::core
