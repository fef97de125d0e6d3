# One folder, one target: its link line is the rule of what it may know.

#   postern_library(libmail SOURCES a.cc b.cc LINKS libcommon lib::fmt)
function(postern_library name)
    cmake_parse_arguments(arg "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
    add_library(${name} STATIC ${arg_SOURCES})
    set_target_properties(${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${arg_LINKS} PRIVATE ${arg_PRIVATE_LINKS})
endfunction()

#   postern_daemon(smtpd SOURCES main.cc LINKS smtpd_core ipc libtls): libexec/postern/smtpd
function(postern_daemon name)
    cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
    add_executable(exe_${name} ${arg_SOURCES})
    set_target_properties(exe_${name} PROPERTIES OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/libexec/postern)
    target_include_directories(exe_${name} PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(exe_${name} PRIVATE ${arg_LINKS})
    install(TARGETS exe_${name} RUNTIME DESTINATION libexec/postern)
endfunction()

#   postern_unit_test(libmail SOURCES x_test.cc LINKS libmail): one binary and one ctest entry per folder
function(postern_unit_test name)
    cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
    add_executable(unit_${name} ${arg_SOURCES})
    target_link_libraries(unit_${name} PRIVATE catch_main ${arg_LINKS})
    target_include_directories(unit_${name} PRIVATE ${CMAKE_SOURCE_DIR})
    target_compile_definitions(unit_${name} PRIVATE POSTERN_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    target_precompile_headers(unit_${name} REUSE_FROM catch_main)
    add_test(NAME unit.${name} COMMAND unit_${name})
    set_tests_properties(unit.${name} PROPERTIES TIMEOUT 300)
endfunction()

#   postern_fuzz_target(smtp_command SOURCES smtp_command_fuzz.cc LINKS smtpd_core)
# Its corpus is tests/fuzz/corpus/<name>/. With POSTERN_FUZZ it is a libFuzzer binary; without, a ctest
# entry that replays the corpus.
add_custom_target(fuzz_targets)
function(postern_fuzz_target name)
    cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
    add_executable(fuzz_${name} ${arg_SOURCES})
    target_link_libraries(fuzz_${name} PRIVATE ${arg_LINKS})
    target_include_directories(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR})
    add_dependencies(fuzz_targets fuzz_${name})
    if(POSTERN_FUZZ)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    else()
        target_sources(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
        add_test(NAME fuzz.${name} COMMAND fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
        set_tests_properties(fuzz.${name} PROPERTIES TIMEOUT 300)
    endif()
endfunction()
