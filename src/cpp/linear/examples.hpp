// Rows, labels and weights of a data set, read in place whatever their type: a block of rows is converted, shifted and scaled on
// its way into the cache, which is the only copy there is.
#pragma once

#include "linear/layout.hpp"

namespace deeprob::linear {

// Features are (x - shift) * scale, if those are given; a column of ones stands behind them if there is a bias.
template <class T> struct Examples {
    core::Rows rows;
    const std::int64_t* labels;
    const double* weights; // null: all 1
    const T* shift;        // null: 0
    const T* scale;        // null: 1
    bool bias;

    [[nodiscard]] Index n_columns() const { return rows.n_features + (bias ? 1 : 0); }
};

// The rows of a block: consecutive from `first`, or those that `order` names.
struct Selection {
    const std::int64_t* order = nullptr; // null: consecutive
    Index first = 0;
    Index n_rows = 0;

    [[nodiscard]] Index operator[](Index i) const { return order == nullptr ? first + i : order[first + i]; }
};

inline Index size_of(core::Dtype dtype) {
    return core::with_dtype(dtype, []<class Element> { return static_cast<Index>(sizeof(Element)); });
}

template <class T, class Element> inline core::Vector<T> load_as(const Element* p) {
    if constexpr (std::is_same_v<T, double>) {
        return core::load_as_double(p);
    } else {
        return core::load_as_float(p);
    }
}

template <class T, class Element> inline T element_as(const Element* p) {
    if constexpr (std::is_same_v<Element, core::Half>) {
        return static_cast<T>(core::halves_as_floats<1>(p)[0]);
    } else {
        return static_cast<T>(*p);
    }
}

// Columns [columns.begin, columns.end) of the selected rows into `out`, (n_rows, columns.size()). Beyond the features stands
// the bias, then zeros.
template <class T, class Element>
void load_columns(const Examples<T>& examples, const Selection& selection, Range columns, T* out) {
    constexpr Index kWidth = core::kLanes<T>;
    const Index n_features = examples.rows.n_features;
    const Index end = std::min(columns.end, n_features);
    for (Index i = 0; i < selection.n_rows; ++i, out += columns.size()) {
        const auto* row = examples.rows.template row<Element>(selection[i]);
        T* p = out - columns.begin;
        Index c = columns.begin;
        if (examples.shift == nullptr) {
            for (; c + kWidth <= end; c += kWidth) core::store(p + c, load_as<T>(row + c));
            for (; c < end; ++c) p[c] = element_as<T>(row + c);
        } else {
            for (; c + kWidth <= end; c += kWidth) {
                const auto centred = load_as<T>(row + c) - core::load(examples.shift + c);
                core::store(p + c, centred * core::load(examples.scale + c));
            }
            for (; c < end; ++c) p[c] = (element_as<T>(row + c) - examples.shift[c]) * examples.scale[c];
        }
        for (; c < columns.end; ++c) p[c] = examples.bias && c == n_features ? T{1} : T{0};
    }
}

// float64 rows have no float32 loads: they are computed with in float64 only.
template <class T> void load_block(const Examples<T>& examples, const Selection& selection, Range columns, T* out) {
    core::with_dtype(examples.rows.dtype, [&]<class Element> {
        if constexpr (!(std::is_same_v<T, float> && std::is_same_v<Element, double>)) {
            load_columns<T, Element>(examples, selection, columns, out);
        } else {
            throw std::logic_error("float64 rows are computed with in float64");
        }
    });
}

} // namespace deeprob::linear
