// The only file that names OpenMP. One loop over numbered tasks, answered by any thread in any order: callers make sure that
// a task's result depends on its number alone. Long calls stay interruptible, exceptions come out after the region, a forked
// child, whose thread pool did not survive the fork, computes on the calling thread, and where threads cannot be made fewer do.
#pragma once

#include "core/matrix.hpp"
#include "core/simd.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <exception>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <omp.h>
#if __has_include(<pthread.h>)
#include <pthread.h>
#endif

namespace deeprob::core {

// Thrown on the calling thread when `interrupted` said so.
struct Interrupted : std::exception {};

// Asked now and then on the calling thread; true stops the loop.
using InterruptCheck = bool (*)();

// How many threads the caller wants at most, and how to learn that the user wants none of it any more.
struct Execution {
    int n_threads;
    InterruptCheck interrupted;
};

inline std::atomic<bool>& in_forked_child() {
    static std::atomic<bool> flag{false};
    return flag;
}

// To be called once, when the module is loaded.
inline void watch_forks() {
#if __has_include(<pthread.h>)
    pthread_atfork(nullptr, nullptr, [] { in_forked_child().store(true); });
#endif
}

// The limit of the calling thread: OMP_NUM_THREADS, threadpoolctl, affinity.
inline int max_threads() { return std::min(omp_get_max_threads(), omp_get_num_procs()); }

// More than a few threads for each processor only cost memory; so many let tests and users of small machines see several.
inline int most_threads() {
    constexpr int kFewProcessors = 4;
    constexpr int kThreadsPerProcessor = 4;
    return kThreadsPerProcessor * std::max(kFewProcessors, omp_get_num_procs());
}

#if __has_include(<pthread.h>)
// How many threads of `wanted` can be alive at once, beside those there are. They end before this returns: their stacks are at hand then.
inline int makeable_threads(int wanted) {
    constexpr std::size_t kMargin = std::size_t{1} << 16; // run times want a little more than the usual size
    pthread_attr_t attributes;
    std::size_t stack = 0;
    pthread_attr_init(&attributes);
    pthread_attr_getstacksize(&attributes, &stack);
    pthread_attr_setstacksize(&attributes, stack + kMargin);
    const auto wait = [](void* latch) -> void* {
        static_cast<std::latch*>(latch)->wait();
        return nullptr;
    };
    std::latch all_made(1);
    std::vector<pthread_t> made(static_cast<std::size_t>(wanted));
    int count = 0;
    while (count < wanted
           && pthread_create(&made[static_cast<std::size_t>(count)], &attributes, wait, &all_made) == 0) {
        ++count;
    }
    all_made.count_down();
    for (int t = 0; t < count; ++t) pthread_join(made[static_cast<std::size_t>(t)], nullptr);
    pthread_attr_destroy(&attributes);
    return count;
}
#else
inline int makeable_threads(int wanted) { return wanted; }
#endif

// How many threads a parallel region of the calling thread may have, `wanted` at most. The OpenMP run time ends the process where
// it cannot make a thread, for want of memory or by a limit on processes. So those that its pool lacks are made here first.
inline int obtainable_threads(int wanted) {
    thread_local int pool = 1; // of the calling thread; a smaller region lets the others go
    if (wanted > pool) {
        constexpr std::size_t kMargin = std::size_t{1} << 20; // for what the run time allocates
        const auto margin = std::make_unique_for_overwrite<std::byte[]>(kMargin);
        wanted = pool + makeable_threads(wanted - pool);
    }
    pool = wanted;
    return wanted;
}

// What the tasks of one loop share.
class LoopControl {
  public:
    explicit LoopControl(InterruptCheck interrupted) : interrupted_(interrupted) {}

    // Whether the task should return at once. Cheap; a task asks every few microseconds to milliseconds of work.
    bool stopped(int thread) {
        if (thread == 0) poll();
        return stop_.load(std::memory_order_relaxed);
    }

    void fail(std::exception_ptr error) {
        const std::scoped_lock lock(mutex_);
        if (!error_) error_ = std::move(error);
        stop_.store(true);
    }

    void rethrow() {
        if (error_) std::rethrow_exception(error_);
        if (interrupt_seen_) throw Interrupted{};
    }

  private:
    using Clock = std::chrono::steady_clock;

    void poll() {
        const auto now = Clock::now();
        if (interrupted_ == nullptr || now - last_poll_ < std::chrono::milliseconds(50)) return;
        last_poll_ = now;
        if (!interrupt_seen_ && interrupted_()) {
            interrupt_seen_ = true;
            stop_.store(true);
        }
    }

