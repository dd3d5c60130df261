// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/role_table.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

// The parsed command line. The only user of CLI11.
namespace msd::app {

enum class verb : std::uint8_t {
    up,
    distributor,
    gateway,
    service,
    nodes,
    routes,
    status,
    control,
    fault,
    explain,
    top,
    call,
    export_rows,
    import_rows,
    compare_rows,
    check,
    migrate,
    events,
    secret_new,
    version
};

// A value for a key of config_schema, and the flag it came from.
struct assignment {
    std::string key;
    std::string text;
    std::string flag; // "--goods-port"
};

struct command_line {
    verb what = verb::up;
    std::string service; // service NAME
    std::string config_file;
    std::vector<assignment> settings; // a later one overrides an earlier one
    std::vector<std::string> routes;  // up, gateway, routes: "PATH=ADDRESS,…"
    bool as_json = false;             // commands that print a table
    std::string instance;             // status, ctl: the name of one instance; empty: any
    std::int64_t master_pid = 0;      // ctl: the process id of one master; 0: any

    std::string control; // ctl: the command for the master; events: its command
    std::string pool;    // ctl roll, scale; POOL/SLOT of ctl drain
    std::int64_t workers = 0;
    bool wait = false;

    // fault; empty and 0: not given.
    struct fault_options {
        std::string service;
        std::string endpoint; // "127.0.0.1:8081"
        std::string delay;    // "200ms"
        std::string lasts;    // "60s"
        std::optional<std::int64_t> lose_after;
        std::int64_t error = 0;
        std::int64_t percent = 0;
        std::int64_t id = 0;
        bool aborts = false;
    };
    fault_options fault;

    struct explain_options {
        std::string host;
        std::string client;
        std::vector<std::string> headers; // "NAME:VALUE"
    };
    explain_options explain;

    struct top_options {
        std::int64_t interval_s = 1;
        bool once = false;
    };
    top_options top;

    // events
    std::string topic;         // tail; empty: all
    std::string group;         // dead (empty: all), replay, rebuild
    std::int64_t position = 0; // replay, discard: of one dead letter; 0: all
    std::int64_t after = -1;   // tail: events behind this position; -1: the last ones
    std::int64_t limit = 0;    // tail, dead
    bool follows = false;      // tail

    std::string method; // call, explain
    std::string uri;
    std::vector<std::string> arguments; // k=v …, or one JSON object
    std::int64_t timeout_ms = 5000;

    std::string place;                 // export, import, compare
    std::vector<std::string> services; // only these; empty: all

    std::string file; // check, secret new

    bool dry_run = false; // migrate
    bool finish = false;  // migrate
};

struct parsed_command_line {
    std::optional<command_line> command;
    // Without a command: the text to print before exiting, on standard output when exit_code is 0
    // (help), else on standard error.
    int exit_code = 0;
    std::string text;
};

constexpr int exit_usage = 2;

/// `arguments` does not include the program's name. The text for a wrong command line says what is
/// wrong and suggests a correction.
[[nodiscard]] parsed_command_line
parse_command_line(std::vector<std::string> arguments, std::span<const role_facts> roles);

} // namespace msd::app
