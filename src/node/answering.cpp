// SPDX-License-Identifier: Apache-2.0
#include "node/answering.hpp"

#include "base/exception_text.hpp"
#include "base/json.hpp"
#include "core/metrics_text.hpp"
#include "core/worker_question.hpp"
#include "node/worker.hpp"

#include <exception>
#include <string>
#include <utility>

namespace msd::node {

namespace {

std::string error_answer(std::string_view why) {
    return R"({"error":)" + json::quote(why) + "}";
}

std::string answer_of(const worker& of, role& instance, const std::string& question) {
    json::object fields;
    if (!fields.parse(question)) {
        return error_answer("the question cannot be read");
    }
    const json::value* const command = fields.find("command");
    if (command == nullptr || command->as_string() != "metrics") {
        return instance.answer_question(question);
    }
    if (!of.board) {
        return error_answer("this worker has no scoreboard");
    }
    const time_point now = clock::now();
    return core::metrics_json(core::read_metrics(*of.board, now), now);
}

} // namespace

bool answer_question(const worker& of, role& instance, std::vector<unique_fd> attached) {
    if (attached.size() != 1) {
        return false;
    }
    const auto asked = core::worker_question::adopt(std::move(attached.front()));
    if (!asked) {
        return false;
    }
    try {
        asked->answer(answer_of(of, instance, asked->question()));
    } catch (...) { // a question ends no worker
        asked->answer(error_answer(exception_text(std::current_exception())));
    }
    return true;
}

} // namespace msd::node
