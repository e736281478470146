/* To be preloaded: lets an allocation fail that our extension modules ask for, by themselves or through the C++ library.
 *
 * fa_select names our modules, fa_arm(n, onwards) lets the n-th of their allocations fail, and all later ones if `onwards`;
 * fa_disarm ends that and returns how many there were; fa_failed how many of them failed. Of all threads together. */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

enum { MOST_RANGES = 64, MOST_FRAMES = 24 };

struct ranges {
    size_t count;
    struct {
        size_t begin, end;
    } of[MOST_RANGES];
};

static struct ranges ours, cxx, own;
static char our_name[64];
static atomic_int armed, from_there_on;
static atomic_long wanted, seen, failed;
static _Thread_local int looking; /* backtrace may allocate */

static int within(const struct ranges *ranges, const void *address) {
    for (size_t i = 0; i < ranges->count; ++i) {
        if ((size_t)address >= ranges->of[i].begin && (size_t)address < ranges->of[i].end) return 1;
    }
    return 0;
}

static int note(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size;
    (void)unused;
    struct ranges found = {0};
    for (int i = 0; i < info->dlpi_phnum && found.count < MOST_RANGES; ++i) {
        const size_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
        found.of[found.count].begin = begin;
        found.of[found.count++].end = begin + info->dlpi_phdr[i].p_memsz;
    }
    if (within(&found, (const void *)&note)) {
        own = found;
    } else if (strstr(info->dlpi_name, "libstdc++") != NULL) {
        cxx = found;
    } else if (strstr(info->dlpi_name, our_name) != NULL) {
        for (size_t i = 0; i < found.count && ours.count < MOST_RANGES; ++i) ours.of[ours.count++] = found.of[i];
    }
    return 0;
}

/* Returns the number of segments of our modules. */
long fa_select(const char *name) {
    strncpy(our_name, name, sizeof our_name - 1);
    ours.count = cxx.count = own.count = 0;
    dl_iterate_phdr(note, NULL);
    void *frames[MOST_FRAMES];
    backtrace(frames, MOST_FRAMES); /* loads what it needs now */
    return (long)ours.count;
}

void fa_arm(long n, int onwards) {
    seen = failed = 0;
    wanted = n;
    from_there_on = onwards;
    armed = 1;
}

long fa_disarm(void) {
    armed = 0;
    return seen;
}

long fa_failed(void) { return failed; }

static int asked_by_us(const void *caller) {
    if (within(&ours, caller)) return 1;
    if (!within(&cxx, caller) || looking) return 0;
    void *frames[MOST_FRAMES];
    looking = 1;
    const int count = backtrace(frames, MOST_FRAMES);
    looking = 0;
    int i = 0;
    while (i < count && (within(&own, frames[i]) || within(&cxx, frames[i]))) ++i;
    return i < count && within(&ours, frames[i]);
}

static int must_fail(const void *caller) {
    if (!armed || !asked_by_us(caller)) return 0;
    const long number = atomic_fetch_add(&seen, 1) + 1;
    if (number < wanted || (number > wanted && !from_there_on)) return 0;
    ++failed;
    errno = ENOMEM;
    return 1;
}

#define MUST_FAIL must_fail(__builtin_return_address(0))

void *malloc(size_t size) { return MUST_FAIL ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) { return MUST_FAIL ? NULL : __libc_calloc(count, size); }

void *realloc(void *memory, size_t size) { return MUST_FAIL ? NULL : __libc_realloc(memory, size); }

void *memalign(size_t alignment, size_t size) { return MUST_FAIL ? NULL : __libc_memalign(alignment, size); }

void *aligned_alloc(size_t alignment, size_t size) { return MUST_FAIL ? NULL : __libc_memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (MUST_FAIL) return ENOMEM;
    *memory = __libc_memalign(alignment, size);
    return *memory == NULL ? ENOMEM : 0;
}
