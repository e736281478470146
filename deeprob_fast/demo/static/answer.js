/** What the k-NN page says of the query: lines to its neighbours, their table, the votes and who wins. */

import { byId, clamp, element, fixed, power, resize, setAttribute, setText, svg } from "./dom.js";
import { EXTENT, across, down } from "./plane.js";

const DIGITS = 3;
const inside = (x) => clamp(x, -EXTENT, EXTENT);

/** A vote as the page shows it: whole ones without decimals, small ones not as zero. */
function vote(value, whole) {
  if (whole) return String(value);
  return value !== 0 && value < 0.0005 ? power(value, 0) : fixed(value, value >= 100 ? 1 : DIGITS);
}

export class Answer {
  #layer;
  #choose;
  #rays = [];
  #rows = [];
  #bars = [];

  /** `layer` is the group of the plane for the lines; `choose(i)` goes to a point. */
  constructor(layer, choose) {
    this.#layer = layer;
    this.#choose = choose;
  }

  /** `asked` is the query's part of the view; `measure` says what orders the neighbours. */
  draw({ points, query, n_classes: classes }, asked, measure, chosen) {
    const found = query && asked ? asked.neighbors.flatMap((i, rank) => (points[i] ? [[i, rank]] : [])) : [];
    byId("answer").hidden = !query;
    byId("no-answer").hidden = Boolean(query);
    setText(byId("toggle-query"), query ? "Remove query" : "Place query");
    resize(this.#rays, found.length, () => this.#ray());
    resize(this.#rows, found.length, () => this.#row());
    resize(this.#bars, found.length ? classes : 0, (k) => this.#bar(k));
    setText(byId("measure"), measure);
    found.forEach(([i, rank], at) => {
      this.#drawRay(this.#rays[at].node, query, points[i]);
      this.#drawRow(this.#rows[at], i, points[i], rank, asked, i === chosen);
    });
    if (found.length) this.#drawVotes(asked);
  }

  #ray() {
    const node = svg("line", { class: "ray" });
    this.#layer.append(node);
    return { node };
  }

  #drawRay(node, query, point) {
    const [[x1, y1], [x2, y2]] = [query, point].map(([x0, x1]) => [across(inside(x0)).toFixed(2), down(inside(x1)).toFixed(2)]);
    for (const [name, value] of Object.entries({ x1, y1, x2, y2, "data-class": point[2] })) setAttribute(node, name, value);
  }

  #row() {
    const button = element("button", { type: "button", class: "go" });
    button.addEventListener("click", () => this.#choose(Number(button.dataset.neighbor)));
    const cells = Array.from({ length: 5 }, () => element("td"));
    const rank = element("th", { scope: "row" });
    const node = element("tr", {}, rank, element("td", { class: "field" }, button), ...cells);
    byId("neighbors").tBodies[0].append(node);
    return { node, rank, button, cells };
  }

  #drawRow({ node, rank, button, cells }, i, [x0, x1, label], place, { distances, weights }, chosen) {
    setText(rank, String(place + 1));
    setText(button, String(i + 1));
    setAttribute(button, "data-neighbor", i);
    setAttribute(button, "aria-label", `Go to point ${i + 1}`);
    const counts = vote(weights[place], weights.every(Number.isInteger));
    const texts = [fixed(x0), fixed(x1), String(label), fixed(distances[place], DIGITS), counts];
    texts.forEach((text, j) => setText(cells[j], text));
    setAttribute(cells[2], "data-class", label);
    node.classList.toggle("selected", chosen);
  }

  #bar(k) {
    const fill = element("div", { class: "fill" });
    const cell = element("td", {});
    const won = element("td", { class: "won" });
    const node = element("tr", { "data-class": k }, element("th", { scope: "row" },
      element("span", { class: "visually-hidden" }, "class "), String(k)),
    element("td", { class: "bar" }, fill), cell, won);
    byId("votes").tBodies[0].append(node);
    return { node, fill, cell, won };
  }

  #drawVotes({ votes, prediction, weights }) {
    const whole = weights.every(Number.isInteger);
    const most = Math.max(...votes);
    const equal = votes.filter((vote) => vote === most).length;
    this.#bars.forEach(({ node, fill, cell, won }, k) => {
      fill.style.width = most > 0 ? `${(100 * (votes[k] ?? 0)) / most}%` : "0";
      setText(cell, vote(votes[k] ?? 0, whole));
      setText(won, k === prediction ? "wins" : "");
      node.classList.toggle("winner", k === prediction);
    });
    setText(byId("prediction"), `class ${prediction}`);
    setAttribute(byId("prediction"), "data-class", prediction);
    setText(byId("tie"), equal > 1 ? `${equal} classes have as many votes: the smallest label wins.` : "");
  }
}