    InterruptCheck interrupted_;
    std::atomic<bool> stop_{false};
    bool interrupt_seen_ = false; // written and read by the calling thread only
    Clock::time_point last_poll_ = Clock::now();
    std::mutex mutex_;
    std::exception_ptr error_;
};

// The question of a task, in one type for all loops: what asks it is compiled once.
struct Stopped {
    LoopControl& control;
    int thread;

    bool operator()() const { return control.stopped(thread); }
};

// How many threads parallel_for will use: what per-thread scratch has to be made for.
inline int team_size(Index n_tasks, const Execution& execution) {
    if (in_forked_child().load() || omp_in_parallel() != 0) return 1;
    return static_cast<int>(std::clamp<Index>(execution.n_threads, 1, std::max<Index>(n_tasks, 1)));
}

// Called through a pointer: bodies are many, and each would be compiled twice into a loop of its own.
using TaskBody = std::function<void(Index task, int thread, LoopControl& control)>;

// Runs body(task, thread, control) for every task in [0, n_tasks), thread in [0, team_size).
inline void parallel_for(Index n_tasks, const Execution& execution, const TaskBody& body) {
    LoopControl control(execution.interrupted);
    std::atomic<Index> next{0};
    const auto work = [&](int thread) {
        const DefaultFloatEnvironment environment;
        try {
            for (Index task = next++; task < n_tasks && !control.stopped(thread); task = next++) {
                body(task, thread, control);
            }
        } catch (...) {
            control.fail(std::current_exception());
        }
    };
    const int wanted = team_size(n_tasks, execution);
    const int n_threads = wanted == 1 ? 1 : obtainable_threads(wanted);
    if (n_threads == 1) {
        work(0);
    } else {
        std::atomic<int> finished{0};
#pragma omp parallel num_threads(n_threads)
        {
            const int thread = omp_get_thread_num();
            work(thread);
            ++finished;
            // The calling thread goes on listening for Ctrl-C while the others finish.
            for (int spins = 0; thread == 0 && finished < omp_get_num_threads(); ++spins) {
                if (spins > 1000) std::this_thread::sleep_for(std::chrono::microseconds(100));
                control.stopped(thread);
            }
        }
    }
    control.rethrow();
}

// Threads that work in step: what one wrote before a barrier, all see behind it.
class Team {
  public:
    explicit Team(int size) : size_(size) {}

    [[nodiscard]] int size() const { return size_; }

    void barrier() {
        const int round = round_.load();
        if (arrived_.fetch_add(1) + 1 == size_) {
            arrived_.store(0);
            round_.store(round + 1);
            return;
        }
        for (int spins = 0; round_.load() == round; ++spins) {
            if (spins > 10000) {
                std::this_thread::yield(); // another program may need the processor that we wait for
            } else {
                relax();
            }
        }
    }

  private:
    int size_;
    std::atomic<int> arrived_{0};
    std::atomic<int> round_{0};
};

// How many threads a team of run_team has at most: a power of two, by which work is cut without remainder.
inline int team_limit(Index n_shares, const Execution& execution) {
    return static_cast<int>(std::bit_floor(static_cast<unsigned>(team_size(n_shares, execution))));
}

using TeamBody = std::function<void(Team& team, int thread, LoopControl& control)>;

// Runs body(team, thread, control) on up to team_limit threads at once; the team's size is a power of two. The body must not
// throw; only thread 0 may ask the control.
inline void run_team(Index n_shares, const Execution& execution, const TeamBody& body) {
    LoopControl control(execution.interrupted);
    const int wanted = team_limit(n_shares, execution);
    const int n_threads = wanted == 1 ? 1 : obtainable_threads(wanted);
    if (n_threads == 1) {
        const DefaultFloatEnvironment environment;
        Team team(1);
        body(team, 0, control);
    } else {
        std::atomic<Team*> shared{nullptr};
#pragma omp parallel num_threads(n_threads)
        {
            const DefaultFloatEnvironment environment;
            const int thread = omp_get_thread_num();
            Team team(
                static_cast<int>(std::bit_floor(static_cast<unsigned>(omp_get_num_threads())))
            ); // may be fewer than wanted
            if (thread == 0) shared.store(&team);
            while (shared.load() == nullptr) relax();
            if (thread < team.size()) body(*shared.load(), thread, control);
#pragma omp barrier // thread 0 owns the team that all use
        }
    }
    control.rethrow();
}

} // namespace deeprob::core
