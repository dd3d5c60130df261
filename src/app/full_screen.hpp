// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"

#include <sys/signalfd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <termios.h>
#include <vector>

namespace msd::app {

// The terminal as a screen that a command redraws, from the constructor to the destructor: the
// alternate screen without a cursor, keys as they are pressed. The terminal is restored in the
// destructor, and before the process ends by a signal, also by a crash. At most one object exists
// at a time. Single-threaded: signals that are waited for are blocked meanwhile.
class full_screen {
public:
    enum class event : std::uint8_t {
        none,    // the time is over
        resized, // or continued after a stop: draw again
        quit,    // q or Ctrl-C
        gone,    // the terminal was closed, or reads and writes fail
    };

    /// Standard input and standard output are terminals.
    [[nodiscard]] static bool is_possible();

    full_screen();
    ~full_screen();
    full_screen(const full_screen&) = delete;
    full_screen& operator=(const full_screen&) = delete;

    struct extent {
        std::size_t rows = 24;
        std::size_t columns = 80;
    };
    [[nodiscard]] extent size() const;

    /// Replaces what is shown, in one write. Lines are not longer than the screen is wide.
    void draw(const std::vector<std::string>& lines);
    /// Waits for a key, a signal or the time. A signal that ends the process (TERM, HUP, QUIT) ends
    /// it here, after the terminal is restored.
    [[nodiscard]] event wait(time_point until);

private:
    void enter() const;
    void leave() const;
    [[nodiscard]] event take_signal();
    [[nodiscard]] event take_key();
    void stop_process();

    termios before_{};
    sigset_t waited_{};
    sigset_t mask_before_{};
    unique_fd signals_;
    bool is_gone_ = false;
};

} // namespace msd::app
