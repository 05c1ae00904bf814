# install.cmake - what an operator edits: put there by the first install; later ones
# change nothing and bring nothing back, they lay what is new beside it as NAME.new.
# Run by `cmake --install`; source, conf_dir, bin_dir and unit_dir are set before.

set(prefix "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
set(suffix "")
if(EXISTS "${prefix}/${conf_dir}/camgate.lua")
  set(suffix ".new")
endif()

function(place from to)
  set(at "${prefix}/${to}")
  set(old "")
  if(EXISTS "${at}")
    file(SHA256 "${at}" old)
  endif()
  file(SHA256 "${from}" new)
  file(REMOVE "${at}.new")
  if(NOT new STREQUAL old)
    message(STATUS "Installing: ${at}${suffix}")
    get_filename_component(folder "${at}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    file(COPY_FILE "${from}" "${at}${suffix}")
  endif()
endfunction()

foreach(name IN ITEMS camgate.lua cameras.json env.example livekit.yaml turnserver.conf
                      nginx.conf haproxy.cfg)
  place("${source}/etc/${name}" ${conf_dir}/${name})
endforeach()
file(GLOB_RECURSE policies RELATIVE "${source}" "${source}/policies/*.lua")
foreach(name IN LISTS policies)
  place("${source}/${name}" ${conf_dir}/${name})
endforeach()

# The unit names the prefix that it belongs to.
file(READ "${source}/etc/camgate.service" unit)
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  string(REPLACE "/usr/bin/" "${CMAKE_INSTALL_PREFIX}/${bin_dir}/" unit "${unit}")
  string(REPLACE "/etc/camgate" "${CMAKE_INSTALL_PREFIX}/${conf_dir}" unit "${unit}")
endif()
file(WRITE "${prefix}/${unit_dir}/camgate.service" "${unit}")
