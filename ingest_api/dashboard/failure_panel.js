// Failure rates over time and by rail, and why payments failed or came back.

import {Chart, line} from "./chart.js";
import {element, fillTable, place, share, swatched} from "./elements.js";
import {cents, count, longPeriod, money, percent, period} from "./figures.js";
import {eventName, inOrder, railColour, railName} from "./names.js";

export class FailurePanel {
  constructor() {
    this.chart = new Chart(place("failure-chart"));
  }

  show({periods, bucket, failure_rate: rate, failures}) {
    this.chart.show({
      label: `Failure rate by ${bucket}`,
      periods: periods.map((start) => period(start, bucket)),
      top: Math.max(0, ...rate.by_period.map((value) => value ?? 0)),
      scale: (value) => `${Number((value * 100).toPrecision(3))} %`,
      marks: line(rate.by_period, "red"),
      tip: (index) => ({title: longPeriod(periods[index], bucket), rows: [["Failure rate", percent(rate.by_period[index]), "red"]]}),
    });
    fillTable(place("failure-table"), [{title: "From"}, {title: "Failure rate", isNumber: true}],
      periods.map((start, index) => [longPeriod(start, bucket), percent(rate.by_period[index])]).reverse());
    this.showRails(new Map(rate.by_rail.map((row) => [row.payment_rail_type, row.failure_rate])));
    const most = Math.max(0, ...failures.map((row) => row.count));
    fillTable(place("reasons"),
      [{title: "Reason", className: "wrap"}, {title: "Payments", isNumber: true}, {title: "", className: "mark"}, {title: "Amount", isNumber: true}],
      failures.map((row) => [reason(row), count(row.count), share(row.count, most, "red"), money(cents(row.amount))]),
      "No payment failed or came back.");
  }

  showRails(rates) {
    const most = Math.max(0, ...[...rates.values()].map((value) => value ?? 0));
    fillTable(place("failure-rails"), [{title: "Rail"}, {title: "Failure rate", isNumber: true}, {title: "", className: "mark"}],
      inOrder(rates.keys(), "payment_rail_type").map((rail) =>
        [swatched(railName(rail), railColour(rail)), percent(rates.get(rail)), share(rates.get(rail) ?? 0, most, railColour(rail))]));
  }
}

const reason = (row) => element("span", {}, `${row.failure_code ?? "no code"} `, element("span", {class: "faint"}, eventName(row.event_type)));
