#include "drivers/real/blobs/archive.h"

locale_t archive_names_begin(void)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    return utf8 == (locale_t)0 ? (locale_t)0 : uselocale(utf8);
}

void archive_names_end(locale_t before)
{
    if (before == (locale_t)0)
        return;
    freelocale(uselocale(before));
}
