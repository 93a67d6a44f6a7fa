/* A journal as lines of text: {"snapshot":41,"data":"<hex>"} first, if it begins with one, then
 * {"sequence":42,"data":"<hex>"} for each entry. */
#ifndef CUPOLA_CLI_JOURNAL_EXPORT_H
#define CUPOLA_CLI_JOURNAL_EXPORT_H

/* To standard output, from standard input; exit statuses. */
int journal_export(const char *place);
int journal_import(const char *place);

#endif
