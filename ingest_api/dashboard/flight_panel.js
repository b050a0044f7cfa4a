// Money that is on its way: payments that are pending or processing.

import {fillTable, named, place, swatched} from "./elements.js";
import {cents, count, money, period} from "./figures.js";
import {inOrder, railColour, railName} from "./names.js";

export function showInFlight({in_flight: rows}) {
  const rails = inOrder(new Set(rows.map((row) => row.payment_rail_type)), "payment_rail_type");
  const shown = rails.flatMap((rail) => rows.filter((row) => row.payment_rail_type === rail));
  fillTable(place("flight-table"),
    [{title: "Rail"}, {title: "Payments", isNumber: true}, {title: "Amount", isNumber: true}],
    shown.map((row) => [
      named(swatched(railName(row.payment_rail_type), railColour(row.payment_rail_type)), `${row.status} since ${period(row.oldest_day, "day")}`),
      count(row.count), money(cents(row.amount))]),
    "No payment is on its way.");
}
