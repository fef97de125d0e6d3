# Every library the project stands on, required from the first commit; tests/unit/libraries proves that
# those whose daemon does not exist yet compile and link. One imported target each, named lib::<name>.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(postern_pkg name module)
    pkg_check_modules(pkg_${name} REQUIRED IMPORTED_TARGET ${module})
    add_library(lib::${name} ALIAS PkgConfig::pkg_${name})
endfunction()

function(postern_find name header library)
    find_path(${name}_INCLUDE ${header} REQUIRED)
    find_library(${name}_LIBRARY ${library} REQUIRED)
    add_library(lib_${name} INTERFACE)
    target_include_directories(lib_${name} SYSTEM INTERFACE ${${name}_INCLUDE})
    target_link_libraries(lib_${name} INTERFACE ${${name}_LIBRARY})
    add_library(lib::${name} ALIAS lib_${name})
endfunction()

postern_pkg(event libevent_core)
postern_pkg(event_openssl libevent_openssl)
postern_pkg(openssl openssl)
postern_pkg(sqlite sqlite3)
postern_pkg(argon2 libargon2)
postern_pkg(seccomp libseccomp)
postern_pkg(cap libcap)
postern_pkg(yaml yaml-cpp)
postern_pkg(idn2 libidn2)
postern_pkg(idn libidn)                    # stringprep: SASLprep, which libidn2 does not have
postern_pkg(crypt libxcrypt)               # hashes that imported accounts bring
postern_pkg(curl libcurl)
postern_pkg(psl libpsl)
postern_pkg(zlib zlib)
postern_pkg(zstd libzstd)
postern_find(ldns ldns/ldns.h ldns)
postern_find(opendkim opendkim/dkim.h opendkim)
postern_find(spf2 spf2/spf.h spf2)
postern_find(http_parser http_parser.h http_parser)

find_package(fmt REQUIRED)                 # the compiled library, never header-only: build time
add_library(lib::fmt ALIAS fmt::fmt)
find_package(Catch2 2 REQUIRED)
add_library(lib::catch2 ALIAS Catch2::Catch2)
find_package(nlohmann_json REQUIRED)
add_library(lib::json ALIAS nlohmann_json::nlohmann_json)
find_path(CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
add_library(lib_cli11 INTERFACE)
target_include_directories(lib_cli11 SYSTEM INTERFACE ${CLI11_INCLUDE})
add_library(lib::cli11 ALIAS lib_cli11)
