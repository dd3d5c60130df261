// SPDX-License-Identifier: Apache-2.0
#include "process/master_state.hpp"

#include "core/scoreboard.hpp"
#include "core/worker_message.hpp"
#include "process/control_server.hpp"
#include "process/state_text.hpp"
#include "process/worker_description.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

namespace msd::process {

namespace {

constexpr std::size_t pools_max = 256;
constexpr std::size_t plans_max = core::scoreboard::lines_max + workers_max;
constexpr std::size_t arguments_max = 4096;
constexpr std::size_t name_bytes_max = 256;
constexpr std::size_t path_bytes_max = 4096;
// Texts of workers and texts made from them; each invalid UTF-8 byte is written as three bytes.
constexpr std::size_t text_bytes_max = 4 * core::worker_message_bytes_max;
constexpr std::size_t answer_bytes_max = std::size_t{16} << 20U;
constexpr std::size_t replacements_max = std::size_t{1} << 20U;
constexpr auto count_max = std::numeric_limits<int>::max();
constexpr auto id_max = std::uint64_t{1} << 62U;

} // namespace

// Not in the unnamed namespace: the templates of state_text.hpp find these functions by their
// arguments.

template <class Io>
void describe(Io& io, plan_state& plan) {
    io.descriptor("program", plan.program);
    io.texts("command_line", plan.command_line, arguments_max);
    io.ports("ports", plan.ports);
    io.number("generation", plan.generation, std::uint64_t{1}, id_max);
    io.descriptor("config", plan.config, true);
}

template <class Io>
void describe(Io& io, worker_state& worker) {
    auto phase = static_cast<int>(worker.now_is);
    io.number("pid", worker.pid, 2, count_max);
    io.descriptor("control", worker.control, true);
    io.number("slot", worker.slot, std::size_t{0}, std::size_t{workers_max - 1});
    io.number("plan", worker.plan, std::size_t{0}, plans_max);
    io.number("line", worker.line, std::size_t{0}, core::scoreboard::lines_max - 1);
    io.number("phase", phase, 0, static_cast<int>(worker_process::phase::stopping));
    io.moment("started", worker.started);
    io.moment("ready_at", worker.ready_at);
    io.moment("act_at", worker.act_at);
    io.text("build", worker.build, text_bytes_max);
    io.text("last_words", worker.end_reason, text_bytes_max);
    io.flag("handed_over", worker.handed_over);
    io.flag("terminated", worker.terminated);
    worker.now_is = static_cast<worker_process::phase>(phase);
}

template <class Io>
void describe(Io& io, slot_state& slot) {
    io.number("plan", slot.plan, std::size_t{0}, plans_max);
    io.number("restarts", slot.restarts, 0, count_max);
    io.flag("was_ready", slot.was_ready);
    io.text("last_exit", slot.last_exit, text_bytes_max);
    io.text("candidate_end", slot.candidate_end, text_bytes_max);
    io.moment("start_at", slot.start_at);
}

template <class Io>
void describe(Io& io, core::restart_policy::memory::slot& slot) {
    io.number("early_deaths", slot.early_deaths, 0, count_max);
    io.flag("is_ready", slot.is_ready);
    io.flag("left_empty", slot.left_empty);
    io.moment("ready_since", slot.ready_since);
}

template <class Io>
void describe(Io& io, core::restart_policy::memory& policy) {
    io.list("slots", policy.slots, workers_max);
    io.moments("replacements", policy.replacements, replacements_max);
    io.number("start_failures", policy.start_failures, 0, count_max);
    io.flag("ever_ready", policy.ever_ready);
}

template <class Io>
void describe(Io& io, pool_state& pool) {
    constexpr std::uint16_t port_max = std::numeric_limits<std::uint16_t>::max();
    io.text("name", pool.name, name_bytes_max);
    io.text("host", pool.host, name_bytes_max);
    io.number("port", pool.port, std::uint16_t{0}, port_max);
    io.descriptors("listeners", pool.listeners, listeners_max);
    io.flag("announced", pool.announced);
    io.list("slots", pool.slots, workers_max);
    io.object("policy", pool.policy);
    io.list("workers", pool.workers, core::scoreboard::lines_max);
}

template <class Io>
void describe(Io& io, operation_result& what) {
    io.number("id", what.id, std::uint64_t{0}, id_max);
    io.flag("succeeded", what.succeeded);
    io.text("reason", what.reason, 2 * text_bytes_max);
    io.number("slots", what.slots, std::size_t{0}, pools_max * workers_max);
}

template <class Io>
void describe(Io& io, slot_name& one) {
    io.text("pool", one.pool, name_bytes_max);
    io.number("slot", one.slot, std::size_t{0}, std::size_t{workers_max - 1});
}

template <class Io>
void describe(Io& io, waiting_roll_state& roll) {
    auto soak = static_cast<std::int64_t>(roll.soak.count());
    io.number("id", roll.id, std::uint64_t{1}, id_max);
    io.number("what", roll.what, 0, 2);
    io.number("soak_ms", soak, std::int64_t{0}, std::int64_t{count_max});
    io.texts("pools", roll.pools, pools_max);
    io.list("slots", roll.slots, pools_max * workers_max);
    roll.soak = milliseconds{soak};
}

template <class Io>
void describe(Io& io, rolls_state& rolls) {
    io.number("last_id", rolls.last_id, std::uint64_t{0}, id_max);
    io.object("last", rolls.last);
    io.object("before_last", rolls.before_last);
    io.object("waiting", rolls.waiting);
}

template <class Io>
void describe(Io& io, board_state& board) {
    io.descriptor("memory", board.memory);
    io.number("layout", board.layout, 0U, std::numeric_limits<std::uint32_t>::max());
}

template <class Io>
void describe(Io& io, named_descriptor& file) {
    io.descriptor("descriptor", file.descriptor, true);
    io.text("path", file.path, path_bytes_max);
}

template <class Io>
void describe(Io& io, client_state& client) {
    io.descriptor("socket", client.socket);
    io.moment("until", client.until);
    io.bytes("received", client.received, 2 * control_server::command_bytes_max);
    io.bytes("unsent", client.unsent, answer_bytes_max);
}

template <class Io>
void describe(Io& io, control_state& control) {
    io.object("listener", control.listener);
    io.list("clients", control.clients, control_server::clients_max);
}

template <class Io>
void describe(Io& io, master_state& state) {
    int format = master_state::format; // NOLINT(misc-const-correctness): read into
    io.number("format", format, master_state::format, master_state::format);
    io.text("version", state.version, name_bytes_max);
    io.number("pid", state.pid, 1, count_max);
    io.texts("command_line", state.command_line, arguments_max);
    io.text("program", state.program, path_bytes_max);
    io.moment("started", state.started);
    io.moment("looked_at", state.looked_at);
    io.moment("awake_since", state.awake_since);
    io.flag("announced", state.announced);
    io.descriptor("config", state.config, true);
    io.object("pid_file", state.pid_file);
    io.object("control", state.control);
    io.object("board", state.board);
    io.list("plans", state.plans, plans_max);
    io.number("plan", state.plan, std::size_t{0}, plans_max);
    io.number("last_generation", state.last_generation, std::uint64_t{1}, id_max);
    io.object("rolls", state.rolls);
    io.number("upgrade", state.upgrade, std::uint64_t{0}, id_max);
    io.list("pools", state.pools, pools_max);
}

namespace {

// Names become part of worker descriptions, in which white space separates fields.
bool is_name(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return c > ' ' && c < 0x7F;
    });
}

