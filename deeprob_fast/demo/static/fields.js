/** Fields for numbers: they take what is sensible at once and mark what is not. */

import { byId, decimal, fixed, setAttribute } from "./dom.js";
import { clearMessage, showMessage } from "./page.js";

/** What a field shows: as many digits as asked for; every one without `digits`, or where rounding would make `exact` ones zero. */
function textOf(value, { digits, exact }) {
  const rounded = digits === null ? null : fixed(value, digits);
  return rounded === null || (exact && value !== 0 && Number(rounded) === 0) ? String(value) : rounded;
}

/** The fields that hold what was refused. */
const refused = new Set();

/** Show the values in place of what was refused. */
export function forgetRefused() {
  for (const field of refused) field.restore();
}

/** So long after the last key people have stopped typing. */
const PAUSE = 800;

/**
 * Wire an <input type="number">.
 *
 * `commit(value)` is called while people type, as soon as there is a sensible number. Anything else is marked and told when
 * they pause or leave the field, and the value is what it was before; Escape brings it back too.
 */
export class NumberField {
  #options;
  #dirty = false;
  #value = null;
  #before = null;
  #timer = null;

  constructor(input, options) {
    this.input = input;
    this.#options = { low: -Infinity, high: Infinity, whole: false, digits: null, exact: false, step: 1, empty: false, ...options };
    input.type = "number";
    input.step = "any";
    input.inputMode = "decimal";
    input.autocomplete = "off";
    input.addEventListener("input", () => this.#typed());
    input.addEventListener("change", () => this.#left());
    input.addEventListener("blur", () => this.#left());
    input.addEventListener("keydown", (event) => this.#key(event));
  }

  set limits(limits) {
    Object.assign(this.#options, limits);
  }

  /** Show a value, unless people are about to type another or the field still holds what was refused. */
  show(value) {
    const unchanged = value === this.#value;
    this.#value = value;
    if (this.#dirty && (document.activeElement === this.input || unchanged)) return;
    this.#write();
  }

  /** Add to the value, for buttons beside the field. */
  add(amount) {
    const value = decimal(this.#value + amount);
    if (this.#fits(value)) {
      this.#dirty = false;
      this.#options.commit(value);
      this.#write();
    } else this.#refuse(String(value));
  }

  /** Show the value, whatever was typed. */
  restore() {
    clearTimeout(this.#timer);
    this.#write();
  }

  #write() {
    const text = this.#value === null ? "" : textOf(this.#value, this.#options);
    if (this.input.value !== text || this.input.validity.badInput) this.input.value = text;
    this.#dirty = false;
    refused.delete(this);
    setAttribute(this.input, "aria-invalid", null);
  }

  #fits(value) {
    const { low, high, whole } = this.#options;
    return Number.isFinite(value) && value >= low && value <= high && (!whole || Number.isInteger(value));
  }

  /** The number typed: undefined where there is none, null where the field may be empty and is. */
  #read() {
    const { input } = this;
    if (input.value === "") return this.#options.empty && !input.validity.badInput ? null : undefined;
    const value = Number(input.value);
    return this.#fits(value) ? value : undefined;
  }

  #typed() {
    if (!this.#dirty) this.#before = this.#value;
    this.#dirty = true;
    clearTimeout(this.#timer);
    const value = this.#read();
    if (value === undefined) {
      this.#timer = setTimeout(() => this.#left(), PAUSE);
      return;
    }
    setAttribute(this.input, "aria-invalid", null);
    clearMessage();
    this.#options.commit(value);
  }

  #left() {
    clearTimeout(this.#timer);
    if (!this.#dirty) return;
    if (this.#read() === undefined) {
      this.#goBack();
      this.#refuse(this.input.value);
    } else if (document.activeElement !== this.input) this.#write();
  }

  /** What was sensible on the way to what is not. */
  #goBack() {
    const reached = this.#value;
    this.#value = this.#before;
    if (reached !== this.#before) this.#options.commit(this.#before);
  }

  #refuse(text) {
    const { whole, empty } = this.#options;
    const kind = whole ? "a whole number" : "a number";
    const came = text === "" ? "what is there is none" : `got ${text}`;
    refused.add(this);
    setAttribute(this.input, "aria-invalid", "true");
    setAttribute(this.input, "aria-errormessage", "message-text");
    showMessage(`${this.input.getAttribute("aria-label") ?? this.input.labels[0].textContent.trim()}: `
      + `expected ${kind}${this.#range()}${empty ? ", or nothing" : ""}; ${came}. Nothing was changed.`);
  }

  #range() {
    const { low, high } = this.#options;
    // The greatest number below 1 is not one for people.
    const top = decimal(high) > high ? `below ${decimal(high)}` : String(high);
    if (Number.isFinite(low) && Number.isFinite(high)) return ` from ${low} to ${top}`;
    return Number.isFinite(low) ? ` of at least ${low}` : "";
  }

  #key(event) {
    const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.key === "Escape" && this.#dirty) {
      this.#goBack();
      this.restore();
      clearMessage();
    } else if (direction && this.#value !== null) {
      event.preventDefault();
      this.add(direction * this.#options.step);
    }
  }
}

/** A slider beside an exact field: `toSlider` and `fromSlider` say where on the track a value is. */
export class SlidField {
  #slider;
  #options;
  #toSlider;
  #fromSlider;

  constructor(id, { commit, toSlider = Number, fromSlider = Number, ...options }) {
    this.#slider = byId(`${id}-slider`);
    this.#options = { exact: true, ...options };
    this.#toSlider = toSlider;
    this.#fromSlider = fromSlider;
    this.field = new NumberField(byId(id), { commit, ...this.#options });
    this.#slider.addEventListener("input", () => commit(fromSlider(Number(this.#slider.value))));
  }

  show(value) {
    this.field.show(value);
    if (this.#fromSlider(Number(this.#slider.value)) !== value) this.#slider.value = String(this.#toSlider(value));
    setAttribute(this.#slider, "aria-valuetext", textOf(value, this.#options));
  }
}
