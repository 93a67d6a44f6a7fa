# How the tree is built: one static library a folder, one test program a test file.

set(CUPOLA_WARNINGS -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum -Wvla
    -Werror)

# cupola_module(core_router LIBS core_bus core_wire): all *.c of this folder and of those in it as one library.
function(cupola_module name)
  cmake_parse_arguments(MODULE "" "" "LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  if(NOT sources)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${MODULE_LIBS})
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_compile_options(${name} PRIVATE ${CUPOLA_WARNINGS})
  target_link_libraries(${name} PUBLIC ${MODULE_LIBS})
endfunction()

# cupola_protobuf(core_proto bus.proto ...): generated C, without our warnings, found as "core/proto/bus.pb-c.h".
function(cupola_protobuf name)
  set(generated)
  foreach(proto ${ARGN})
    string(REPLACE ".proto" "" base ${proto})
    file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
    set(stem ${CMAKE_BINARY_DIR}/generated/${folder}/${base}.pb-c)
    add_custom_command(
      OUTPUT ${stem}.c ${stem}.h
      COMMAND protoc-c --c_out=${CMAKE_BINARY_DIR}/generated -I${CMAKE_SOURCE_DIR} ${folder}/${proto}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    list(APPEND generated ${stem}.c)
  endforeach()
  add_library(${name} STATIC ${generated})
  target_include_directories(${name} SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(${name} PUBLIC PkgConfig::PROTOBUF_C)
endfunction()

# cupola_tests(LIBS core_router): every test_*.c of this folder is a cmocka program and a ctest test of its own.
function(cupola_tests)
  cmake_parse_arguments(TESTS "" "" "LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/test_*.c)
  file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
  string(REPLACE "/" "_" prefix "${folder}")
  foreach(source ${sources})
    get_filename_component(base ${source} NAME_WE)
    set(name ${prefix}_${base})
    add_executable(${name} ${source})
    target_compile_options(${name} PRIVATE ${CUPOLA_WARNINGS} -Wno-missing-prototypes)
    target_link_libraries(${name} PRIVATE ${TESTS_LIBS} program PkgConfig::CMOCKA)
    # Libraries behind `program` on the line may need it too, also when the test itself does not.
    target_link_options(${name} PRIVATE -Wl,--undefined=cupola_assertion_failed)
    add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
  endforeach()
endfunction()
