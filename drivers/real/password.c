#include "drivers/real/password.h"

#include "core/base/memory.h"
#include "drivers/real/job.h"

#include <crypt.h>
#include <errno.h>
#include <string.h>

/* yescrypt's cost, as Debian has it for /etc/shadow: 4 MiB and 10 to 20 ms a hash. A login costs as much; raise it with
 * the machines. Hashes that are stored keep theirs. */
enum { YESCRYPT_COST = 5 };

struct password_job {
    struct job job;
    char *password;
    char *salt;
    uint64_t entropy[2];
};

static bool choose_setting(struct password_job *password, char ret_setting[CRYPT_GENSALT_OUTPUT_SIZE])
{
    if (password->salt[0] != 0) {
        if (strlen(password->salt) >= CRYPT_GENSALT_OUTPUT_SIZE)
            return job_fail(&password->job, IO_INVALID, "this is not a stored hash");
        strcpy(ret_setting, password->salt);
        return true;
    }
    char random[sizeof password->entropy];
    memcpy(random, password->entropy, sizeof random);
    if (crypt_gensalt_rn("$y$", YESCRYPT_COST, random, sizeof random, ret_setting, CRYPT_GENSALT_OUTPUT_SIZE) == NULL)
        return job_fail(&password->job, IO_FAILED, "crypt_gensalt: %s", strerror(errno));
    return true;
}

static void work(struct job *job)
{
    struct password_job *password = container_of(job, struct password_job, job);
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (!choose_setting(password, setting))
        return;
    struct crypt_data *data = memory_new(sizeof *data);
    const char *hash = crypt_r(password->password, setting, data);
    if (hash == NULL || hash[0] == '*')
        job_fail(job, IO_INVALID, "crypt: %s", strerror(errno));
    else
        text_add_string(&job->data, hash);
    explicit_bzero(data, sizeof *data);
    memory_free(data);
}

static void finish(struct job *job)
{
    struct password_job *password = container_of(job, struct password_job, job);
    job_answer(job);
    explicit_bzero(password->password, strlen(password->password));
    memory_free(password->password);
    memory_free(password->salt);
    memory_free(password);
}

void password_begin(struct real_driver *driver, const struct effect *effect)
{
    struct password_job *password = memory_new(sizeof *password);
    password->password = memory_copy_text(effect->hash_password.password);
    password->salt = memory_copy_text(effect->hash_password.salt);
    memcpy(password->entropy, effect->hash_password.entropy, sizeof password->entropy);
    job_start(driver, &password->job, effect->op, work, finish);
}
