/* The signature of a failure: what stays the same when the same bug shows again with another seed.
 *
 * It is the failure's text ("check: what was seen", or what was waited for in vain) without the line of the scenario
 * that said it, and with every number, and every name that ends in one, replaced: "dea-# ... in #.# s".
 */
#ifndef CUPOLA_SIM_SEARCH_SIGNATURE_H
#define CUPOLA_SIM_SEARCH_SIGNATURE_H

/* Given (memory_free). */
char *signature_of(const char *failure);

#endif
