/** The table of points: coordinates, class, scores, loss; its rows are fields too. */

import { element, fixed, power, resize, setAttribute, setText } from "./dom.js";
import { NumberField } from "./fields.js";

const STEP = 0.1;

/** What fits into a column. */
const short = (value) => {
  const size = Math.abs(value);
  return size >= 1e5 ? power(value, 0) : fixed(value, size >= 1000 ? 0 : size >= 100 ? 1 : 2);
};

export class Table {
  #table;
  #actions;
  #coordinate;
  #classes = 0;
  #rows = [];

  /** The actions: moved(i, x0, x1), labelled(i, label), selected(i); `coordinate` is the greatest allowed. */
  constructor(table, coordinate, actions) {
    this.#table = table;
    this.#coordinate = coordinate;
    this.#actions = actions;
    table.tBodies[0].addEventListener("focusin", ({ target }) => {
      actions.selected(Number(target.closest("tr").dataset.row));
    });
  }

  draw({ points, n_classes: classes }, view, selected) {
    if (classes !== this.#classes) this.#reset(classes);
    resize(this.#rows, points.length, (i) => this.#row(i));
    points.forEach((point, i) => this.#fill(i, point, view, selected));
    setText(this.#table.querySelector(".mean"), short(view.data_loss));
  }

  /** Another number of classes: other columns. */
  #reset(classes) {
    this.#classes = classes;
    resize(this.#rows, 0);
    this.#table.style.setProperty("--classes", classes);
    const head = this.#table.tHead.rows[0];
    head.querySelectorAll("[data-class]").forEach((cell) => cell.remove());
    const scores = Array.from({ length: classes }, (_, k) => element("th", { scope: "col", "data-class": k }, `s[${k}]`));
    head.querySelector(".loss").before(...scores);
    this.#table.tFoot.rows[0].cells[0].colSpan = 3 + classes;
  }

  #row(i) {
    const place = (j) => {
      const input = element("input", { "aria-label": `x[${j}] of point ${i + 1}` });
      const field = new NumberField(input, {
        low: -this.#coordinate,
        high: this.#coordinate,
        digits: 2,
        step: STEP,
        commit: (value) => {
          const [x0, x1] = this.#rows[i].point;
          this.#actions.moved(i, ...(j === 0 ? [value, x1] : [x0, value]));
        },
      });
      return { cell: element("td", { class: "field" }, input), field };
    };
    const x = [place(0), place(1)];
    const options = Array.from({ length: this.#classes }, (_, k) => element("option", { value: k }, String(k)));
    const label = element("select", { "aria-label": `class of point ${i + 1}` }, ...options);
    label.addEventListener("change", () => this.#actions.labelled(i, Number(label.value)));
    const scores = Array.from({ length: this.#classes }, (_, k) => element("td", { "data-class": k, class: "score" }));
    const loss = element("td", { class: "loss" });
    const mark = element("td", { class: "mark" });
    const labelCell = element("td", { class: "field" }, label);
    const node = element("tr", { "data-row": i }, ...x.map(({ cell }) => cell), labelCell, ...scores, loss, mark);
    this.#table.tBodies[0].append(node);
    return { node, x, label, labelCell, scores, loss, mark, point: null };
  }

  #fill(i, point, view, selected) {
    const row = this.#rows[i];
    const [x0, x1, label] = point;
    const loss = view.losses[i];
    const winner = view.predictions[i];
    const right = winner === undefined || winner === label;
    row.point = point;
    row.x[0].field.show(x0);
    row.x[1].field.show(x1);
    if (row.label.value !== String(label)) row.label.value = String(label);
    setAttribute(row.labelCell, "data-class", label);
    row.scores.forEach((cell, k) => {
      setText(cell, short(view.scores[i]?.[k]));
      cell.classList.toggle("winner", k === winner);
    });
    setText(row.loss, short(loss));
    row.loss.classList.toggle("zero", loss === 0);
    setText(row.mark, right ? "" : "✗");
    setAttribute(row.mark, "aria-label", right ? null : `misclassified: class ${winner} wins`);
    setAttribute(row.mark, "title", right ? null : `class ${winner} wins`);
    row.node.classList.toggle("wrong", !right);
    row.node.classList.toggle("selected", i === selected);
  }
}
