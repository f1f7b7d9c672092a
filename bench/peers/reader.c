/* Opens, reads and closes every file below a folder, and does nothing else: what any scan of it must cost.
 *
 *     reader FOLDER
 *
 * Links are not followed. One line: how many files and bytes.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char buffer[1 << 18];
static long files, bytes;

static void folder(int fd) {
    DIR *dir = fdopendir(fd);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (entry->d_type == DT_DIR) {
            folder(openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        } else if (entry->d_type == DT_REG) {
            int file = openat(fd, entry->d_name, O_RDONLY | O_NOFOLLOW);
            for (ssize_t n; (n = read(file, buffer, sizeof buffer)) > 0;) bytes += n;
            close(file);
            files++;
        }
    }
    closedir(dir);
}

int main(int argc, char **argv) {
    folder(open(argv[argc - 1], O_RDONLY | O_DIRECTORY));
    printf("%ld files, %ld bytes\n", files, bytes);
}
