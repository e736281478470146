// The only file that names an instruction set. It offers one vector type per scalar, as wide as the level this translation
// unit is compiled for, and the few operations on it that C++ has no operator for. Everything above is written once.
#pragma once

#include "core/matrix.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace deeprob::core {

#if defined(__AVX512F__)
inline constexpr Index kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr Index kVectorBytes = 32;
#else
inline constexpr Index kVectorBytes = 16;
#endif

template <class T, Index kBytes> struct VectorTraits {
    using type [[gnu::vector_size(kBytes)]] = T;
};

template <class T> using Vector = typename VectorTraits<T, kVectorBytes>::type;
template <class T> inline constexpr Index kLanes = kVectorBytes / static_cast<Index>(sizeof(T));

// The register tile: kTileQueries x kTileVectors accumulators, with room left for the operands. The shape for AVX-512 was
// the best of 8 x 3, 14 x 2 and 28 x 1 on a Xeon (family 6, model 207); the one for AVX2 is customary. Wider tiles spill.
#if defined(__AVX512F__)
inline constexpr Index kTileQueries = 14;
#elif defined(__aarch64__)
inline constexpr Index kTileQueries = 12;
#else
inline constexpr Index kTileQueries = 6;
#endif
inline constexpr Index kTileVectors = 2;

template <class T> inline Vector<T> load(const T* p) {
    Vector<T> v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
template <class T> inline void store(T* p, Vector<T> v) { std::memcpy(p, &v, sizeof v); }
template <class T> inline Vector<T> broadcast(T x) { return x - Vector<T>{}; }

// One rounding where the level has a fused multiply-add, two where it has not: only filters may use it.
inline Vector<float> multiply_add(Vector<float> a, Vector<float> b, Vector<float> c) {
#if defined(__AVX512F__)
    return _mm512_fmadd_ps(a, b, c);
#elif defined(__FMA__)
    return _mm256_fmadd_ps(a, b, c);
#else
    return a * b + c;
#endif
}
inline Vector<double> multiply_add(Vector<double> a, Vector<double> b, Vector<double> c) {
#if defined(__AVX512F__)
    return _mm512_fmadd_pd(a, b, c);
#elif defined(__FMA__)
    return _mm256_fmadd_pd(a, b, c);
#else
    return a * b + c;
#endif
}

inline double absolute(double a) { return std::abs(a); }
inline float absolute(float a) { return std::abs(a); }
inline std::int32_t absolute(std::int32_t a) { return std::abs(a); }
inline Vector<float> absolute(Vector<float> a) {
    using Bits = Vector<std::uint32_t>;
    return reinterpret_cast<Vector<float>>(reinterpret_cast<Bits>(a) & 0x7fffffffU);
}
inline Vector<double> absolute(Vector<double> a) {
    using Bits = Vector<std::uint64_t>;
    return reinterpret_cast<Vector<double>>(reinterpret_cast<Bits>(a) & 0x7fffffffffffffffULL);
}

// Bytes of filters lie in [-kByteLimit, kByteLimit]: seven bits where sums of two products would saturate at sixteen.
#if defined(__AVX512VNNI__)
inline constexpr Index kByteLimit = 127;
#else
inline constexpr Index kByteLimit = 63;
#endif

// Adds to each sum the products of its four bytes, those of a unsigned, those of b signed.
inline Vector<std::int32_t> add_byte_products(
    Vector<std::int32_t> sum, Vector<std::int32_t> a, Vector<std::int32_t> b
) {
#if defined(__AVX512VNNI__)
    return reinterpret_cast<Vector<std::int32_t>>(
        _mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b))
    );
#elif defined(__AVX512F__)
    const __m512i pairs = _mm512_maddubs_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b));
    return sum + reinterpret_cast<Vector<std::int32_t>>(_mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#elif defined(__AVX2__)
    const __m256i pairs = _mm256_maddubs_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b));
    return sum + reinterpret_cast<Vector<std::int32_t>>(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#else
    for (int shift = 0; shift < 32; shift += 8) sum += (a >> shift & 0xff) * (b << (24 - shift) >> 24);
    return sum;
#endif
}

// all & a & b. GCC 12 would put off a chain of these, and keep all operands until its end.
inline Vector<std::int32_t> common_bits(Vector<std::int32_t> all, Vector<std::int32_t> a, Vector<std::int32_t> b) {
#if defined(__AVX512F__)
    return reinterpret_cast<Vector<std::int32_t>>(_mm512_ternarylogic_epi32(
        reinterpret_cast<__m512i>(all), reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b), 0x80
    ));
