# SPDX-License-Identifier: Apache-2.0
# MSD_UNITY compiles several sources as one translation unit, which takes about half of the time. It
# is for programs that only tests run: the release build compiles each file of a layer separately.
# tests/check/batches.py chooses the batches so that each file has the same meaning in a batch as
# alone.

set(MSD_BATCH_LINES 1500) # with larger batches a processor would be idle at the end of a build

# Chooses the batches of these sources. Call it in the directory that adds the targets.
function(msd_choose_batches)
  find_program(PYTHON3 python3 REQUIRED)
  set(tool ${PROJECT_SOURCE_DIR}/tests/check/batches.py)
  execute_process(
    COMMAND ${PYTHON3} -B ${tool} ${MSD_BATCH_LINES} ${ARGN}
    OUTPUT_VARIABLE lines COMMAND_ERROR_IS_FATAL ANY
  )
  string(REGEX MATCHALL "[^\n]+" lines "${lines}")
  foreach(line ${lines})
    if(NOT line MATCHES "^([0-9]+)\t(.+)$")
      message(FATAL_ERROR "${tool} printed '${line}'")
    endif()
    set_source_files_properties(${CMAKE_MATCH_2} PROPERTIES UNITY_GROUP batch_${CMAKE_MATCH_1})
  endforeach()
  # An edited file may no longer fit into its batch.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${tool} ${ARGN})
endfunction()

function(msd_use_batches target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  # g++ treats files of a batch as headers and warns of types with members of unnamed namespaces.
  target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
endfunction()
