// SPDX-License-Identifier: Apache-2.0
#include "base/late_library.hpp"

#include <dlfcn.h>
#include <stdexcept>
#include <string>

namespace msd {

namespace {

// Why the latest dlopen() or dlsym() of this thread failed.
std::string reason() {
    const char* const text = dlerror(); // NOLINT(concurrency-mt-unsafe): glibc keeps it per thread
    return text == nullptr ? "no reason given" : text;
}

} // namespace

result<void> late_library::load() {
    if (handle_.load(std::memory_order_acquire) != nullptr) {
        return {};
    }
    // When two threads load it at the same time, both get the same library.
    void* const handle = dlopen(soname_, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        return fail(errc::unavailable, "a library is missing: " + reason());
    }
    handle_.store(handle, std::memory_order_release);
    return {};
}

void* late_library::symbol(const char* name) {
    if (auto loaded = load(); !loaded) {
        throw std::runtime_error{loaded.error().text};
    }
    void* const found = dlsym(handle_.load(std::memory_order_acquire), name);
    if (found == nullptr) {
        throw std::runtime_error{reason()};
    }
    return found;
}

} // namespace msd
