// What bank statements and payments do not agree on, as long as nobody has said why.

import {fillTable, named, place} from "./elements.js";
import {period} from "./figures.js";
import {ask} from "./session.js";

const PATH = "/api/v1/reconciliation/items?state=open&limit=20";
// As it was answered: a statement may be of an account in another currency, with other decimals.
const amount = (text, item) => (text ? `${text} ${item.currency}` : "–");

export const reconciliationPanel = {name: "reconciliation", ask: () => ask(PATH), show: showItems};

function showItems({items}) {
  fillTable(place("reconciliation-table"),
    [{title: "Open item", className: "wrap"}, {title: "Day"}, {title: "Booked", isNumber: true}, {title: "Expected", isNumber: true}],
    items.map((item) => [named(item.state.replaceAll("_", " "), item.detail), period(item.day, "day"), amount(item.amount, item),
      amount(item.expected_amount, item)]),
    "Statements and payments agree.");
}
