/* The program is classic BPF (seccomp(2)): architecture, number, then one comparison for each denied call. It is short
 * enough to be made for each start, and a library for it would be longer than itself. */
#include "drivers/real/workloads/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define ARCHITECTURE_NAME "SCMP_ARCH_X86_64"
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#define ARCHITECTURE_NAME "SCMP_ARCH_AARCH64"
#else
#error "name the architecture for seccomp"
#endif

struct denied {
    const char *name;
    uint32_t number;
};

#define DENY(name)                                                                                                     \
    {                                                                                                                  \
#name, (uint32_t)SYS_##name                                                                                    \
    }
static const struct denied denied[] = {
    /* Mounts and namespaces: with a user namespace of one's own these open the larger part of the kernel. */
    DENY(mount),
    DENY(umount2),
    DENY(pivot_root),
    DENY(chroot),
    DENY(unshare),
    DENY(setns),
    DENY(open_tree),
    DENY(move_mount),
    DENY(fsopen),
    DENY(fsconfig),
    DENY(fsmount),
    DENY(fspick),
    DENY(mount_setattr),
    /* The machine. */
    DENY(reboot),
    DENY(swapon),
    DENY(swapoff),
    DENY(sethostname),
    DENY(setdomainname),
    DENY(settimeofday),
    DENY(clock_settime),
    DENY(adjtimex),
    DENY(clock_adjtime),
    DENY(acct),
    DENY(quotactl),
    DENY(syslog),
    DENY(vhangup),
    /* Modules and kernels. */
    DENY(init_module),
    DENY(finit_module),
    DENY(delete_module),
    DENY(kexec_load),
    DENY(kexec_file_load),
    /* Other processes and the kernel's own tracing. */
    DENY(bpf),
    DENY(perf_event_open),
    DENY(kcmp),
    DENY(process_vm_writev),
    DENY(userfaultfd),
    DENY(lookup_dcookie),
    DENY(io_uring_setup),
    DENY(io_uring_enter),
    DENY(io_uring_register),
    DENY(open_by_handle_at),
    DENY(name_to_handle_at),
    /* Keys belong to the kernel's users, not to namespaces. */
    DENY(add_key),
    DENY(request_key),
    DENY(keyctl),
#if defined(__x86_64__)
    DENY(iopl),
    DENY(ioperm),
    DENY(modify_ldt),
    DENY(uselib),
    DENY(ustat),
    DENY(sysfs),
    DENY(_sysctl),
    DENY(create_module),
    DENY(get_kernel_syms),
    DENY(query_module),
    DENY(nfsservctl),
#endif
};
enum { DENIED = sizeof denied / sizeof denied[0] };

#define NEW_NAMESPACES                                                                                                 \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* ---- For the kernel ---- */

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define JUMP_EQUAL(value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, then, otherwise)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define REFUSE(error) RETURN(SECCOMP_RET_ERRNO | (error))

/* clone3 hides its flags behind a pointer: ENOSYS makes C libraries use clone. TIOCSTI types into the terminal of
 * whoever started us. Numbers with the bit 30 are those of the x32 table. */
static const struct sock_filter head[] = {
    LOAD(arch),
    JUMP_EQUAL(ARCHITECTURE, 1, 0),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000U, 0, 1),
    REFUSE(ENOSYS),
    JUMP_EQUAL((uint32_t)SYS_clone3, 0, 1),
    REFUSE(ENOSYS),
    JUMP_EQUAL((uint32_t)SYS_clone, 0, 4),
    LOAD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1),
    REFUSE(EPERM),
    RETURN(SECCOMP_RET_ALLOW),
    JUMP_EQUAL((uint32_t)SYS_ioctl, 0, 4),
    LOAD(args[1]),
    JUMP_EQUAL(TIOCSTI, 0, 1),
    REFUSE(EPERM),
    RETURN(SECCOMP_RET_ALLOW),
};
enum { HEAD = sizeof head / sizeof head[0] };

int seccomp_open_program(void)
{
    struct sock_filter program[HEAD + 2 * DENIED + 1];
    size_t size = 0;
    for (size_t i = 0; i < HEAD; i++)
        program[size++] = head[i];
    for (size_t i = 0; i < DENIED; i++) {
        program[size++] = (struct sock_filter)JUMP_EQUAL(denied[i].number, 0, 1);
        program[size++] = (struct sock_filter)REFUSE(EPERM);
    }
    program[size++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
    int descriptor = memfd_create("seccomp", 0);
    ssize_t bytes = (ssize_t)(size * sizeof program[0]);
    if (descriptor >= 0 &&
        (write(descriptor, program, (size_t)bytes) != bytes || lseek(descriptor, 0, SEEK_SET) != 0)) {
        close(descriptor);
        descriptor = -1;
    }
    return descriptor;
}

/* ---- For OCI runtimes ---- */

void seccomp_write_json(struct text *json)
{
    text_addf(json,
              "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"%s\"],\"syscalls\":["
              "{\"names\":[\"clone3\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":%d},"
              "{\"names\":[\"ioctl\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":%d,"
              "\"args\":[{\"index\":1,\"value\":%d,\"op\":\"SCMP_CMP_EQ\"}]},",
              ARCHITECTURE_NAME, ENOSYS, EPERM, TIOCSTI);
    for (unsigned bit = 0; bit < 32; bit++) {
        uint32_t flag = NEW_NAMESPACES & (UINT32_C(1) << bit);
        if (flag != 0)
            text_addf(json,
                      "{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":%d,\"args\":[{\"index\":0,"
                      "\"value\":%u,\"valueTwo\":%u,\"op\":\"SCMP_CMP_MASKED_EQ\"}]},",
                      EPERM, flag, flag);
    }
    text_add_string(json, "{\"names\":[");
    for (size_t i = 0; i < DENIED; i++)
        text_addf(json, "%s\"%s\"", i > 0 ? "," : "", denied[i].name);
    text_addf(json, "],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":%d}]}", EPERM);
}
