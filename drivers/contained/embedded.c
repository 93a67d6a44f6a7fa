/* The bytes of contained.h's program: CUPOLA_CONTAINED is its file. */
#include "drivers/contained/contained.h"

__asm__(".section .rodata\n"
        ".global contained_program, contained_program_end\n"
        "contained_program:\n"
        ".incbin \"" CUPOLA_CONTAINED "\"\n"
        "contained_program_end:\n"
        ".byte 0\n"
        ".previous\n");
