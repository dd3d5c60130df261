// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// Commands of `msd` as their own files describe them, without CLI11: name, texts and options.
// command_line.cpp adds them to the command line.
namespace msd::app {

struct option_description {
    // "--host", "-i,--instance"; a name without dashes is an argument, such as "METHOD".
    std::string names;
    // What it sets; a list: the option can be repeated, and an argument takes all further words.
    std::variant<std::string*, bool*, std::int64_t*, std::vector<std::string>*> into;
    std::string text;
    bool is_required = false;
    // Of a number; both 0: any.
    std::int64_t least = 0;
    std::int64_t most = 0;
};

struct command_description {
    // The options that commands have in common.
    enum class common : std::uint8_t {
        none,
        instance, // -i, --pid, --json, configuration: a command to a running instance
        registry, // configuration, --distributor, --secret-file
        store,    // --json, configuration, --store
    };

    verb what = verb::up;
    const char* name = nullptr;
    const char* text = nullptr;     // one line of `msd --help`
    const char* examples = nullptr; // lines of its --help, each with a line feed
    common has = common::none;
    std::vector<option_description> (*options)(command_line& into) = nullptr;
};

[[nodiscard]] command_description describe_call();
[[nodiscard]] command_description describe_check();
[[nodiscard]] command_description describe_explain();
[[nodiscard]] command_description describe_migrate();
[[nodiscard]] command_description describe_top();

} // namespace msd::app
