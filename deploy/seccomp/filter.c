/*
 * Writes the system call filter of the command sandbox for one architecture:
 *
 *     filter x64|arm64 > FILE
 *
 * The namespaces hide files, processes and networks; this closes what they leave open: system calls that reach the
 * kernel as a whole or that it keeps per user, and sockets outside of any network namespace. Everything else is
 * allowed, ptrace included, since tools use everything else and see only their own processes. A refused call fails with EPERM; calls that programs probe for
 * and can do without fail with ENOSYS.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif

static const int refused[] = {
    /* Key rings belong to the user, not to a namespace. */
    SCMP_SYS(add_key), SCMP_SYS(keyctl), SCMP_SYS(request_key),
    /* Kernel code that has been a way out of sandboxes, and that needs no privilege. */
    SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(lookup_dcookie),
    /* New mounts and namespaces; belt and braces, for they need capabilities. */
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(setns), SCMP_SYS(open_tree),
    SCMP_SYS(move_mount), SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(mount_setattr),
    /* The kernel log, and file handles, which walk past paths. */
    SCMP_SYS(syslog), SCMP_SYS(open_by_handle_at),
};

/* Programs fall back to ordinary system calls. */
static const int missing[] = {
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
};

/* Socket families without network namespaces, or with a history; unix, internet and netlink stay. */
static const int families[] = {AF_VSOCK, AF_ALG, AF_PACKET};

static int fill(scmp_filter_ctx filter)
{
    size_t i;

    for (i = 0; i < sizeof refused / sizeof *refused; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0) < 0)
            return -1;
    for (i = 0; i < sizeof missing / sizeof *missing; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), missing[i], 0) < 0)
            return -1;
    /* The kernel reads 32 bits of a family and of a request: so must these. */
    for (i = 0; i < sizeof families / sizeof *families; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, families[i])) < 0)
            return -1;
    /* Typing into the terminal of whoever started us. */
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                         SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, TIOCSTI)) < 0 ||
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                         SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, TIOCLINUX)) < 0)
        return -1;
    return 0;
}

int main(int argc, char **argv)
{
    uint32_t arch;
    scmp_filter_ctx filter;

    if (argc == 2 && strcmp(argv[1], "x64") == 0)
        arch = SCMP_ARCH_X86_64;
    else if (argc == 2 && strcmp(argv[1], "arm64") == 0)
        arch = SCMP_ARCH_AARCH64;
    else {
        fputs("usage: filter x64|arm64\n", stderr);
        return 2;
    }
    filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL || seccomp_arch_remove(filter, SCMP_ARCH_NATIVE) < 0 || seccomp_arch_add(filter, arch) < 0 ||
        /* A 32-bit program has other numbers for the same calls. */
        seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)) < 0 || fill(filter) < 0 ||
        seccomp_export_bpf(filter, STDOUT_FILENO) < 0) {
        fputs("the filter cannot be made\n", stderr);
        return 1;
    }
    seccomp_release(filter);
    return 0;
}
