// SPDX-License-Identifier: Apache-2.0
#include "config/reference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>

namespace msd::config {

namespace {

constexpr std::size_t columns_max = 100;

// The keys of one header of the file, in the order of the schema.
struct section {
    std::string name;                       // "", "services.goods", "gateway.routes"
    const documented* entries_of = nullptr; // tables, named: the key that these are the keys of
    std::vector<std::pair<std::string, const documented*>> keys; // with their names in the section
};

std::vector<section> sections_of(const std::vector<documented>& keys) {
    std::vector<section> all;
    const auto find = [&all](std::string_view name) -> section& {
        const auto found = std::ranges::find(all, name, &section::name);
        if (found != all.end()) {
            return *found;
        }
        all.push_back({std::string{name}, nullptr, {}});
        return all.back();
    };
    for (const documented& each : keys) {
        const std::string& name = each.key.name;
        if (each.of_entries.empty()) {
            const std::size_t dot = name.rfind('.');
            const bool is_top = dot == std::string::npos;
            find(is_top ? std::string{} : name.substr(0, dot))
                .keys.emplace_back(is_top ? name : name.substr(dot + 1), &each);
            continue;
        }
        section& of_entries = find(name);
        of_entries.entries_of = &each;
        for (const documented& inner : each.of_entries) {
            of_entries.keys.emplace_back(inner.key.name, &inner);
        }
    }
    return all;
}

// "[gateway]", "[[gateway.routes]]", "[upstream.NAME]".
std::string header_of(const section& of) {
    if (of.entries_of == nullptr) {
        return fmt::format("[{}]", of.name);
    }
    if (of.entries_of->key.of == kind::tables) {
        return fmt::format("[[{}]]", of.name);
    }
    return fmt::format("[{}NAME]", of.name.substr(0, of.name.size() - 1)); // without "*"
}

std::string as_toml(const value& what) {
    if (what.is_integer()) {
        return std::to_string(what.integer());
    }
    if (what.is_truth()) {
        return what.truth() ? "true" : "false";
    }
    if (what.is_list()) {
        std::string entries;
        for (const std::string& each : texts_of(what)) {
            entries += fmt::format("{}\"{}\"", entries.empty() ? "" : ", ", each);
        }
        return fmt::format("[{}]", entries);
    }
    if (what.is_table()) {
        return "{}"; // no default has entries
    }
    return '"' + what.text() + '"'; // no default contains a quote
}

std::string_view unit_text(unit in) {
    switch (in) {
    case unit::none:
        return "";
    case unit::milliseconds:
        return " ms";
    case unit::bytes:
        return " bytes";
    case unit::percent:
        return " %";
    }
    return "";
}

// The meaning of a key with everything else that its description says.
std::string explain(const description& key) {
    std::string text = key.text;
    if (!key.choices.empty()) {
        text += fmt::format(" ({})", fmt::join(key.choices, ", "));
    } else if (key.of == kind::integer || key.of == kind::weights) {
        text += fmt::format(" ({} to {}{})", key.least, key.most, unit_text(key.in));
    }
    if (key.needs_restart) {
        text += "; a change needs a restart";
    }
    if (key.live) {
        text += "; a reload changes it without replacing workers";
    }
    return text;
}

// Bytes of UTF-8 that begin a character; no text contains wide characters.
std::size_t columns_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
    }));
}

// Breaks at spaces; each line begins with `prefix`.
std::string wrap(std::string_view text, std::string_view prefix) {
    std::string made{prefix};
    std::size_t columns = prefix.size();
    bool is_first = true;
    while (!text.empty()) {
        const std::size_t space = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, space);
        text.remove_prefix(std::min(space + 1, text.size()));
        const std::size_t width = columns_of(word);
        if (!is_first && columns + 1 + width > columns_max) {
            made += '\n';
            made += prefix;
            columns = prefix.size();
            is_first = true;
        }
        made += is_first ? "" : " ";
        made += word;
        columns += width + (is_first ? 0 : 1);
        is_first = false;
    }
    return made + '\n';
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

// Text in mdoc(7): a quote would begin an argument, a backslash an escape.
std::string as_mdoc(std::string text) {
    return replaced(replaced(std::move(text), "\\", "\\e"), "\"", "\\(dq");
}

// Wrapped text in mdoc(7): a line that begins with a dot or an apostrophe would be a request.
std::string paragraph(const std::string& text) {
    std::string made = replaced(wrap(replaced(text, "\\", "\\e"), ""), "\n.", "\n\\&.");
    made = replaced(std::move(made), "\n'", "\n\\&'");
    return made.starts_with('.') || made.starts_with('\'') ? "\\&" + made : made;
}

std::string page_list(const section& of) {
    std::string text = ".Bl -tag -width Ds\n";
    for (const auto& [name, each] : of.keys) {
        const std::string& shown = of.entries_of == nullptr ? each->key.name : name;
        text += fmt::format(".It Ic {} Li = {}\n", shown, as_mdoc(as_toml(each->standard)));
        text += paragraph(explain(each->key));
    }
    return text + ".El\n";
}

// The texts behind the lists of a page, by the heading of their section.
std::map<std::string, std::string, std::less<>> texts_behind_lists(std::string_view part) {
    std::map<std::string, std::string, std::less<>> found;
    std::string* into = nullptr;
    std::string heading;
    while (!part.empty()) {
        const std::size_t end = std::min(part.find('\n'), part.size() - 1) + 1;
        const std::string_view line = part.substr(0, end);
        part.remove_prefix(end);
        if (line.starts_with(".Ss ")) {
            heading = line.substr(4, line.size() - 5);
            into = nullptr;
        } else if (into != nullptr) {
            *into += line;
        } else if (line == ".El\n") {
            into = &found[heading];
        }
    }
    return found;
}

} // namespace

std::string write_file_reference(const std::vector<documented>& keys, std::string_view old) {
    std::string text{old.substr(0, std::min(old.find("\n\n"), old.size()))};
    text += '\n';
    for (const section& each : sections_of(keys)) {
        if (each.entries_of != nullptr) {
            text += '\n' + wrap(explain(each.entries_of->key), "# ");
            text += '#' + header_of(each) + '\n';
        } else if (!each.name.empty()) {
            text += '\n' + header_of(each) + '\n';
        }
        for (const auto& [name, key] : each.keys) {
            text += '\n' + wrap(explain(key->key), "# ");
            text += fmt::format("#{} = {}\n", name, as_toml(key->standard));
        }
    }
    return text;
}

result<std::string>
write_page_reference(const std::vector<documented>& keys, std::string_view old) {
    constexpr std::string_view heading = "\n.Sh KEYS\n";
    const std::size_t found = old.find(heading);
    const std::size_t begin = found + heading.size();
    const std::size_t end = found == std::string_view::npos ? found : old.find("\n.Sh ", begin - 1);
    if (end == std::string_view::npos) {
        return fail(errc::invalid, "the page has no section KEYS before another section");
    }
    const auto kept = texts_behind_lists(old.substr(begin, end + 1 - begin));
    std::string text{old.substr(0, begin)};
    for (const section& each : sections_of(keys)) {
        const std::string name = each.name.empty() ? "Top level" : "Section " + header_of(each);
        text += fmt::format(".Ss {}\n", name);
        if (each.entries_of != nullptr) {
            text += paragraph(explain(each.entries_of->key));
        }
        text += page_list(each);
        if (const auto behind = kept.find(name); behind != kept.end()) {
            text += behind->second;
        }
    }
    return text += old.substr(end + 1);
}

} // namespace msd::config
