// How long payments take to settle, by month and rail: from the 50 % to the 95 % that took no longer.

import {drawn, fillTable, place, swatched} from "./elements.js";
import {count, duration, period} from "./figures.js";
import {inOrder, railColour, railName} from "./names.js";

const WIDTH = 100, HEIGHT = 12;

const number = (title) => ({title, isNumber: true});

export function showSettleTimes({time_to_settle: rows}) {
  const times = rows.flatMap((row) => [row.p50_s, row.p95_s]).filter((seconds) => seconds > 0);
  const low = Math.floor(Math.log10(Math.min(...times, 1))), high = Math.max(Math.ceil(Math.log10(Math.max(...times, 1))), low + 1);
  const x = (seconds) => 3 + (WIDTH - 6) * (Math.log10(Math.max(seconds, 10 ** low)) - low) / (high - low);
  const [newest, ...earlier] = [...new Set(rows.map((row) => row.month))];
  const of = (month) => {
    const there = new Map(rows.filter((row) => row.month === month).map((row) => [row.payment_rail_type, row]));
    return inOrder(there.keys(), "payment_rail_type").map((rail) => there.get(rail));
  };
  const rail = (row) => swatched(railName(row.payment_rail_type), railColour(row.payment_rail_type));
  place("settle-month").textContent = newest ? period(newest, "month") : "";
  fillTable(place("settle-table"), [{title: "Rail"}, number("50 %"), {title: "", className: "mark"}, number("95 %"), number("Payments")],
    (newest ? of(newest) : []).map((row) => [rail(row), duration(row.p50_s), span(x(row.p50_s), x(row.p95_s), railColour(row.payment_rail_type)),
      duration(row.p95_s), count(row.count)]),
    "No payment completed in these months.");
  place("settle-earlier").hidden = earlier.length === 0;
  fillTable(place("settle-before"), [{title: "Month"}, {title: "Rail"}, number("50 %"), number("95 %"), number("Payments")],
    earlier.flatMap(of).map((row) => [period(row.month, "month"), rail(row), duration(row.p50_s), duration(row.p95_s), count(row.count)]));
}

function span(from, to, colour) {
  const middle = HEIGHT / 2;
  return drawn("svg", {"aria-hidden": "true", preserveAspectRatio: "none", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: colour},
    drawn("rect", {class: "track", width: WIDTH, height: 2, y: middle - 1}),
    drawn("rect", {class: "bar", x: from - 1.5, width: to - from + 3, height: HEIGHT - 4, y: 2, rx: 1.5}));
}
