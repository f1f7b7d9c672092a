/* A floor to measure against: Vectorscan in streaming mode over the rules' literals alone, no confirm, every file of a tree in
 * 64 KiB chunks.
 *
 *     literals LITERALS TREE
 *
 * LITERALS has one literal a line, as hexadecimal bytes, with ` i` after it when case does not count (`ratio --literals` writes it).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, MOST = 16384 };

static hs_database_t *database;
static hs_scratch_t *scratch;
static unsigned long long matches, bytes, files;
static char chunk[CHUNK];

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context) {
    (void)id, (void)from, (void)to, (void)flags, (void)context;
    matches++;
    return 0;
}

static int on_file(const char *path, const struct stat *info, int kind, struct FTW *walk) {
    (void)info, (void)walk;
    if (kind != FTW_F) return 0;
    int file = open(path, O_RDONLY);
    if (file < 0) return 0;
    hs_stream_t *stream;
    if (hs_open_stream(database, 0, &stream) != HS_SUCCESS) exit(3);
    ssize_t n;
    while ((n = read(file, chunk, CHUNK)) > 0) {
        hs_scan_stream(stream, chunk, (unsigned)n, 0, scratch, on_match, NULL);
        bytes += (unsigned long long)n;
    }
    hs_close_stream(stream, scratch, on_match, NULL);
    close(file);
    files++;
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    static const char *expressions[MOST];
    static size_t lengths[MOST];
    static unsigned flags[MOST], ids[MOST];
    unsigned count = 0;
    FILE *list = fopen(argv[1], "r");
    if (!list) return 2;
    char line[4096];
    while (count < MOST && fgets(line, sizeof line, list)) {
        char *bytes_of = malloc(sizeof line / 2);
        size_t length = 0;
        char *at = line;
        unsigned byte;
        while (sscanf(at, "%2x", &byte) == 1 && at[0] != ' ') {
            bytes_of[length++] = (char)byte;
            at += 2;
        }
        flags[count] = strstr(at, "i") ? HS_FLAG_CASELESS : 0;
        expressions[count] = bytes_of;
        lengths[count] = length;
        ids[count] = count;
        if (length) count++;
    }
    fclose(list);
    hs_compile_error_t *error;
    if (hs_compile_lit_multi(expressions, flags, ids, lengths, count, HS_MODE_STREAM, NULL, &database, &error) != HS_SUCCESS) {
        fprintf(stderr, "compile: %s\n", error->message);
        return 3;
    }
    if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS) return 3;
    if (nftw(argv[2], on_file, 64, FTW_PHYS) != 0) return 3;
    printf("%u literals, %llu files, %llu bytes, %llu matches\n", count, files, bytes, matches);
    return 0;
}
