// SPDX-License-Identifier: Apache-2.0
#include "app/config_file.hpp"

#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <toml++/toml.h>
#include <utility>
#include <vector>

namespace msd::app {

namespace {

struct problem {
    std::size_t line;
    std::string text;
};

// Walks the tables of one file and collects all problems, so that people can fix them together.
class file_reader {
public:
    file_reader(const config_schema& schema, configuration& into) : schema_{schema}, into_{into} {}

    void read(const toml::table& from, const std::string& prefix) {
        for (const auto& [key, node] : from) {
            const std::string name = prefix + std::string{key.str()};
            const std::size_t line = key.source().begin.line;
            if (const toml::table* inner = node.as_table(); inner && schema_.is_section(name)) {
                read(*inner, name + ".");
            } else if (const config_key* known = schema_.find(name)) {
                set(*known, node, line);
            } else {
                unknown(name, line);
            }
        }
    }

    [[nodiscard]] std::vector<problem> problems() && { return std::move(problems_); }

private:
    void set(const config_key& key, const toml::node& node, std::size_t line) {
        const std::optional<config_value> value = value_of(node);
        const auto done = value ? config_schema::set(into_, key, *value) : wrong_kind(key, node);
        if (!done) {
            problems_.push_back({line, fmt::format("{}: {}", key.name, done.error().text)});
        }
    }

    static std::optional<config_value> value_of(const toml::node& node) {
        if (const auto* text = node.as_string()) {
            return config_value{text->get()};
        }
        if (const auto* number = node.as_integer()) {
            return config_value{std::int64_t{number->get()}};
        }
        if (const auto* truth = node.as_boolean()) {
            return config_value{truth->get()};
        }
        return std::nullopt;
    }

    // For values of a TOML type that no key has.
    [[nodiscard]] result<void> wrong_kind(const config_key& key, const toml::node& node) const {
        const std::string_view got = node.is_table()            ? "a table"
                                     : node.is_array()          ? "an array"
                                     : node.is_floating_point() ? "a number with a fraction"
                                                                : "a date or time";
        return fail(
            errc::invalid,
            fmt::format("expected {}, got {}", kind_of(key.get(into_)), got)
        );
    }

    void unknown(const std::string& name, std::size_t line) {
        if (schema_.is_section(name)) {
            problems_.push_back({line, fmt::format("{0}: is a section, write [{0}]", name)});
            return;
        }
        const std::string meant = schema_.suggestion(name);
        const std::string hint = meant.empty() ? "" : fmt::format("; did you mean {}?", meant);
        problems_.push_back({line, fmt::format("{}: unknown key{}", name, hint)});
    }

    const config_schema& schema_;
    configuration& into_;
    std::vector<problem> problems_;
};

std::string report(std::vector<problem> problems, std::string_view name) {
    // toml++ sorts tables by name; people read a file from the top.
    std::stable_sort(problems.begin(), problems.end(), [](const auto& a, const auto& b) {
        return a.line < b.line;
    });
    std::string text;
    for (const problem& each : problems) {
        if (&each - problems.data() == static_cast<std::ptrdiff_t>(config_problems_max)) {
            text += fmt::format("{}: and {} more", name, problems.size() - config_problems_max);
            break;
        }
        text += fmt::format("{}:{}: {}\n", name, each.line, printable(each.text));
    }
    if (text.ends_with('\n')) {
        text.pop_back();
    }
    return text;
}

} // namespace

result<void> read_config(
    std::string_view text,
    std::string_view name,
    const config_schema& schema,
    configuration& into
) {
    try {
        const toml::table root = toml::parse(text);
        configuration changed = into;
        file_reader reader{schema, changed};
        reader.read(root, "");
        if (auto problems = std::move(reader).problems(); !problems.empty()) {
            return fail(errc::invalid, report(std::move(problems), name));
        }
        into = std::move(changed);
        return {};
    } catch (const toml::parse_error& broken) {
        return fail(
            errc::invalid,
            fmt::format(
                "{}:{}: {}",
                name,
                broken.source().begin.line,
                printable(std::string{broken.description()})
            )
        );
    } catch (const std::exception& broken) {
        return fail(errc::invalid, fmt::format("{}: {}", name, broken.what()));
    }
}

result<std::string> config_text(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    std::string text(config_bytes_max + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    // A directory can be opened, but not read.
    if (file.bad() || !file.is_open()) {
        const int reason = file.is_open() ? EISDIR : errno;
        return fail(
            errc::invalid,
            fmt::format("{}: {}", path.native(), std::generic_category().message(reason))
        );
    }
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > config_bytes_max) {
        return fail(
            errc::invalid,
            fmt::format("{}: larger than {} bytes", path.native(), config_bytes_max)
        );
    }
    return text;
}

result<void> read_config_file(
    const std::filesystem::path& path,
    const config_schema& schema,
    configuration& into
) {
    const auto text = config_text(path);
    return text ? read_config(*text, path.native(), schema, into) : tl::unexpected{text.error()};
}

} // namespace msd::app
