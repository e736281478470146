// How a constructor takes what its object will refer to and not own.
#pragma once

namespace deeprob::core {

// A reference to what must outlive its holder. A temporary is refused by the compiler: it would be gone before it is read. Every class
// with a reference among its members takes it so (tests/test_house.py).
template <class T> class Borrowed {
  public:
    // NOLINTNEXTLINE(misc-explicit-constructor): callers pass the object itself
    constexpr Borrowed(const T& value) : value_(&value) {}
    Borrowed(const T&&) = delete;

    // NOLINTNEXTLINE(misc-explicit-constructor): members are plain references
    constexpr operator const T&() const { return *value_; }
    constexpr const T* operator->() const { return value_; }
    constexpr const T& operator*() const { return *value_; }

  private:
    const T* value_;
};

} // namespace deeprob::core
