// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <atomic>

// Loads shared libraries that only few of msd's processes need. A linked library is loaded by every
// process at its start, and loading is most of the start time of a worker: OpenSSL and the MySQL
// driver, with their dependencies, caused half of the symbols and two fifths of the page faults.
namespace msd {

// A shared library that is loaded at its first use, from the linker's search path, and stays
// loaded. Thread-safe.
class late_library {
public:
    /// `soname` includes the version of the binary interface, such as libm.so.6. Not copied.
    constexpr explicit late_library(const char* soname) : soname_{soname} {}

    /// errc::unavailable: it cannot be loaded; the text has its name and the reason.
    [[nodiscard]] result<void> load();

    /// Never null. Throws std::runtime_error when the library cannot be loaded or has no such
    /// symbol.
    [[nodiscard]] void* symbol(const char* name);

private:
    const char* soname_;
    std::atomic<void*> handle_ = nullptr;
};

// The C function `name` of such a library; it is called like the function itself. A call throws as
// late_library::symbol() does.
template <class Function>
class late_function;

template <class Result, class... Arguments>
class late_function<Result(Arguments...)> {
public:
    constexpr late_function(late_library& library, const char* name)
        : library_{library},
          name_{name} {}

    Result operator()(Arguments... arguments) {
        auto* function = function_.load(std::memory_order_acquire);
        if (function == nullptr) {
            function = reinterpret_cast<Result (*)(Arguments...)>(library_.symbol(name_));
            function_.store(function, std::memory_order_release);
        }
        return function(arguments...);
    }

private:
    late_library& library_;
    const char* name_;
    std::atomic<Result (*)(Arguments...)> function_ = nullptr;
};

} // namespace msd

/// Declares `name` in the current namespace, for the function that a header of `library` declares
/// as
/// ::name.
// NOLINTBEGIN(bugprone-macro-parentheses): a declared name has none
#define MSD_LATE_FUNCTION(library, name)                                                           \
    constinit ::msd::late_function<decltype(::name)> name {                                        \
        library, #name                                                                             \
    }
// NOLINTEND(bugprone-macro-parentheses)