#else
    return all & a & b;
#endif
}

// NOLINTBEGIN(portability-simd-intrinsics): GCC 12 compares and blends bytes instead of taking minima.
// Adds to each sum twice the minima of its four bytes, unsigned both.
inline Vector<std::int32_t> add_byte_minima(Vector<std::int32_t> sum, Vector<std::int32_t> a, Vector<std::int32_t> b) {
#if defined(__AVX512VNNI__)
    const __m512i minima = _mm512_min_epu8(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b));
    return reinterpret_cast<Vector<std::int32_t>>(
        _mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), minima, _mm512_set1_epi8(2))
    );
#elif defined(__AVX512F__)
    const __m512i minima = _mm512_min_epu8(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b));
    const __m512i pairs = _mm512_maddubs_epi16(minima, _mm512_set1_epi8(2));
    return sum + reinterpret_cast<Vector<std::int32_t>>(_mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#elif defined(__AVX2__)
    const __m256i minima = _mm256_min_epu8(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b));
    const __m256i pairs = _mm256_maddubs_epi16(minima, _mm256_set1_epi8(2));
    return sum + reinterpret_cast<Vector<std::int32_t>>(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#else
    using Bytes = Vector<std::uint8_t>;
    using Pairs = Vector<std::uint16_t>;
    using Words = Vector<std::uint32_t>;
    const auto x = reinterpret_cast<Bytes>(a);
    const auto y = reinterpret_cast<Bytes>(b);
    const auto minima = reinterpret_cast<Pairs>(x < y ? x : y);
    const auto pairs = reinterpret_cast<Words>((minima & 0xff) + (minima >> 8));
    return sum + reinterpret_cast<Vector<std::int32_t>>(((pairs & 0xffff) + (pairs >> 16)) << 1);
#endif
}
// NOLINTEND(portability-simd-intrinsics)

template <class T> inline T add_lanes_of(Vector<T> v) {
    using Half = typename VectorTraits<T, kVectorBytes / 2>::type;
    Half halves[2];
    std::memcpy(halves, &v, sizeof v);
    halves[0] += halves[1];
    T sum = 0;
    for (Index l = 0; l < kLanes<T> / 2; ++l) sum += halves[0][l];
    return sum;
}

// In double.
inline double add_lanes(Vector<float> v) {
    using Half = VectorTraits<float, kVectorBytes / 2>::type;
    Half halves[2];
    std::memcpy(halves, &v, sizeof v);
    return add_lanes_of<double>(
        __builtin_convertvector(halves[0], Vector<double>) + __builtin_convertvector(halves[1], Vector<double>)
    );
}

// Integers that fit into bytes.
inline void store_as_bytes(std::int8_t* p, Vector<float> v) {
#if defined(__AVX512F__)
    const __m128i packed = _mm512_maskz_cvtepi32_epi8(0xffff, _mm512_maskz_cvtps_epi32(0xffff, v));
    std::memcpy(p, &packed, sizeof packed);
#else
    using Bytes = VectorTraits<std::int8_t, kLanes<float>>::type;
    const auto bytes = __builtin_convertvector(__builtin_convertvector(v, Vector<std::int32_t>), Bytes);
    std::memcpy(p, &bytes, sizeof bytes);
#endif
}
inline void store_as_bytes(std::int8_t* p, Vector<double> v) {
#if defined(__AVX512F__)
    // GCC 12 would convert one element after the other.
    const __m128i packed = _mm256_maskz_cvtepi32_epi8(0xff, _mm512_maskz_cvtpd_epi32(0xff, v));
    std::memcpy(p, &packed, 8);
#else
    using Bytes = VectorTraits<std::int8_t, kLanes<double>>::type;
    const auto bytes = __builtin_convertvector(v, Bytes);
    std::memcpy(p, &bytes, sizeof bytes);
#endif
}

// Bit l of the result says whether a[l] > b[l]; false where either is NaN.
inline std::uint32_t greater(Vector<float> a, Vector<float> b) {
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
#elif defined(__AVX2__)
    return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)));
#elif defined(__SSE2__)
    return static_cast<std::uint32_t>(_mm_movemask_ps(_mm_cmpgt_ps(a, b)));
#else
    std::uint32_t mask = 0;
    for (int l = 0; l < kLanes<float>; ++l) mask |= static_cast<std::uint32_t>(a[l] > b[l]) << l;
    return mask;
