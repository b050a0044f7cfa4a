// A chart over periods as SVG: a scale, the periods, marks, and what a period says when it is pointed at or gone to by
// the arrow keys. The same figures stand in a table nearby.

import {drawn, element, swatched} from "./elements.js";

const HEIGHT = 220, LEFT = 58, RIGHT = 6, TOP = 10, BOTTOM = 24;
const LABEL_WIDTH = 62, LABEL_HALF = 28, TIP_GAP = 12, DOTS_MAX = 60;

export class Chart {
  constructor(at) {
    this.at = at;
    this.pointed = null;
    at.classList.add("chart");
    at.tabIndex = 0;
    at.setAttribute("role", "group");
    this.tip = element("div", {class: "tip", hidden: "", "aria-live": "polite"});
    at.addEventListener("pointermove", (event) => this.point(this.indexAt(event)));
    at.addEventListener("pointerdown", (event) => this.point(this.indexAt(event)));
    at.addEventListener("pointerleave", () => this.point(null));
    at.addEventListener("blur", () => this.point(null));
    at.addEventListener("keydown", (event) => this.goTo(event));
    new ResizeObserver(() => { if (this.figures && at.clientWidth !== this.width) this.redraw(); }).observe(at);
  }

  /**
   * `figures`: label (what a screen reader says), periods (short names), top (largest value), scale (value to text),
   * marks (frame to SVG nodes), tip (index to {title, rows: [name, text, colour]}).
   */
  show(figures) {
    this.figures = figures;
    this.at.setAttribute("aria-label", `${figures.label}. Left and right go through the periods.`);
    this.redraw();
  }

  redraw() {
    this.width = this.at.clientWidth;
    const {periods, marks, scale} = this.figures;
    const inner = Math.max(this.width - LEFT - RIGHT, 1), top = roundTop(this.figures.top);
    const low = HEIGHT - BOTTOM, high = TOP;
    this.band = inner / Math.max(periods.length, 1);
    const y = (value) => low - (low - high) * value / top;
    const frame = {band: this.band, left: (index) => LEFT + index * this.band, low, y};
    this.cursor = drawn("rect", {class: "cursor", y: high, height: low - high, width: this.band, x: 0, visibility: "hidden"});
    const svg = drawn("svg", {viewBox: `0 0 ${this.width} ${HEIGHT}`, height: HEIGHT, "aria-hidden": "true"},
      ...[0, top / 2, top].map((value) => drawn("g", {},
        drawn("line", {class: "rule", x1: LEFT, x2: LEFT + inner, y1: y(value), y2: y(value)}),
        drawn("text", {x: LEFT - 6, y: y(value) + 4, "text-anchor": "end"}, scale(value)))),
      ...this.names(periods), this.cursor, ...marks(frame));
    if (this.figures.top <= 0) svg.append(drawn("text", {class: "none", x: LEFT + 12, y: low - 12}, "None in this time"));
    this.at.replaceChildren(svg, this.tip);
    this.point(this.pointed);
  }

  names(periods) {
    const every = Math.max(1, Math.ceil(LABEL_WIDTH / this.band)), last = periods.length - 1;
    return periods.flatMap((name, index) => ((last - index) % every !== 0 ? [] : [drawn("text",
      {x: Math.min(LEFT + (index + 0.5) * this.band, this.width - LABEL_HALF), y: HEIGHT - 6, "text-anchor": "middle"}, name)]));
  }

  indexAt(event) {
    const index = Math.floor((event.clientX - this.at.getBoundingClientRect().left - LEFT) / this.band);
    return this.figures && index >= 0 && index < this.figures.periods.length ? index : null;
  }

  goTo(event) {
    if (!this.figures) return;
    const last = this.figures.periods.length - 1, from = this.pointed;
    const to = {ArrowLeft: Math.max((from ?? last + 1) - 1, 0), ArrowRight: Math.min((from ?? -1) + 1, last), Home: 0, End: last,
      Escape: null}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.point(to);
  }

  point(index) {
    this.pointed = this.figures && index !== null && index < this.figures.periods.length ? index : null;
    if (!this.cursor) return;
    this.cursor.setAttribute("visibility", this.pointed === null ? "hidden" : "visible");
    this.tip.hidden = this.pointed === null;
    if (this.pointed === null) return;
    const x = LEFT + this.pointed * this.band, {title, rows} = this.figures.tip(this.pointed);
    this.cursor.setAttribute("x", x);
    this.tip.replaceChildren(element("b", {}, title), ...rows.map(([name, text, colour]) => element("div", {},
      colour ? swatched(name, colour) : element("span", {}, name), element("span", {}, text))));
    const beside = x + this.band + TIP_GAP, room = this.width - this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, beside <= room ? beside : x - TIP_GAP - this.tip.offsetWidth)}px`;
  }
}

/** Return marks: series ({colour, values}) on top of each other in a column a period. */
export function columns(series) {
  return ({band, left, y, low}) => {
    const gap = Math.min(band * 0.2, 6), heights = (series[0]?.values ?? []).map(() => 0);
    return series.map(({colour, values}) => drawn("g", {class: colour}, ...values.flatMap((value, index) => {
      if (value <= 0) return [];
      const bottom = y(heights[index]);
      heights[index] += value;
      return [drawn("rect", {class: "bar", x: left(index) + gap / 2, width: Math.max(band - gap, 1),
        y: y(heights[index]), height: Math.max(Math.min(bottom, low) - y(heights[index]), 0.5)})];
    })));
  };
}

/** Return marks: a line through the values, broken where there is none (null). */
export function line(values, colour) {
  return ({band, left, y}) => {
    const x = (index) => left(index) + band / 2;
    const path = values.map((value, index) => (value === null ? ""
      : `${index === 0 || values[index - 1] === null ? "M" : "L"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`)).join("");
    const dots = values.length > DOTS_MAX ? [] : values.flatMap((value, index) =>
      (value === null ? [] : [drawn("circle", {class: "dot", cx: x(index), cy: y(value), r: 3.5})]));
    return [drawn("g", {class: colour}, drawn("path", {class: "line", d: path}), ...dots)];
  };
}

/** Return a round number that is not below the largest value, and whose half is round as well. */
function roundTop(most) {
  if (most <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [2, 4, 6, 8].map((step) => step * power).find((step) => most <= step) ?? 10 * power;
}
