/** What people choose on the k-NN page: how many neighbours vote, which ones are near, and what a vote counts. */

import { checkRadio, radios } from "./choices.js";
import { byId, element, setText } from "./dom.js";
import { NumberField, SlidField } from "./fields.js";
import { announce } from "./page.js";

const STEP = 0.1;

export class Voting {
  #options;
  #k;
  #temperature;
  #query;

  constructor(options, exchange) {
    this.#options = options;
    const set = (name) => (value) => exchange.edit((state) => { state[name] = value; });
    this.#k = new SlidField("k", { low: 1, whole: true, digits: 0, commit: set("k") });
    const [low, high] = options.limits.temperature;
    this.#temperature = new SlidField("temperature", {
      low,
      high,
      digits: null,
      step: 0.01,
      commit: set("temperature"),
      toSlider: Math.log10,
      fromSlider: (place) => Number((10 ** place).toPrecision(2)),
    });
    byId("metric").append(...options.metrics.map(({ name, label }) => element("option", { value: name }, label)));
    byId("metric").addEventListener("change", ({ target: { value: metric } }) => exchange.edit((state) => {
      state.metric = metric;
      const allowed = options.weights_of_metric[metric];
      if (allowed.includes(state.weights)) return;
      [state.weights] = allowed;
      announce(`This metric takes no weights by ${exchange.state.weights}: each neighbour counts the same now.`);
    }));
    radios(byId("weights"), "weights", options.weights, set("weights"));
    this.#query = [0, 1].map((j) => new NumberField(byId(`query-${j}`), {
      low: -options.limits.coordinate,
      high: options.limits.coordinate,
      digits: 2,
      step: STEP,
      commit: (value) => exchange.edit((state) => {
        state.query ??= [0, 0];
        state.query[j] = value;
      }),
    }));
  }

  draw(state) {
    const most = state.points.length;
    this.#k.field.limits = { high: most };
    byId("k-slider").max = String(most);
    this.#k.show(state.k);
    setText(byId("k-most"), `of ${most}`);
    byId("metric").value = state.metric;
    setText(byId("metric-formula"), this.#options.metrics.find(({ name }) => name === state.metric).formula);
    const allowed = this.#options.weights_of_metric[state.metric];
    for (const input of byId("weights").querySelectorAll("input")) input.disabled = !allowed.includes(input.value);
    byId("weights-why").hidden = allowed.length === this.#options.weights.length;
    checkRadio("weights", state.weights);
    byId("temperature-part").hidden = state.weights !== "softmax";
    this.#temperature.show(state.temperature);
    this.#query.forEach((field, j) => field.show(state.query?.[j] ?? null));
  }
}
