/** The plane both pages share: regions on a canvas; axes, points and what a page adds on an SVG above it. */

import { clamp, element, resize, setAttribute, setText, svg } from "./dom.js";

/** The side of the drawing in its own units, and how far the plane reaches to each side of the origin. */
const SIDE = 500;
export const EXTENT = 1.25;
/** The number of the query, which no point has. */
export const QUERY = -2;

/** From how far a point is taken, in units of the drawing: a finger needs 40 pixels, a mouse does not. */
const REACH = { mouse: 16, other: 29 };
/** As many as the style sheet has colours for. */
const MOST_CLASSES = 8;
const STEP = 0.02;
const BIG_STEP = 0.1;
const DOUBLE_TAP = { milliseconds: 400, distance: 24 };

export const across = (x0) => ((x0 + EXTENT) * SIDE) / (2 * EXTENT);
export const down = (x1) => ((EXTENT - x1) * SIDE) / (2 * EXTENT);
const inside = (x) => Math.round(clamp(x, -EXTENT, EXTENT) * 100) / 100;

/** The tint of each class as the style sheet has it, in the light or in the dark, as four bytes of a picture. */
function tints(home, count) {
  const canvas = element("canvas", { width: count, height: 1 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  for (let label = 0; label < count; label += 1) {
    const probe = element("i", { class: "region", "data-class": label });
    home.append(probe);
    context.fillStyle = getComputedStyle(probe).backgroundColor;
    context.fillRect(label, 0, 1, 1);
    probe.remove();
  }
  return new Uint32Array(context.getImageData(0, 0, count, 1).data.buffer);
}

function axes() {
  const group = svg("g", { class: "axes", "aria-hidden": "true" });
  const [left, right, middle] = [across(-EXTENT), across(EXTENT), across(0)];
  group.append(
    svg("line", { x1: left, y1: middle, x2: right, y2: middle }),
    svg("line", { x1: middle, y1: left, x2: middle, y2: right }),
  );
  for (const tick of [-1, -0.5, 0.5, 1]) {
    const name = String(tick).replace("-", "−");
    group.append(
      svg("line", { x1: across(tick), y1: middle - 4, x2: across(tick), y2: middle + 4 }),
      svg("line", { x1: middle - 4, y1: down(tick), x2: middle + 4, y2: down(tick) }),
      svg("text", { x: across(tick), y: middle + 18, "text-anchor": "middle" }, name),
      svg("text", { x: middle - 9, y: down(tick) + 4, "text-anchor": "end" }, name),
    );
  }
  group.append(
    svg("text", { x: right - 6, y: middle - 8, "text-anchor": "end", class: "name" }, "x[0]"),
    svg("text", { x: middle + 8, y: left + 15, class: "name" }, "x[1]"),
  );
  return group;
}

export class Plane {
  #actions;
  #canvas;
  #home;
  #svg;
  #layer;
  #marks = svg("g");
  #handles = [];
  #points = [];
  #query = null;
  #queryHandle = null;
  #drag = null;
  #press = null;
  #tap = null;
  #painted = null;
  #tints = null;

  /**
   * `home` is the element to draw in. The actions: moved(i, x0, x1), removed(i), labelled(i, label), selected(i),
   * doubleTapped(x0, x1) and, where a page cares, tapped(x0, x1) in the empty plane. The layer is a group under the points, for
   * what a page adds.
   */
  constructor(home, actions) {
    this.#home = home;
    this.#actions = actions;
    this.#canvas = element("canvas", { "aria-hidden": "true" });
    this.#layer = svg("g", { "aria-hidden": "true" });
    this.#svg = svg("svg", {
      viewBox: `0 0 ${SIDE} ${SIDE}`, role: "application", "aria-label": "Plane of points", "aria-describedby": "plane-help",
    }, axes(), this.#layer, this.#marks);
    home.append(this.#canvas, this.#svg);
    this.#svg.addEventListener("pointerdown", (event) => this.#down(event));
    // A finger on a point drags it, anywhere else it scrolls the page: touch-action cannot say so for parts of an SVG.
    this.#svg.addEventListener("touchstart", (event) => this.#touched(event), { passive: false });
    this.#svg.addEventListener("pointermove", (event) => this.#move(event));
    this.#svg.addEventListener("pointerup", (event) => this.#up(event));
    this.#svg.addEventListener("pointercancel", () => this.#forget());
    this.#svg.addEventListener("keydown", (event) => this.#key(event));
    this.#svg.addEventListener("focusin", ({ target }) => this.#actions.selected(this.#numberOf(target)));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#repaint());
  }

  get layer() {
    return this.#layer;
  }

  /**
   * `points` and `query` as in a state; `wrong` holds the numbers of the points to ring; `describe(i, point)` is what a screen
   * reader says.
   */
  draw({ points, query = null, wrong, describe, regions, selected }) {
    [this.#points, this.#query] = [points, query];
    resize(this.#handles, points.length, (i) => this.#handle(i, this.#marks, svg("circle", { class: "dot", r: 10 })));
    points.forEach((point, i) => {
      const handle = this.#handles[i];
      this.#show(handle, point, { point: true, wrong: wrong.has(i), selected: i === selected });
      setAttribute(handle.node, "data-class", point[2]);
      setAttribute(handle.node, "aria-label", describe(i, point));
      setText(handle.digit, String(point[2]));
    });
    this.#drawQuery(describe);
    this.#paint(regions);
  }

  #drawQuery(describe) {
    if (!this.#query) {
      this.#queryHandle?.node.remove();
      this.#queryHandle = null;
      return;
    }
    this.#queryHandle ??= this.#handle(QUERY, this.#svg, svg("path", { class: "dot", d: "M0-13 13 0 0 13-13 0Z" }));
    this.#show(this.#queryHandle, this.#query, { point: true, query: true });
    setAttribute(this.#queryHandle.node, "aria-label", describe(QUERY, this.#query));
    setText(this.#queryHandle.digit, "?");
  }

  #show({ node }, [x0, x1], kinds) {
    const [shown0, shown1] = [clamp(x0, -EXTENT, EXTENT), clamp(x1, -EXTENT, EXTENT)];
    setAttribute(node, "transform", `translate(${across(shown0).toFixed(2)} ${down(shown1).toFixed(2)})`);
    const all = { ...kinds, outside: shown0 !== x0 || shown1 !== x1 };
    setAttribute(node, "class", Object.keys(all).filter((kind) => all[kind]).join(" "));
  }

  focus(i) {
    const handle = i === QUERY ? this.#queryHandle : this.#handles[i];
    handle?.node.focus({ preventScroll: true });
  }

  #handle(i, home, dot) {
    const digit = svg("text", { y: 4.5, "text-anchor": "middle", "aria-hidden": "true" });
    const node = svg("g", { tabindex: 0, role: "button", "aria-roledescription": "movable point", "data-point": i },
      svg("circle", { class: "reach", r: REACH.other }), svg("circle", { class: "ring", r: 14 }), dot, digit);
    home.append(node);
    return { node, digit };
  }

  /** Where a point, or the query, is: undefined or null if there is none. */
  #at(i) {
    return i === QUERY ? this.#query : this.#points[i];
  }

  #numberOf(target) {
    return Number(target.closest("[data-point]")?.dataset.point ?? -1);
  }

  /** Where an event is: in units of the drawing, and in the plane. */
  #place(event) {
    const box = this.#svg.getBoundingClientRect();
    const [u, v] = [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
    return { u, v, x0: (u / SIDE) * 2 * EXTENT - EXTENT, x1: EXTENT - (v / SIDE) * 2 * EXTENT };
  }

  /** The number of the nearest point within reach, of that drawn last among equals; null where none is. */
  #nearest({ u, v }, pointerType) {
    let best = null;
    let least = pointerType === "mouse" ? REACH.mouse : REACH.other;
    const consider = ([x0, x1], i) => {
      const away = Math.hypot(across(clamp(x0, -EXTENT, EXTENT)) - u, down(clamp(x1, -EXTENT, EXTENT)) - v);
      if (away <= least) [best, least] = [i, away];
    };
    this.#points.forEach(consider);
    if (this.#query) consider(this.#query, QUERY);
    return best;
  }

  #touched(event) {
    if (this.#nearest(this.#place(event.changedTouches[0]), "touch") !== null) event.preventDefault();
  }

  /** Whether an event is the second half of a double tap in the empty plane. */
  #again({ timeStamp }, { u, v }) {
    const tap = this.#tap;
    return tap && timeStamp - tap.when < DOUBLE_TAP.milliseconds && Math.hypot(u - tap.u, v - tap.v) < DOUBLE_TAP.distance;
  }

  #down(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    const place = this.#place(event);
    // What the first tap put under the pointer is not what the second one means.
    const i = this.#again(event, place) ? null : this.#nearest(place, event.pointerType);
    this.#press = place;
    if (i === null) return;
    event.preventDefault();
    this.focus(i);
    this.#svg.setPointerCapture(event.pointerId);
    const [x0, x1] = this.#at(i).map((x) => clamp(x, -EXTENT, EXTENT));
    this.#drag = { i, id: event.pointerId, dx0: x0 - place.x0, dx1: x1 - place.x1 };
    this.#tap = null;
  }

  #move(event) {
    const drag = this.#drag;
    if (!drag || event.pointerId !== drag.id) return;
    const old = this.#at(drag.i);
    if (!old) {
      this.#forget();
      return;
    }
    const place = this.#place(event);
    const [x0, x1] = [inside(place.x0 + drag.dx0), inside(place.x1 + drag.dx1)];
    if (x0 !== old[0] || x1 !== old[1]) this.#actions.moved(drag.i, x0, x1);
  }

  #up(event) {
    if (!event.isPrimary) return;
    const place = this.#place(event);
    const press = this.#press;
    const still = press && !this.#drag && Math.hypot(place.u - press.u, place.v - press.v) < DOUBLE_TAP.distance / 2;
    const again = this.#again(event, place);
    this.#forget();
    this.#tap = null;
    if (!still) return;
    const [x0, x1] = [inside(place.x0), inside(place.x1)];
    if (again) this.#actions.doubleTapped(x0, x1);
    else {
      this.#tap = { ...place, when: event.timeStamp };
      this.#actions.tapped?.(x0, x1);
    }
  }

  #forget() {
    this.#drag = null;
    this.#press = null;
  }

  #key(event) {
    const i = this.#numberOf(event.target);
    const place = this.#at(i);
    if (!place || event.ctrlKey || event.altKey || event.metaKey) return;
    const toward = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (toward) {
      const step = event.shiftKey ? BIG_STEP : STEP;
      this.#actions.moved(i, ...place.map((x, j) => (toward[j] ? inside(x + toward[j] * step) : x)));
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.#actions.removed(i);
    } else if (i !== QUERY && /^[0-9]$/.test(event.key)) {
      this.#actions.labelled(i, Number(event.key));
    } else return;
    event.preventDefault();
  }

  #paint(regions) {
    if (!regions || regions === this.#painted) return;
    this.#painted = regions;
    const { n } = regions;
    const runs = atob(regions.runs);
    const image = new ImageData(n, n);
    const cells = new Uint32Array(image.data.buffer);
    this.#tints ??= tints(this.#home, MOST_CLASSES);
    let at = 0;
    for (let i = 0; i + 1 < runs.length; i += 2) {
      const end = at + runs.charCodeAt(i + 1);
      cells.fill(this.#tints[runs.charCodeAt(i)], at, end);
      at = end;
    }
    if (this.#canvas.width !== n) [this.#canvas.width, this.#canvas.height] = [n, n];
    this.#canvas.getContext("2d").putImageData(image, 0, 0);
  }

  /** The style sheet has other colours now. */
  #repaint() {
    const regions = this.#painted;
    this.#tints = null;
    this.#painted = null;
    this.#paint(regions);
  }
}
