/** Small helpers to make and change elements; nothing here knows what a page shows. */

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  node.append(...children);
  return node;
}

export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

export const byId = (id) => document.getElementById(id);

/** Writing what is there already would cost a layout, and this runs at every frame. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** `true` sets the attribute without a value; `false`, `null` and `undefined` remove it. */
export function setAttribute(node, name, value) {
  if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else {
    const text = value === true ? "" : String(value);
    if (node.getAttribute(name) !== text) node.setAttribute(name, text);
  }
}

/** Children number 0 to count - 1, made where they are missing, dropped where they are too many. */
export function resize(list, count, make) {
  while (list.length > count) list.pop().node.remove();
  while (list.length < count) list.push(make(list.length));
}

export const power = (value, digits) => value.toExponential(digits).replace("e+", "e");

/** A number as the page shows it; null is what the server answers for one that is not finite. */
export function fixed(value, digits = 2) {
  if (typeof value !== "number") return "–";
  if (Math.abs(value) >= 1e5) return power(value, 1);
  const text = value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : text;
}

/** Decimal steps without the dust of binary fractions: 0.1 + 0.2 is 0.3. */
export const decimal = (value) => Number(value.toFixed(10));

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
