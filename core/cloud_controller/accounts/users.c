#include "core/cloud_controller/accounts/users.h"

#include "core/base/memory.h"

#include <string.h>

enum { MAX_EMAIL_SIZE = 254 };

/* RFC 5322, 3.2.3, without quoting; that is what people have. */
static bool is_atom_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Atoms between single dots. */
static bool is_dotted(const char *text, size_t size)
{
    bool after_dot = true;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '.' ? after_dot : !is_atom_character(text[i]))
            return false;
        after_dot = text[i] == '.';
    }
    return size > 0 && !after_dot;
}

bool cc_email_is_valid(const char *email)
{
    size_t size = strlen(email);
    const char *at = memchr(email, '@', size);
    if (at == NULL || size > MAX_EMAIL_SIZE)
        return false;
    return is_dotted(email, (size_t)(at - email)) && is_dotted(at + 1, size - 1 - (size_t)(at - email));
}

void cc_change_put_user(struct change *change, Cupola__JournalUser *user, const char *actor)
{
    Cupola__UserChange user_change = CUPOLA__USER_CHANGE__INIT;
    user_change.user = user;
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_USER_PUT;
    entry.user_put = &user_change;
    cc_change_write(change, &entry, actor);
}

void cc_change_write_user(struct change *change, const Cupola__JournalUser *old, const char *email,
                          struct io_bytes hash, const char *actor)
{
    char *password_hash = memory_copy_bytes(hash.data, hash.size);
    Cupola__JournalUser user = CUPOLA__JOURNAL_USER__INIT;
    user.has_created_s = user.has_token_generation = true;
    user.created_s = machine_wall_seconds(&change->controller->machine);
    /* No earlier user of that address had it, however often tokens were taken back: each time took an entry. */
    user.token_generation = (uint32_t)(change->controller->state.head_sequence + 1);
    if (old != NULL)
        user = *old;
    user.email = (char *)(uintptr_t)email;
    user.password_hash = password_hash;
    cc_change_put_user(change, &user, actor);
    memory_free(password_hash);
}