// Checks that one pool is consistent with itself and with the others; `lines` and `pids` are those
// of all pools so far.
std::string misfit_of(
    const master_state& state,
    const pool_state& pool,
    std::set<std::size_t>& lines,
    std::set<pid_t>& pids
) {
    if (!is_name(pool.name) || !is_name(pool.host) || pool.slots.empty()) {
        return "a pool without name, host or slots";
    }
    if (pool.policy.slots.size() != pool.slots.size()) {
        return pool.name + ": the restart policy has another number of slots";
    }
    const std::deque<time_point>& replacements = pool.policy.replacements;
    if (!std::is_sorted(replacements.begin(), replacements.end())) {
        return pool.name + ": replacements are out of order";
    }
    const std::size_t plans = state.plans.size();
    for (const slot_state& slot : pool.slots) {
        if (slot.plan >= plans) {
            return pool.name + ": a slot has no plan";
        }
    }
    for (const worker_state& worker : pool.workers) {
        if (worker.plan >= plans || !lines.insert(worker.line).second ||
            !pids.insert(worker.pid).second) {
            return fmt::format(
                "{}: worker {} has an unknown plan, or a line or pid that is used twice",
                pool.name,
                worker.pid
            );
        }
        const bool is_ending = worker.now_is == worker_process::phase::draining ||
                               worker.now_is == worker_process::phase::stopping;
        if (worker.slot >= pool.slots.size() && !is_ending) {
            return fmt::format("{}: worker {} has no slot", pool.name, worker.pid);
        }
    }
    return {};
}

