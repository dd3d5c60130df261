# SPDX-License-Identifier: Apache-2.0
# Everything msd links or loads, all from Debian 12 packages; scripts/setup installs them.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tl-expected REQUIRED)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
find_path(ASIO_INCLUDE asio.hpp REQUIRED)
find_path(RAPIDJSON_INCLUDE rapidjson/reader.h REQUIRED)

# Connector/C++ 1.1 has no file for pkg-config.
find_path(MYSQLCPPCONN_INCLUDE cppconn/driver.h REQUIRED)
find_library(MYSQLCPPCONN_LIBRARY mysqlcppconn REQUIRED)

find_path(OPENSSL_INCLUDE openssl/ssl.h REQUIRED)
find_library(SSL_LIBRARY ssl REQUIRED)
find_library(CRYPTO_LIBRARY crypto REQUIRED)

# Debian ships llhttp as C sources (package node-llhttp). Strict mode is a compile-time choice.
find_path(LLHTTP_SOURCE llhttp.c PATHS /usr/share/llhttp REQUIRED NO_DEFAULT_PATH)
find_path(LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp REQUIRED NO_DEFAULT_PATH)
add_library(
  llhttp STATIC ${LLHTTP_SOURCE}/api.c ${LLHTTP_SOURCE}/http.c ${LLHTTP_SOURCE}/llhttp.c
)
target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE})
target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1)
target_compile_options(llhttp PRIVATE -w)
