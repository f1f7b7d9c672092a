/* Runs one command on some CPUs, by their numbers with commas between them, and prints what it cost.
 *
 *     measure CPUS TIMEOUT_SECONDS STDOUT STDERR COMMAND [ARGUMENT...]
 *
 * One line: wall seconds, user seconds, system seconds, peak resident KiB, exit code (128 + signal when killed, 124 on
 * time-out). A separate small program, because Linux counts the memory of the process that forked towards the peak of the one
 * that is executed: measured from a Python process nothing would seem to need less than Python does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile pid_t child;
static volatile sig_atomic_t late;

static void on_alarm(int signal_number) {
    (void)signal_number;
    late = 1;
    kill(-child, SIGKILL);
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

int main(int argc, char **argv) {
    if (argc < 6) {
        fputs("usage: measure CPUS TIMEOUT STDOUT STDERR COMMAND [ARGUMENT...]\n", stderr);
        return 2;
    }
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    for (const char *cpu = argv[1]; cpu; cpu = (cpu = strchr(cpu, ',')) ? cpu + 1 : NULL) CPU_SET((size_t)atoi(cpu), &cpus);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        sched_setaffinity(0, sizeof cpus, &cpus);
        int in = open("/dev/null", O_RDONLY);
        int out = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC, 0600);
        int err = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (in < 0 || out < 0 || err < 0) _exit(126);
        dup2(in, 0);
        dup2(out, 1);
        dup2(err, 2);
        execvp(argv[5], argv + 5);
        perror("exec");
        _exit(127);
    }
    if (child < 0) return 2;
    setpgid(child, child);
    signal(SIGALRM, on_alarm);
    alarm((unsigned)atoi(argv[2]));
    int status;
    struct rusage usage;
    while (wait4(child, &status, 0, &usage) < 0)
        if (errno != EINTR) return 2;
    clock_gettime(CLOCK_MONOTONIC, &end);
    int code = late ? 124 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    printf("%.6f %.6f %.6f %ld %d\n", (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9,
           seconds(usage.ru_utime), seconds(usage.ru_stime), usage.ru_maxrss, code);
    return 0;
}