#endif
}
inline std::uint32_t greater(Vector<double> a, Vector<double> b) {
#if defined(__AVX512F__)
    return _mm512_cmp_pd_mask(a, b, _CMP_GT_OQ);
#elif defined(__AVX2__)
    return static_cast<std::uint32_t>(_mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_GT_OQ)));
#elif defined(__SSE2__)
    return static_cast<std::uint32_t>(_mm_movemask_pd(_mm_cmpgt_pd(a, b)));
#else
    std::uint32_t mask = 0;
    for (int l = 0; l < kLanes<double>; ++l) mask |= static_cast<std::uint32_t>(a[l] > b[l]) << l;
    return mask;
#endif
}

// Bit l of the result says whether a[l] <= b[l]; false where either is NaN.
inline std::uint32_t at_most(Vector<float> a, Vector<float> b) {
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
#elif defined(__AVX2__)
    return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_LE_OQ)));
#elif defined(__SSE2__)
    return static_cast<std::uint32_t>(_mm_movemask_ps(_mm_cmple_ps(a, b)));
#else
    std::uint32_t mask = 0;
    for (int l = 0; l < kLanes<float>; ++l) mask |= static_cast<std::uint32_t>(a[l] <= b[l]) << l;
    return mask;
#endif
}
inline std::uint32_t at_most(Vector<double> a, Vector<double> b) {
#if defined(__AVX512F__)
    return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ);
#elif defined(__AVX2__)
    return static_cast<std::uint32_t>(_mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_LE_OQ)));
#elif defined(__SSE2__)
    return static_cast<std::uint32_t>(_mm_movemask_pd(_mm_cmple_pd(a, b)));
#else
    std::uint32_t mask = 0;
    for (int l = 0; l < kLanes<double>; ++l) mask |= static_cast<std::uint32_t>(a[l] <= b[l]) << l;
    return mask;
#endif
}

inline std::uint32_t greater(Vector<std::int32_t> a, Vector<std::int32_t> b) {
#if defined(__AVX512F__)
    return _mm512_cmpgt_epi32_mask(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b));
#elif defined(__AVX2__)
    const auto above = reinterpret_cast<__m256>(a > b);
    return static_cast<std::uint32_t>(_mm256_movemask_ps(above));
#elif defined(__SSE2__)
    const auto above = reinterpret_cast<__m128>(a > b);
    return static_cast<std::uint32_t>(_mm_movemask_ps(above));
#else
    std::uint32_t mask = 0;
    for (int l = 0; l < kLanes<std::int32_t>; ++l) mask |= static_cast<std::uint32_t>(a[l] > b[l]) << l;
    return mask;
#endif
}

// Bit i of the result says whether values[i] < limit.
template <Index kCount, class T> inline std::uint32_t below(const T* values, T limit) {
    static_assert(kCount <= 32 && kCount % kLanes<T> == 0);
    std::uint32_t mask = 0;
    for (Index i = 0; i < kCount; i += kLanes<T>) mask |= greater(broadcast(limit), load(values + i)) << i;
    return mask;
}

#if defined(__AVX2__) && !defined(__AVX512F__)
// Row m lists the positions of the set bits of m, in ascending order: what a permutation needs to move them to the front.
inline constexpr auto kSetBits = [] {
    std::array<std::array<std::int32_t, 8>, 256> table{};
    for (unsigned mask = 0; mask < 256; ++mask) {
        unsigned count = 0;
        for (int bit = 0; bit < 8; ++bit) {
            if ((mask >> bit & 1U) != 0) table[mask][count++] = bit;
        }
    }
    return table;
}();
#endif

// Writes the lanes of v that `mask` names to p, packed and in order; may overwrite kLanes elements. Returns their number.
inline Index compress(float* p, Vector<float> v, std::uint32_t mask) {
#if defined(__AVX512F__)
    _mm512_storeu_ps(p, _mm512_maskz_compress_ps(static_cast<__mmask16>(mask), v));
#elif defined(__AVX2__)
    const __m256i order = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kSetBits[mask].data()));
    _mm256_storeu_ps(p, _mm256_permutevar8x32_ps(v, order));
#else
    Index count = 0;
    for (std::uint32_t rest = mask; rest != 0; rest &= rest - 1) p[count++] = v[std::countr_zero(rest)];
#endif
    return std::popcount(mask);
}

// Into the second-level cache. Inlined by force: GCC takes a function that only prefetches for one without effect.
[[gnu::always_inline]] inline void prefetch(const void* p) { __builtin_prefetch(p, 0, 2); }

// Tells the processor that a loop only waits.
inline void relax() {
#if defined(__SSE2__)
    _mm_pause();
#endif
}

