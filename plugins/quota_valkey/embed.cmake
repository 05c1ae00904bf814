# cmake -D IN=FILE -D OUT=FILE.c -P embed.cmake: the function library as a C array.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "#include \"greet.h\"\n\n"
  "const char quota_library[] = {${bytes}0};\n"
  "const size_t quota_library_size = sizeof quota_library - 1;\n")
