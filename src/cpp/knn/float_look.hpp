// The look before canonical sums: sums in float32, straight from the inputs, for inputs that float32 holds as they are. Differences
// of such numbers lose no digits to cancellation, so a sum is off by a small part of itself, at a fraction of the canonical
// one's cost. docs/exactness.md derives the bounds.
#pragma once

#include "core/borrowed.hpp"
#include "core/transpose.hpp"
#include "knn/canonical.hpp"
#include "knn/filter.hpp"

namespace deeprob::knn {

// What the terms of a query's value a and a row's value b add to a sum.
struct FloatSquares : Added {
    template <class V> static V add(V sum, V a, V b, V /*scale*/) {
        const V difference = a - b;
        return core::multiply_add(difference, difference, sum);
    }
};
struct FloatScaledSquares : Added {
    template <class V> static V add(V sum, V a, V b, V scale) {
        const V difference = (a - b) * scale;
        return core::multiply_add(difference, difference, sum);
    }
};
struct FloatAbsolutes : Added {
    template <class V> static V add(V sum, V a, V b, V /*scale*/) { return sum + core::absolute(a - b); }
};
struct FloatLargest : Largest {
    template <class V> static V add(V sum, V a, V b, V /*scale*/) { return join(sum, core::absolute(a - b)); }
};
struct FloatProducts : Added {
    template <class V> static V add(V sum, V a, V b, V /*scale*/) { return core::multiply_add(a, b, sum); }
};
struct FloatNorms : Added {
    template <class V> static V add(V sum, V /*a*/, V b, V /*scale*/) { return core::multiply_add(b, b, sum); }
};

class FloatLook {
  public:
    FloatLook(Metric metric, core::Borrowed<Rows> train, core::Borrowed<Rows> queries)
        : metric_(metric), train_(train), queries_(queries),
          serves_(holds(*train) && holds(*queries) && !is_exact(*train, *queries)),
          query_(serves_ ? size(core::round_up(train->n_features, core::kLanes<float>)) : 0) {
        const Index n_additions = core::ceil_div(train->n_features, core::kLanes<float>) + core::kLanes<float>;
        rounding_ = 1.01 * static_cast<double>(n_additions + 8) * kUnit;
    }

    // Before each task: what a look is worth is found anew, lest it depend on who did what before.
    void clear() {
        loaded_ = -1;
        n_looked_ = n_left_ = n_pauses_ = 0;
    }

    // Whether a look is likely to spare canonical sums: not where the rows looked at last were as good as tied. Asked before each.
    [[nodiscard]] bool is_worth() {
        if (n_pauses_ > 0) --n_pauses_;
        return serves_ && n_pauses_ == 0;
    }

    // The query that rows are compared with next.
    void load(Index query) {
        if (query == loaded_) return;
        loaded_ = query;
        with_held_dtype(queries_.dtype, [&]<class T> {
            const T* values = queries_.row<T>(query);
            const Index whole = queries_.n_features / kWidth * kWidth;
            for (Index f = 0; f < whole; f += kWidth) core::store(query_.data() + f, core::load_as_float(values + f));
            if (whole < queries_.n_features) {
                core::store(query_.data() + whole, tail(values + whole, queries_.n_features - whole));
            }
            if (adds_products()) query_norm_ = std::sqrt(canonical_norm2(values, queries_.n_features)) * (1 + 0x1p-30);
        });
    }

    // Calls keep(i) for each of the rows, its number rows[i], whose key may be `key` or less.
    template <class Keep> void look(std::span<const Index> rows, double key, const Keep& keep) {
        const double limit = limit_of(key);
        with_held_dtype(train_.dtype, [&]<class T> {
            for (std::size_t first = 0; first < rows.size(); first += size(kWidth)) {
                const T* at[kWidth];
                const std::size_t n = std::min(size(kWidth), rows.size() - first);
                for (std::size_t r = 0; r < size(kWidth); ++r) at[r] = train_.row<T>(rows[first + std::min(r, n - 1)]);
                double lowest[kWidth];
                bound(at, limit, lowest);
                for (std::size_t r = 0; r < n; ++r) {
                    // NaN excludes nothing.
                    if (lowest[r] > limit) continue;
                    ++n_left_;
                    keep(first + r);
                }
            }
        });
        n_rows_ += std::ssize(rows);
        n_looked_ += std::ssize(rows);
        if (n_looked_ < kTrial) return;
        if (n_left_ > n_looked_ / 4 * 3) n_pauses_ = kPauses;
        n_looked_ = n_left_ = 0;
    }

    // How many rows were looked at.
    [[nodiscard]] Index n_rows() const { return n_rows_; }

  private:
    static constexpr Index kTrial = 512;  // rows
    static constexpr Index kPauses = 256; // looks
    static constexpr Index kWidth = core::kLanes<float>;

    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }
    static bool holds(const Rows& rows) {
        constexpr Index kMostFeatures = Index{1} << 20; // bounds are linear in the unit
        return rows.dtype != core::Dtype::float64 && rows.n_features <= kMostFeatures;
    }
    // Canonical sums of bytes are sums of integers, which cost less than floats.
    static bool is_exact(const Rows& train, const Rows& queries) {
        return queries.n_rows > 0 && bytes_of_query(queries, 0, train) != nullptr;
    }
    template <class F> static void with_held_dtype(core::Dtype dtype, const F& f) {
        core::with_dtype(dtype, [&]<class T> {
            if constexpr (!std::is_same_v<T, double>) f.template operator()<T>();
        });
    }
    [[nodiscard]] bool adds_products() const { return metric_ == Metric::cosine || metric_ == Metric::inner_product; }

