// SPDX-License-Identifier: Apache-2.0
// The integer benchmark guest: loops, memory walks and calls in 32-bit protected mode with 4 KiB paging.
// No library, no floating point. On COM1, for each phase:
//   PHASE name start
//   PHASE name end CHECKSUM
// then `INTEGER done` and ACPI power-off (port 604h). A driver takes CPU time between the marks; the checksums must be
// the same on every emulator.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

static void out8(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static void out16(u16 port, u16 value) { __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port)); }
static u8 in8(u16 port) {
  u8 value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static void put(char c) {
  while (!(in8(0x3fd) & 0x20)) {}
  out8(0x3f8, (u8)c);
}
static void say(const char *text) {
  for (; *text; text++) put(*text);
}
static void say_hex(u32 value) {
  for (int shift = 28; shift >= 0; shift -= 4) put("0123456789abcdef"[(value >> shift) & 15]);
}

static u32 seed;
static u32 next_random(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

#define ARENA ((u8 *)0x400000)  // 4 MiB upwards: 8 MiB of working memory
#define PAGES ((u32 *)0x100000) // page directory and tables

// Identity-maps the first 16 MiB with 4 KiB pages, as an operating system would.
static void enable_paging(void) {
  for (u32 i = 0; i < 1024; i++) PAGES[i] = i < 4 ? (u32)(PAGES + 1024 * (i + 1)) | 3 : 0;
  for (u32 i = 0; i < 4096; i++) PAGES[1024 + i] = (i << 12) | 3;
  __asm__ volatile("mov %0, %%cr3; mov %%cr0, %%eax; or $0x80000000, %%eax; mov %%eax, %%cr0" : : "r"(PAGES) : "eax", "memory");
}

// Loops: a table-driven CRC and a matrix product.
static u32 loops(void) {
  static u32 table[256];
  static int a[32][32], b[32][32], c[32][32];
  u8 *text = ARENA;
  for (u32 i = 0; i < 256; i++) {
    u32 r = i;
    for (int k = 0; k < 8; k++) r = r & 1 ? 0xedb88320u ^ (r >> 1) : r >> 1;
    table[i] = r;
  }
  for (u32 i = 0; i < 4096; i++) text[i] = (u8)next_random();
  for (int i = 0; i < 32; i++) for (int j = 0; j < 32; j++) { a[i][j] = (int)(next_random() & 255); b[i][j] = (int)(next_random() & 255); }
  u32 crc = 0;
  for (u32 round = 0; round < 9600; round++) {
    u32 r = ~crc;
    for (u32 i = 0; i < 4096; i++) r = table[(r ^ text[i]) & 255] ^ (r >> 8);
    crc = ~r;
    for (int i = 0; i < 32; i++) for (int j = 0; j < 32; j++) {
      int sum = 0;
      for (int k = 0; k < 32; k++) sum += a[i][k] * b[k][j];
      c[i][j] = sum;
    }
    a[round & 31][crc & 31] = c[crc >> 27][round & 31] & 255;
    crc += (u32)c[round & 31][(round >> 5) & 31];
  }
  return crc;
}

// Memory walks: a pointer chase through 4 MiB, then strided sums and a copy.
static u32 walks(void) {
  u32 **cells = (u32 **)ARENA;
  const u32 count = 65536, step = 16; // 64 bytes a cell
  u32 *order = (u32 *)(ARENA + 0x400000);
  for (u32 i = 0; i < count; i++) order[i] = i;
  for (u32 i = count - 1; i > 0; i--) {
    u32 j = next_random() % i, t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
  for (u32 i = 0; i < count; i++) cells[i * step] = (u32 *)(cells + order[i] * step);
  u32 **p = cells;
  for (u32 i = 0; i < 8000000; i++) p = (u32 **)*p;
  u32 sum = (u32)(p - cells);
  u32 *words = (u32 *)(ARENA + 0x400000);
  for (u32 round = 0; round < 10; round++) {
    for (u32 i = 0; i < 0x80000; i++) words[i] = words[i] * 3 + i;
    for (u32 stride = 1; stride <= 64; stride <<= 1) for (u32 i = 0; i < 0x80000; i += stride) sum += words[i];
    u32 *from = words, *to = words + 0x40000;
    for (u32 i = 0; i < 0x40000; i += 4) { to[i] = from[i + 3]; to[i + 1] = from[i + 2]; to[i + 2] = from[i + 1]; to[i + 3] = from[i]; }
  }
  return sum;
}

// Calls: recursion and calls through a table.
static __attribute__((noinline, noipa)) u32 fibonacci(u32 n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
static __attribute__((noinline, noipa)) u32 step_a(u32 x) { return x + 3; }
static __attribute__((noinline, noipa)) u32 step_b(u32 x) { return x * 5; }
static __attribute__((noinline, noipa)) u32 step_c(u32 x) { return x ^ (x >> 7); }
static __attribute__((noinline, noipa)) u32 step_d(u32 x) { return x - 11; }
static u32 calls(void) {
  static u32 (*volatile const steps[4])(u32) = {step_a, step_b, step_c, step_d};
  u32 sum = 0;
  for (u32 i = 0; i < 10; i++) sum += fibonacci(31);
  u32 x = 1;
  for (u32 i = 0; i < 30000000; i++) x = steps[(x >> 3) & 3](x) + i;
  return sum ^ x;
}

// Branches: a quicksort.
static void sort(int *a, int low, int high) {
  while (low < high) {
    int pivot = a[(low + high) >> 1], i = low, j = high;
    while (i <= j) {
      while (a[i] < pivot) i++;
      while (a[j] > pivot) j--;
      if (i <= j) { int t = a[i]; a[i] = a[j]; a[j] = t; i++; j--; }
    }
    if (j - low < high - i) { sort(a, low, j); low = i; } else { sort(a, i, high); high = j; }
  }
}
static u32 branches(void) {
  int *a = (int *)ARENA;
  u32 sum = 0;
  for (u32 round = 0; round < 9; round++) {
    for (u32 i = 0; i < 500000; i++) a[i] = (int)next_random();
    sort(a, 0, 499999);
    sum = sum * 31 + (u32)a[250000];
  }
  return sum;
}

static void phase(const char *name, u32 (*body)(void)) {
  seed = 2463534242u;
  say("PHASE "); say(name); say(" start\r\n");
  u32 checksum = body();
  say("PHASE "); say(name); say(" end "); say_hex(checksum); say("\r\n");
}

__attribute__((section(".text.start"), noreturn)) void start(void) {
  out8(0x3fb, 0x80); out8(0x3f8, 1); out8(0x3f9, 0); out8(0x3fb, 3);
  say("INTEGER hello\r\n");
  enable_paging();
  phase("loops", loops);
  phase("walks", walks);
  phase("calls", calls);
  phase("branches", branches);
  say("INTEGER done\r\n");
  while (!(in8(0x3fd) & 0x40)) {}
  out16(0x604, 0x2000);
  for (;;) __asm__ volatile("hlt");
}
