// SPDX-License-Identifier: Apache-2.0
// What gateway_worker shows of itself: its load, figures and metrics.
#include "base/json.hpp"
#include "gateway/explanation.hpp"
#include "gateway/gateway_worker.hpp"

#include <string>

namespace msd::gateway {

node::worker_load gateway_worker::load() const {
    return {sessions_.size(), context_.requests};
}

std::string gateway_worker::stats() const {
    std::string out;
    json::writer{out}
        .begin_object()
        .key("connections")
        .unsigned_integer(sessions_.size())
        .key("requests")
        .unsigned_integer(context_.requests)
        .key("body_bytes")
        .unsigned_integer(body_memory_.used())
        .key("input_bytes")
        .unsigned_integer(worker_.input.used())
        .key("input_ended")
        .unsigned_integer(worker_.input.ended())
        .end_object();
    return out;
}

std::string gateway_worker::answer_question(std::string_view question) {
    return explain(context_, question);
}

void gateway_worker::update_metrics() {
    meters_.update(sessions_.size(), body_memory_.used(), kept_replies_.bytes());
    upstreams_.note_states(clock::now());
    programs_.note_states(clock::now());
}

} // namespace msd::gateway
