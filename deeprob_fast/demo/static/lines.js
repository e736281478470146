/** The zero level line and the arrow of each class, as the linear page shows them in the plane. */

import { resize, setAttribute, setText, svg } from "./dom.js";
import { EXTENT, across, down } from "./plane.js";

/** An arrow is a tenth as long as the row of W. */
const SHARE = 0.1;
const HEAD = 9;

const within = ([x0, x1]) => Math.abs(x0) <= EXTENT && Math.abs(x1) <= EXTENT;
const points = (list) => list.map(([u, v]) => `${u.toFixed(2)},${v.toFixed(2)}`).join(" ");

/** The foot of the arrow: where the line crosses x[0] = 0, or its point closest to the origin if that is not in sight. */
function foot([w0, w1], bias) {
  const crossing = [0, -bias / w1];
  const size = w0 * w0 + w1 * w1;
  return within(crossing) ? crossing : [(-bias * w0) / size, (-bias * w1) / size];
}

function hide(part) {
  setAttribute(part.node, "display", "none");
}

function draw(part, weights, bias) {
  const [w0, w1] = weights;
  const length = Math.hypot(w0, w1);
  const nearest = Math.abs(bias) / length;
  if (!(nearest <= EXTENT * Math.SQRT2)) {
    hide(part);
    return;
  }
  setAttribute(part.node, "display", null);
  const [a0, a1] = [w0 / length, w1 / length];
  const middle = [(-bias * a0) / length, (-bias * a1) / length];
  const far = 3 * EXTENT;
  setAttribute(part.line, "x1", across(middle[0] - a1 * far).toFixed(2));
  setAttribute(part.line, "y1", down(middle[1] + a0 * far).toFixed(2));
  setAttribute(part.line, "x2", across(middle[0] + a1 * far).toFixed(2));
  setAttribute(part.line, "y2", down(middle[1] - a0 * far).toFixed(2));
  const start = foot(weights, bias);
  const [u, v] = [across(start[0]), down(start[1])];
  const [tipU, tipV] = [across(start[0] + SHARE * w0), down(start[1] + SHARE * w1)];
  const head = Math.min(HEAD, Math.hypot(tipU - u, tipV - v));
  // On the screen v grows downwards.
  const [du, dv] = [a0 * head, -a1 * head];
  setAttribute(part.shaft, "points", points([[u, v], [tipU - du / 2, tipV - dv / 2]]));
  setAttribute(part.head, "points", points([
    [tipU, tipV], [tipU - du - dv / 2, tipV - dv + du / 2], [tipU - du + dv / 2, tipV - dv - du / 2],
  ]));
  setAttribute(part.name, "x", (tipU + a0 * 11).toFixed(2));
  setAttribute(part.name, "y", (tipV - a1 * 11 + 4).toFixed(2));
}

export class Lines {
  #layer;
  #parts = [];

  constructor(layer) {
    this.#layer = layer;
  }

  draw(W, b) {
    resize(this.#parts, W.length, (label) => this.#make(label));
    this.#parts.forEach((part, label) => draw(part, W[label], b[label]));
  }

  #make(label) {
    const part = {
      line: svg("line", { class: "level" }),
      shaft: svg("polyline", { class: "shaft" }),
      head: svg("polygon", { class: "head" }),
      name: svg("text", { class: "name", "text-anchor": "middle" }),
    };
    setText(part.name, String(label));
    part.node = svg("g", { class: "score", "data-class": label }, part.line, part.shaft, part.head, part.name);
    this.#layer.append(part.node);
    return part;
  }
}
