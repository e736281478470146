/** The points of a page: the plane they are moved in, their classes, and the controls that add and remove them. */

import { byId, decimal, element } from "./dom.js";
import { announce, showMessage } from "./page.js";
import { Plane } from "./plane.js";

/** How near to another point a new one is not put. */
const ROOM = 0.12;

export class Points {
  /** The number of the point to remove; -1: none. */
  chosen = -1;
  /** The number of classes that people chose last. */
  wanted = undefined;
  #exchange;
  #options;

  /** `limits` are the server's; `adapt(state)` fits the rest of a state to other points or classes; `redraw()` is the page's. */
  constructor(exchange, { limits, adapt, redraw }) {
    this.#exchange = exchange;
    this.#options = { limits, adapt, redraw };
    this.plane = new Plane(byId("plane"), this);
    const [fewest, most] = limits.n_classes;
    const choice = byId("n-classes");
    for (let count = fewest; count <= most; count += 1) choice.append(element("option", { value: count }, String(count)));
    choice.addEventListener("change", ({ target }) => this.#chooseClasses(Number(target.value)));
    byId("add").addEventListener("click", () => this.added(...this.#freePlace()));
    byId("remove").addEventListener("click", () => this.removed(this.chosen));
  }

  moved(i, x0, x1) {
    this.#exchange.edit(({ points }) => points[i].splice(0, 2, decimal(x0), decimal(x1)));
  }

  labelled(i, label) {
    const { n_classes: classes } = this.#exchange.state;
    if (label >= classes) showMessage(`There is no class ${label}: the classes are 0 to ${classes - 1}. Nothing was changed.`);
    else this.#exchange.edit(({ points }) => { points[i][2] = label; });
  }

  added(x0, x1) {
    const { limits, adapt } = this.#options;
    if (this.#exchange.state.points.length >= limits.n_points) {
      showMessage(`There are ${limits.n_points} points already, as many as this page takes.`);
      return;
    }
    const label = Number(document.querySelector("#new-class input:checked").value);
    this.#exchange.edit((state) => {
      state.points.push([x0, x1, label]);
      adapt(state);
    });
    this.plane.focus(this.#exchange.state.points.length - 1);
  }

  doubleTapped(x0, x1) {
    this.added(x0, x1);
  }

  removed(i) {
    if (this.#exchange.state.points.length === 1) {
      showMessage("The last point stays: this page needs at least one.");
      return;
    }
    this.#exchange.edit((state) => {
      state.points.splice(i, 1);
      this.#options.adapt(state);
    });
    this.plane.focus(Math.min(i, this.#exchange.state.points.length - 1));
  }

  selected(i) {
    this.chosen = i;
    this.#options.redraw();
  }

  /** `drawn` is what `Plane.draw` needs besides the points. */
  draw(drawn) {
    const { points, n_classes: classes } = this.#exchange.state;
    if (this.chosen >= points.length) this.chosen = -1;
    this.plane.draw({ points, selected: this.chosen, ...drawn });
    this.#drawClasses(classes);
    byId("remove").disabled = this.chosen < 0;
  }

  #drawClasses(count) {
    const home = byId("new-class");
    if (home.children.length !== count) {
      const chosen = Number(home.querySelector("input:checked")?.value ?? 0);
      const swatch = (k, checked) => element("label", { "data-class": k, class: "swatch" },
        element("input", { type: "radio", name: "new-class", value: k, checked }), String(k));
      home.replaceChildren(...Array.from({ length: count }, (_, k) => swatch(k, k === Math.min(chosen, count - 1))));
    }
    byId("n-classes").value = String(count);
  }

  /** Fewer classes take their points with them. */
  #chooseClasses(count) {
    const { points } = this.#exchange.state;
    const kept = points.filter(([, , label]) => label < count);
    if (kept.length === 0) {
      showMessage(`All points are of classes from ${count} on: give one of them a lower class first. Nothing was changed.`);
      this.#options.redraw();
      return;
    }
    this.chosen = kept.indexOf(points[this.chosen]);
    this.#exchange.reshape((state) => {
      state.points = kept;
      state.n_classes = count;
      this.#options.adapt(state);
    });
    this.wanted = count;
    const lost = points.length - kept.length;
    announce(`${count} classes.${lost ? ` ${lost} points of the other classes were removed.` : ""}`);
  }

  /** Where a new point is not in the way of those that are there: the first free place on a spiral around the origin. */
  #freePlace() {
    const { points } = this.#exchange.state;
    for (let k = 0; ; k += 1) {
      const [radius, angle] = [0.06 * Math.sqrt(k), 2.4 * k];
      const [x0, x1] = [radius * Math.cos(angle), radius * Math.sin(angle)].map((x) => Number(x.toFixed(2)));
      if (k === 500 || points.every(([a, b]) => Math.hypot(a - x0, b - x1) > ROOM)) return [x0, x1];
    }
  }
}
