// Equal rows: a data set made of few distinct rows is searched by its distinct rows only.
#pragma once

#include "core/parallel.hpp"
#include "knn/canonical.hpp"

#include <compare>
#include <span>
#include <vector>

namespace deeprob::knn {

struct HashedRow {
    std::uint64_t hash;
    Index row;
    friend auto operator<=>(const HashedRow&, const HashedRow&) = default;
};

// One hash a row, equal for rows of equal values (0.0 equals -0.0). Rows of equal hashes still have to be compared.
inline void hash_rows(const Rows& rows, std::span<HashedRow> out, const core::Execution& execution) {
    constexpr Index kRowsPerTask = 256;
    const auto width = static_cast<std::size_t>(rows.n_features);
    const Index n_tasks = core::ceil_div(rows.n_rows, kRowsPerTask);
    std::vector<double> values(static_cast<std::size_t>(core::team_size(n_tasks, execution)) * width);
    core::parallel_for(n_tasks, execution, [&](Index task, int thread, core::LoopControl&) {
        double* row = values.data() + static_cast<std::size_t>(thread) * width;
        const Index end = std::min((task + 1) * kRowsPerTask, rows.n_rows);
        for (Index i = task * kRowsPerTask; i < end; ++i) {
            row_as_double(rows, i, row);
            std::uint64_t hash = 0x9e3779b97f4a7c15U;
            for (std::size_t f = 0; f < width; ++f) {
                hash = (hash ^ std::bit_cast<std::uint64_t>(row[f] + 0.0)) * 0xff51afd7ed558ccdU;
                hash ^= hash >> 32;
            }
            out[static_cast<std::size_t>(i)] = {hash, i};
        }
    });
}

// Whether every row has the values of its representative.
inline bool rows_equal(const Rows& rows, std::span<const Index> representatives, const core::Execution& execution) {
    constexpr Index kRowsPerTask = 256;
    const auto width = static_cast<std::size_t>(rows.n_features);
    const Index n_tasks = core::ceil_div(rows.n_rows, kRowsPerTask);
    std::vector<double> values(static_cast<std::size_t>(core::team_size(n_tasks, execution)) * 2 * width);
    std::vector<char> equal(static_cast<std::size_t>(n_tasks), 1);
    core::parallel_for(n_tasks, execution, [&](Index task, int thread, core::LoopControl&) {
        double* row = values.data() + static_cast<std::size_t>(thread) * 2 * width;
        double* other = row + width;
        const Index end = std::min((task + 1) * kRowsPerTask, rows.n_rows);
        for (Index i = task * kRowsPerTask; i < end; ++i) {
            row_as_double(rows, i, row);
            row_as_double(rows, representatives[static_cast<std::size_t>(i)], other);
            if (!std::equal(row, row + width, other)) equal[static_cast<std::size_t>(task)] = 0;
        }
    });
    return std::ranges::find(equal, 0) == equal.end();
}

// Equal rows of each distinct row, which are ordered by the first of them.
struct DuplicatesOut {
    Index* representatives; // the first row of each; as many as there are rows, at most
    Index* starts;          // one more
    Index* members;         // (n_rows), those of distinct row j from starts[j] on, ascending
};

// Finds equal rows. Returns how many rows are distinct; 0 if few rows repeat, or if rows that differ have one hash.
inline Index find_duplicates(const Rows& rows, const DuplicatesOut& out, const core::Execution& execution) {
    const auto n_rows = static_cast<std::size_t>(rows.n_rows);
    std::vector<HashedRow> hashed(n_rows);
    hash_rows(rows, hashed, execution);
    std::ranges::sort(hashed);
    const auto same = [](const HashedRow& a, const HashedRow& b) { return a.hash == b.hash; };
    struct Run {
        Index representative;
        std::size_t begin;
        std::size_t end;
    };
    std::vector<Run> runs;
    for (std::size_t begin = 0; begin < n_rows;) {
        std::size_t end = begin + 1;
        while (end < n_rows && same(hashed[begin], hashed[end])) ++end;
        runs.push_back({hashed[begin].row, begin, end});
        begin = end;
        if (8 * runs.size() > 7 * n_rows) return 0;
    }
    std::vector<Index> representatives(n_rows);
    for (const Run& run : runs) {
        for (std::size_t i = run.begin; i < run.end; ++i) {
            representatives[static_cast<std::size_t>(hashed[i].row)] = run.representative;
        }
    }
    if (!rows_equal(rows, representatives, execution)) return 0;
    std::ranges::sort(runs, {}, &Run::representative);
    Index n_members = 0;
    for (std::size_t j = 0; j < runs.size(); ++j) {
        out.representatives[j] = runs[j].representative;
        out.starts[j] = n_members;
        for (std::size_t i = runs[j].begin; i < runs[j].end; ++i) out.members[n_members++] = hashed[i].row;
    }
    out.starts[runs.size()] = n_members;
    return std::ssize(runs);
}

} // namespace deeprob::knn