// For arrays that are read by whole vectors: one that straddles two cache lines costs twice.
template <class T> using AlignedVector = std::vector<T, Eigen::aligned_allocator<T>>;

// kCount binary16 numbers as floats, exactly.
template <Index kCount> inline auto halves_as_floats(const Half* p) {
    using Bits16 = typename VectorTraits<std::uint16_t, 2 * kCount>::type;
    using Bits32 = typename VectorTraits<std::uint32_t, 4 * kCount>::type;
    using Floats = typename VectorTraits<float, 4 * kCount>::type;
    Bits16 bits;
    std::memcpy(&bits, p, sizeof bits);
#if defined(__AVX512F__)
    if constexpr (kCount == 16) return _mm512_maskz_cvtph_ps(0xffff, reinterpret_cast<__m256i>(bits));
#endif
#if defined(__F16C__)
    if constexpr (kCount == 8) return _mm256_cvtph_ps(reinterpret_cast<__m128i>(bits));
#endif
    // The exponent field moved to binary32's place is short by 112; the multiplication restores it, subnormals included.
    // Infinity and NaN have all its bits set.
    const auto wide = __builtin_convertvector(bits, Bits32);
    const auto magnitude = reinterpret_cast<Floats>((wide & 0x7fffU) << 13) * 0x1p112F;
    const auto special = (wide & 0x7c00U) == 0x7c00U ? Bits32{} + 0x7f800000U : Bits32{};
    const auto sign = (wide & 0x8000U) << 16;
    return reinterpret_cast<Floats>(reinterpret_cast<Bits32>(magnitude) | special | sign);
}

// kLanes<double> consecutive elements as doubles; exact for every supported type.
template <class T> inline Vector<double> load_as_double(const T* p) {
    constexpr Index kCount = kLanes<double>;
    if constexpr (std::is_same_v<T, double>) {
        return load(p);
#if defined(__AVX512F__)
    } else if constexpr (std::is_same_v<T, float>) {
        return _mm512_maskz_cvtps_pd(0xff, _mm256_loadu_ps(p)); // GCC 12 converts halves and joins them
#endif
    } else if constexpr (std::is_same_v<T, Half>) {
        return __builtin_convertvector(halves_as_floats<kCount>(p), Vector<double>);
    } else {
        typename VectorTraits<T, kCount* static_cast<Index>(sizeof(T))>::type narrow;
        std::memcpy(&narrow, p, sizeof narrow);
        return __builtin_convertvector(narrow, Vector<double>);
    }
}

// kLanes<float> consecutive elements as floats; exact for every supported type but float64.
template <class T> inline Vector<float> load_as_float(const T* p) {
    constexpr Index kCount = kLanes<float>;
    if constexpr (std::is_same_v<T, float>) {
        return load(p);
    } else if constexpr (std::is_same_v<T, Half>) {
        return halves_as_floats<kCount>(p);
    } else {
        static_assert(sizeof(T) == 1);
        typename VectorTraits<T, kCount>::type narrow;
        std::memcpy(&narrow, p, sizeof narrow);
        return __builtin_convertvector(__builtin_convertvector(narrow, Vector<std::int32_t>), Vector<float>);
    }
}

// Rounded, as the first or the second half of the lanes.
inline void store_as_float(float* p, Vector<double> v) {
    using Floats = VectorTraits<float, kVectorBytes / 2>::type;
    const auto floats = __builtin_convertvector(v, Floats);
    std::memcpy(p, &floats, sizeof floats);
}

// Other libraries may have switched a thread to flush-to-zero, which the proven bounds and the conversion of binary16 do not
// allow for: each worker computes under IEEE defaults and gets its own mode back.
class DefaultFloatEnvironment {
  public:
#if defined(__SSE2__)
    DefaultFloatEnvironment() : saved_(_mm_getcsr()) { _mm_setcsr(0x1f80); }
    ~DefaultFloatEnvironment() { _mm_setcsr(saved_); }

  private:
    unsigned saved_;

  public:
#else
    DefaultFloatEnvironment() = default;
    ~DefaultFloatEnvironment() = default;
#endif
    DefaultFloatEnvironment(const DefaultFloatEnvironment&) = delete;
    DefaultFloatEnvironment& operator=(const DefaultFloatEnvironment&) = delete;
    DefaultFloatEnvironment(DefaultFloatEnvironment&&) = delete;
    DefaultFloatEnvironment& operator=(DefaultFloatEnvironment&&) = delete;
};

} // namespace deeprob::core
