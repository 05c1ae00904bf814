/* The API's description, as it stands in etc/openapi.yaml when the gate is built. */
__asm__(".section .rodata\n"
        ".global camgate_openapi\n"
        ".hidden camgate_openapi\n"
        "camgate_openapi:\n"
        ".incbin \"" OPENAPI_FILE "\"\n"
        ".byte 0\n"
        ".previous\n");
