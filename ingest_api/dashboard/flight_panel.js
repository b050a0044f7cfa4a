// Money that is on its way: payments that are pending or processing.

import {fillTable, place, share, swatched} from "./elements.js";
import {cents, count, money, period} from "./figures.js";
import {inOrder, railColour, railName, statusName} from "./names.js";

export function showInFlight({in_flight: rows}) {
  const most = Math.max(0, ...rows.map((row) => Number(cents(row.amount))));
  const rails = inOrder(new Set(rows.map((row) => row.payment_rail_type)), "payment_rail_type");
  const shown = rails.flatMap((rail) => rows.filter((row) => row.payment_rail_type === rail));
  fillTable(place("flight-table"),
    [{title: "Rail"}, {title: "Status"}, {title: "Payments", isNumber: true}, {title: "Amount", isNumber: true},
      {title: "", className: "mark"}, {title: "Since"}],
    shown.map((row) => [swatched(railName(row.payment_rail_type), railColour(row.payment_rail_type)), statusName(row.status),
      count(row.count), money(cents(row.amount)), share(Number(cents(row.amount)), most, railColour(row.payment_rail_type)),
      period(row.oldest_day, "day")]),
    "No payment is on its way.");
}
