// SPDX-License-Identifier: Apache-2.0
// msd explain: asks a gateway worker what it would do with a request, and prints the answer.
#include "app/explain_text.hpp"
#include "app/instance_search.hpp"
#include "app/output.hpp"
#include "app/resolve.hpp"
#include "app/status_reading.hpp"
#include "app/terminal_commands.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "process/control_client.hpp"
#include "process/control_server.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace msd::app {

namespace {

constexpr milliseconds master_answers_in{5000};

result<std::string> question_of(const command_line& command) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-";
    if (command.method.find_first_not_of(letters) != std::string::npos) {
        return fail(
            errc::invalid,
            fmt::format("\"{}\" is no method; write GET, POST, …", command.method)
        );
    }
    if (!command.uri.starts_with('/') && command.uri != "*") {
        return fail(
            errc::invalid,
            fmt::format("\"{}\" is no path; write /PATH or '/PATH?QUERY'", command.uri)
        );
    }
    std::string text;
    json::writer out{text};
    out.begin_object().key("command").string("explain");
    out.key("method").string(command.method).key("target").string(command.uri);
    if (!command.explain.host.empty()) {
        out.key("host").string(command.explain.host);
    }
    if (!command.explain.client.empty()) {
        out.key("client").string(command.explain.client);
    }
    out.key("headers").begin_array();
    for (const std::string& each : command.explain.headers) {
        if (each.find(':') == std::string::npos || each.front() == ':') {
            return fail(errc::invalid, "a --header is NAME:VALUE"); // the value may be secret
        }
        out.string(each);
    }
    out.end_array().end_object();
    if (text.size() > process::control_server::command_bytes_max) {
        return fail(
            errc::invalid,
            fmt::format(
                "the request is too long: at most about {} bytes with its fields",
                process::control_server::command_bytes_max
            )
        );
    }
    return text;
}

int complain_about(const json::object& answer) {
    constexpr std::int64_t bad_request = 400;
    const std::int64_t status = number_of(answer, "status");
    std::string text = text_of(answer, "error");
    if (status != 0) {
        text = fmt::format("the gateway would answer {}: {}", status, text);
    }
    if (const std::string allow = text_of(answer, "allow"); !allow.empty()) {
        text += fmt::format("; it supports {}", allow);
    }
    std::string near;
    for (const json::value& each : elements_of(answer, "near")) {
        near += (near.empty() ? "" : ", ") + each.as_string().value_or("");
    }
    if (!near.empty()) {
        text += fmt::format("; near are {}", near);
    }
    log::complain(text);
    const bool is_no_request =
        status == bad_request || status == 414 || status == 431 || status == 501;
    return is_no_request ? exit_usage : exit_failed;
}

} // namespace

int explain_request(const command_line& command, const configuration& configured) {
    const auto question = question_of(command);
    if (!question) {
        log::complain(question.error().text);
        return exit_usage;
    }
    const auto chosen = choose_instance(command, configured, master_answers_in);
    if (!chosen) {
        log::complain(chosen.error().text);
        return exit_failed;
    }
    const auto said = process::ask_master(chosen->path, *question, deadline::in(master_answers_in));
    json::object answer;
    if (!said || !answer.parse(*said)) {
        log::complain(said ? "the answer cannot be read" : said.error().text);
        return exit_failed;
    }
    const bool is_refused = answer.find("error") != nullptr;
    if (command.as_json) {
        print_json(*said);
    } else if (!is_refused) {
        print_explanation(answer);
    }
    return is_refused ? complain_about(answer) : 0;
}

} // namespace msd::app
