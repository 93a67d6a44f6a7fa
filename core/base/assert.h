/* Assertions that are always on. A failed one means that our own code is wrong: the process says where and how to
 * replay it, and ends. Never for what the world sends. */
#ifndef CUPOLA_CORE_BASE_ASSERT_H
#define CUPOLA_CORE_BASE_ASSERT_H

/* Provided by the program, not by the core: prints the component, the event number and the replay command. */
_Noreturn void cupola_assertion_failed(const char *expression, const char *file, int line);

#define assert_that(expression) ((expression) ? (void)0 : cupola_assertion_failed(#expression, __FILE__, __LINE__))
/* For the branch that no input can reach. */
#define assert_unreachable() cupola_assertion_failed("unreachable", __FILE__, __LINE__)

#endif