    // What lower bounds are compared with: a canonical sum, of products the negative one, that no key up to `key` exceeds.
    [[nodiscard]] double limit_of(double key) const {
        switch (metric_) {
        case Metric::euclidean: return largest_square_of(key);
        // Sums above 4 have the key 2 as well, but no bound is above 4.
        case Metric::cosine: return 2 * key;
        case Metric::sqeuclidean:
        case Metric::manhattan:
        case Metric::chebyshev:
        case Metric::inner_product: return key;
        }
        return key;
    }

    // Lower bounds of the canonical sums with kWidth rows, of products of the negative ones.
    template <class T> void bound(const T* const* rows, double limit, double* out) const {
        switch (metric_) {
        case Metric::euclidean:
        case Metric::sqeuclidean: return bound_squares(rows, limit, out);
        case Metric::manhattan: return bound_differences<FloatAbsolutes>(rows, 1, out);
        case Metric::chebyshev: return bound_differences<FloatLargest>(rows, 1, out);
        case Metric::cosine:
        case Metric::inner_product: return bound_products(rows, out);
        }
    }

    template <class T> void bound_squares(const T* const* rows, double limit, double* out) const {
        constexpr double kSmall = 0x1p-80; // squares of much smaller differences vanish
        if (limit >= kSmall || limit == 0) return bound_differences<FloatSquares>(rows, 1, out);
        // A power of two, lest it round; far larger differences overflow, which says enough.
        const double scale = std::ldexp(1.0, std::min(126, -std::ilogb(limit) / 2));
        bound_differences<FloatScaledSquares>(rows, scale, out);
        for (Index r = 0; r < kWidth; ++r) out[r] /= scale * scale;
    }

    template <class Terms, class T> void bound_differences(const T* const* rows, double scale, double* out) const {
        float sums[kWidth];
        add<T, Terms>(rows, scale, sums);
        for (Index r = 0; r < kWidth; ++r) {
            // A sum that overflows is at least the largest float.
            const float finite = std::min(sums[r], std::numeric_limits<float>::max());
            out[r] = double{finite} * (1 - rounding_);
        }
    }

    template <class T> void bound_products(const T* const* rows, double* out) const {
        float products[kWidth];
        float norms2[kWidth];
        add<T, FloatProducts>(rows, 1, products);
        add<T, FloatNorms>(rows, 1, norms2);
        for (Index r = 0; r < kWidth; ++r) {
            const double product = products[r];
            const double norm = std::sqrt(double{norms2[r]});
            // Elsewhere products may vanish or overflow.
            const bool in_range = norm > 0x1p-50 && norm < 0x1p50 && query_norm_ > 0x1p-50 && query_norm_ < 0x1p50;
            if (!in_range) {
                out[r] = -std::numeric_limits<double>::infinity();
            } else if (metric_ == Metric::cosine) {
                out[r] = 2 - 2 * product / (query_norm_ * norm) - 4 * rounding_;
            } else {
                out[r] = -product - 2 * rounding_ * query_norm_ * norm;
            }
        }
    }

    // The sums of the query with kWidth rows: at once, for their chains hide each other's latency.
    template <class T, class Terms> void add(const T* const* rows, double scale, float* sums) const {
        core::Vector<float> totals[kWidth] = {};
        const auto factor = core::broadcast(static_cast<float>(scale));
        const Index whole = train_.n_features / kWidth * kWidth;
        for (Index f = 0; f < whole; f += kWidth) {
            const auto x = core::load(query_.data() + f);
#pragma GCC unroll 16
            for (Index r = 0; r < kWidth; ++r) {
                totals[r] = Terms::add(totals[r], x, core::load_as_float(rows[r] + f), factor);
            }
        }
        if (whole < train_.n_features) {
            const auto x = core::load(query_.data() + whole);
            for (Index r = 0; r < kWidth; ++r) {
                totals[r] = Terms::add(totals[r], x, tail(rows[r] + whole, train_.n_features - whole), factor);
            }
        }
        core::transpose_square<float>(totals);
        core::Vector<float> total = totals[0];
#pragma GCC unroll 16
        for (Index l = 1; l < kWidth; ++l) total = Terms::join(total, totals[l]);
        core::store(sums, total);
    }

    // The last elements of a row, fewer than a vector has.
    template <class T> static core::Vector<float> tail(const T* row, Index n) {
        T values[kWidth] = {};
        std::memcpy(values, row, size(n) * sizeof(T));
        return core::load_as_float(values);
    }

    Metric metric_;
    const Rows& train_;
    const Rows& queries_;
    bool serves_;
    core::AlignedVector<float> query_; // padded with zeros
    double query_norm_ = 0;            // rounded up
    double rounding_ = 0;              // relative error of a sum, and more
    Index loaded_ = -1;                // number of the query
    Index n_rows_ = 0;
    Index n_looked_ = 0; // since the last trial ended
    Index n_left_ = 0;
    Index n_pauses_ = 0;
};

} // namespace deeprob::knn
