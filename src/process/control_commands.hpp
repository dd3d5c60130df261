// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "core/fault_board.hpp"
#include "process/control_server.hpp"
#include "process/rolling.hpp"
#include "process/worker_pool.hpp"

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>

namespace msd::process {

// The commands of `msd ctl`: checks their arguments, makes the master carry them out, and writes
// the answers. control_server reads the lines.
class control_commands {
public:
    // What the master does.
    struct actions {
        std::function<bool()> is_serving;
        std::function<std::string()> status;
        std::function<std::uint64_t(roll_request)> roll; // returns the number of the roll
        std::function<std::uint64_t()> roll_all;         // to the program on the disk
        std::function<void(worker_pool&, int workers)> scale;
        std::function<std::uint64_t()> upgrade;        // returns its number
        std::function<result<std::uint64_t>()> reload; // returns its number, or 0: it is done
        std::function<void()> reopen_logs;
        std::function<void()> stop;
        std::function<core::fault_board&()> faults;
        // Asks a worker of a pool, see worker_questions; returns the number of the question.
        std::function<result<std::uint64_t>(std::string_view pool, std::string_view question)> ask;
    };

    /// `pools` outlives this object.
    control_commands(std::list<worker_pool>& pools, actions of_master);

    /// The answer to one line: a JSON object, {"error":…} when the command is wrong.
    [[nodiscard]] control_answer answer(std::string_view line);

private:
    [[nodiscard]] control_answer ask_worker(std::string_view pool, std::string_view line);
    [[nodiscard]] worker_pool* find_pool(std::string_view name);
    [[nodiscard]] result<std::uint64_t> start_roll(std::string_view pool_name);
    [[nodiscard]] result<void> change_scale(std::string_view pool_name, std::int64_t workers);
    [[nodiscard]] result<std::string> change_faults(std::string_view line);
    [[nodiscard]] result<std::uint64_t> start_drain(std::string_view pool_name, std::int64_t slot);

    std::list<worker_pool>& pools_;
    actions do_;
};

} // namespace msd::process
