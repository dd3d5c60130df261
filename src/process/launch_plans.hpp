// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "process/launch_plan.hpp"
#include "process/rolling.hpp"
#include "process/worker_pool.hpp"

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>

namespace msd::process {

// What the workers of an instance are started from: the plan of the last roll, and the
// configuration that was read last. The slots of the pools have plans of their own until a roll has
// moved them to the newest one.
class launch_plans {
public:
    /// `program_path`: where the next version of the program is put.
    launch_plans(std::list<worker_pool>& pools, std::string program_path)
        : pools_{pools},
          program_path_{std::move(program_path)} {}

    /// Makes that plan the current one, of an instance that starts.
    void begin(shared_plan first);
    /// Continues with what the earlier program in this process left; the pools have resumed.
    void
    resume(shared_plan current, std::shared_ptr<const unique_fd> config, std::uint64_t generation);

    /// The plan that a roll moves the workers to. The program on the disk is opened once, so that
    /// all workers of the roll, and their later replacements, have one version.
    [[nodiscard]] result<shared_plan> next(roll_request::kind what, const shared_plan& before);
    /// A roll to that plan has succeeded.
    void note_success(const shared_plan& now_used);

    /// The configuration was read again: from now on, new plans contain it.
    void set_configuration(std::shared_ptr<const unique_fd> config) { config_ = std::move(config); }
    /// The next reload has to roll the pools that do not have the configuration.
    void note_unfinished() { is_unfinished_ = true; }
    /// Some slot of that pool does not have the configuration, although a roll was to move it.
    [[nodiscard]] bool is_outdated(const worker_pool& which) const {
        return is_unfinished_ && !has_configuration(which);
    }

    [[nodiscard]] const shared_plan& current() const { return current_; }
    [[nodiscard]] const std::shared_ptr<const unique_fd>& config() const { return config_; }
    [[nodiscard]] std::uint64_t last_generation() const { return last_generation_; }

private:
    [[nodiscard]] bool has_configuration(const worker_pool& which) const;
    [[nodiscard]] bool all_have_configuration() const;

    std::list<worker_pool>& pools_;
    std::string program_path_;
    shared_plan current_; // what the pools began with, or what was rolled last
    std::shared_ptr<const unique_fd> config_;
    bool is_unfinished_ = false; // the roll to what was read last has not succeeded
    std::uint64_t last_generation_ = 1;
};

} // namespace msd::process
