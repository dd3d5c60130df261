// SPDX-License-Identifier: Apache-2.0
#include "process/limits.hpp"

#include "base/log.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <system_error>

namespace msd::process {

namespace {

// Sets the soft limit to `wanted` unless it has that value: a filter of system calls may refuse the
// call even when it changes nothing.
bool set_soft_limit(__rlimit_resource which, rlimit now, rlim_t wanted) {
    if (now.rlim_cur == wanted) {
        return true;
    }
    now.rlim_cur = wanted;
    return setrlimit(which, &now) == 0;
}

} // namespace

void raise_descriptor_limit() {
    rlimit now{};
    if (getrlimit(RLIMIT_NOFILE, &now) == 0 && !set_soft_limit(RLIMIT_NOFILE, now, now.rlim_max)) {
        log::warning(
            "the limit of open files stays at {}: {}",
            now.rlim_cur,
            std::generic_category().message(errno)
        );
    }
}

void allow_core_dumps(bool allowed) {
    rlimit now{};
    if (getrlimit(RLIMIT_CORE, &now) != 0) {
        return;
    }
    if (!set_soft_limit(RLIMIT_CORE, now, allowed ? now.rlim_max : 0)) {
        log::warning(
            "core dumps stay {}: {}",
            allowed ? "off" : "on",
            std::generic_category().message(errno)
        );
        return;
    }
    if (!allowed) {
        return;
    }
    if (now.rlim_max == 0) {
        log::warning("supervision.core_dumps has no effect: the hard limit of RLIMIT_CORE is 0");
    }
    prctl(PR_SET_DUMPABLE, 1L);
}

} // namespace msd::process
