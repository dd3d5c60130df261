// SPDX-License-Identifier: Apache-2.0
// A faulty build of msd. A test puts it in the place of msd on the disk, so that a roll starts it
// as a worker. MSD_BAD_WORKER selects the fault at compile time.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace {

enum class fault { exits, hangs, dies };

constexpr int exit_code = 3;
constexpr int life_ms = 200; // after READY

// The descriptor N in "… control=N …".
int control_channel() {
    const char* const said = std::getenv("MSD_WORKER");
    const char* const field = said == nullptr ? nullptr : std::strstr(said, " control=");
    return field == nullptr ? -1 : std::atoi(field + std::strlen(" control="));
}

// Waits for the order to stop or for the end of the master: it sends nothing else.
void wait_for_master(int control, int limit_ms) {
    pollfd watched{control, POLLIN, 0};
    poll(&watched, 1, limit_ms);
}

} // namespace

int main() {
    constexpr fault what = fault::MSD_BAD_WORKER;
    const int control = control_channel();
    if (what == fault::hangs) {
        wait_for_master(control, -1);
        return 0;
    }
    if (what == fault::dies) {
        send(control, "READY", std::strlen("READY"), MSG_NOSIGNAL);
        wait_for_master(control, life_ms);
    }
    return exit_code;
}
