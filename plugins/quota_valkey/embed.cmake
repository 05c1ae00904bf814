# cmake -D IN=FILE;FILE;... -D OUT=FILE.c -P embed.cmake: the library as a C array.
foreach(file IN LISTS IN)
  file(READ ${file} part HEX)
  string(APPEND hex "${part}")
endforeach()
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "#include \"greet.h\"\n\n"
  "const char quota_library[] = {${bytes}0};\n"
  "const size_t quota_library_size = sizeof quota_library - 1;\n")
