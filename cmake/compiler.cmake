# SPDX-License-Identifier: Apache-2.0
# How every target of msd is compiled and linked. Debian's headers are system headers, so that the
# compiler does not warn about them.

add_library(msd_compiler INTERFACE)
target_compile_options(
  msd_compiler
  INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast
            -Woverloaded-virtual -Wimplicit-fallthrough -fstack-protector-strong
            -fdiagnostics-color=auto
)
# Asio keeps memory of coroutine frames for later calls, by default of two; a request needs ten.
# Asio 1.22 chooses between aligned_alloc and operator new depending on the headers included before
# it. Two files must not choose differently, so the choice is made here.
target_compile_definitions(
  msd_compiler INTERFACE _GLIBCXX_ASSERTIONS ASIO_STANDALONE ASIO_SEPARATE_COMPILATION
                         ASIO_NO_DEPRECATED ASIO_DISABLE_STD_ALIGNED_ALLOC
                         ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=16
)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Clang 14 with libstdc++ 12 has coroutines but does not announce them as Asio 1.22 expects.
  target_compile_definitions(
    msd_compiler INTERFACE ASIO_HAS_CO_AWAIT=1 ASIO_HAS_STD_COROUTINE=1
                           __cpp_impl_coroutine=201902L
  )
  target_compile_options(msd_compiler INTERFACE -Wno-builtin-macro-redefined -Wno-macro-redefined)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 wrongly warns about members of tl::expected, whose destructors never run in these cases.
  target_compile_options(msd_compiler INTERFACE -Wno-maybe-uninitialized -Wno-free-nonheap-object)
  # It also warns when it inlines only one of the operators new and delete of a coroutine's frame.
  target_compile_options(msd_compiler INTERFACE -Wno-mismatched-new-delete)
endif()
if(MSD_WERROR)
  target_compile_options(msd_compiler INTERFACE -Werror)
endif()
if(MSD_SANITIZE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # With the instrumentation of a sanitizer, GCC 12 warns wrongly about mismatched allocations in
    # Asio, and about fences that ThreadSanitizer does not support.
    target_compile_options(msd_compiler INTERFACE -Wno-mismatched-new-delete -Wno-tsan)
  endif()
  target_compile_options(
    msd_compiler INTERFACE -fsanitize=${MSD_SANITIZE} -fno-omit-frame-pointer
                           -fno-sanitize-recover=all
  )
  # UBSan opens a pipe to check the type of an object, and reports an error when that fails. Some
  # tests use up all descriptors of a process on purpose.
  target_compile_options(msd_compiler INTERFACE -fno-sanitize=vptr)
  target_link_options(msd_compiler INTERFACE -fsanitize=${MSD_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # With this check, Clang 14 generates code for coroutines that its own assembler refuses.
    target_compile_options(msd_compiler INTERFACE -fno-sanitize=function)
  endif()
else()
  target_compile_definitions(
    msd_compiler INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>
  )
endif()
# The build ID distinguishes builds of one version (base/version.hpp).
target_link_options(msd_compiler INTERFACE -Wl,-z,relro,-z,now -Wl,--build-id=sha1)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Every build has assertions: a broken invariant ends the worker, and the master replaces it.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # The cache key has relative paths, so that other clones on the same machine use the same entries.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
               CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM}
  )
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  target_link_options(msd_compiler INTERFACE -fuse-ld=mold)
endif()
