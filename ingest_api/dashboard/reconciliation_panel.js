// What bank statements and payments do not agree on.

import {element, fillTable, place} from "./elements.js";
import {cents, money} from "./figures.js";
import {ask} from "./session.js";

const PATH = "/api/v1/reconciliation/items?limit=20";
const spelled = (name) => String(name ?? "").replaceAll("_", " ");

export const reconciliationPanel = {name: "reconciliation", ask: () => ask(PATH), show: showItems};

function showItems({items}) {
  fillTable(place("reconciliation-table"), [{title: "Item"}, {title: "State"}, {title: "Day"}, {title: "Amount", isNumber: true}, {title: "Payment"}],
    items.map((item) => [spelled(item.verdict ?? item.id), spelled(item.state), item.day ?? "",
      item.amount ? money(cents(item.amount)) : "–", element("span", {class: "faint"}, item.payment_id ?? item.detail ?? "")]),
    "Statements and payments agree.");
}
