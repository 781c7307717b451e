// SPDX-License-Identifier: Apache-2.0
// The Linux calls that Swift's Glibc module lacks, because it is built without _GNU_SOURCE. Header only; used by HostIO alone.
#ifndef APUS_CLINUX_SHIM_H
#define APUS_CLINUX_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

// Declared by the C library only under _GNU_SOURCE or _XOPEN_SOURCE.
extern int memfd_create(const char *name, unsigned int flags);
extern int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
extern int pipe2(int fds[2], int flags);
extern int fallocate(int fd, int mode, off_t offset, off_t length);
extern int posix_openpt(int flags);
extern int grantpt(int fd);
extern int unlockpt(int fd);
extern int ptsname_r(int fd, char *buffer, size_t length);
extern long syscall(long number, ...);
extern int pthread_setname_np(pthread_t thread, const char *name);

// <fcntl.h>, <linux/falloc.h> and <sys/mman.h> constants of the kernel's interface, fixed on every Linux architecture we run on.
enum {
  LINUX_SEEK_DATA = 3,
  LINUX_SEEK_HOLE = 4,
  LINUX_F_OFD_GETLK = 36,
  LINUX_F_OFD_SETLK = 37,
  LINUX_FALLOC_FL_KEEP_SIZE = 1,
  LINUX_FALLOC_FL_PUNCH_HOLE = 2,
  LINUX_FALLOC_FL_ZERO_RANGE = 16,
  LINUX_MFD_CLOEXEC = 1,
  LINUX_O_DIRECT = 040000,
};

static inline int linux_fcntl_lock(int fd, int command, struct flock *lock) { return fcntl(fd, command, lock); }

/// One message of a stream socket with the descriptors that came with it (close-on-exec). At most `capacity` are
/// kept and the rest closed. Returns what recvmsg(2) returns.
static inline ssize_t linux_receive_with_descriptors(int fd, void *bytes, size_t length, int *fds, int capacity, int *count) {
  union { char bytes[CMSG_SPACE(sizeof(int) * 64)]; struct cmsghdr align; } control;
  struct iovec vector = { .iov_base = bytes, .iov_len = length };
  struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
  *count = 0;
  ssize_t got = recvmsg(fd, &message, 0x40000000 /* MSG_CMSG_CLOEXEC */);
  if (got < 0) return got;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(0)) continue;
    size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < here; i++) {
      int value;
      memcpy(&value, CMSG_DATA(c) + i * sizeof(int), sizeof value);
      if (*count < capacity) fds[(*count)++] = value; else close(value);
    }
  }
  return got;
}

/// Sends bytes with up to 64 descriptors attached.
static inline ssize_t linux_send_with_descriptors(int fd, const void *bytes, size_t length, const int *fds, int count) {
  union { char bytes[CMSG_SPACE(sizeof(int) * 64)]; struct cmsghdr align; } control;
  struct iovec vector = { .iov_base = (void *)bytes, .iov_len = length };
  struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
  if (count < 0 || count > 64) { errno = EINVAL; return -1; }
  if (count > 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)count);
  }
  return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static inline int linux_epoll_control(int epoll, int operation, int fd, unsigned events, unsigned long long token) {
  struct epoll_event event = { .events = events, .data.u64 = token };
  return epoll_ctl(epoll, operation, fd, &event);
}

/// TUNSETIFF for an Ethernet interface without packet information. `name` is 16 bytes in and out: what was asked for and
/// what it is called. <linux/if.h> quarrels with <net/if.h>, so the request is laid out here.
static inline int linux_make_tap(int fd, char *name) {
  struct { char name[16]; short flags; char rest[22]; } request;
  memset(&request, 0, sizeof request);
  memcpy(request.name, name, 15);
  request.flags = 0x0002 | 0x1000; // IFF_TAP | IFF_NO_PI
  if (ioctl(fd, 0x400454caUL /* TUNSETIFF */, &request) < 0) return -1;
  memcpy(name, request.name, 16);
  return 0;
}

/// The sector size of a block device; -1 for files.
static inline int linux_logical_block_size(int fd) {
  int size = 0;
  return ioctl(fd, 0x1268 /* BLKSSZGET */, &size) == 0 ? size : -1;
}

/// The kind of the file system that a file is on (statfs(2), f_type), or -1.
static inline long linux_file_system(int fd) {
  struct statfs system;
  return fstatfs(fd, &system) == 0 ? (long)(system.f_type & 0xffffffff) : -1;
}

/// Bytes of a header before each frame of a TAP interface, or -1 if the descriptor is of none.
static inline int linux_tap_header_size(int fd) {
  struct { char name[16]; short flags; char rest[22]; } request;
  if (ioctl(fd, 0x800454d2UL /* TUNGETIFF */, &request) < 0) return -1;
  if (!(request.flags & 0x4000 /* IFF_VNET_HDR */)) return 0;
  int size = 0;
  return ioctl(fd, 0x800454d7UL /* TUNGETVNETHDRSZ */, &size) < 0 ? -1 : size;
}

/// Processors that this process may run on.
static inline int linux_processor_count(void) {
  unsigned long words[128]; // for 8192 processors
  long bytes = syscall(SYS_sched_getaffinity, 0, sizeof words, words);
  if (bytes <= 0) return (int)sysconf(_SC_NPROCESSORS_ONLN);
  int count = 0;
  for (long i = 0; i < bytes / (long)sizeof *words; i++) count += __builtin_popcountl(words[i]);
  return count;
}

/// pread(2) of what the page cache holds: -1 and EAGAIN where it would wait.
static inline ssize_t linux_read_cached(int fd, void *buffer, size_t count, off_t offset) {
  struct iovec part = { .iov_base = buffer, .iov_len = count };
  return syscall(SYS_preadv2, fd, &part, 1L, (long)offset, 0L, 0x8L /* RWF_NOWAIT */);
}

/// A hint to the processor in a loop that waits for another thread.
static inline void linux_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

static inline int linux_thread_id(void) { return (int)syscall(SYS_gettid); }

static inline int linux_fork(void) { return (int)fork(); }

static inline int linux_window_size(int fd, struct winsize *size) { return ioctl(fd, TIOCGWINSZ, size); }

/// Bytes of a socket that its peer (unix) or its peer's kernel (TCP) has not taken yet; -1 for anything else.
static inline int linux_unsent_byte_count(int fd) {
  int count = 0;
  return ioctl(fd, 0x5411 /* SIOCOUTQ */, &count) == 0 ? count : -1;
}

/// connect(2) carried to its end: a signal in the middle does not abort the attempt, it only ends the waiting.
static inline int linux_connect(int fd, const struct sockaddr *address, socklen_t length) {
  if (connect(fd, address, length) == 0) return 0;
  if (errno != EINTR) return -1;
  struct pollfd entry = { .fd = fd, .events = POLLOUT };
  while (poll(&entry, 1, -1) < 0) if (errno != EINTR) return -1;
  int code = 0;
  socklen_t size = sizeof code;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0) return -1;
  if (code == 0) return 0;
  errno = code;
  return -1;
}

/// Where a fault was, as the handler of SIGBUS is told.
static inline void *linux_fault_address(const siginfo_t *info) { return info->si_addr; }

/// Installs a handler for SIGBUS and gives the one before.
static inline int linux_catch_bus_errors(void (*handler)(int, siginfo_t *, void *), struct sigaction *previous) {
  struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK };
  action.sa_sigaction = handler;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGBUS, &action, previous);
}

static inline char **linux_environment(void) { extern char **environ; return environ; }

#endif
