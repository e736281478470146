/** The page for nearest neighbours: it sends its state, and draws what comes back. */

import { Answer } from "./answer.js";
import { byId, fixed, setText } from "./dom.js";
import { Exchange } from "./exchange.js";
import { announce, showMessage } from "./page.js";
import { QUERY } from "./plane.js";
import { QueriedPoints } from "./query.js";
import { start, withOptions } from "./start.js";
import { Voting } from "./voting.js";

const REGIONS = 160;
/** So long after the last change people hear what came of it. */
const PAUSE = 700;

let options;
let points;
let voting;
let answer;
let said = "";
let timer = null;

const exchange = new Exchange("/api/knn", { regions: REGIONS, changed: () => draw(), failed: showMessage });

const percent = (share) => (share === null ? "–" : `${fixed(100 * share, 1)} %`);

const summary = () => {
  const { view } = exchange;
  const asked = view.query ? `The query is of class ${view.query.prediction}. ` : "";
  return `${asked}Leave-one-out accuracy ${percent(view.leave_one_out)}.`;
};

function draw() {
  const { state, view } = exchange;
  if (!state) return;
  const wrong = new Set(view.misclassified.filter((i) => i < state.points.length));
  points.draw({
    query: state.query,
    wrong,
    regions: view.regions,
    describe: (i, [x0, x1, label]) => {
      const at = `at ${fixed(x0)}, ${fixed(x1)}`;
      if (i === QUERY) return `Query ${at}${view.query ? `, predicted class ${view.query.prediction}` : ""}`;
      return `Point ${i + 1} ${at}, class ${label}${wrong.has(i) ? ", misclassified by the others" : ""}`;
    },
  });
  voting.draw(state);
  const { measure } = options.metrics.find(({ name }) => name === state.metric);
  answer.draw(state, view.query, measure, points.chosen);
  setText(byId("leave-one-out"), percent(view.leave_one_out));
  const count = state.points.length;
  setText(byId("correct"), view.leave_one_out === null ? "–" : `${count - wrong.size} of ${count}`);
  clearTimeout(timer);
  timer = setTimeout(tell, PAUSE);
}

function tell() {
  const text = summary();
  if (text !== said) announce(text);
  said = text;
}

/** More neighbours than points there are not. */
function adapt(state) {
  state.k = Math.min(state.k, state.points.length);
}

/** Other points are seen with the same eyes: all settings stay. */
function keep() {
  if (!exchange.state) return null;
  const { k, metric, weights, temperature, query } = exchange.state;
  return (state) => {
    Object.assign(state, { k, metric, weights, temperature, query });
    adapt(state);
  };
}

withOptions((found) => {
  options = found;
  points = new QueriedPoints(exchange, { limits: options.limits, adapt, redraw: draw });
  voting = new Voting(options, exchange);
  answer = new Answer(points.plane.layer, (i) => points.plane.focus(i));
  byId("toggle-query").addEventListener("click", () => {
    points.ask(exchange.state.query ? null : [0, 0]);
    if (exchange.state.query) points.plane.focus(QUERY);
  });
  start("knn", exchange, { options, presets: options.knn_presets, points, summary, keep });
});
