/** The total loss against the number of updates. */

import { fixed, power, setAttribute, setText, svg } from "./dom.js";

const LEFT = 42;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;

/** The least 1, 2 or 5 times a power of ten that is not below a value. */
function round(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * unit).find((candidate) => candidate >= value * (1 - 1e-12));
}

export class Curve {
  #svg;
  #width = 0;
  #height = 0;
  #ceiling = svg("line", { class: "grid", x1: LEFT, y1: TOP, y2: TOP });
  #floor = svg("line", { class: "axis", x1: LEFT });
  #path = svg("polyline", { class: "path" });
  #now = svg("circle", { class: "now", r: 3.5 });
  #texts = Object.fromEntries(["top", "zero", "first", "last"].map((name) => [name, svg("text", {})]));
  #shown = [[], 0, 0];

  constructor(home) {
    this.#svg = svg("svg", { role: "img" }, this.#ceiling, this.#floor, ...Object.values(this.#texts), this.#path, this.#now);
    home.append(this.#svg);
    // Told, not asked: to ask at every draw would make the browser lay out the page twice a frame.
    new ResizeObserver(([{ contentRect }]) => {
      [this.#width, this.#height] = [contentRect.width, contentRect.height];
      this.draw(...this.#shown);
    }).observe(home);
  }

  /** `history` holds [update, total loss] pairs; the loss now is one more. */
  draw(history, step, loss) {
    this.#shown = [history, step, loss];
    if (this.#width === 0) return;
    const [width, height] = [this.#width, this.#height];
    const [right, floor] = [width - RIGHT, height - BOTTOM];
    const finite = [...history, [step, loss]].filter((pair) => Number.isFinite(pair[1]));
    const top = round(Math.max(1e-6, ...finite.map((pair) => pair[1])));
    const last = Math.max(step, 1);
    const place = ([at, value]) => [LEFT + (at / last) * (right - LEFT), floor - (value / top) * (floor - TOP)]
      .map((u) => u.toFixed(1));
    setAttribute(this.#svg, "viewBox", `0 0 ${width} ${height}`);
    setAttribute(this.#ceiling, "x2", right);
    for (const [name, value] of Object.entries({ x2: right, y1: floor, y2: floor })) setAttribute(this.#floor, name, value);
    setAttribute(this.#path, "points", finite.map((pair) => place(pair).join()).join(" "));
    const [u, v] = place([step, loss ?? 0]);
    for (const [name, value] of Object.entries({ cx: u, cy: v })) setAttribute(this.#now, name, value);
    const shortTop = top >= 1e4 || top < 1e-2 ? power(top, 0) : String(Number(top.toPrecision(1)));
    this.#write("top", shortTop, LEFT - 6, TOP + 4, "end");
    this.#write("zero", "0", LEFT - 6, floor + 4, "end");
    this.#write("first", "0 updates", LEFT, height - 4, "start");
    this.#write("last", String(last), right, height - 4, "end");
    const first = finite.length > 1 ? `from ${fixed(finite[0][1])} ` : "";
    setAttribute(this.#svg, "aria-label", `Total loss ${first}to ${fixed(loss)} after ${step} updates`);
  }

  #write(name, text, x, y, anchor) {
    const node = this.#texts[name];
    setText(node, text);
    for (const [key, value] of Object.entries({ x, y, "text-anchor": anchor })) setAttribute(node, key, value);
  }
}
