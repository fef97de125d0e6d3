set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
# Everything is an executable or goes into one; the same flag everywhere lets them share precompiled headers.
add_compile_options(-fPIE)
add_link_options(-pie)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

find_program(CCACHE ccache)
if(CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=pch_defines,time_macros;${CCACHE}")
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wvla -Werror)
add_compile_options(-fstack-protector-strong -fno-omit-frame-pointer)
add_compile_definitions(_GNU_SOURCE)
add_link_options(-Wl,-z,relro,-z,now)
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 reports false positives of these inside its own std::string, variant and optional at -O2.
    add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-dangling-pointer
                        -Wno-stringop-overflow -Wno-array-bounds)
endif()

set(POSTERN_SANITIZE "" CACHE STRING "sanitizers for every target, e.g. address,undefined")
if(POSTERN_SANITIZE)
    add_compile_options(-fsanitize=${POSTERN_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${POSTERN_SANITIZE})
    # Sanitizer runtimes open /proc, map terabytes and call what no filter of ours allows: see libcommon/sandbox.h.
    add_compile_definitions(POSTERN_SANITIZED=1)
endif()
option(POSTERN_FUZZ "build the fuzz targets against libFuzzer (clang only); otherwise they replay their corpora" OFF)
