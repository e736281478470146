// Rows less the center, and their bytes, in one pass in float32: for distances that come from sums of squares. What float32
// rounds on the way is far below half a unit of a byte, and bounded for every row (docs/exactness.md).
#pragma once

#include "core/borrowed.hpp"
#include "knn/integer.hpp"

namespace deeprob::knn {

// A row less the center, v, and its bytes X.
struct Rounded {
    double norm2 = std::numeric_limits<double>::infinity(); // of v; infinite where float32 does not hold v well enough
    double error = 0;                                       // of v
    double norm2_error = 0;
    double square = 0;                                         // sum of X^2
    double sum = 0;                                            // of X
    double residual = std::numeric_limits<double>::infinity(); // norm of x^ - X, rounded up
    [[nodiscard]] bool in_range() const { return !std::isinf(norm2); }
};

class RowRounder {
  public:
    // `offset` is added to the bytes that are stored.
    RowRounder(core::Borrowed<Centering> centering, Index offset)
        : centering_(centering), offset_(static_cast<float>(offset)), center_(padded(centering)),
          float_center_(center_.size()) {
        std::ranges::transform(center_, float_center_.begin(), [](double c) { return static_cast<float>(c); });
        center_fits_ = std::ranges::equal(center_, float_center_);
    }

    static bool serves(Metric metric) { return is_euclidean(metric); }

    // Writes the bytes of a row, and v if `centred` is not null: whole vectors, beyond the last feature of zeros.
    [[nodiscard]] Rounded round(const Rows& rows, Index row, float* centred, std::int8_t* bytes) const {
        return core::with_dtype(rows.dtype, [&]<class T> {
            const T* values = rows.row<T>(row);
            if (centering_.metric != Metric::cosine) return round(values, 1, centred, bytes);
            const double norm2 = canonical_norm2(values, centering_.n_features);
            // Of other rows float64 tells whether they can be used.
            const bool has_direction = norm2 >= kMinCosineNorm2 && norm2 <= kMaxNorm2;
            return has_direction ? round(values, 1 / std::sqrt(norm2), centred, bytes) : Rounded{};
        });
    }

  private:
    using V = core::Vector<float>;

    static std::vector<double> padded(const Centering& centering) {
        const Index padded_features = core::round_up(centering.n_features, core::kLanes<float>);
        std::vector<double> center(static_cast<std::size_t>(padded_features));
        std::copy_n(centering.center.begin(), centering.n_features, center.begin());
        return center;
    }

    // Where float32 does not hold x or the center, float64 computes.
    template <class T> [[nodiscard]] bool in_float() const { return !std::is_same_v<T, double> && center_fits_; }

    // factor * x - center, elements from f on. Each is off by one rounding of itself and, in float32, for a factor that is not 1,
    // two of factor * x.
    template <class T> V center(const T* x, double factor, Index f) const {
        if constexpr (!std::is_same_v<T, double>) {
            if (in_float<T>()) {
                return core::load_as_float(x) * static_cast<float>(factor) - core::load(float_center_.data() + f);
            }
        }
        constexpr Index kHalf = core::kLanes<double>;
        float out[2 * kHalf];
        for (Index h = 0; h < 2 * kHalf; h += kHalf) {
            core::store_as_float(out + h, core::load_as_double(x + h) * factor - core::load(center_.data() + f + h));
        }
        return core::load(out);
    }

    // Sums of squares, and of integers.
    struct Sums {
        V norm2{};
        V residual2{};
        V sum{};
        V square{};
    };

    template <class T> Rounded round(const T* row, double factor, float* centred, std::int8_t* bytes) const {
        constexpr Index kWidth = core::kLanes<float>;
        static_assert(kMaxByteColumns / kWidth * core::kByteLimit * core::kByteLimit < (1 << 24)); // sums are exact
        const V scale = core::broadcast(static_cast<float>(centering_.scale));
        const V offset = core::broadcast(offset_);
        Sums sums;
        const auto step = [&](Index f, const T* x) {
            const V v = center(x, factor, f);
            if (centred != nullptr) core::store(centred + f, v);
            core::store_as_bytes(bytes + f, to_integers(v, v * scale, sums) + offset);
        };
        const Index n_features = centering_.n_features;
        Index f = 0;
        for (; f + kWidth <= n_features; f += kWidth) step(f, row + f);
        if (f < n_features) {
            T tail[kWidth] = {};
            std::memcpy(tail, row + f, static_cast<std::size_t>(n_features - f) * sizeof(T));
            step(f, tail);
        }
        return measured(sums, centering_.metric == Metric::cosine && in_float<T>() ? 2 : 0);
    }

    [[gnu::always_inline]] static V to_integers(V v, V value, Sums& sums) {
        const V magic = core::broadcast(0x1.8p23F); // adding and subtracting it rounds
        const V limit = core::broadcast(static_cast<float>(core::kByteLimit));
        const V below = value > limit ? limit : value;
        const V clipped = below < -limit ? -limit : below;
        const V integer = (clipped + magic) - magic;
        const V rest = value - integer;
        sums.norm2 += v * v;
        sums.residual2 += rest * rest;
        sums.sum += integer;
        sums.square += integer * integer;
        return integer;
    }

    // `turned`: what the rows that are centred are off by already, in units of float32.
    [[nodiscard]] Rounded measured(const Sums& sums, double turned) const {
        Rounded rounded;
        const double norm2 = core::add_lanes(sums.norm2);
        // Far inside the range of float32; also false for NaN.
        const bool in_range = norm2 < 0x1p100 && (norm2 > 0x1p-100 || norm2 == 0) && centering_.scale < 0x1p120;
        if (!in_range) return rounded;
        // What squares lose that are not normal numbers: of norm2, and of a norm.
        const double vanished2 = static_cast<double>(centering_.n_features) * 0x1p-149;
        const double vanished = std::sqrt(vanished2);
        const Index n_additions = centering_.n_features / core::kLanes<float> + core::kLanes<float>;
        const double chain = static_cast<double>(n_additions + 8) * kUnit;
        const double norm = std::sqrt(norm2) * (1 + chain) + vanished;
        rounded.norm2 = norm2;
        rounded.error = 1.01 * kUnit * (norm + turned);
        rounded.norm2_error = 1.01 * (chain * norm2 + vanished2);
        rounded.square = core::add_lanes(sums.square);
        rounded.sum = core::add_lanes(sums.sum);
        // The scale and its product with v are rounded, too.
        const double rounding = centering_.scale * (rounded.error + 2.1 * kUnit * norm);
        rounded.residual = std::sqrt(core::add_lanes(sums.residual2)) * (1 + chain) + vanished + rounding;
        return rounded;
    }

    const Centering& centering_;
    float offset_;
    std::vector<double> center_; // padded with zeros
    std::vector<float> float_center_;
    bool center_fits_ = false;
};

} // namespace deeprob::knn
