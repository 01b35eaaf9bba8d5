/*
 * What the sandbox must refuse and only a system call can try. Prints a line "NAME held|open|error DETAIL" each.
 * Usage: probes DAEMON_PID
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void report(const char *name, long result, const int *refusals)
{
    int error = errno;

    if (result >= 0)
        printf("%s open\n", name);
    else {
        while (*refusals && *refusals != error)
            refusals++;
        printf("%s %s %s\n", name, *refusals ? "held" : "error", strerror(error));
    }
}

#define TRY(name, call, ...) \
    do { \
        const int refusals[] = {__VA_ARGS__, 0}; \
        errno = 0; \
        report(name, (long)(call), refusals); \
    } while (0)

static long foreign_segments(void)
{
    char line[256];
    long segments = -1;
    FILE *list = fopen("/proc/sysvipc/shm", "r");

    if (list == NULL)
        return -1;
    while (fgets(line, sizeof line, list) != NULL)
        segments++;
    fclose(list);
    errno = ENOENT;
    return segments > 0 ? segments : -1;
}

/* In a child: these change the process for good. */
static void in_child(const char *name, long (*act)(void))
{
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        TRY(name, act(), EPERM, EINVAL, ENOSPC);
        exit(0);
    }
    waitpid(child, NULL, 0);
}

static long become_other(void) { return setuid(getuid() == 0 ? 1 : 0); }
static long make_user_namespace(void) { return unshare(CLONE_NEWUSER); }

int main(int argc, char **argv)
{
    pid_t daemon = argc > 1 ? atoi(argv[1]) : 0;
    char byte, params[256] = {0};
    struct iovec local = {&byte, 1}, remote = {argv, 1};

    TRY("kill", kill(daemon, 0), ESRCH, EPERM);
    TRY("process_vm_readv", process_vm_readv(daemon, &local, 1, &remote, 1, 0), ESRCH, EPERM);
    /* Seizing does not stop the target. */
    TRY("ptrace", ptrace(PTRACE_SEIZE, daemon, 0, 0), ESRCH, EPERM);
    TRY("keyctl", syscall(SYS_keyctl, 0, -3, 1), EPERM);
    TRY("io_uring", syscall(SYS_io_uring_setup, 1, params), ENOSYS);
    TRY("userfaultfd", syscall(SYS_userfaultfd, 1), EPERM);
    TRY("bpf", syscall(SYS_bpf, 0, NULL, 0) < 0 && errno == EPERM ? -1 : 0, EPERM);
    TRY("vsock", socket(40, SOCK_STREAM, 0), EAFNOSUPPORT);
    /* The kernel reads 32 bits of the family; so must the filter. */
    TRY("vsock, upper bits", syscall(SYS_socket, 0x100000028UL, SOCK_STREAM, 0), EAFNOSUPPORT);
    TRY("alg", socket(AF_ALG, SOCK_SEQPACKET, 0), EAFNOSUPPORT);
    /* No terminal here: without the filter the kernel gets as far as saying so. */
    TRY("tiocsti", ioctl(0, TIOCSTI, "x") < 0 && errno == EPERM ? -1 : 0, EPERM);
    TRY("tiocsti, upper bits", syscall(SYS_ioctl, 0, 0x100000000UL | TIOCSTI, "x") < 0 && errno == EPERM ? -1 : 0, EPERM);
    /* Of a session that was made outside there is no number in here. */
    TRY("session", getsid(0) == 0 ? 0 : (errno = ENOENT, -1), ENOENT);
    TRY("shared memory", foreign_segments(), ENOENT);
    in_child("setuid", become_other);
    in_child("unshare", make_user_namespace);
    return 0;
}
