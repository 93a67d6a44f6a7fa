/* Runs a fuzz target over the files of its corpus, each whole, cut and with flipped bits drawn from a fixed seed: what
 * a build without libFuzzer can check every time. */
#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/base/text.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VARIANTS = 2000 };

/* An exact-sized copy, so that sanitizers see every read past the end. */
static void feed(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = memory_new(size);
    if (size > 0)
        memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    memory_free(copy);
}

static void feed_variants(struct text *input, uint64_t seed)
{
    struct random_stream stream = random_named(seed, "fuzz.variants");
    uint8_t *bytes = (uint8_t *)(uintptr_t)text_string(input);
    feed(bytes, input->size);
    for (int i = 0; i < VARIANTS && input->size > 0; i++) {
        size_t place = random_below(&stream, input->size);
        uint8_t former = bytes[place];
        bytes[place] = (uint8_t)random_draw(&stream);
        feed(bytes, random_below(&stream, 4) == 0 ? random_below(&stream, input->size + 1) : input->size);
        if (random_below(&stream, 8) != 0)
            bytes[place] = former;
    }
}

static bool feed_file(const char *folder, const char *name)
{
    struct text path = {0}, input = {0};
    text_addf(&path, "%s/%s", folder, name);
    FILE *file = fopen(text_string(&path), "rb");
    bool ok = file != NULL;
    if (ok) {
        size_t size = fread(text_room(&input, 1 << 16), 1, 1 << 16, file);
        text_grow(&input, size);
        fclose(file);
        feed_variants(&input, random_hash(1, name, strlen(name)));
    }
    text_free(&path);
    text_free(&input);
    return ok;
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    int count = argc == 2 ? scandir(argv[1], &entries, NULL, alphasort) : -1;
    int fed = 0;
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.')
            fed += feed_file(argv[1], entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    printf("%d inputs, %d variants of each\n", fed, VARIANTS);
    return fed > 0 ? 0 : 1;
}
