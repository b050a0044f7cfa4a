// How many payments were asked for and how much money, by period, rail and status.

import {Chart, columns} from "./chart.js";
import {element, fillTable, place, swatched} from "./elements.js";
import {cents, count, longPeriod, money, period, short, shortMoney} from "./figures.js";
import {inOrder, railColour, railName, statusColour, statusName} from "./names.js";

const NAMES = {status: statusName, payment_rail_type: railName};
const COLOURS = {status: statusColour, payment_rail_type: railColour};
const OTHER = {status: "payment_rail_type", payment_rail_type: "status"};
const ALL = {status: "all statuses", payment_rail_type: "all rails"};

const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
const total = (values) => values.reduce((sum, value) => sum + value, 0n);

export class VolumePanel {
  constructor() {
    this.chart = new Chart(place("volume-chart"));
    for (const id of ["measure", "split", "only"]) place(id).addEventListener("change", () => this.draw());
    place("split").addEventListener("change", () => { place("only").value = ""; this.draw(); });
  }

  show(summary) {
    this.summary = summary;
    this.draw();
  }

  draw() {
    if (!this.summary) return;
    const {periods, bucket} = this.summary, measure = chosen("measure"), split = chosen("split");
    this.offer(OTHER[split]);
    const series = this.series(measure, split, place("only").value);
    const text = measure === "amounts" ? money : count, name = NAMES[split], colour = COLOURS[split];
    const sums = periods.map((_, index) => total(series.map(({values}) => values[index])));
    this.chart.show({
      label: `${measure === "amounts" ? "Amount" : "Payments"} by ${bucket} and ${split === "status" ? "status" : "rail"}`,
      periods: periods.map((start) => period(start, bucket)),
      top: Math.max(0, ...sums.map(Number)),
      scale: (value) => (measure === "amounts" ? `$${short(value / 100)}` : short(value)),
      marks: columns(series.map(({of, values}) => ({colour: colour(of), values: values.map(Number)}))),
      tip: (index) => ({title: longPeriod(periods[index], bucket), rows: [
        ...series.filter(({values}) => values[index] > 0n).map(({of, values}) => [name(of), text(values[index]), colour(of)]).reverse(),
        ["Together", text(sums[index]), ""]]}),
    });
    place("volume-legend").replaceChildren(...series.map(({of, values}) =>
      element("li", {}, swatched(`${name(of)} ${measure === "amounts" ? shortMoney(total(values)) : count(total(values))}`, colour(of)))));
    fillTable(place("volume-table"),
      [{title: "From"}, ...series.map(({of}) => ({title: name(of), isNumber: true})), {title: "Together", isNumber: true}],
      [...periods.map((start, index) => [longPeriod(start, bucket), ...series.map(({values}) => text(values[index])), text(sums[index])]).reverse(),
        ["Together", ...series.map(({values}) => text(total(values))), text(total(sums))]]);
  }

  /** Offer to look at one rail (or status) only: those that there are, and the one that was chosen. */
  offer(kind) {
    const only = place("only"), before = only.value;
    const there = new Set(this.summary.volume.map((series) => series[kind]));
    if (before && [...only.options].some((option) => option.value === before)) there.add(before);
    const options = ["", ...inOrder(there, kind)];
    if (options.join() === [...only.options].map((option) => option.value).join() && only.dataset.kind === kind) return;
    only.dataset.kind = kind;
    only.replaceChildren(...options.map((value) => element("option", {value}, value ? NAMES[kind](value) : ALL[kind])));
    only.value = options.includes(before) ? before : "";
  }

  /** Return the series of a split: {of, values} with a BigInt (cents, or a count) for every period. */
  series(measure, split, only) {
    const values = new Map(), read = measure === "amounts" ? cents : BigInt;
    for (const series of this.summary.volume) {
      if (only && series[OTHER[split]] !== only) continue;
      const sums = values.get(series[split]);
      if (sums) series[measure].forEach((value, index) => { sums[index] += read(value); });
      else values.set(series[split], series[measure].map(read));
    }
    return inOrder(values.keys(), split).map((of) => ({of, values: values.get(of)}));
  }
}
