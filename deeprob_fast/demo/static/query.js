/** The points of the k-NN page, and the query among them: a tap in the empty plane brings it there. */

import { decimal } from "./dom.js";
import { QUERY } from "./plane.js";
import { Points } from "./points.js";

export class QueriedPoints extends Points {
  #exchange;
  /** Where the query was before the last tap. */
  #before = null;

  constructor(exchange, options) {
    super(exchange, options);
    this.#exchange = exchange;
  }

  ask(query) {
    this.#exchange.edit((state) => { state.query = query; });
  }

  moved(i, x0, x1) {
    if (i === QUERY) this.ask([decimal(x0), decimal(x1)]);
    else super.moved(i, x0, x1);
  }

  removed(i) {
    if (i === QUERY) this.ask(null);
    else super.removed(i);
  }

  tapped(x0, x1) {
    this.#before = this.#exchange.state.query;
    this.ask([x0, x1]);
    this.plane.focus(QUERY);
  }

  /** The second tap says that the first one did not mean the query. */
  doubleTapped(x0, x1) {
    this.ask(this.#before);
    super.doubleTapped(x0, x1);
  }
}