std::string misfit_of(const master_state& state) {
    if (state.plan >= state.plans.size() || state.command_line.empty() || state.pools.empty()) {
        return "no plan, command line or pool";
    }
    for (const plan_state& plan : state.plans) {
        if (plan.command_line.empty()) {
            return "a plan without command line";
        }
    }
    std::set<std::string_view> names;
    std::set<std::size_t> lines;
    std::set<pid_t> pids;
    for (const pool_state& pool : state.pools) {
        if (!names.insert(pool.name).second) {
            return "two pools are called " + pool.name;
        }
        if (std::string wrong = misfit_of(state, pool, lines, pids); !wrong.empty()) {
            return wrong;
        }
    }
    const std::vector<int> all = state.descriptors();
    const std::set<int> different{all.begin(), all.end()};
    return different.size() == all.size() ? "" : "a descriptor is used twice";
}

// A separate message, because an operator may see it.
std::string other_format(std::string_view text) {
    json::object fields;
    const json::value* const format = fields.parse(text) ? fields.find("format") : nullptr;
    const auto number = format == nullptr ? std::nullopt : format->as_int64();
    if (!number || *number == master_state::format) {
        return {};
    }
    return fmt::format(
        "the state has format {}, this program can take over format {}",
        *number,
        int{master_state::format}
    );
}

} // namespace

std::vector<int> master_state::descriptors() const {
    std::vector<int> all{pid_file.descriptor, control.listener.descriptor, board.memory};
    for (const client_state& client : control.clients) {
        all.push_back(client.socket);
    }
    for (const pool_state& pool : pools) {
        all.insert(all.end(), pool.listeners.begin(), pool.listeners.end());
        for (const worker_state& worker : pool.workers) {
            all.push_back(worker.control);
        }
    }
    std::set<int> configs{config};
    for (const plan_state& each : plans) {
        all.push_back(each.program);
        configs.insert(each.config);
    }
    all.insert(all.end(), configs.begin(), configs.end());
    std::erase(all, -1);
    return all;
}

std::string encode(master_state state) {
    std::string text;
    state_writer{text}.write(state);
    return text;
}

result<master_state> decode_master_state(std::string_view text) {
    if (text.size() > state_bytes_max) {
        return fail(errc::too_large, "the state is too large");
    }
    if (std::string wrong = other_format(text); !wrong.empty()) {
        return fail(errc::invalid, std::move(wrong));
    }
    master_state read;
    state_reader reader;
    reader.read(text, read);
    if (reader.failed()) {
        return fail(errc::malformed, reader.wrong());
    }
    if (std::string wrong = misfit_of(read); !wrong.empty()) {
        return fail(errc::invalid, std::move(wrong));
    }
    return read;
}

} // namespace msd::process
